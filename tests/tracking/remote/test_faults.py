"""Other ends that misbehave: what they seem to take is not taken, and nobody waits for ever."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.remote.address import parse_address
from mlrun_like.tracking.remote.client import Client
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.spool import Spool
from tests.services import Services
from tests.tracking.remote.fakes import Asked, Reply, fake, json_of

MakeRun = Callable[..., dict[str, Any]]


@contextlib.contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that speaks bytes: `talk` gets each connection."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        if not over.is_set():
                            talk(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            with contextlib.suppress(OSError):
                socket.create_connection(listening.getsockname(), timeout=5).close()
            thread.join(10)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "ok"},
        {"taken": 0, "refused": []},
        {"taken": 1},
        {"taken": 1, "refused": [{"index": 0, "code": "x"}]},
        {"taken": 0, "refused": ["no"]},
        {"taken": "1", "refused": 0},
        {"taken": 0, "refused": 5},
    ],
)
def test_an_answer_that_does_not_account_for_records_keeps_them(
    body: Any, make_run: MakeRun
) -> None:
    """A portal, another service, half an answer: status 200 alone takes nothing."""
    with fake(lambda asked: json_of(body)) as server:
        store = RemoteStore.at(server.url)
        store.store_run(make_run("u"))
        assert store.writer.spooling and store.writer.spool.pending() == 1
        assert not store.writer.spool.rejected.exists()
        store.close()


@pytest.mark.parametrize("body", [{}, {"result": 7}, {"result": {"a": 1}}, {"results": []}])
def test_an_answer_of_something_else_is_told(body: Any) -> None:
    with fake(lambda asked: json_of(body)) as server:
        client = Client(parse_address(server.url))
        with pytest.raises(StoreUnavailableError, match="no mlrun-like service"):
            client.call("list_steps", {"project": "p", "workflow": "w"})
        client.close()


@pytest.mark.parametrize("head", [True, False])
def test_an_answer_that_drips_ends(head: bool) -> None:
    """Each byte comes within the timeout, and the whole would take a day."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        if not head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
        for _ in range(300):
            connection.sendall(b"H" if head else b"{")
            time.sleep(0.02)

    with raw_server(drip) as url, config.override(remote_timeout=0.3, remote_deadline=0.0):
        client = Client(parse_address(url))
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="does not answer in time"):
            client.call("list_projects", {})
        assert time.monotonic() - began < 5.0  # it would have been six seconds, or a day
        client.close()


