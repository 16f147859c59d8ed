"""Runs over HTTP: lists, one run, metrics, logs, comparison; hostile input."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

AsUser = Callable[..., TestClient]
P = "/api/v1/projects/fraud"


def run(uid: str = "u1", state: str = "completed", **parts: Any) -> dict[str, Any]:
    """A run's document."""
    number = int("".join(filter(str.isdigit, uid)) or 0)
    return {
        "kind": "run",
        "metadata": {
            "name": parts.get("name", "train"), "uid": uid, "iteration": parts.get("iteration", 0),
            "project": parts.get("project", "fraud"), "labels": parts.get("labels", {"a": "1"}),
        },
        "spec": {"parameters": parts.get("parameters", {"lr": 0.1})},
        "status": {
            "state": state, "results": parts.get("results", {}),
            "start_time": f"2026-01-01T00:{number % 60:02}:00+00:00",
        },
    }  # fmt: skip


def uids(answer: Any) -> list[str]:
    """The uids of a list."""
    assert answer.status_code == 200, answer.text
    return [item.get("uid") or item["metadata"]["uid"] for item in answer.json()["runs"]]


def test_lists_by_filters_and_pages(service: TestClient, store: SqlStore) -> None:
    for number in range(7):
        labels = {"team": "ab"[number % 2], "odd=key": "x"}
        state = "error" if number == 3 else "completed"
        store.store_run(run(f"u{number}", state, labels=labels, name=f"Job-{number}"))
    store.store_run(run("u2", iteration=1))
    store.store_run(run("other", project="secret"))
    assert uids(service.get(f"{P}/runs")) == [f"u{n}" for n in range(6, -1, -1)]
    assert uids(service.get(f"{P}/runs?label=team=a&state=completed")) == ["u6", "u4", "u2", "u0"]
    assert uids(service.get(f"{P}/runs?state=error,running")) == ["u3"]
    assert uids(service.get(f"{P}/runs?name=~OB-5")) == ["u5"]
    assert uids(service.get(f"{P}/runs?sort=name&page-size=2&uid=u5,u1,u2")) == ["u1", "u2"]
    assert uids(service.get(f"{P}/runs?since=2026-01-01T00:05:00Z")) == ["u6", "u5"]
    assert uids(service.get(f"{P}/runs?iteration=1")) == ["u2"]
    assert "other" in uids(service.get("/api/v1/runs"))
    assert service.get(f"{P}/runs?format=name_only&page-size=1").json()["runs"] == ["Job-6"]
    summary = service.get(f"{P}/runs?format=summary&page-size=1").json()["runs"][0]
    assert (summary["name"], summary["state"], summary["parameters"]) == (
        "Job-6", "completed", {"lr": 0.1},
    )  # fmt: skip
    found, token = [], ""
    for _ in range(9):
        answer = service.get(f"{P}/runs?page-size=3&page-token={token}")
        found += uids(answer)
        token = answer.json()["pagination"]["page-token"]
        if not token:
            break
    assert found == [f"u{n}" for n in range(6, -1, -1)]


def test_sorted_by_a_result(service: TestClient, store: SqlStore) -> None:
    for number, value in enumerate([0.5, math.nan, 0.9, "text", 0.1]):
        store.store_run(run(f"u{number}", results={"acc": value}))
    assert uids(service.get(f"{P}/runs?sort=-results.acc")) == ["u2", "u0", "u4", "u3", "u1"]
    first = service.get(f"{P}/runs?sort=results.acc&page-size=2")
    assert uids(first) == ["u4", "u0"]
    token = first.json()["pagination"]["page-token"]
    answer = service.get(f"{P}/runs?sort=results.acc&page-size=2&page-token={token}")
    assert uids(answer) == ["u2", "u3"]
    assert "note" not in answer.json()


