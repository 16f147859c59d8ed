"""Projects over HTTP: lists, documents, summaries, their end, and who may do that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.routes.waiting import ended

API = "/api/v1"


def made(service: TestClient, name: str, **spec: Any) -> dict[str, Any]:
    """A project."""
    answer = service.post(f"{API}/projects", json={"metadata": {"name": name}, "spec": spec})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def run(store: SqlStore, project: str, uid: str, state: str, kind: str = "job") -> None:
    """A run in the store."""
    store.store_run(
        {
            "metadata": {"project": project, "uid": uid, "name": "train", "labels": {"kind": kind}},
            "spec": {},
            "status": {"state": state, "start_time": "2026-01-01T00:00:00+00:00"},
        }
    )


def test_a_project_is_made_read_changed_and_listed(service: TestClient) -> None:
    found = made(service, "fraud", description="cards")
    assert found["spec"]["description"] == "cards"
    assert found["status"]["state"] == "online" and found["metadata"]["created"]
    assert service.post(f"{API}/projects", json={"metadata": {"name": "fraud"}}).status_code == 409
    answer = service.patch(f"{API}/projects/fraud", json={"spec": {"goals": "less fraud"}})
    assert answer.json()["spec"]["goals"] == "less fraud"
    assert answer.json()["spec"]["description"] == "cards"
    body = {"metadata": {"name": "fraud", "labels": {"team": "a"}}, "spec": {}}
    answer = service.put(f"{API}/projects/fraud", json=body)
    assert "description" not in answer.json()["spec"]
    assert answer.json()["metadata"]["created"] == found["metadata"]["created"]
    assert service.put(f"{API}/projects/none", json={"metadata": {}}).status_code == 404
    made(service, "other")
    listed = service.get(f"{API}/projects", params={"label": "team=a"}).json()["projects"]
    assert [row["metadata"]["name"] for row in listed] == ["fraud"]
    names = service.get(f"{API}/projects", params={"format": "name_only"}).json()["projects"]
    assert names == ["fraud", "other"]
    down = service.get(f"{API}/projects", params={"format": "name_only", "sort": "-name"}).json()
    assert down["projects"] == ["other", "fraud"]


def test_pages_of_projects(service: TestClient) -> None:
    for number in range(5):
        made(service, f"p{number}")
    names, token = [], None
    while True:
        query = {
            "page-size": "2",
            "format": "name_only",
            **({"page-token": token} if token else {}),
        }
        found = service.get(f"{API}/projects", params=query).json()
        names += found["projects"]
        token = found["pagination"]["page-token"]
        if token is None:
            break
    assert names == [f"p{number}" for number in range(5)]
    assert service.get(f"{API}/projects", params={"page-token": "x"}).status_code == 400


BAD: list[Any] = [
    {},
    [],
    "fraud",
    None,
    {"metadata": {"name": "Not A Name"}},
    {"metadata": {"name": "a" * 64}},
    {"metadata": {"name": "../etc"}},
    {"metadata": {"name": ["a"]}},
    {"metadata": {"name": "ok"}, "kind": "function"},
    {"metadata": {"name": "ok"}, "spec": {"functions": 5}},
    {"metadata": {"name": "ok", "labels": {"a b": "c"}}},
    {"metadata": {"name": "ok"}, "spec": {"description": "nul \x00"}},
]


def test_what_is_no_project_is_refused(service: TestClient) -> None:
    for body in BAD:
        answer = service.post(f"{API}/projects", json=body)
        assert answer.status_code in (400, 422), (body, answer.text)
        assert answer.json()["detail"]["reason"]
    assert service.get(f"{API}/projects").json()["projects"] == []


def test_half_a_character_and_deep_bodies_are_refused(service: TestClient) -> None:
    half = b'{"metadata": {"name": "ok"}, "spec": {"description": "\\ud800"}}'
    deep = (
        b'{"metadata": {"name": "ok"}, "spec": {"params": ' + b'{"a":' * 5000 + b"1" + b"}" * 5002
    )
    for data in (half, deep, b"{", b"\xff", b'{"metadata": {"name": "ok"}, "spec": {"x": NaN}}'):
        answer = service.post(
            f"{API}/projects", content=data, headers={"content-type": "application/json"}
        )
        assert 400 <= answer.status_code < 500, answer.text


def test_summaries_count_everything_that_a_project_holds(
    service: TestClient, store: SqlStore
) -> None:
    made(service, "fraud")
    run(store, "fraud", "a", "completed")
    run(store, "fraud", "b", "error")
    run(store, "fraud", "c", "running", kind="pipeline")
    store.store_artifact({"kind": "model", "metadata": {"project": "fraud", "key": "m"}})
    store.store_artifact({"kind": "model", "metadata": {"project": "fraud", "key": "m", "x": 1}})
    store.store_artifact({"kind": "dataset", "metadata": {"project": "fraud", "key": "d"}})
    store.store_document("feature-set", {"metadata": {"project": "fraud", "name": "users"}})
    store.store_function({"metadata": {"project": "fraud", "name": "train"}})
    run(store, "bare", "d", "completed")
    row = service.get(f"{API}/project-summaries/fraud").json()
    assert (row["runs"], row["runs_failed"], row["pipelines"]) == (2, 1, 1)
    assert (row["artifacts"], row["models"], row["datasets"]) == (2, 1, 1)
    assert (row["feature_sets"], row["functions"], row["schedules"]) == (1, 1, 0)
    rows = service.get(f"{API}/project-summaries").json()["project_summaries"]
    assert [one["name"] for one in rows] == ["bare", "fraud"]
    home = service.get(f"{API}/projects/fraud/home").json()
    assert len(home["recent_runs"]) == 3 and len(home["recent_pipelines"]) == 1
    assert service.get(f"{API}/projects/bare").json()["metadata"]["name"] == "bare"
    assert service.get(f"{API}/projects/none").status_code == 404
    assert service.get(f"{API}/project-summaries/none").status_code == 404


def test_deleting_says_what_is_there_and_asks_for_cascade(
    service: TestClient, store: SqlStore
) -> None:
    made(service, "fraud")
    run(store, "fraud", "a", "completed")
    refused = service.delete(f"{API}/projects/fraud")
    assert refused.status_code == 412 and "1 runs" in refused.json()["detail"]["reason"]
    query = {"deletion-strategy": "check"}
    assert service.delete(f"{API}/projects/fraud", params=query).status_code == 412
    assert store.list_runs(RunQuery(project="fraud"))
    answer = service.delete(
        f"{API}/projects/fraud", headers={"x-mlrun-deletion-strategy": "cascade"}
    )
    assert answer.json()["content"]["runs"] == 1
    task = ended(service, answer)
    assert task["status"]["state"] == "succeeded", task
    assert service.get(f"{API}/projects/fraud").status_code == 404
    assert not store.list_runs(RunQuery(project="fraud"))
    query = {"deletion-strategy": "maybe"}
    assert service.delete(f"{API}/projects/fraud", params=query).status_code == 400
    assert service.delete(f"{API}/projects/fraud").status_code == 404


def test_feature_sets_are_content_too(service: TestClient, store: SqlStore) -> None:
    made(service, "fraud")
    query = {"deletion-strategy": "check"}
    assert service.delete(f"{API}/projects/fraud", params=query).status_code == 200
    store.store_document("feature-set", {"metadata": {"project": "fraud", "name": "users"}})
    refused = service.delete(f"{API}/projects/fraud")
    assert refused.status_code == 412 and "1 feature_sets" in refused.json()["detail"]["reason"]
    query = {"deletion-strategy": "cascade"}
    ended(service, service.delete(f"{API}/projects/fraud", params=query))
    assert store.list_documents("feature-set", "fraud") == []


def test_a_project_with_running_runs_stays(service: TestClient, store: SqlStore) -> None:
    made(service, "fraud")
    run(store, "fraud", "a", "running")
    answer = service.delete(f"{API}/projects/fraud", params={"deletion-strategy": "cascade"})
    assert answer.status_code == 412 and "not ended" in answer.json()["detail"]["reason"]


def test_only_visible_projects_are_listed(
    service: TestClient, as_user: Callable[..., TestClient]
) -> None:
    made(service, "fraud")
    made(service, "secret-one")
    viewer = as_user("viewer", "fraud")
    assert viewer.get(f"{API}/projects", params={"format": "name_only"}).json()["projects"] == [
        "fraud"
    ]
    rows = viewer.get(f"{API}/project-summaries").json()["project_summaries"]
    assert [row["name"] for row in rows] == ["fraud"]
    assert viewer.get(f"{API}/projects/secret-one").status_code == 404
    assert viewer.patch(f"{API}/projects/fraud", json={"spec": {}}).status_code == 403
    assert viewer.delete(f"{API}/projects/fraud").status_code == 403
    assert viewer.delete(f"{API}/projects/secret-one").status_code == 404
    answer = viewer.post(f"{API}/projects", json={"metadata": {"name": "secret-one"}})
    assert answer.status_code == 409
    assert viewer.post(f"{API}/projects", json={"metadata": {"name": "mine"}}).status_code == 201
    assert viewer.patch(f"{API}/projects/mine", json={"spec": {}}).status_code == 200
