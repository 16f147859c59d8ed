"""Every call and every operation is judged by its own project, and lists show what may be seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.tracking.alert_abilities import ActivationFilter
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.remote.protocol import METHODS, projects_in, wire_of
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

AsUser = Callable[..., TestClient]
API = "/api/v1/store"


def _run(project: str, uid: str = "u", state: str = "running") -> dict[str, Any]:
    metadata = {"name": "n", "uid": uid, "project": project}
    return {"kind": "run", "metadata": metadata, "spec": {}, "status": {"state": state}}


def _operation(project: str, uid: str = "u", **parts: Any) -> list[Any]:
    document = _run(project, uid)
    row = {"project": project, "uid": uid, "iter": 0, "body": json.dumps(document), **parts}
    return ["run", row]


_LOG = ["log", {"project": "ours", "uid": "a", "token": "t", "data": "aGk="}]


def _call(client: TestClient, method: str, **arguments: Any) -> Any:
    return client.post(f"{API}/{method}", json=arguments)


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A store with runs of two projects."""
    for project in ("ours", "theirs"):
        store.store_project({"metadata": {"name": project}, "spec": {}, "status": {}})
        store.store_run(_run(project))
        store.store_function({"metadata": {"name": "f", "project": project}, "kind": "local"})
        schedule = {"project": project, "name": "s", "kind": "job"}
        store.store_schedule(schedule, 1.0)
    return store


def test_a_project_that_is_not_ours_is_not_there(filled: SqlStore, as_user: AsUser) -> None:
    client = as_user("developer", "ours")
    assert _call(client, "read_run", project="ours", uid="u").json()["result"]["metadata"]
    for project in ("theirs", "none"):
        answer = _call(client, "read_run", project=project, uid="u")
        assert answer.status_code == 404
        assert answer.json()["detail"]["what"] == f"there is no project {project!r}"


def test_a_viewer_changes_nothing(filled: SqlStore, as_user: AsUser) -> None:
    client = as_user("viewer", "ours")
    assert _call(client, "list_runs", query={"project": "ours"}).status_code == 200
    answer = _call(client, "set_run_state", project="ours", uid="u", iteration=0, state="error",
                   error="x")  # fmt: skip
    assert answer.status_code == 403
    answer = _call(client, "delete_runs", query={"project": "ours"})
    assert answer.status_code == 403 and filled.read_run("ours", "u")


def test_a_token_to_read_only_reads(filled: SqlStore, as_user: AsUser) -> None:
    client = as_user("developer", "ours", scopes=("read",))
    assert _call(client, "list_runs", query={"project": "ours"}).status_code == 200
    assert _call(client, "delete_runs", query={"project": "ours"}).status_code == 403


@pytest.mark.parametrize(
    "method, arguments, names",
    [
        ("list_runs", {"query": {"project": "*"}}, ["ours"]),
        ("list_runs", {"query": {}}, ["ours"]),
        ("list_functions", {}, ["ours"]),
        ("list_schedules", {"project": "*"}, ["ours"]),
        ("list_projects", {}, ["ours"]),
        ("count_runs", {}, ["ours"]),
    ],
)
def test_all_means_what_may_be_seen(
    filled: SqlStore, as_user: AsUser, method: str, arguments: dict[str, Any], names: list[str]
) -> None:
    rows = _call(as_user("viewer", "ours"), method, **arguments).json()["result"]
    found = [
        row[0] if isinstance(row, list)
        else row.get("project") or row["metadata"].get("project") or row["metadata"]["name"]
        for row in rows
    ]  # fmt: skip
    assert found == names
    assert _call(as_user(""), method, **arguments).json()["result"] == []
    assert len(_call(as_user("server"), method, **arguments).json()["result"]) == 2


@pytest.mark.parametrize("method", ["page_runs", "page_artifacts"])
def test_pages_hold_what_may_be_seen(filled: SqlStore, as_user: AsUser, method: str) -> None:
    def projects(client: TestClient, **query: Any) -> list[str]:
        found = _call(client, method, query={"limit": 100, **query}).json()["result"]
        return sorted(item["metadata"]["project"] for item in found.get("items", ()))

    assert set(projects(as_user("viewer", "ours"))) <= {"ours"}
    assert projects(as_user("")) == []
    everything = projects(as_user("server"))
    if method == "page_runs":
        assert projects(as_user("viewer", "ours")) == ["ours"]
        assert everything == ["ours", "theirs"]
    answer = _call(as_user("viewer", "ours"), method, query={"project": "theirs"})
    assert answer.status_code == 404


