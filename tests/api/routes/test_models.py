"""The registry over HTTP: versions, aliases, stages, promotion, the way back, who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.artifacts.artifact import ModelArtifact
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

P = "/api/v1/projects/demo/models"


def _log(store: SqlStore, count: int = 3) -> None:
    for number in range(1, count + 1):
        model = ModelArtifact("net", project="demo", model_file="net.onnx")
        model.spec.metrics, model.spec.db_key = {"auc": 0.8 + number / 100}, "net"
        model.spec.parameters = {"rate": number // 2}
        model.metadata.tree = f"t{number}"
        store.store_artifact(model.to_dict())


def test_promotion_and_the_way_back(as_user: Callable[..., TestClient], store: SqlStore) -> None:
    _log(store)
    ann = as_user("developer", "demo", name="ann")
    assert ann.get(P).json()["models"][0]["versions"] == 3
    for number in (1, 2):
        done = ann.post(f"{P}/net/promote", json={"version": number, "why": "better"})
        assert done.status_code == 200, done.text
    seen = ann.get(f"{P}/net").json()
    assert seen["aliases"] == {"champion": 2}
    assert [one["stage"] for one in seen["versions"]] == ["none", "production", "archived"]
    assert {one["who"] for one in seen["history"]} == {"ann"}
    assert seen["history"][0]["why"] == "better"
    back = ann.post(f"{P}/net/rollback", json={"why": "worse after all"})
    assert back.json()["version"] == 1
    assert ann.get(f"{P}/net").json()["aliases"] == {"champion": 1}
    assert ann.post(f"{P}/net/rollback", json={}).status_code == 409


def test_gates_of_recorded_numbers(service: TestClient, store: SqlStore) -> None:
    _log(store)
    low = service.post(f"{P}/net/promote", json={"version": 1, "gates": ["auc >= 0.9"]})
    assert (low.status_code, low.json()["accepted"]) == (409, False)
    required = service.post(f"{P}/net/promote", json={"version": 1, "require_gates": True})
    assert required.status_code == 409
    good = service.post(f"{P}/net/promote", json={"version": 3, "gates": ["auc >= 0.8"]})
    assert good.status_code == 200, good.text
    assert service.get(f"{P}/net").json()["versions"][0]["gates"][0]["passed"] is True
    for gate in ("smoke", {"gate": "latency", "p99": 1}, 7, "os.system('x')"):
        refused = service.post(f"{P}/net/promote", json={"version": 3, "gates": [gate]})
        assert refused.status_code == 400, gate


def test_aliases_and_stages(service: TestClient, store: SqlStore) -> None:
    _log(store)
    place = f"{P}/net/aliases/shadow"
    assert service.put(place, json={"version": 1, "expected": None}).status_code == 200
    late = service.put(place, json={"version": 2, "expected": None})
    assert late.status_code == 409
    assert service.put(place, json={"version": "latest", "expected": 1}).json()["version"] == 3
    assert service.delete(place, params={"why": "over"}).json()["deleted"] is True
    assert service.delete(place).status_code == 404
    moved = service.put(f"{P}/net/versions/1/stage", json={"stage": "staging"})
    assert moved.json()["stage"] == "staging"
    assert service.put(f"{P}/net/versions/2/stage", json={"stage": "production"}).status_code == 409
    stages: tuple[Any, ...] = ({}, {"stage": "heaven"}, {"stage": 3})
    for body in stages:
        assert service.put(f"{P}/net/versions/1/stage", json=body).status_code == 400
    versions: tuple[Any, ...] = ({}, {"version": 0}, {"version": True}, {"version": []})
    for body in versions:
        assert service.put(place, json=body).status_code == 400
    assert service.put(f"{P}/net/aliases/latest", json={"version": 1}).status_code == 400
    assert service.put(f"{P}/net/aliases/a%20b", json={"version": 1}).status_code == 400
    assert service.put(place, json={"version": 99}).status_code == 404
    assert service.get(f"{P}/nothing").status_code == 404


def test_versions_side_by_side(service: TestClient, store: SqlStore) -> None:
    _log(store)
    found = service.get(f"{P}/net/comparison", params={"version": ["1", "3"]}).json()
    (auc,) = found["metrics"]
    assert auc == {"name": "auc", "values": pytest.approx([0.81, 0.83]), "differs": True}
    assert found["parameters"][0]["values"] == [0, 1]
    assert service.get(f"{P}/net/comparison", params={"version": "1"}).status_code == 400


def test_viewers_look_only(as_user: Callable[..., TestClient], store: SqlStore) -> None:
    _log(store)
    viewer = as_user("viewer", "demo")
    assert viewer.get(f"{P}/net").status_code == 200
    assert viewer.post(f"{P}/net/promote", json={"version": 1}).status_code == 403
    assert viewer.put(f"{P}/net/aliases/x", json={"version": 1}).status_code == 403
