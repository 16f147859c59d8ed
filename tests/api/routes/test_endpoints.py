"""Model endpoints, monitoring and Grafana's data source over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mlrun_like.tracking.monitoring_abilities import SeriesBatch
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor, WindowRow
from tests.api.client import TestClient

P = "/api/v1/projects/fraud"
ENDPOINTS, MONITORING = f"{P}/model-endpoints", f"{P}/model-monitoring"
GRAFANA = "/api/v1/grafana-proxy/model-endpoints"


def endpoint(store: SqlStore, uid: str = "e1", project: str = "fraud") -> None:
    """An endpoint with requests, and a result that speaks of drift."""
    now = time.time()
    store.store_endpoint(
        {
            "metadata": {"project": project, "uid": uid, "labels": {"team": "a"}},
            "spec": {"model": "cards:v1", "function_uri": f"{project}/serve", "name": "cards"},
            "status": {"feature_stats": {"age": {"mean": 3.0, "hist": [[1, 2], [0, 1, 2]]}}},
        }
    )
    summary = {"requests": 10, "errors": 1}
    store.append_batches(
        [SeriesBatch(project, uid, "events", f"{uid}-1", now - 60, now - 1, 10, b"", summary)]
    )
    result = ResultRow(
        project, uid, "drift", "general", "result", now - 60, now, 0.8, "data_drift", 2
    )
    metric = ResultRow(project, uid, "drift", "mean", "metric", now - 60, now, 0.5)
    window = WindowRow(now - 60, now, "done", 10)
    cursor = WindowCursor(project, uid, "drift", now)
    assert store.commit_windows([WindowCommit(cursor, None, [window], [result, metric])]) == [True]


def test_endpoints_with_their_health(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    endpoint(store)
    endpoint(store, "e2", "theirs")
    rows = service.get(ENDPOINTS, params={"format": "summary"}).json()["endpoints"]
    assert [(row["uid"], row["requests"], row["drift_status"]) for row in rows] == [("e1", 10, 2)]
    documents = service.get(ENDPOINTS, params={"label": "team=a"}).json()["endpoints"]
    assert documents[0]["status"]["requests"] == 10
    assert service.get(ENDPOINTS, params={"label": "team=b"}).json()["endpoints"] == []
    found = service.get(f"{ENDPOINTS}/e1", params={"feature_analysis": "true"}).json()
    assert found["status"]["features"][0]["name"] == "age"
    health = service.get(f"{ENDPOINTS}/e1/health").json()
    assert health["series"]["drift.general"][0][1:] == [0.8, 2] and health["windows"]
    assert service.get(f"{ENDPOINTS}/e1/features").json()["features"][0]["name"] == "age"
    names = service.get(f"{ENDPOINTS}/e1/metrics").json()["metrics"]
    assert [row["full_name"] for row in names] == [
        "fraud.drift.metric.mean",
        "fraud.drift.result.general",
    ]
    asked = [row["full_name"] for row in names] + ["fraud.none.result.x"]
    values = service.get(f"{ENDPOINTS}/e1/metrics-values", params={"name": asked}).json()["metrics"]
    assert [row["data"] for row in values] == [True, True, False]
    assert values[1]["result_kind"] == "data_drift" and values[1]["values"][0][1:] == [0.8, 2]
    place = f"{ENDPOINTS}/e1/metrics-values"
    assert service.get(place).status_code == 400
    assert service.get(place, params={"name": "theirs.drift.result.general"}).status_code == 404
    viewer = as_user("viewer", "fraud")
    rows = viewer.get("/api/v1/model-endpoints").json()["endpoints"]
    assert [row["project"] for row in rows] == ["fraud"]
    assert viewer.delete(f"{ENDPOINTS}/e1").status_code == 403
    assert viewer.get("/api/v1/projects/theirs/model-endpoints/e2").status_code == 404
    for path in ("none", "none/health", "none/features", "none/metrics"):
        assert service.get(f"{ENDPOINTS}/{path}").status_code == 404


def test_an_endpoint_is_made_changed_and_deleted(service: TestClient) -> None:
    body = {"metadata": {"uid": "e9"}, "spec": {"model": "m:1", "function_uri": "fraud/f"}}
    answer = service.post(ENDPOINTS, json=body)
    assert answer.status_code == 201, answer.text
    assert service.put(f"{ENDPOINTS}/e9", json=answer.json()).status_code == 200
    answer = service.patch(f"{ENDPOINTS}/e9", json={"spec.monitoring_mode": "disabled"})
    assert answer.json()["spec"]["monitoring_mode"] == "disabled", answer.text
    answer = service.post(f"{MONITORING}/mode", json={"mode": "enabled", "uid": "e9"})
    assert answer.json()["endpoints"][0]["spec"]["monitoring_mode"] == "enabled"
    assert service.post(f"{MONITORING}/mode", json={"mode": "odd"}).status_code == 400
    bad: list[Any] = [{}, [], {"metadata": 5}, {"metadata": {"uid": "a", "project": "other"}}]
    bad += [{"metadata": {"uid": 5}}, {"metadata": {"uid": "a"}, "spec": {"model": [1]}}]
    for given in bad:
        assert service.post(ENDPOINTS, json=given).status_code in (400, 422), given
    for change in ({"odd": 1}, {"spec.model": {"a": 1}}, {"spec.odd": 1}, [1], {"metadata": 5}):
        answer = service.patch(f"{ENDPOINTS}/e9", json=change)
        assert answer.status_code in (400, 422), (change, answer.text)
    assert service.patch(f"{ENDPOINTS}/none", json={}).status_code == 404
    assert service.delete(f"{ENDPOINTS}/e9").status_code == 204
    assert service.delete(f"{ENDPOINTS}/e9").status_code == 404


def test_monitoring_is_switched_on_and_off(service: TestClient, store: SqlStore) -> None:
    store.store_project({"metadata": {"name": "fraud"}, "spec": {}})
    assert service.get(MONITORING).json()["applications"] == []
    answer = service.put(MONITORING, json={"base_period": 5})
    assert answer.status_code == 200, answer.text
    assert answer.json()["enabled"] is True and "data-drift" in answer.json()["applications"]
    assert store.read_project("fraud")["spec"]["monitoring"]["base_period"] == 5
    names = service.get(f"{MONITORING}/applications").json()["applications"]
    assert {row["metadata"]["name"] for row in names} >= {"data-drift"}
    assert service.get(f"{MONITORING}/applications/data-drift").json()["cursors"] == []
    assert service.delete(f"{MONITORING}/applications/data-drift").status_code == 204
    assert service.delete(f"{MONITORING}/applications/data-drift").status_code == 404
    assert service.delete(MONITORING).json()["enabled"] is False
    endpoint(store)
    rows = service.get(f"{MONITORING}/windows").json()["windows"]
    assert rows[0]["endpoint"] == "e1" and rows[0]["state"] == "done"
    assert service.get(f"{MONITORING}/work").status_code == 200
    for bad in ({"base_period": 0}, {"base_period": "x"}, {"base_period": True}, [1],
                {"default_applications": "x"}, {"default_applications": ["none"]}):  # fmt: skip
        assert service.put(MONITORING, json=bad).status_code in (400, 422), bad


def test_grafana_sees_what_its_user_may_see(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    endpoint(store)
    endpoint(store, "e2", "theirs")

    def asked(client: TestClient, target: Any) -> Any:
        return client.post(f"{GRAFANA}/query", json={"targets": [{"target": target}]})

    assert service.get(GRAFANA).status_code == 200
    viewer = as_user("viewer", "fraud")
    table = asked(viewer, "target_endpoint=list_endpoints;project=fraud").json()
    assert [row[0] for row in table[0]["rows"]] == ["e1"]
    assert asked(viewer, "target_endpoint=list_endpoints;project=theirs").status_code == 404
    two = "target_endpoint=list_endpoints;project=fraud;project=theirs"
    assert asked(viewer, two).status_code == 404
    assert asked(viewer, "target_endpoint=list_endpoints;project=th\\eirs").status_code == 404
    assert asked(viewer, "target_endpoint=list_endpoints").status_code == 400
    assert asked(viewer, "target_endpoint=list_endpoints;project=*").status_code == 404
    assert len(asked(service, "target_endpoint=list_endpoints").json()[0]["rows"]) == 2
    found = viewer.post(f"{GRAFANA}/search", json={"target": "target_endpoint=list_projects"})
    assert found.json() == ["fraud"]
    one = "target_endpoint=individual_feature_analysis;project=fraud;endpoint_id=e1"
    assert asked(viewer, one).json()[0]["rows"][0][0] == "age"
    for bad in ("", None, 5, "odd", "target_endpoint=odd", [1]):
        assert asked(service, bad).status_code in (400, 422), bad
    bad_bodies: list[Any] = [{}, [], {"targets": 5}, {"targets": [5]}, {"targets": "x"}]
    for body in bad_bodies:
        answer = service.post(f"{GRAFANA}/query", json=body)
        assert answer.status_code in (400, 422), (body, answer.text)