def test_others_cannot_be_picked(filled: SqlStore, as_user: AsUser) -> None:
    client = as_user("admin", "ours")
    answer = _call(client, "list_runs", query={"projects": ["ours", "theirs"]})
    assert answer.status_code == 404
    for query in ({"project": "*"}, {}, {"projects": ["ours"]}, {"project": "theirs"}):
        assert _call(client, "delete_runs", query=query).status_code in (403, 404)
    assert filled.read_run("theirs", "u") and filled.read_run("ours", "u")
    due = _call(client, "due_schedules", now=2.0).json()["result"]
    assert [row[0]["project"] for row in due[0]] == ["ours"]


def test_a_document_cannot_smuggle_itself_elsewhere(filled: SqlStore, as_user: AsUser) -> None:
    client = as_user("admin", "ours")
    document = {"metadata": {"name": "x", "project": "theirs"}}
    answer = _call(client, "store_document", kind="feature-set", document=document)
    assert answer.status_code == 404
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"metadata": []},
        {"metadata": {"name": "x", "project": ["ours"]}},
    )
    for broken in wrong:
        answer = _call(client, "store_document", kind="feature-set", document=broken)
        assert answer.status_code == 403, broken
    batch = {"project": "theirs", "endpoint": "e", "kind": "events", "batch_id": "b", "first": 0.0,
             "last": 1.0, "rows": 1, "body": ""}  # fmt: skip
    own = {**batch, "project": "ours"}
    assert _call(client, "append_batches", batches=[own, batch]).status_code == 404
    change = {"activations": [{"project": "theirs", "number": 1, "name": "a", "entity_kind": "x",
              "entity_id": "y", "severity": "low", "state": "open", "opened": 0.0,
              "updated": 0.0}]}  # fmt: skip
    assert _call(client, "commit_alerts", project="ours", change=change).status_code == 404
    assert filled.list_activations("*", ActivationFilter()) == []


def test_each_operation_of_a_batch_is_judged(filled: SqlStore, as_user: AsUser) -> None:
    lying = _operation("theirs", "lie")
    lying[1]["project"] = "ours"
    metrics = ["metrics", ["theirs", "u", 0, [["a", 1.0, 0, 0.0]]]]
    operations = [_operation("ours", "a"), _operation("theirs", "b"), lying, metrics,
                  _LOG]  # fmt: skip
    answer = as_user("developer", "ours").post(
        f"{API}/operations", json={"batch": "1", "operations": operations}
    )
    refused = answer.json()["refused"]
    assert answer.status_code == 200 and answer.json()["taken"] == 2
    assert [entry["index"] for entry in refused] == [1, 2, 3]
    assert {entry["code"] for entry in refused} == {"not_found"}
    assert filled.read_log("ours", "a") == b"hi" and filled.read_metrics("theirs", "u") == {}


def test_whoever_makes_a_project_is_its_admin(store: SqlStore, as_user: AsUser) -> None:
    anna, bert = as_user("", name="anna"), as_user("", name="bert")
    document = {"metadata": {"name": "new"}, "spec": {}, "status": {}}
    assert _call(anna, "store_project", project=document).status_code == 200
    assert _call(bert, "read_project", name="new").status_code == 404
    assert _call(bert, "store_project", project=document).status_code == 409
    assert _call(bert, "delete_project", name="new").status_code == 404
    assert _call(anna, "delete_project", name="new").json()["result"] is True


def test_leases_are_of_projects(store: SqlStore, as_user: AsUser) -> None:
    client = as_user("developer", "ours")
    claim = {"owner": "me", "seconds": 9.0}
    assert _call(client, "claim_leases", names=["windows/ours/e"], **claim).json()["result"]
    for name in ("windows/theirs/e", "service/*", "leader"):
        answer = _call(client, "claim_leases", names=["windows/ours/f", name], **claim)
        assert answer.status_code in (403, 404), name
    assert list(_call(client, "read_leases").json()["result"]) == ["windows/ours/e"]


def test_every_method_names_its_projects() -> None:
    """No row of the table points nowhere: a path that finds nothing would check nothing."""
    for name, row in METHODS.items():
        assert hasattr(FullStore, name) and row.kind in ("read", "write", "change")
        wire = wire_of(name, True)
        for path in row.where:
            if path:
                first = path.partition("|")[0].split(".")[0].removesuffix("[]")
                assert first in wire.arguments, (name, path)
        if row.kind != "read":
            assert row.where != ("",) and not row.everywhere, name
        if "project" in wire.arguments:
            assert projects_in(row, {"project": "p", "query": None}) >= {"p"} or row.where, name
