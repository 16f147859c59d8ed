"""The processes of a service: one in a home, dead ones replaced, a polite end, one leader."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process import supervisor
from mlrun_like.api.process.background import lead
from mlrun_like.api.process.places import (
    ServiceRecord,
    end_left_behind,
    hold_place,
    is_held,
    read_record,
    service_home,
    write_record,
)
from mlrun_like.api.process.starting import started_with, stop
from mlrun_like.api.routes.health import LEADER
from mlrun_like.errors import ConflictError
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.process import process_alive, process_start_time
from mlrun_like.tracking.store import SqlStore
from tests.api.process.live import LiveService
from tests.servers import Postgres


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_one_service_in_a_home(tmp_path: Path) -> None:
    first = hold_place(tmp_path)
    write_record(tmp_path, ServiceRecord(7, "online", "http://x"))
    assert is_held(tmp_path)
    with pytest.raises(ConflictError, match="process 7, http://x"):
        hold_place(tmp_path)
    first.close()
    assert not is_held(tmp_path)
    for text in ('{"pid": "x", "odd', '{"pid": "x"}', '{"workers": [1]}', "[]", "7"):
        (tmp_path / "service.json").write_text(text)
        assert read_record(tmp_path).state == "stopped"
        assert end_left_behind(tmp_path) == []
    hold_place(tmp_path).close()


def test_a_restart_repeats_the_options(tmp_path: Path) -> None:
    assert started_with() == []
    with hold_place(service_home()):
        record = ServiceRecord(7, "online", "http://x", given=["--port=8399", "--workers=2"])
        write_record(service_home(), record)
        assert started_with() == ["--port=8399", "--workers=2"]
    assert started_with() == []  # of one that is gone nobody knows what it was for


def test_what_a_killed_service_left_is_ended_and_nobody_else(tmp_path: Path) -> None:
    """A worker that hangs does not hear that its supervisor is gone, and holds the port."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours, others = subprocess.Popen(sleeping), subprocess.Popen(sleeping)
    try:
        ours.send_signal(signal.SIGSTOP)
        record = ServiceRecord(others.pid, "online", "http://x")
        record.workers = {"worker-0": ours.pid, "worker-1": others.pid}
        # the second number was a worker's once, and is given away by now
        record.since = {str(ours.pid): process_start_time(ours.pid), str(others.pid): 1.0}
        write_record(tmp_path, record)
        assert end_left_behind(tmp_path, 0.1) == [ours.pid]
        assert ours.wait(10) in (-signal.SIGTERM, -signal.SIGKILL) and others.poll() is None
        with hold_place(service_home()):
            write_record(service_home(), record)
            with pytest.raises(ConflictError, match="does not end"):
                stop(force=True, timeout=0.1)
        assert others.poll() is None
    finally:
        for process in (ours, others):
            process.kill()
            process.wait(10)


def test_one_leads_and_another_takes_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_LIKE_MONITORING_SERVICE", "false")
    store = open_store()
    assert isinstance(store, SqlStore)
    stops = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(target=lead, args=(store, f"owner{number}", stop))
        for number, stop in enumerate(stops)
    ]
    threads[0].start()
    until(lambda: LEADER in store.read_leases(LEADER))
    threads[1].start()
    assert store.read_leases(LEADER)[LEADER][0] == "owner0"
    stops[0].set()
    threads[0].join(20)
    until(lambda: store.read_leases(LEADER).get(LEADER, ("",))[0] == "owner1")
    stops[1].set()
    threads[1].join(20)
    assert store.read_leases(LEADER) == {}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    service = LiveService(tmp_path_factory.mktemp("live") / "home", service_workers=2)
    try:
        yield service.start()
    finally:
        service.stop()


@pytest.mark.slow
def test_a_dead_worker_is_replaced(live: LiveService) -> None:
    until(lambda: live.get("/readyz").json().get("leader"))
    before = live.record()["workers"]
    assert set(before) == {"worker-0", "worker-1", "background"}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: set(live.record()["workers"]) == set(before))
    until(lambda: not set(live.record()["workers"].values()) & set(before.values()))

    def answers() -> bool:
        try:
            return bool(live.get("/readyz").json()["ready"])
        except httpx.TransportError:
            return False

    until(answers)


@pytest.mark.slow
def test_a_second_one_in_the_same_home_is_refused(live: LiveService) -> None:
    second = LiveService(live.home)
    with pytest.raises(AssertionError, match="already runs in this home"):
        second.start()


@pytest.mark.slow
def test_workers_are_replaced_and_no_request_is_refused(live: LiveService) -> None:
    before = set(live.record()["workers"].values())
    failed: list[str] = []
    done = threading.Event()
    count = 0

    def ask() -> None:
        nonlocal count
        with httpx.Client(timeout=20) as client:
            while not done.is_set():
                try:
                    answer = client.get(f"{live.url}/healthz")
                    if answer.status_code != 200:
                        failed.append(str(answer.status_code))
                except httpx.TransportError as exc:
                    # a connection that was kept may end between two requests, as in any HTTP/1.1
                    if not isinstance(exc, (httpx.RemoteProtocolError, httpx.ReadError)):
                        failed.append(repr(exc))
                count += 1

    asking = threading.Thread(target=ask)
    asking.start()
    live.signal(signal.SIGHUP)
    try:
        until(lambda: before.isdisjoint(live.record()["workers"].values()), 90)
    finally:
        done.set()
        asking.join()
    assert count > 5 and not failed


