"""Feature sets and vectors over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import mlrun_like.feature_store as fstore
from mlrun_like.feature_store.targets import NoSqlTarget, ParquetTarget
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.routes.waiting import ended

P = "/api/v1/projects/fraud"
SETS, VECTORS = f"{P}/feature-sets", f"{P}/feature-vectors"


def users(name: str = "users", **spec: Any) -> dict[str, Any]:
    """A feature set's document."""
    return {
        "metadata": {"name": name, "labels": {"team": "a"}},
        "spec": {
            "entities": [{"name": "user", "value_type": "str"}],
            "features": [{"name": "age", "value_type": "int"}, {"name": "city"}],
            **spec,
        },
    }


def filled(folder: Path, project: str = "fraud") -> None:
    """A feature set with data, and a vector of it."""
    made = fstore.FeatureSet("users", entities=["user"])
    made.metadata.project = project
    made.set_targets(
        [ParquetTarget(path=str(folder / "p")), NoSqlTarget(path=str(folder / "kv.db"))],
        with_defaults=False,
    )
    made.ingest(pd.DataFrame({"user": ["ann", "bob"], "age": [30, 40]}))
    vector = fstore.FeatureVector("ages", ["users.age"])
    vector.metadata.project = project
    vector.save()


def test_a_set_is_stored_read_changed_and_deleted(service: TestClient) -> None:
    answer = service.post(SETS, json=users())
    assert answer.status_code == 201, answer.text
    uid = answer.json()["metadata"]["uid"]
    answer = service.put(f"{SETS}/users/references/prod", json=users(description="of the shop"))
    assert answer.status_code == 200, answer.text
    assert service.get(f"{SETS}/users/references/{uid}").json()["metadata"]["uid"] == uid
    prod = service.get(f"{SETS}/users/references/prod").json()
    assert prod["spec"]["description"] == "of the shop" and prod["metadata"]["uid"] != uid
    change = {"spec": {"description": "changed"}}
    answer = service.patch(f"{SETS}/users/references/prod", json=change)
    assert answer.json()["spec"]["description"] == "changed"
    assert [item["name"] for item in answer.json()["spec"]["features"]] == ["age", "city"]
    found = service.get(f"{SETS}/users", params={"tag": "prod"}).json()
    assert [(row["name"], row["role"]) for row in found["schema"]] == [
        ("user", "entity"),
        ("age", "feature"),
        ("city", "feature"),
    ]
    assert len(found["versions"]) == 3 and found["freshness"]["state"] == "unknown"
    assert any("prod" in row["tags"] for row in found["versions"])
    assert service.get(f"{SETS}/users/preview").json()["rows"] == []
    rows = service.get(f"{P}/features", params={"name": "~ag"}).json()["features"]
    assert rows[0]["feature"]["name"] == "age"
    assert rows[0]["feature_set_digest"]["metadata"]["name"] == "users"
    assert service.get(f"{P}/entities").json()["entities"][0]["entity"]["name"] == "user"
    assert service.delete(f"{SETS}/users/references/{uid}").status_code == 204
    assert service.get(f"{SETS}/users/references/{uid}").status_code == 404
    assert service.delete(f"{SETS}/users").status_code == 204
    assert service.get(f"{SETS}/users").status_code == 404
    assert service.delete(f"{SETS}/users").status_code == 404


def test_lists_are_filtered_and_paged(
    service: TestClient, as_user: Callable[..., TestClient]
) -> None:
    for name in ("a", "b", "c"):
        service.post(SETS, json=users(name))
    service.post("/api/v1/projects/theirs/feature-sets", json=users("secret"))

    def names(**query: str) -> list[str]:
        found = service.get(SETS, params={"format": "name_only", **query}).json()
        return list(found["feature_sets"])

    assert names() == ["a", "b", "c"] and names(sort="-name") == ["c", "b", "a"]
    assert names(name="~A") == ["a"] and names(label="team=b") == []
    assert names(entity="user") == ["a", "b", "c"] and names(feature="none") == []
    first = service.get(SETS, params={"page-size": "2", "format": "summary"}).json()
    assert [row["feature_count"] for row in first["feature_sets"]] == [2, 2]
    token = first["pagination"]["page-token"]
    assert names(**{"page-size": "2", "page-token": token}) == ["c"]
    viewer = as_user("viewer", "fraud")
    rows = viewer.get("/api/v1/feature-sets").json()["feature_sets"]
    assert {row["metadata"]["project"] for row in rows} == {"fraud"}
    assert viewer.get("/api/v1/projects/theirs/feature-sets").status_code == 404
    assert viewer.post(SETS, json=users("d")).status_code == 403
    assert viewer.delete(f"{SETS}/a").status_code == 403
    assert service.get(SETS, params={"format": "odd"}).status_code == 400


