"""One search over everything that somebody may see, and lineage, which shows no more either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlrun_like.api.routes import search_data
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

S = "/api/v1/search"


def _fill(store: SqlStore) -> None:
    for project in ("demo", "secret"):
        store.store_run({
            "metadata": {
                "uid": f"run-{project}", "name": "fraud-train", "project": project,
                "labels": {"team": "blue"},
            },
            "status": {"state": "completed", "start_time": "2026-01-01T00:00:00+00:00"},
        })  # fmt: skip
        store.store_artifact({
            "kind": "model",
            "metadata": {"key": "fraud", "project": project, "description": "Finds THIEVES"},
            "spec": {"db_key": "fraud"},
        })  # fmt: skip
        store.store_artifact(
            {"metadata": {"key": "fraud_data", "project": project}, "spec": {"inline": "x"}}
        )
        store.store_function({
            "kind": "job", "metadata": {"name": "fraud-prep", "project": project},
            "spec": {"description": "prepares"},
        })  # fmt: skip
        store.store_document(
            "feature-set",
            {"metadata": {"name": "fraud-set", "project": project}, "spec": {}},
        )
        store.store_project({"metadata": {"name": project}, "spec": {"description": "fraud"}})


def test_the_best_comes_first(service: TestClient, store: SqlStore) -> None:
    _fill(store)
    found = service.get(S, params={"q": "FRAUD", "project": "demo"}).json()
    assert found["results"][0]["name"] == "fraud"
    assert found["results"][0]["kind"] == "model"
    assert {one["kind"] for one in found["results"]} >= {
        "model", "run", "artifact", "function", "feature-set", "project",
    }  # fmt: skip
    assert found["counts"]["run"] == 1
    assert found["searched"]["run"] == {"rows": 1, "all": True}
    assert found["truncated"] is False
    by_text = service.get(S, params={"q": "thieves"}).json()["results"]
    assert by_text[0]["snippet"] == "description: Finds THIEVES"
    assert service.get(S, params={"q": "blue fraud"}).json()["counts"]["run"] == 2
    assert service.get(S, params={"q": "blue nothing"}).json()["results"] == []
    one = service.get(S, params={"q": "run-demo", "kind": "run"}).json()
    assert [row["url"] for row in one["results"]] == ["/projects/demo/runs/run-demo"]


def test_only_what_may_be_seen(as_user: Callable[..., TestClient], store: SqlStore) -> None:
    _fill(store)
    found = as_user("viewer", "demo").get(S, params={"q": "fraud"})
    assert "secret" not in found.text
    assert found.json()["counts"]["model"] == 1
    assert as_user("", "demo").get(S, params={"q": "fraud"}).json()["results"] == []
    other = as_user("viewer", "demo").get(S, params={"q": "fraud", "project": "secret"})
    assert "secret" not in str(other.json()["results"])


def test_odd_questions(service: TestClient, store: SqlStore) -> None:
    _fill(store)
    for text in ("", " ", "\0", "a " * 20, "x" * 300):
        assert service.get(S, params={"q": text}).status_code == 400, text
    for text in ("%", "\\", "'; DROP TABLE runs; --", "<script>", "ü", "🙂"):
        assert service.get(S, params={"q": text}).json()["results"] == [], text
    under = service.get(S, params={"q": "_"}).json()["results"]
    assert {one["name"] for one in under} == {"fraud_data"}
    assert service.get(S, params={"q": "a", "kind": "dance"}).status_code == 400
    assert service.get(S, params={"q": "a", "limit": "0"}).status_code == 400


def _edge(store: SqlStore, project: str, uid: str, uri: str, direction: str) -> None:
    store.record_use(project, uid, uri, direction)


def test_lineage_of_runs_and_artifacts(service: TestClient, store: SqlStore) -> None:
    store.store_run({
        "metadata": {"uid": "r1", "name": "prep", "project": "demo"},
        "status": {"state": "completed"},
    })  # fmt: skip
    store.store_artifact({
        "kind": "dataset", "metadata": {"key": "data", "project": "demo", "tree": "r1"},
        "spec": {"db_key": "data"},
    })  # fmt: skip
    _edge(store, "demo", "r1", "store://datasets/demo/data#0@r1", "write")
    _edge(store, "demo", "r2", "store://datasets/demo/data:latest", "read")
    _edge(store, "demo", "r2", "store://models/demo/net#0@r2", "write")
    place = "/api/v1/projects/demo/lineage"
    found = service.get(place, params={"uid": "r2"}).json()
    ids = {one["id"] for one in found["nodes"]}
    assert ids == {
        "run:demo/r1", "run:demo/r2", "artifact:demo/data#0@r1", "artifact:demo/net#0@r2",
    }  # fmt: skip
    assert {(one["from"], one["to"]) for one in found["edges"]} == {
        ("run:demo/r1", "artifact:demo/data#0@r1"),
        ("artifact:demo/data#0@r1", "run:demo/r2"),
        ("run:demo/r2", "artifact:demo/net#0@r2"),
    }
    labels: dict[str, Any] = {one["id"]: one for one in found["nodes"]}
    assert labels["run:demo/r1"]["label"] == "prep"
    assert labels["artifact:demo/net#0@r2"]["kind"] == "model"
    around = service.get(place, params={"uri": "store://datasets/demo/data"}).json()
    assert {one["id"] for one in around["nodes"]} == ids
    near = service.get(place, params={"uid": "r2", "depth": "1"}).json()
    assert "run:demo/r1" not in {one["id"] for one in near["nodes"]}
    few = service.get(place, params={"uid": "r2", "limit": "2"}).json()
    assert (len(few["nodes"]), few["truncated"]) == (2, True)
    for wrong in ({}, {"uid": "a", "uri": "b"}, {"uri": "x"}, {"uid": "a", "depth": "99"}):
        assert service.get(place, params=wrong).status_code == 400, wrong


def test_lineage_hides_names_of_other_projects(
    as_user: Callable[..., TestClient], store: SqlStore
) -> None:
    store.store_run({
        "metadata": {"uid": "hush", "name": "hush-name", "project": "secret"},
        "status": {"state": "completed"},
    })  # fmt: skip
    _edge(store, "demo", "r1", "store://datasets/demo/data#0@r1", "write")
    _edge(store, "secret", "hush", "store://datasets/demo/data#0@r1", "read")
    viewer = as_user("viewer", "demo")
    found = viewer.get("/api/v1/projects/demo/lineage", params={"uid": "r1"})
    assert "hush" not in found.text
    assert "secret" not in found.text
    assert [one["kind"] for one in found.json()["nodes"]].count("hidden") == 1
    other = {"uri": "store://datasets/secret/data"}
    assert viewer.get("/api/v1/projects/demo/lineage", params=other).status_code == 404


def test_ids_names_and_tags_are_found_however_old(
    service: TestClient, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)
    store.store_artifact(
        {
            "kind": "model",
            "metadata": {"key": "old-model", "project": "demo", "uid": "u1"},
            "spec": {"db_key": "old-model"},
        },
        tag="Champion",
    )
    for at in range(30):
        store.store_run({
            "metadata": {"uid": f"newer-{at}", "name": "other", "project": "demo"},
            "status": {"state": "completed", "start_time": "2027-01-01T00:00:00+00:00"},
        })  # fmt: skip
        store.store_artifact(
            {"kind": "model", "metadata": {"key": f"m{at}", "project": "demo"}, "spec": {}}
        )
    newest = {key: replace(row, rows=5) for key, row in search_data.KINDS.items()}
    monkeypatch.setattr(search_data, "KINDS", newest)
    for text, kind, name in (
        ("run-demo", "run", "fraud-train"), ("fraud-train", "run", "fraud-train"),
        ("Champion", "model", "old-model"), ("old-model champion", "model", "old-model"),
        ("old-model", "model", "old-model"),
    ):  # fmt: skip
        found = service.get(S, params={"q": text, "kind": kind, "project": "demo"}).json()
        assert [one["name"] for one in found["results"]] == [name], text
    assert service.get(S, params={"q": "old-model latest", "kind": "model"}).json()["results"] == []


def test_schedules_and_alerts_are_found(service: TestClient, store: SqlStore) -> None:
    store.store_schedule({
        "name": "nightly-train", "project": "demo", "kind": "job", "cron_trigger": "0 3 * * *",
        "scheduled_object": {},
    }, None)  # fmt: skip
    found = service.get(S, params={"q": "nightly", "kind": "schedule"}).json()["results"]
    assert [one["url"] for one in found] == ["/projects/demo/schedules/nightly-train"]
