"""Real receivers, a clock that stands, and short ways to make alerts and events."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    AlertConfig,
    AlertTrigger,
    EventEntities,
    generate_event,
    store_alert_config,
)
from mlrun_like.specs.notification import Notification
from mlrun_like.tracking.connect import close_stores

START = 1_700_000_000.0


class Inbox(ThreadingHTTPServer):
    """A receiver that keeps what it gets, and answers as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[Any] = []
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def texts(self) -> list[str]:
        """The messages that came."""
        return [body["message"] for _, _, body in self.seen]

    def keys(self) -> list[str]:
        """Their idempotency keys."""
        return [headers["Idempotency-Key"] for _, headers, _ in self.seen]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        inbox = self.server
        assert isinstance(inbox, Inbox)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = inbox.answers.pop(0) if inbox.answers else 200
        if answer == "garbage":
            self.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")
            self.close_connection = True
            return
        if answer == "slow":
            inbox.release.wait(30)
            answer = 200
        if answer == "redirect":
            self.send_response(307)
            self.send_header("Location", inbox.url + "/elsewhere")
            self.end_headers()
            return
        if answer == 200:
            inbox.seen.append((self.path, dict(self.headers), body))
        self.send_response(answer)
        self.end_headers()
        self.wfile.write(f"told {self.headers.get('Authorization')}".encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def closed(home: object) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


@pytest.fixture
def time() -> Iterator[clock.SimulatedClock]:
    """A clock that stands until it is moved."""
    with clock.simulated(START) as found:
        yield found


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A web server that keeps what it gets."""
    with Inbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


Make = Callable[..., AlertConfig]
Tell = Callable[..., str]


@pytest.fixture
def make(inbox: Inbox) -> Make:
    """Store an alert of project `p`: failed jobs, told to the inbox, unless said otherwise."""

    def act(name: str = "alert", **given: Any) -> AlertConfig:
        entity, ids = given.pop("entity", "job"), given.pop("ids", ["*"])
        fields: dict[str, Any] = {
            "summary": "{{name}}: {{entity}}",
            "severity": "medium",
            "trigger": AlertTrigger(events=["failed"]),
            "entities": EventEntities(entity, "p", ids),
            "notifications": [Notification("webhook", name="hook", params={"url": inbox.url})],
            **given,
        }
        return store_alert_config(name, AlertConfig("p", name, **fields))

    return act


@pytest.fixture
def tell() -> Tell:
    """Tell that something happened in project `p`; a number for a result."""
    numbers = itertools.count()

    def act(kind: str = "failed", entity: str = "train", about: str = "job", **values: Any) -> str:
        data = {
            "entity": {"kind": about, "project": "p", "ids": [entity]},
            "value_dict": values,
            "timestamp": values.pop("at", clock.now()),
        }
        return generate_event(kind, data, "p", id=f"event-{next(numbers)}")

    return act