def test_what_is_no_definition_is_refused(service: TestClient) -> None:
    bad: list[Any] = [
        {},
        [],
        "x",
        {"metadata": {"name": "../x"}},
        {"metadata": {"name": "a"}, "spec": 5},
        {"metadata": {"name": "a"}, "spec": {"entities": 5}},
        {"metadata": {"name": "a"}, "spec": {"engine": "none"}},
        {"metadata": {"name": "a", "project": "other"}},
        {"metadata": {"name": "a"}, "kind": "FeatureVector"},
        {"metadata": {"name": "a"}, "spec": {"ttl": "soon"}},
        {"metadata": {"name": "a", "tag": "a b"}},
    ]
    for body in bad:
        answer = service.post(SETS, json=body)
        assert answer.status_code in (400, 422), (body, answer.text)
    assert service.put(f"{SETS}/b/references/x", json=users("a")).status_code == 422
    assert service.put(f"{SETS}/a/references/a b", json=users("a")).status_code == 400
    bad = [{}, {"metadata": {"name": "v"}, "spec": {"features": 5}}, {"spec": {"features": ["a"]}}]
    for body in bad:
        assert service.post(VECTORS, json=body).status_code in (400, 422), body
    assert service.get(SETS).json()["feature_sets"] == []


def test_rows_statistics_and_lineage_of_a_filled_set(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    filled(tmp_path)
    found = service.get(f"{SETS}/users").json()
    assert found["freshness"]["state"] == "fresh" and found["freshness"]["ttl"] is None
    assert found["statistics"]["age"]["mean"] == 35.0
    assert found["used_by"] == ["store://feature-vectors/fraud/ages"]
    assert {target["name"] for target in found["targets"]} == {"parquet", "nosql"}
    preview = service.get(f"{SETS}/users/preview", params={"rows": "1"}).json()
    assert set(preview["columns"]) == {"user", "age"} and len(preview["rows"]) == 1
    vector = service.get(f"{VECTORS}/ages").json()
    assert vector["uses"] and vector["features"] == ["users.age"]
    assert service.get(f"{VECTORS}/ages/references/latest").json()["metadata"]["name"] == "ages"


def test_features_of_entities_now(
    service: TestClient, tmp_path: Path, as_user: Callable[..., TestClient]
) -> None:
    filled(tmp_path)
    for _ in range(2):  # the second time by the service that is open
        answer = service.post(f"{VECTORS}/ages/get", json={"entities": [{"user": "bob"}]})
        assert answer.json() == {"vectors": [{"age": 40}], "errors": []}, answer.text
    many = {"entities": [{"user": "ann"}, {"user": "none"}], "as_list": True}
    assert service.post(f"{VECTORS}/ages/get", json=many).json()["vectors"][0] == [30]
    bad: list[Any] = [
        {},
        [],
        {"entities": 5},
        {"entities": [5]},
        {"entities": [{}]},
        {"entities": [{"user": "a"}] * 1001},
        {"entities": [], "other": 1},
        {"entities": [{"user": "a"}], "at": "never"},
    ]
    for body in bad:
        answer = service.post(f"{VECTORS}/ages/get", json=body)
        assert answer.status_code in (400, 422), (body, answer.text)
    assert service.post(f"{VECTORS}/none/get", json={"entities": []}).status_code == 404
    # a vector may not bring what its reader may not see
    developer = as_user("developer", "mine")
    vector = {"metadata": {"name": "theft"}, "spec": {"features": ["fraud/users.age"]}}
    place = "/api/v1/projects/mine/feature-vectors"
    assert developer.post(place, json=vector).status_code == 201
    answer = developer.post(f"{place}/theft/get", json={"entities": [{"user": "ann"}]})
    assert answer.status_code == 404, answer.text
    # steps of a graph would be code of a user in this process
    graph = {"steps": {"s": {"kind": "task", "class_name": "os.getcwd"}}}
    vector = {"metadata": {"name": "code"}, "spec": {"features": ["users.age"], "graph": graph}}
    assert service.post(VECTORS, json=vector).status_code == 201
    answer = service.post(f"{VECTORS}/code/get", json={"entities": [{"user": "ann"}]})
    assert answer.status_code == 409, answer.text


def test_a_set_is_filled_by_a_run_of_its_own(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    source = tmp_path / "users.csv"
    source.write_text("user,age\nann,30\nbob,40\n")
    target = {"name": "parquet", "kind": "parquet", "path": str(tmp_path / "out.parquet")}
    assert service.post(SETS, json=users(targets=[target], features=[])).status_code == 201
    body = {"source": {"kind": "csv", "path": str(source)}, "overwrite": True}
    task = ended(service, service.post(f"{SETS}/users/ingest", json=body))
    assert task["status"]["state"] == "succeeded", task
    assert task["status"]["result"]["state"] == "completed"
    found = service.get(f"{SETS}/users").json()
    assert found["statistics"]["age"]["count"] == 2
    for bad in ({"source": {"kind": "none"}}, {"source": 5}, {"other": 1}, {"targets": 5}, [1]):
        answer = service.post(f"{SETS}/users/ingest", json=bad)
        assert answer.status_code in (400, 404, 422), (bad, answer.text)
