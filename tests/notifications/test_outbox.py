"""Receivers that are slow, down or hostile, and runs that do not care."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.functions import notifying
from mlrun_like.notifications import Notification, mail, outbox, requests, sending
from mlrun_like.notifications.outbox import Outbox, flush
from mlrun_like.pipelines.document import to_document
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

RUN: dict[str, Any] = {
    "metadata": {"name": "train", "uid": "a" * 32},
    "status": {"state": "completed"},
}


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it gets; `hold` lets it wait before it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[dict[str, Any]] = []
        self.go = threading.Event()
        self.go.set()
        self.answer: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        box = self.server
        assert isinstance(box, Server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        box.go.wait(30)
        box.seen.append(body)
        if box.answer is not None:
            box.answer(self)
            return
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(sending, "_PAUSE", 0.01)
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.go.set()
        flush()
        found.shutdown()
        thread.join()


def hook(server: Server, name: str = "hook", **options: Any) -> Notification:
    return Notification("webhook", name=name, params={"url": server.url}, **options)


@ml.function(returns=["auc"])
def train(fail: bool = False) -> float:
    if fail:
        raise ValueError("boom")
    return 0.91


@ml.function()
def bad() -> None:
    raise ValueError("boom")


def test_a_slow_receiver_delays_no_run(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "_PATIENCE", 0.0)
    server.go.clear()
    run = train.run(notifications=[hook(server, when=["running", "completed"])])
    assert run.state() == "completed" and server.seen == []
    assert run.status.notifications["hook"]["status"] == "sending"
    server.go.set()
    assert flush(30) == 0
    assert [body["message"] for body in server.seen] == ["train: running", "train: completed"]
    end = time.monotonic() + 30
    while (_stored(run)["status"]["notifications"]["hook"]["status"]) != "sent":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert run.status.notifications["hook"]["status"] == "sent"


def _stored(run: Any) -> dict[str, Any]:
    return open_store().read_run("default", run.metadata.uid)


def test_one_that_hangs_holds_back_nobody_else(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        box = Outbox({})
        box.send([Notification("webhook", name="deaf", params={"url": url})], [RUN])
        box.send([hook(server)], [RUN])
        end = time.monotonic() + 30
        while box.outcomes["hook"]["status"] == "sending":
            assert time.monotonic() < end
            time.sleep(0.02)
        assert box.outcomes["hook"]["status"] == "sent"
        assert box.outcomes["deaf"]["status"] == "sending"
        late = threading.Event()
        assert not box.wait(0.0, late.set)
    # now it is gone
    assert late.wait(30)
    assert box.outcomes["deaf"]["status"] == "error"


def test_too_many_messages_for_one_receiver(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MOST", 3)
    server.go.clear()
    boxes = [Outbox({}) for _ in range(5)]
    for box in boxes:
        box.send([hook(server)], [RUN])
    assert [box.outcomes["hook"]["status"] for box in boxes] == ["sending"] * 3 + ["error"] * 2
    assert "still wait" in boxes[-1].outcomes["hook"]["reason"]
    server.go.set()
    assert flush(30) == 0
    assert len(server.seen) == 3


def _redirect(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/else")
    handler.end_headers()


def _garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff" * 70_000 + b"\r\n\r\n")


def _endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(400)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x" * 65536)


def _hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", [_redirect, _garbage, _endless, _hang_up])
def test_hostile_answers_are_outcomes(server: Server, answer: Any) -> None:
    server.answer = answer
    run = train.run(notifications=[hook(server)])
    assert run.state() == "completed"
    flush(30)
    told = run.status.notifications["hook"]
    assert told["status"] == "error" and len(told["reason"]) < 1000, told


def test_who_answers_byte_by_byte_holds_nobody_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 ")
        while not over.wait(0.02):
            handler.wfile.write(b"2")

    server.answer = drip
    monkeypatch.setattr(requests, "LONGEST", 0.3)
    note = Notification("webhook", params={"url": server.url})
    told = sending.deliver(note, sending.Subject("hello"), {})
    over.set()
    assert told["status"] == "error" and told["again"], told
    assert "has not answered within 0.3 seconds" in told["reason"]


def test_a_mail_server_that_greets_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> None:
        with contextlib.suppress(OSError), listening.accept()[0] as peer:
            while True:
                peer.sendall(b"2")
                time.sleep(0.02)

    monkeypatch.setattr(mail, "LONGEST", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip)
        thread.start()
        port = listening.getsockname()[1]
        params = {"server_host": "127.0.0.1", "server_port": port, "sender_address": "a@b.c"}
        note = Notification("mail", params={**params, "email_addresses": ["d@e.f"]})
        told = sending.deliver(note, sending.Subject("hello"), {})
        thread.join(30)
    assert told["status"] == "error" and told["again"], told


def test_a_mail_server_that_talks_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    def nonsense() -> None:
        for _ in range(3):  # it is tried three times
            with listening.accept()[0] as peer:
                peer.sendall(b"hello?\r\n" * 3)

    monkeypatch.setattr(sending, "_PAUSE", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=nonsense)
        thread.start()
        port = listening.getsockname()[1]
        params = {"server_host": "127.0.0.1", "server_port": port, "sender_address": "a@b.c"}
        note = Notification("mail", params={**params, "email_addresses": ["d@e.f"]})
        told = sending.send(note, [RUN], {})
        thread.join()
    assert told["status"] == "error"


def test_a_process_that_ends_waits_for_its_messages(server: Server, home: Path) -> None:
    script = (
        "import sys, mlrun_like as ml\n"
        "from mlrun_like.notifications import Notification\n"
        "@ml.function()\n"
        "def work(): pass\n"
        "note = Notification('webhook', params={'url': sys.argv[1]})\n"
        "from mlrun_like.functions import notifying\n"
        "notifying._PATIENCE = 0.0\n"
        "work.run(notifications=[note])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, server.url],
        env={"MLRUN_LIKE_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [body["message"] for body in server.seen] == ["work: completed"]
    (stored,) = open_store().list_runs(RunQuery(name="work"))
    assert stored["status"]["notifications"]["webhook"]["status"] == "sent"


@ml.pipeline(
    notifications=[
        {"kind": "console", "when": ["running", "completed", "error"]},
        {
            "kind": "console",
            "name": "low",
            "message": "low auc {{ run.status.results.auc }}",
            "condition": "{{ run.status.results.auc < 0.95 }}",
        },
    ]
)
def flow(fail: bool = False) -> Any:
    done: Any = train(fail=fail)
    return {"auc": done.outputs["auc"]}


def test_a_pipeline_tells_its_start_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert flow.run().state == "completed"
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert said == ["[info] flow: running", "[info] flow: completed", "[info] low auc 0.91"]
    mine = Notification("console", when=["error"], message="oh no", severity="error")
    with pytest.raises(RunError):
        flow.run(fail=True, notifications=[mine])  # of the same name: in place of the first one
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert said == ["[error] oh no"]
    found = flow.with_options(notifications=[]).run()
    stored = open_store().read_run("default", found.uid)
    assert set(stored["status"]["notifications"]) == {"console", "low"}
    with pytest.raises(InvalidArgumentError, match="no option 'wen'"):
        flow.run(notifications=[{"kind": "slack", "wen": "error"}])
    with pytest.raises(InvalidArgumentError, match="two notifications"):
        ml.pipeline(notifications=[{"kind": "slack"}] * 2)


@ml.pipeline(dynamic=True, notifications=[Notification("console", when=["running", "completed"])])
def eager() -> None:
    train()


def test_a_dynamic_pipeline_tells_too(capsys: pytest.CaptureFixture[str]) -> None:
    eager.run()
    out = capsys.readouterr().out
    assert "[info] eager: running" in out and "[info] eager: completed" in out


def test_a_step_tells_and_its_secrets_are_nowhere(
    server: Server, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    secret = "wery-s3cret-value"
    told = {
        "kind": "git",
        "when": ["error"],
        "params": {"repo": "o/n", "issue": 1, "server": server.url},
        "secret_params": {"token": secret},
    }

    @ml.pipeline
    def steps() -> None:
        bad.step(name="one", notifications=[told])
        two: Any = train()
        two.set_notifications(Notification("console", message="two is over"))

    server.answer = _endless
    with pytest.raises(RunError):
        steps.run()
    flush(30)
    assert len(server.seen) == 1
    assert "two is over" in capsys.readouterr().out
    assert secret not in json.dumps(to_document(steps.plan))
    for path in home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
