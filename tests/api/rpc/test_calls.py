"""Bodies that nobody of ours would send: clear refusals, and nothing half done."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.api.rpc.delivering import Deliveries
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.remote.protocol import METHODS
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

API = "/api/v1/store"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"3", b"{", b"\xff\xfe", b"null", b"[" * 100_000, b'{"a":' * 50_000,
        b'{"query": ' + b"9" * 6000 + b"}", b'{"query": {"limit": 1e400}}',
        b'{"query": {"limit": true}}',
        b'{"query": {"later": 1}}', b'{"later": 1}', b'{"query": {"labels": [1]}}', b"{}",
        b'{"query": {"name": "\\u0000", "project": "\\ud800"}}',
        b'{"query": {"since": "tomorrow"}}', b'{"query": {"after": [[]], "sort": "x"}}',
    ],
)  # fmt: skip
def test_bad_bodies(service: TestClient, body: bytes) -> None:
    answer = service.post(f"{API}/list_runs", content=body)
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500 and answer.json()["detail"]["what"]
    assert b"Traceback" not in answer.content


def test_unknown_methods(service: TestClient) -> None:
    for name in ("close", "flush", "__init__", "writer", "database", "list_audit", "x" * 900):
        answer = service.post(f"{API}/{name}", json={})
        assert answer.status_code == 400
        assert answer.json()["detail"]["code"] == "incompatible_version"


def test_packed_bodies(service: TestClient) -> None:
    def send(body: bytes, encoding: str = "gzip") -> int:
        headers = {"content-encoding": encoding}
        answer = service.post(f"{API}/list_projects", content=body, headers=headers)
        return int(answer.status_code)

    good = gzip.compress(b"{}")
    assert send(good) == 200
    assert send(b"no gzip") == send(good[:-5]) == send(good, "br") == 400
    bomb = gzip.compress(gzip.compress(b"\0" * (160 << 20), 1), 1)
    assert len(bomb) < 1 << 20 and send(bomb) == 400
    assert send(gzip.compress(b" " * (129 << 20), 1)) == 413


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.sampled_from(sorted(METHODS)),
    st.dictionaries(
        st.sampled_from(
            [
                "project",
                "uid",
                "name",
                "query",
                "document",
                "kind",
                "change",
                "rows",
                "batches",
                "names",
                "schedule",
                "commits",
                "letter",
                "now",
                "limit",
                "points",
                "chosen",
                "changes",
            ]
        ),
        JSON,
    ),
)
def test_no_arguments_break_it(service: TestClient, name: str, arguments: dict[str, Any]) -> None:
    answer = service.post(f"{API}/{name}", content=json.dumps(arguments).encode())
    assert answer.status_code < 500, (name, arguments, answer.text)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "run",
                    "metrics",
                    "log",
                    "artifact",
                    "function",
                    "step",
                    "cached",
                    "edge",
                    "tag",
                    "beat",
                    "state",
                ]
            ),
            JSON,
        )
        | JSON,
        max_size=4,
    )
)
def test_no_operations_break_it(service: TestClient, operations: list[Any]) -> None:
    body = json.dumps({"batch": "", "operations": operations}).encode()
    answer = service.post(f"{API}/operations", content=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["refused"]) == len(operations)


def test_columns_are_made_from_the_document(service: TestClient, store: SqlStore) -> None:
    document = {"metadata": {"name": "real", "uid": "u", "project": "p"}, "spec": {},
                "status": {"state": "running"}}  # fmt: skip
    row = {"project": "p", "uid": "u", "iter": 0, "name": "fake", "state": "completed",
           "body": json.dumps(document), "unknown": 1}  # fmt: skip
    service.post(f"{API}/operations", json={"batch": "b", "operations": [["run", row]]})
    assert store.read_run("p", "u") == document
    with store.database.read() as connection:
        found = connection.exec_driver_sql("select name, state from runs").all()
    assert [tuple(one) for one in found] == [("real", "running")]


def _version(service: TestClient, tree: str, off: float, late: float = 0.0, **more: Any) -> None:
    """A machine whose clock goes wrong by `off` records a version, and sends it `late`."""
    document = {"metadata": {"key": "m", "project": "p", "tree": tree}, "spec": {}}
    moment = time.time() + off
    row = {"body": json.dumps(document), "updated": moment - late}
    operation = ["artifact", {"row": row, "tags": ["latest"]}]
    body = {"batch": tree, "sent": moment, "operations": [operation], **more}
    answer = service.post(f"{API}/operations", json=body)
    assert answer.json()["taken"] == 1, answer.text


@pytest.mark.parametrize("off", [7200.0, -7200.0])
def test_clocks_that_go_wrong_decide_nothing(
    service: TestClient, store: SqlStore, off: float
) -> None:
    def latest() -> str:
        return str(store.read_artifact("p", "m")["metadata"]["tree"])

    _version(service, "t1", 0.0)
    _version(service, "t2", off)
    assert latest() == "t2", "it came later, whatever its clock says"
    _version(service, "t3", 0.0)
    assert latest() == "t3"
    _version(service, "t4", off, late=3600.0)
    assert latest() == "t3", "recorded an hour ago, it waited on a disk"
    # older clients do not say when they send; what they recorded is not later than now
    _version(service, "t5", 7200.0, sent=None)
    _version(service, "t6", 0.0)
    assert latest() == "t6"
    odd: tuple[Any, ...] = ("now", True, -1, 1e300, [], {})
    for sent in odd:
        _version(service, f"odd {sent}", 0.0, sent=sent)


def test_a_run_changed_when_it_came(service: TestClient, store: SqlStore) -> None:
    """Alerts look for what changed since a moment: a failure that waited on a disk counts, and a
    clock that is fast does not hide those of others."""
    for uid, updated in (("fast", time.time() + 7200.0), ("late", time.time() - 7200.0)):
        before = time.time()
        document = {"metadata": {"uid": uid, "project": "p"}, "status": {"state": "error"}}
        row = {"body": json.dumps(document), "updated": updated}
        service.post(f"{API}/operations", json={"batch": uid, "operations": [["run", row]]})
        assert [sign.uid for sign in store.changed_runs("p", before - 1.0, 10)][-1] == uid
    assert store.newest_run_change("p") <= time.time()


def test_data_that_no_database_takes_is_found_among_others(
    service: TestClient, store: SqlStore
) -> None:
    logs = [["log", {"project": "p", "uid": "u", "token": f"t{n}", "data": "YQ=="}]
            for n in range(20)]  # fmt: skip
    logs[7] = ["edge", {"project": "p", "uid": "\ud800", "artifact_uri": "a", "direction": "read",
                        "time": 0.0}]  # fmt: skip
    body = json.dumps({"batch": "b", "operations": logs}).encode()
    answer = service.post(f"{API}/operations", content=body).json()
    assert [entry["index"] for entry in answer["refused"]] == [7] and answer["taken"] == 19
    assert store.read_log("p", "u") == b"a" * 19
    again = service.post(f"{API}/operations", content=body).json()
    assert again == answer and store.read_log("p", "u") == b"a" * 19


def test_batches_of_many_share_commits(store: SqlStore) -> None:
    commits = []
    plain = store.database.commit

    def counting(batch: Any, **options: Any) -> Any:
        commits.append(len(batch))
        return plain(batch, **options)

    store.database.commit = counting  # type: ignore[method-assign]

    async def send() -> None:
        deliveries = Deliveries(store)

        async def one(number: int) -> None:
            points = [MetricPoint("a", 1.0, number, 0.0)]
            operation = ("metrics", ["p", "u", 0, points])
            assert await deliveries.deliver("me", f"{number}", [operation], False) == []

        with store.database.lock:  # the first is being written, the others gather
            sent = [asyncio.create_task(one(0))]
            await asyncio.sleep(0)
            while deliveries._waiting or deliveries._writing is None:
                await asyncio.sleep(0)
            sent += [asyncio.create_task(one(number)) for number in range(1, 24)]
            while len(deliveries._waiting) < 23:
                await asyncio.sleep(0)
            sent[-1].cancel()  # who does not wait any more keeps nobody from being answered
            await asyncio.sleep(0)
        await asyncio.gather(*sent[:-1])
        with pytest.raises(asyncio.CancelledError):
            await sent[-1]
        await asyncio.gather(*(one(number) for number in range(24)))

    asyncio.run(send())
    assert len(store.read_metrics("p", "u")["a"]) == 24
    assert commits == [1, 23, 1]  # those that were answered are not written again


def test_a_store_that_is_away_is_told(store: SqlStore) -> None:
    beat = ("beat", {"project": "p", "uid": "u", "iter": 0, "time": 0.0})
    path = store.database.path
    assert path is not None

    async def send() -> None:
        deliveries = Deliveries(store)
        await deliveries.deliver("me", "1", [beat], False)
        path.rename(path.with_suffix(".away"))
        with pytest.raises(StoreUnavailableError):
            await deliveries.deliver("me", "2", [beat], False)
        path.with_suffix(".away").rename(path)
        assert await deliveries.deliver("me", "2", [beat], False) == []

    asyncio.run(send())
    assert not store.writer.spool.pending()


def test_old_clients_are_told(service: TestClient) -> None:
    answer = service.post(f"{API}/list_projects", json={}, headers={"X-Mlrun-Like-Protocol": "0"})
    assert answer.status_code == 400 and "upgrade" in answer.json()["detail"]["fix"]
    for value in ("1", "7", "", "x", "9" * 50):
        headers = {"X-Mlrun-Like-Protocol": value}
        assert service.post(f"{API}/list_projects", json={}, headers=headers).status_code == 200