@pytest.mark.slow
def test_heads_that_are_huge_or_broken(live: LiveService) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    for request in (
        b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 200_000 + b"\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            try:
                connection.sendall(request)
                answer = connection.recv(65536)
            except ConnectionError:
                answer = b""
        assert not answer.startswith(b"HTTP/1.1 5") and b"Traceback" not in answer
    assert live.get("/healthz").status_code == 200
    assert live.get("/metrics").text.count("mlrun_like_service_leader") == 3
    assert "Exception in ASGI" not in live.log()
    head = httpx.head(f"{live.url}/readyz")
    assert head.status_code == 200 and not head.content


@pytest.mark.slow
def test_a_polite_end_and_nobody_left_behind(tmp_path: Path) -> None:
    service = LiveService(tmp_path / "home").start()
    pids = [service.pid, *service.record()["workers"].values()]
    service.signal(signal.SIGTERM)
    assert service.wait() == 0
    assert service.record()["state"] == "stopped"
    assert not any(process_alive(pid) for pid in pids)
    service.start()
    pids = list(service.record()["workers"].values())
    service.signal(signal.SIGKILL)
    service.wait()
    until(lambda: not any(process_alive(pid) for pid in pids))
    service.start().stop()


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its supervisor hears nothing of it; one that is idle says that it lives."""
    monkeypatch.setattr(supervisor, "_SILENT", 8.0)
    folder = tmp_path / "service"
    options = ServiceOptions(
        store=f"sqlite:///{tmp_path}/store.db", port=0, background=False, workers=2
    )
    with hold_place(folder) as lock:
        service = supervisor.Supervisor(options, folder, lock)
        monkeypatch.setattr(service, "_signals", contextlib.nullcontext)  # not the main thread
        thread = threading.Thread(target=service.run, args=(lambda _: None,))
        thread.start()
        try:
            until(lambda: read_record(folder).state == "online")
            until(lambda: len(read_record(folder).workers) == 2)
            before = read_record(folder).workers
            until(lambda: all(child.ready for child in service._children.values()))
            os.kill(before["worker-1"], signal.SIGSTOP)
            until(lambda: read_record(folder).workers.get("worker-1", 0) not in (
                0, before["worker-1"]
            ))  # fmt: skip
            assert not process_alive(before["worker-1"])
            assert read_record(folder).workers["worker-0"] == before["worker-0"]
        finally:
            service._stopping = True
            thread.join(60)


@pytest.mark.slow
def test_a_request_that_outlasts_the_end_gets_a_word(tmp_path: Path) -> None:
    """Its caller, who may send it again, sees a service that stops, and no mistake of it."""
    service = LiveService(tmp_path / "home", service_grace=1).start()
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        head = f"POST /api/v1/store/operations HTTP/1.1\r\nHost: {host}:{port}\r\n"
        head += "Content-Type: application/json\r\nExpect: 100-continue\r\n"
        sock.sendall(f"{head}Content-Length: 99\r\n\r\n".encode())
        assert sock.recv(65536).startswith(b"HTTP/1.1 100")  # its body is being read by now
        service.signal(signal.SIGTERM)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))  # until it is closed
        assert answer.startswith(b"HTTP/1.1 503") and b"the service stops" in answer
    assert service.wait() == 0 and "Traceback" not in service.log()


@pytest.mark.slow
def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    open_to_all = LiveService(tmp_path / "a", service_host="0.0.0.0")
    with pytest.raises(AssertionError, match="no user who could log in"):
        open_to_all.start()
    assert open_to_all.record()["state"] == "failed"
    remote = LiveService(tmp_path / "b", dbpath="http://127.0.0.1:9")
    with pytest.raises(AssertionError, match="another service as its store"):
        remote.start()
    taken = socket.create_server(("127.0.0.1", 0))
    busy = LiveService(tmp_path / "c", service_port=taken.getsockname()[1])
    with pytest.raises(AssertionError, match="cannot listen on"):
        busy.start()
    taken.close()


@pytest.mark.slow
def test_two_hosts_over_one_database_have_one_leader(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    hosts = [LiveService(tmp_path / name, dbpath=url) for name in "ab"]
    try:
        for host in hosts:
            host.start()
        store = open_store(url)
        assert isinstance(store, SqlStore)
        until(lambda: LEADER in store.read_leases(LEADER))
        numbers = [host.home / "service" / "numbers" for host in hosts]

        def leaders() -> list[int]:
            found = []
            for host, folder in zip(hosts, numbers, strict=True):
                path = folder / f"{host.record()['workers'].get('background')}.json"
                text = path.read_text() if path.exists() else ""
                found.append(int('"leader":1' in text))
            return found

        until(lambda: sum(leaders()) == 1)
        first = leaders().index(1)
        os.killpg(hosts[first].pid, signal.SIGKILL)
        for pid in hosts[first].record()["workers"].values():
            os.kill(pid, signal.SIGKILL)
        hosts[first].wait()
        until(lambda: leaders()[1 - first] == 1)
        assert hosts[1 - first].get("/readyz").json()["leader"]
    finally:
        for host in hosts:
            host.stop()