BROKEN = (
    "page-size=0", "page-size=-1", "page-size=1001", "page-size=x", "page-size=1e3",
    "page-size=%D9%A1", "sort=body", "sort=results", "sort=--name", "page-token=%00",
    "page-token=AAAA", "page-token=" + "A" * 3000, "since=yesterday", "until=%00", "name=%00",
    "label=%00=a", "label=a=%00", "uid=%00", "state=%00", "iteration=-1", "iteration=x",
    "iter=perhaps", "format=xml", "deleted=7", "name=" + "x" * 3000,
    "&".join(f"label=a{n}=b" for n in range(30)), "&".join(f"uid=u{n}" for n in range(300)),
)  # fmt: skip


def test_broken_queries_are_the_callers_mistake(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    for query in BROKEN:
        answer = service.get(f"{P}/runs?{query}")
        assert answer.status_code in (400, 422), (query, answer.text)
        assert answer.json()["detail"]["reason"]


def test_tokens_of_other_lists_are_refused(service: TestClient, store: SqlStore) -> None:
    for number in range(3):
        store.store_run(run(f"u{number}"))
    token = service.get(f"{P}/runs?page-size=1").json()["pagination"]["page-token"]
    for sort in ("name", "-results.acc", "start_time"):
        answer = service.get(f"{P}/runs?page-size=1&sort={sort}&page-token={token}")
        assert answer.status_code == 400
    broken = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    assert service.get(f"{P}/runs?page-token={broken}").status_code == 400


def test_odd_ids_are_never_a_failure(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    for uid in ("../x", "a/b", "%2e%2e", "u%00", "'", "☃", "x" * 3000, " ", "*"):
        place = f"{P}/runs/{quote(uid, safe='%')}"
        for path in ("", "/log", "/log/size", "/metrics", "/log/follow"):
            answer = service.get(place + path)
            assert answer.status_code in (400, 404, 422), (place + path, answer.text)
        assert service.delete(place).status_code in (400, 404)
        assert service.post(f"{place}/abort").status_code in (400, 404)


def test_store_read_update_delete(service: TestClient, store: SqlStore) -> None:
    document = run("u9", "running")
    assert service.post(f"{P}/runs/u9", json=document).status_code == 200
    assert service.get(f"{P}/runs/u9").json()["data"] == document
    change = {"metadata.labels.owner": "anna", "status.results.acc": 0.5}
    changed = service.patch(f"{P}/runs/u9", json=change).json()["data"]
    assert changed["metadata"]["labels"]["owner"] == "anna"
    assert changed["status"]["results"] == {"acc": 0.5}
    assert service.delete(f"{P}/runs/u9").status_code == 409, "it goes on"
    done = service.patch(f"{P}/runs/u9", json={"status.state": "completed"})
    assert done.json()["data"]["status"]["state"] == "completed"
    back = service.patch(f"{P}/runs/u9", json={"status.state": "running"})
    assert back.status_code in (400, 409, 412), back.text
    assert service.delete(f"{P}/runs/u9").json() == {"deleted": 1}
    assert service.get(f"{P}/runs/u9").status_code == 404
    assert uids(service.get(f"{P}/runs?deleted=true")) == ["u9"]


BROKEN_DOCUMENTS: list[Any] = [
    [], "x", None, 7, {"metadata": "x"}, {"metadata": {"uid": "other"}},
    {"metadata": {"project": "elsewhere"}}, {"status": {"state": "flying"}},
    {"status": {"start_time": "soon"}}, {"metadata": {"labels": {"a": {}}}},
    {"metadata": {"name": "a\u0000b"}}, {"spec": 3},
]  # fmt: skip


def test_broken_documents_are_refused(service: TestClient) -> None:
    for body, send in itertools.product(BROKEN_DOCUMENTS, (service.post, service.put)):
        answer = send(f"{P}/runs/u1", content=json.dumps(body))
        assert answer.status_code in (400, 422), answer.text


BROKEN_CHANGES: list[dict[str, Any]] = [
    {"body": 1}, {"metadata": {}}, {"metadata.uid": "x"}, {"status..x": 1}, {"status.state": 7},
    {"status.state": "flying"}, {"metadata.name.x": 1}, {"metadata.labels": 5},
]  # fmt: skip


def test_broken_updates_change_nothing(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    for change in BROKEN_CHANGES:
        answer = service.patch(f"{P}/runs/u1", json=change)
        assert 400 <= answer.status_code < 500, (change, answer.text)
    assert store.read_run("fraud", "u1") == run()


def test_many_are_deleted_by_filters_only(service: TestClient, store: SqlStore) -> None:
    for number in range(5):
        store.store_run(run(f"u{number}", labels={"n": str(number % 2)}))
    assert service.delete(f"{P}/runs").status_code == 400
    assert service.delete(f"{P}/runs?label=n=1").json() == {"deleted": 2}
    assert service.delete(f"{P}/runs?all=true").json() == {"deleted": 3}
    assert uids(service.get(f"{P}/runs")) == []


def test_metrics_keep_extremes_and_odd_numbers(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    points = [MetricPoint("loss", float(n % 7), n, 1.0) for n in range(3000)]
    points[1234] = MetricPoint("loss", 99.0, 1234, 1.0)
    points[77] = MetricPoint("loss", -99.0, 77, 1.0)
    odd = [math.nan, math.inf, -math.inf]
    points += [MetricPoint("odd", value, n, 0.0) for n, value in enumerate(odd)]
    store.log_metrics("fraud", "u1", 0, points)
    body = service.get(f"{P}/runs/u1/metrics?points=50").json()["metrics"]
    loss = body["loss"][0]
    assert loss["total"] == 3000 and 20 < len(loss["points"]) <= 52
    assert {point[2] for point in loss["points"]} >= {99.0, -99.0}
    assert [point[2] for point in body["odd"][0]["points"]] == [None, "inf", "-inf"]
    assert list(service.get(f"{P}/runs/u1/metrics?key=odd").json()["metrics"]) == ["odd"]
    for query in ("points=1", "points=x", "points=100000", "key=%00"):
        assert service.get(f"{P}/runs/u1/metrics?{query}").status_code == 400
    sent = {"points": [{"key": "f1", "value": "nan"}, {"key": "f1", "value": 0.5, "step": 1}]}
    assert service.post(f"{P}/runs/u1/metrics", json=sent).json() == {"logged": 2}
    both = service.get("/api/v1/metrics-series?run=fraud@u1&run=fraud@nobody&key=f1").json()
    assert [row["uid"] for row in both["metrics"]["f1"]] == ["u1"]
    bodies: list[Any] = [[], {}, {"points": 3}, {"points": [{"key": "a", "value": "x"}]},
              {"points": [{"key": "a", "value": 1, "step": 2**70}]},
              {"points": [{"key": "a", "value": 1, "time": 10**400}]}]  # fmt: skip
    for bad in bodies:
        assert service.post(f"{P}/runs/u1/metrics", content=json.dumps(bad)).status_code == 422


def test_logs_by_bytes_lines_and_as_a_file(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    text = "".join(f"line {number} ünï\n" for number in range(500)).encode()
    store.append_log("fraud", "u1", text + b"\xff\x00end")
    whole = text + b"\xff\x00end"
    log = f"{P}/runs/u1/log"
    assert service.get(log).content == whole
    answer = service.get(f"{log}?offset=7&size=10")
    assert answer.content == whole[7:17] and answer.headers["x-log-size"] == str(len(whole))
    assert service.get(f"{log}?offset=999999999999999999").content == b""
    last = service.get(f"{log}?tail=2")
    assert last.content == whole[int(last.headers["x-log-offset"]) :]
    assert last.content.startswith(b"line 499")
    assert service.get(f"{log}/size").json() == {"size": len(whole)}
    file = service.get(f"{log}?download=true")
    assert file.content == whole and "u1.log" in file.headers["content-disposition"]
    assert file.headers["content-type"].startswith("text/plain")
    for query in ("offset=-1", "offset=x", "offset=" + "9" * 30, "size=-2", "size=x", "tail=-1"):
        assert service.get(f"{log}?{query}").status_code == 400, query


def test_a_log_is_followed_to_its_end(service: TestClient, store: SqlStore) -> None:
    store.store_run(run())
    store.append_log("fraud", "u1", "ä one\r\n\ntwo".encode())
    body = service.get(f"{P}/runs/u1/log/follow?offset=1").text
    assert "event: log" in body and "event: end" in body and '"state":"completed"' in body
    answer = service.get(f"{P}/runs/u1/log/follow", headers={"last-event-id": "9"})
    assert "two" in answer.text and "one" not in answer.text


def test_runs_side_by_side(service: TestClient, store: SqlStore) -> None:
    store.store_run(run("u1", parameters={"lr": 0.1, "same": [1]}, results={"acc": math.nan}))
    store.store_run(run("u2", parameters={"lr": 0.2, "same": [1]}, results={"acc": math.nan}))
    body = service.get(f"{P}/compare?run=u1&run=u2&run=nobody").json()
    assert [row["uid"] for row in body["runs"]] == ["u1", "u2"]
    table = {row["name"]: row for row in body["parameters"]}
    assert table["lr"] == {"name": "lr", "values": [0.1, 0.2], "differs": True}
    assert table["same"]["differs"] is False
    assert body["results"][0]["differs"] is False
    assert service.get(f"{P}/compare").status_code == 400
    assert service.get(f"{P}/compare?run=u1%23x").status_code == 400


def test_nothing_of_other_projects_is_seen(
    service: TestClient, store: SqlStore, as_user: AsUser
) -> None:
    store.store_run(run("u1"))
    store.store_run(run("hidden", project="secret"))
    store.log_metrics("secret", "hidden", 0, [MetricPoint("loss", 1.0, 0, 0.0)])
    anna = as_user("viewer", "fraud")
    assert uids(anna.get("/api/v1/runs")) == ["u1"]
    assert uids(anna.get("/api/v1/runs?project=secret")) == []
    assert uids(anna.get("/api/v1/runs?sort=name&uid=hidden")) == []
    assert anna.get("/api/v1/projects/secret/runs").status_code == 404
    assert anna.get("/api/v1/projects/secret/runs/hidden/log").status_code == 404
    assert anna.get("/api/v1/metrics-series?run=secret@hidden").json() == {"metrics": {}}
    assert anna.get(f"{P}/compare?run=secret@hidden").json()["runs"] == []
    assert anna.post(f"{P}/runs/u1/abort").status_code == 403
    assert anna.delete(f"{P}/runs/u1").status_code == 403
    assert anna.post(f"{P}/submit", json={"function": "f"}).status_code == 403
    nobody = as_user("", "")
    assert uids(nobody.get("/api/v1/runs")) == []


def test_abort_says_what_becomes_of_it(service: TestClient, store: SqlStore) -> None:
    store.store_run(run("u1"))
    store.store_run(run("u2", "running"))
    over = service.post(f"{P}/runs/u1/abort")
    assert (over.status_code, over.json()["state"]) == (200, "completed")
    asked = service.post(f"{P}/runs/u2/abort", json={"reason": "too slow"})
    assert (asked.status_code, asked.json()["state"]) == (202, "aborting")
    assert store.heartbeat("fraud", "u2") == "aborting"


def test_all_of_a_run_on_one_page(service: TestClient, store: SqlStore) -> None:
    store.store_run(run("u1"))
    for number in (3, 1, 2):
        store.store_run(run("u1", iteration=number))
    store.store_artifact({
        "kind": "model", "metadata": {"key": "m", "project": "fraud", "tree": "u1"},
        "spec": {"target_path": "/x"},
    })  # fmt: skip
    body = service.get(f"{P}/runs/u1?format=page").json()
    assert [row["iteration"] for row in body["iterations"]] == [1, 2, 3]
    assert [item["metadata"]["key"] for item in body["artifacts"]] == ["m"]
    assert body["log_size"] == 0 and body["metrics"] == []
