"""What is recorded reaches the service, whatever happens to it meanwhile."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery
from mlrun_like.tracking.connect import open_database, open_store
from mlrun_like.tracking.remote.operations import operation_text
from mlrun_like.tracking.remote.store import RemoteStore
from tests.services import Services, Started
from tests.tracking.remote.fakes import Asked, Reply, error, fake, json_of

MakeRun = Callable[..., dict[str, Any]]
CHILD = """
import sys
from mlrun_like.configuration import config
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import open_store
url, home, count = sys.argv[1:]
config.home = home
store = open_store(url)
for number in range(int(count)):
    store.log_metrics("p", "u", 0, [MetricPoint("a", number, number, 0.0)])
    store.append_log("p", "u", b"%d;" % number)
store.flush()
print("flushed", flush=True)
sys.stdin.readline()
"""


def _delivered(store: RemoteStore) -> None:
    end = time.monotonic() + 30
    while store.writer.spooling or store.writer.spool.pending():
        store.writer.settle()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_is_what_the_address_opens(services: Services, home: Path) -> None:
    url = services.new(f"sqlite:///{home / 'service.db'}")
    store = open_store(url.replace("//", "//anna:mlt_secret@") + "/")
    assert isinstance(store, RemoteStore) and store is open_store(url)
    assert "secret" not in f"{store!r}{store.url}{store.shown}" and store.token() == "mlt_secret"
    with config.override(dbpath=url):
        assert open_store() is store
        with pytest.raises(InvalidArgumentError, match="is a service, and not a database"):
            open_database()


@pytest.mark.slow
def test_a_killed_service_loses_nothing(
    started: Started, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    started.start()
    store = RemoteStore.at(started.url)
    store.store_run(make_run("u"))
    for number in range(300):
        if number == 100:
            started.kill()
        store.log_metrics("p", "u", 0, [MetricPoint("a", float(number), number, 0.0)])
        store.append_log("p", "u", b"%d;" % number)
        if number % 50 == 0:
            store.flush()
    store.store_run(make_run("u", "completed"))  # returns: it is on this disk
    assert store.writer.spooling and store.unwritten() == ""
    assert caplog.text.count("records are kept in") == 1
    with config.override(remote_deadline=0.2), pytest.raises(StoreUnavailableError):
        store.read_run("p", "u")
    assert store.heartbeat("p", "u") == ""
    with config.override(remote_deadline=0.2):
        store.set_run_state("p", "u", 0, "completed", "")  # waits, as any record does
    started.start()
    _delivered(store)
    assert [p.step for p in store.read_metrics("p", "u")["a"]] == list(range(300))
    assert store.read_log("p", "u") == b"".join(b"%d;" % n for n in range(300))
    assert store.read_run("p", "u")["status"]["state"] == "completed"
    store.close()


@pytest.mark.slow
def test_the_next_process_delivers_what_a_killed_one_left(
    started: Started, tmp_path: Path, make_run: MakeRun
) -> None:
    home = tmp_path / "home"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, started.url, str(home), "50"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None and child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == b"flushed\n"
        child.kill()
        child.wait()
    started.start()
    with config.override(home=str(home)):
        store = open_store(started.url)
        assert isinstance(store, RemoteStore) and not store.writer.spool.pending()
        assert len(store.read_metrics("p", "u")["a"]) == 50
        assert store.read_log("p", "u").endswith(b"48;49;")


def test_a_lost_answer_writes_nothing_twice(services: Services, home: Path) -> None:
    """The service took a batch, and the answer did not come: the batch comes once more."""
    real = RemoteStore.at(services.new(f"sqlite:///{home / 'service.db'}"))
    lost: list[bytes] = []

    def reply(asked: Asked) -> Reply | None:
        kind, path = asked.headers.get("content-type", ""), asked.path.removeprefix("/api/v1")
        answer = real.client.request(asked.method, path, asked.body, {"Content-Type": kind}, 5.0)
        if path == "/store/operations" and len(lost) < 2:
            lost.append(asked.body)
            return None
        return answer.status, {"Content-Type": "application/json"}, answer.body

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        store.append_log("p", "u", b"one;")
        store.flush()
        store.append_log("p", "u", b"two;")
        _delivered(store)
        assert len(lost) == 2 and real.read_log("p", "u") == b"one;two;"
        store.close()
    real.close()


def test_order_is_kept_across_the_spool(services: Services, home: Path, make_run: MakeRun) -> None:
    url = services.new(f"sqlite:///{home / 'service.db'}")
    app = services.apps.pop(url.rpartition("/")[2])  # what answers now is no service
    store = RemoteStore.at(url)
    for state in ("pending", "running", "completed"):
        store.store_run(make_run("u", state))
    store.append_log("p", "u", b"a")
    store.flush()
    store.append_log("p", "u", b"b")
    assert store.writer.spooling
    services.apps[url.rpartition("/")[2]] = app
    store.writer._retry_at = 0.0
    _delivered(store)
    assert store.read_log("p", "u") == b"ab"
    assert store.read_run("p", "u")["status"]["state"] == "completed"
    store.close()


def test_one_bad_record_does_not_stop_the_others(
    remote: RemoteStore, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    remote.writer.put(("beat", {"project": "p"}))
    remote.writer.put(("nonsense", {"project": "p"}))
    remote.writer.put(("run", {"project": "p", "uid": "u", "iter": 0, "state": "no", "body": "{"}))
    remote.append_log("p", "u", b"good")
    remote.store_run(make_run("u"))
    assert remote.read_log("p", "u") == b"good"
    lines = remote.writer.spool.rejected.read_text().splitlines()
    assert [json.loads(line)["operation"][0] for line in lines] == ["beat", "nonsense", "run"]
    assert "put it aside" in caplog.text and not remote.writer.spooling


@pytest.mark.parametrize("code, kind", [("access_denied", AccessDeniedError),
                                        ("not_found", NotFoundError)])  # fmt: skip
def test_what_the_caller_may_not_is_told_and_kept(
    code: str, kind: type[Exception], make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(asked: Asked) -> Reply:
        items = json.loads(asked.body)["operations"]
        refused = [{"index": n, "code": code, "what": "anna may not"} for n in range(len(items))]
        return json_of({"taken": 0, "refused": refused})

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        with pytest.raises(kind, match="anna may not"):
            store.store_run(make_run("u"))
        store.log_metrics("p", "u", 0, [MetricPoint("a", 1.0, n, 0.0) for n in range(9)])
        store.flush()
        assert len(server.asked) == 2  # points are not tried one by one
        lines = store.writer.spool.rejected.read_text().splitlines()
        assert len(lines) == 2 and all("anna may not" in line for line in lines)
        assert "put it aside" in caplog.text and not store.writer.spool.pending()
        assert "AccessDeniedError(" not in caplog.text
        store.close()


def test_records_wait_until_the_token_is_renewed(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer good":
            return error("unauthorized", 401)
        if asked.path.endswith("/operations"):
            return json_of({"taken": len(json.loads(asked.body)["operations"]), "refused": []})
        return json_of({"result": {}})

    with fake(reply) as server, config.override(access_key="revoked"):
        store = RemoteStore.at(server.url)
        store.store_run(make_run("u"))
        store.flush()
        assert store.writer.spooling and store.writer.spool.pending() == 1
        assert "takes no records" in caplog.text and "mlrun-like login" in caplog.text
        assert "revoked" not in caplog.text
        with pytest.raises(UnauthorizedError):
            store.read_run("p", "u")
        config.access_key = "good"
        store.writer._retry_at = 0.0
        _delivered(store)
        assert json.loads(server.asked[-1].body)["operations"][0][0] == "run"
        store.close()


def test_large_batches_go_in_parts(remote: RemoteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.tracking.remote.sink._BYTES", 10_000)
    remote.sink.most, remote.sink.largest = (10_000, 100), 10_000
    sizes: list[int] = []
    plain = remote.client.deliver

    def noting(body: bytes, count: int, seconds: float) -> list[Any]:
        sizes.append(len(body))
        return plain(body, count, seconds)

    monkeypatch.setattr(remote.client, "deliver", noting)
    for number in range(20):
        remote.append_log("p", f"u{number}", b"x" * 5000)
    assert remote.log_size("p", "u19") == 5000
    assert len(sizes) >= 10 and max(sizes) < 25_000


def test_what_is_too_large_is_halved(make_run: MakeRun) -> None:
    def reply(asked: Asked) -> Reply:
        if len(asked.body) > 3000:
            return error("too_large", 413)
        return json_of({"taken": len(json.loads(asked.body)["operations"]), "refused": []})

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        for number in range(8):
            edge = {"project": "p", "uid": f"{number}", "artifact_uri": "x" * 900}
            store.writer.put(("edge", {**edge, "direction": "read", "time": 0.0}))
        store.store_run(make_run("huge", name="n" * 5000))
        store.flush()
        lines = store.writer.spool.rejected.read_text().splitlines()
        assert len(lines) == 1 and json.loads(lines[0])["operation"][1]["uid"] == "huge"
        store.close()


def test_long_lists_come_by_the_page(
    remote: RemoteStore, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer holds all of them, and the list is the same."""
    for number in range(25):
        start = f"2026-01-01T00:00:{number % 7:02d}+00:00"
        remote.store_run(make_run(f"u{number}", "completed", start_time=start), wait=False)
    whole = remote.list_runs(RunQuery("p"))
    asked: list[str] = []
    call = remote.client.call

    def noting(name: str, arguments: Any, **more: Any) -> Any:
        asked.append(name)
        return call(name, arguments, **more)

    monkeypatch.setattr(remote.client, "call", noting)
    monkeypatch.setattr("mlrun_like.tracking.remote.store._PAGE", 10)
    assert remote.list_runs(RunQuery("p")) == whole and asked == ["page_runs"] * 3
    assert remote.list_runs(RunQuery("p", limit=15)) == whole[:15]
    assert remote.list_runs(RunQuery("p", limit=5)) == whole[:5] and asked[-1] == "list_runs"
    assert remote.list_runs(RunQuery("*", states=("error",))) == []
    remote.log_metrics("p", "u1", 0, [MetricPoint("a", float(n), n, 0.0) for n in range(900)])
    assert remote.metric_keys("p", "u1") == {"a": 900}
    sampled = remote.sample_metrics("p", "u1", points=10)["a"]
    assert sampled.total == 900 and len(sampled.points) <= 12
    assert remote.page_artifacts(ArtifactQuery("p", limit=3)).items == []
    # an older service has no pages
    monkeypatch.setattr(remote.client, "methods", frozenset)
    assert remote.list_runs(RunQuery("p")) == whole and asked[-1] == "list_runs"