def test_a_long_answer_has_its_time() -> None:
    """What brings enough may take longer than the timeout."""
    text = b'{"result": [{"x": "%s"}]}' % (b"x" * 200_000)

    def send(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text))
        for begin in range(0, len(text), 20_000):
            connection.sendall(text[begin : begin + 20_000])
            time.sleep(0.06)

    with raw_server(send) as url, config.override(remote_timeout=0.3, remote_deadline=0.0):
        client = Client(parse_address(url))
        assert len(client.call("list_projects", {})[0]["x"]) == 200_000
        client.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + b'{"result": []}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"re',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 20",
        b"\x00\xff" * 500,
    ],
)
def test_answers_that_are_broken(answer: bytes) -> None:
    def send(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with raw_server(send) as url, config.override(remote_timeout=0.5, remote_deadline=0.0):
        client = Client(parse_address(url))
        with pytest.raises(StoreUnavailableError):
            client.call("list_projects", {})
        client.close()


def test_a_service_that_is_slow_to_take_gets_less_at_once(make_run: MakeRun) -> None:
    """It answers in time only what is small: what waits goes in parts until all is there."""
    seen: list[int] = []

    def reply(asked: Asked) -> Reply | None:
        items = json.loads(asked.body)["operations"]
        if len(items) > 40:
            time.sleep(0.4)
            return None
        seen.extend(int(item[1]["uid"]) for item in items)
        return json_of({"taken": len(items), "refused": []})

    with fake(reply) as server, config.override(remote_timeout=0.2):
        store = RemoteStore.at(server.url)
        for number in range(300):
            edge = {"project": "p", "uid": f"{number}", "artifact_uri": "x"}
            store.writer.put(("edge", {**edge, "direction": "read", "time": 0.0}))
        store.writer.flush()
        _settle(store)
        store.close()
    assert sorted(set(seen)) == list(range(300))
    assert [number for place, number in enumerate(seen) if number not in seen[:place]] == seen


def _settle(store: RemoteStore) -> None:
    end = time.monotonic() + 30
    while store.writer.spooling or store.writer.spool.pending():
        store.writer._retry_at = 0.0
        store.writer.settle()
        assert time.monotonic() < end


def test_a_long_spool_is_delivered_over_many_short_returns() -> None:
    """The service goes away again and again while it gets what waits: what it has is not sent
    once more, so there is an end."""
    counts: list[int] = []

    def reply(asked: Asked) -> Reply | None:
        counts.append(len(json.loads(asked.body)["operations"]))
        if len(counts) % 2:
            return None
        return json_of({"taken": counts[-1], "refused": []})

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        for number in range(2000):
            edge = {"project": "p", "uid": f"{number}", "artifact_uri": "x"}
            store.writer.put(("edge", {**edge, "direction": "read", "time": 0.0}))
        store.flush()
        counts.clear()
        _settle(store)
        store.close()
    assert sum(counts) < 2000 * 3


def test_what_several_dead_processes_left_comes_in_the_order_of_time(home: Path) -> None:
    """Not in the order of their numbers; and before what is recorded now."""
    left = Spool("http://h")
    pids = (4194990, 999999, 4194992)
    for number, pid in enumerate(pids):
        path = left.append([("edge", {"uid": f"{number}"})])
        left.close()
        os.rename(path, path.with_name(path.name.replace(f"!{os.getpid()}!", f"!{pid}!")))
    mine = Spool("http://h")
    mine.append([("edge", {"uid": "3"})])
    assert len(mine.adopt()) == 3
    found = [op[1]["uid"] for path in mine.waiting() for batch in mine.read(path) for op in batch]
    assert found == ["0", "1", "2", "3"]


def test_what_was_left_is_taken_when_the_service_is_back(
    services: Services, home: Path, make_run: MakeRun
) -> None:
    """The process that came next also began while the service was away."""
    url = services.new(f"sqlite:///{home / 'service.db'}")
    name = url.rpartition("/")[2]
    app = services.apps.pop(name)
    first = RemoteStore.at(url)
    first.store_run(make_run("u", "running"))
    path = first.writer.spool.waiting()[0]
    first.close()
    os.rename(path, path.with_name(path.name.replace(f"!{os.getpid()}!", "!4194999!")))
    store = RemoteStore.at(url)
    with pytest.raises(StoreUnavailableError):
        store.connect()
    store.append_log("p", "u", b"later")
    store.flush()
    services.apps[name] = app
    _settle(store)
    assert store.read_run("p", "u")["status"]["state"] == "running"
    assert store.read_log("p", "u") == b"later"
    store.close()


def test_a_proxy_that_takes_little_gets_little(make_run: MakeRun) -> None:
    """Its answers are pages of its own; what it refuses once is not offered again."""
    refused: list[int] = []
    seen: list[str] = []

    def reply(asked: Asked) -> Reply:
        if len(asked.body) > 100_000:
            refused.append(len(asked.body))
            return 413, {"Content-Type": "text/html"}, b"<h1>413 Request Entity Too Large</h1>"
        items = json.loads(asked.body)["operations"]
        seen.extend(item[1]["uid"] for item in items)
        return json_of({"taken": len(items), "refused": []})

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        for turn in range(6):
            for number in range(100):
                edge = {"project": "p", "uid": f"{turn}.{number}", "artifact_uri": "x" * 5000}
                store.writer.put(("edge", {**edge, "direction": "read", "time": 0.0}))
            store.flush()
        assert seen == [f"{turn}.{number}" for turn in range(6) for number in range(100)]
        assert not store.writer.spooling and not store.writer.spool.rejected.exists()
        assert len(refused) < 12
        store.store_run(make_run("huge", name="n" * 200_000))
        line = json.loads(store.writer.spool.rejected.read_text())
        assert "nginx" in line["reason"] and line["operation"][1]["uid"] == "huge"
        store.close()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_a_proxy_that_refuses_keeps_records_waiting(status: int, make_run: MakeRun) -> None:
    with fake(lambda asked: (status, {"Content-Type": "text/html"}, b"<p>no</p>")) as server:
        store = RemoteStore.at(server.url)
        store.store_run(make_run("u"))
        assert store.writer.spooling and not store.writer.spool.rejected.exists()
        store.close()
