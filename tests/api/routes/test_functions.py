"""Functions over HTTP: versions, source, differences; whose they are."""

from __future__ import annotations

import base64
from typing import Any

from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

P = "/api/v1/projects/demo/functions"


def _function(source: str, **spec: Any) -> dict[str, Any]:
    code = base64.b64encode(source.encode()).decode()
    return {
        "kind": "job",
        "metadata": {"name": "train", "labels": {"team": "a"}},
        "spec": {
            "build": {
                "functionSourceCode": code, "origin_filename": "/home/ann/train.py",
                "requirements": ["scikit-learn==1.5"],
            },
            "entry_points": {
                "train": {
                    "name": "train", "doc": "Train it.", "parameters": [{"name": "rate"}],
                }
            },
            "default_handler": "train", "environment": {"python": "3.11.7"},
            "env": [
                {"name": "A", "value": "1"},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            **spec,
        },
    }  # fmt: skip


def test_versions_source_and_differences(service: TestClient) -> None:
    first = service.put(f"{P}/train", params={"tag": "v1"}, json=_function("a = 1\nb = 2\n"))
    assert first.status_code == 201, first.text
    second = service.put(f"{P}/train", json=_function("a = 1\nb = 3\n", image="python:3.12"))
    assert first.json()["hash"] != second.json()["hash"]
    again = service.put(f"{P}/train", json=_function("a = 1\nb = 3\n", image="python:3.12"))
    assert again.json()["hash"] == second.json()["hash"]
    seen = service.get(f"{P}/train/overview").json()
    assert seen["source"] == {
        "name": "train.py", "text": "a = 1\nb = 3\n", "language": "python", "truncated": False,
    }  # fmt: skip
    assert seen["entry_points"][0]["doc"] == "Train it."
    assert seen["entry_points"][0]["default"] is True
    assert seen["requirements"] == ["scikit-learn==1.5"]
    assert seen["environment"]["python"] == "3.11.7"
    assert [one["name"] for one in seen["variables"]] == ["A", "S"]
    versions = service.get(f"{P}/train/versions").json()["versions"]
    assert [one["tags"] for one in versions] == [["latest"], ["v1"]]
    diff = service.get(f"{P}/train/diff", params={"before": "v1", "after": "latest"}).json()
    assert [(one["op"], one["text"]) for one in diff["lines"] if one["op"] in "+-"] == [
        ("-", "b = 2"), ("+", "b = 3"),
    ]  # fmt: skip
    assert [one["name"] for one in diff["fields"]] == ["image"]
    assert service.get(f"{P}/train/diff").status_code == 400
    assert service.get(f"{P}/train", params={"hash": first.json()["hash"]}).status_code == 200
    assert service.delete(f"{P}/train", params={"hash": first.json()["hash"]}).json() == {
        "name": "train", "deleted": 1,
    }  # fmt: skip
    assert service.get(f"{P}/train", params={"tag": "v1"}).status_code == 404
    assert service.delete(f"{P}/train").json()["deleted"] == 1
    assert service.delete(f"{P}/train").status_code == 404


def test_lists(service: TestClient, store: SqlStore) -> None:
    for number in range(5):
        document = _function(f"a = {number}")
        document["metadata"] |= {"name": f"f{number}", "labels": {"n": str(number % 2)}}
        assert service.put(f"{P}/f{number}", json=document).status_code == 201
    first = service.get(P, params={"page-size": 3, "sort": "name"}).json()
    token = first["pagination"]["page-token"]
    rest = service.get(P, params={"page-size": 3, "sort": "name", "page-token": token}).json()
    names = [one["metadata"]["name"] for one in first["functions"] + rest["functions"]]
    assert names == ["f0", "f1", "f2", "f3", "f4"]
    assert len(service.get(P, params={"label": "n=1"}).json()["functions"]) == 2
    assert len(service.get(P, params={"name": "~F"}).json()["functions"]) == 5
    rows = service.get(P, params={"format": "summary", "name": "f1"}).json()["functions"]
    assert (rows[0]["name"], rows[0]["handler"]) == ("f1", "train")


def test_broken_documents_and_sources(service: TestClient, store: SqlStore) -> None:
    for wrong in (
        {"metadata": {"name": "other"}},
        {"metadata": {"name": "train", "project": "other"}},
        {"metadata": 7},
        {},
        {"metadata": {"name": "train"}, "spec": {"timeout": "soon"}},
        {"metadata": {"name": "train"}, "spec": {"description": "a\0b"}},
    ):
        assert service.put(f"{P}/train", json=wrong).status_code in (400, 422), wrong
    bomb = base64.b64encode(b"\x1f\x8b\x08\x00junk").decode()
    for code in ("%%%", bomb, base64.b64encode(b"\xff\xfe").decode(), ""):
        store.store_function({
            "kind": "job", "metadata": {"name": "odd", "project": "demo"},
            "spec": {"build": {"functionSourceCode": code, "modules": {"m": code}}},
        })  # fmt: skip
        assert service.get(f"{P}/odd/overview").status_code == 200
    store.store_function({
        "kind": "job", "metadata": {"name": "odd", "project": "demo"},
        "spec": {"build": 3, "entry_points": [1], "env": {"a": 1}, "environment": "x"},
    })  # fmt: skip
    assert service.get(f"{P}/odd/overview").status_code == 200
    assert service.get(f"{P}/nothing/overview").status_code == 404
    assert service.get(f"{P}/nothing/versions").status_code == 404
