"""The hub over HTTP: sources, catalogue, items, and using one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.marketplace.catalogues import mlrun_hub, write

HUB = "/api/v1/hub"


def source(name: str, path: Path | str, index: int = -1) -> dict[str, Any]:
    """MLRun's form of a source."""
    inner = {"metadata": {"name": name}, "spec": {"path": str(path), "channel": "master"}}
    return {"index": index, "source": inner}


def test_sources_are_the_servers_and_everybody_reads_them(
    service: TestClient, tmp_path: Path, as_user: Callable[..., TestClient]
) -> None:
    mlrun_hub(tmp_path / "a")
    assert service.post(f"{HUB}/sources", json=source("a", tmp_path / "a")).status_code == 201
    assert service.put(f"{HUB}/sources/b", json=source("b", "/none", 1)).status_code == 200
    user = as_user("developer", "fraud")
    rows = user.get(f"{HUB}/sources").json()["sources"]
    assert [row["source"]["metadata"]["name"] for row in rows] == ["b", "a", "default"]
    assert user.get(f"{HUB}/sources/a").json()["index"] == 2
    assert user.post(f"{HUB}/sources", json=source("c", "/x")).status_code == 403
    assert user.put(f"{HUB}/sources/a", json=source("a", "/x")).status_code == 403
    assert user.delete(f"{HUB}/sources/a").status_code == 403
    assert user.post(f"{HUB}/sources/a/refresh").status_code == 403
    assert service.post(f"{HUB}/sources/a/refresh").json()["items"] == 2
    bad: list[Any] = [{}, [], source("../a", "/x"), source("a", ""), source("a", "http://u:p@h/")]
    bad += [
        {"source": {"metadata": {"name": "a"}, "spec": {"path": "/x", "credentials": {"a": 1}}}}
    ]
    for body in bad:
        assert service.post(f"{HUB}/sources", json=body).status_code in (400, 422), body
    assert service.delete(f"{HUB}/sources/b").status_code == 204
    assert service.delete(f"{HUB}/sources/b").status_code == 404


def test_the_catalogue_is_searched(service: TestClient, tmp_path: Path) -> None:
    config.hub_shipped = False
    mlrun_hub(tmp_path / "a")
    service.post(f"{HUB}/sources", json=source("a", tmp_path / "a"))
    service.post(f"{HUB}/sources", json=source("gone", tmp_path / "none"))
    found = service.get(f"{HUB}/catalog").json()
    assert [row["metadata"]["name"] for row in found["items"]] == ["describe", "verify"]
    assert found["categories"] == {"data": 1}
    told = {row["name"]: row for row in found["sources"]}
    assert told["gone"]["error"] and told["a"]["error"] == "" and told["a"]["items"] == 2

    def names(**query: str) -> list[str]:
        rows = service.get(f"{HUB}/catalog", params=query).json()["items"]
        return [row["metadata"]["name"] for row in rows]

    assert names(text="LOOKS data") == ["describe"] and names(text="none") == []
    assert names(kind="steps") == ["verify"] and names(category="data") == ["describe"]
    assert names(tag="*") == ["describe", "describe", "verify"] and names(tag="1.1.0") == [
        "describe"
    ]
    assert service.get(f"{HUB}/catalog", params={"kind": "odd"}).status_code == 400
    assert service.get(f"{HUB}/sources/none/items").status_code == 404
    first = service.get(f"{HUB}/sources/a/items", params={"page-size": "1"}).json()
    assert len(first["items"]) == 1 and first["pagination"]["page-token"]


def test_an_item_with_its_files(service: TestClient, tmp_path: Path) -> None:
    mlrun_hub(tmp_path / "a")
    write(tmp_path, "a/functions/master/describe/latest/src/README.md", "# Describe")
    service.post(f"{HUB}/sources", json=source("a", tmp_path / "a"))
    found = service.get(f"{HUB}/sources/a/items/describe").json()
    assert found["function"]["kind"] == "job" and found["digest"].startswith("sha256:")
    assert found["readme"] == "# Describe" and found["code"].startswith("def run")
    assert [row["tag"] for row in found["versions"]] == ["1.1.0", "latest"]
    assert 'import_function("hub://a/describe")' in found["use"][1]
    place = f"{HUB}/sources/a/item-object"
    url = "functions/master/describe/latest/src/describe.py"
    answer = service.get(place, params={"url": url})
    assert answer.content.startswith(b"def run")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]
    answer = service.get(place, params={"name": "describe", "path": "source"})
    assert answer.content.startswith(b"def run")
    item = "functions/master/describe/latest"
    for bad in (
        *("../../etc/passwd", f"{item}/../../../../x", "/etc/passwd", "a", "a%00b"),
        f"{item}/src/none.py",
    ):
        answer = service.get(place, params={"url": bad})
        assert answer.status_code in (400, 404), (bad, answer.text)
        answer = service.get(place, params={"name": "describe", "path": bad})
        assert answer.status_code in (400, 404), (bad, answer.text)
    assert service.get(f"{HUB}/sources/a/items/none").status_code == 404
    assert service.get(f"{HUB}/sources/a/items/..%2f..").status_code in (400, 404)


def test_an_item_is_used_in_a_project(
    service: TestClient, store: SqlStore, tmp_path: Path, as_user: Callable[..., TestClient]
) -> None:
    mlrun_hub(tmp_path / "a")
    service.post(f"{HUB}/sources", json=source("a", tmp_path / "a"))
    use = "/api/v1/projects/fraud/hub/use"
    developer, viewer = as_user("developer", "fraud"), as_user("viewer", "fraud")
    body = {"url": "hub://a/describe:1.1.0", "name": "mine", "tag": "prod"}
    assert viewer.post(use, json=body).status_code == 403
    answer = developer.post(use, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["function"]["metadata"]["name"] == "mine"
    kept = store.read_function("fraud", "mine", tag="prod")
    assert kept["metadata"]["annotations"]["hub/item"] == "hub://a/describe:1.1.0"
    step = developer.post(use, json={"source": "a", "item": "verify"})
    assert step.json()["function"]["spec"]["default_class"] == "Verify"
    bad: list[Any] = [
        {},
        [],
        {"url": "http://x/y"},
        {"url": "hub://a/b/c/d"},
        {"url": "hub://a/../x"},
    ]
    bad += [
        {"url": "hub://a/none"},
        {"url": 5},
        {"item": "describe", "tag": "a b"},
        {"item": "../x"},
    ]
    for given in bad:
        answer = developer.post(use, json=given)
        assert answer.status_code in (400, 404, 422), (given, answer.text)
    assert developer.post("/api/v1/projects/theirs/hub/use", json=body).status_code == 404