def test_threads_share_a_store(remote: RemoteStore, make_run: MakeRun) -> None:
    def work(number: int) -> None:
        for step in range(10):
            remote.store_run(make_run(f"u{number}", "running", results={"s": step}))
            remote.read_run("p", f"u{number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = remote.list_runs(RunQuery("p"))
    assert len(found) == 8 and all(run["status"]["results"] == {"s": 9} for run in found)


def test_a_fork_keeps_its_own_records(remote: RemoteStore, make_run: MakeRun) -> None:
    remote.store_run(make_run("parent"))
    remote.append_log("p", "parent", b"queued by the parent")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            remote.store_run(make_run("child"))
            remote.append_log("p", "child", b"c")
            remote.flush()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert {run["metadata"]["uid"] for run in remote.list_runs(RunQuery("p"))} == {
        "parent",
        "child",
    }
    assert remote.read_log("p", "parent") == b"queued by the parent"
    assert remote.read_log("p", "child") == b"c"


def test_putting_is_as_cheap_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sent by the thread that queues; not even when nobody is there."""
    store = RemoteStore.at("http://127.0.0.1:9")
    with caplog.at_level(logging.ERROR), config.override(remote_timeout=0.2):
        for number in range(1000):
            store.log_metrics("p", "u", 0, [MetricPoint("a", 0.0, number, 0.0)])
        assert len(store.writer._queue) + store.writer.spool.pending() > 0
        store.close()
    assert store.writer.spool.pending() == 1


@pytest.mark.parametrize("operation", [
    ("metrics", ("p", "u", 0, [("a", "text", 0, 0.0)])),
    ("metrics", ("p", "u", 0, [("a", 1.0)])),
    ("log", {"data": "text"}),
    ("edge", {"project": {1, 2}}),
])  # fmt: skip
def test_what_cannot_be_sent(operation: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        operation_text(operation)
