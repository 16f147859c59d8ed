"""Artifacts over HTTP: records by the page, previews, downloads, tags, deletion, access."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.artifacts.artifact import DatasetArtifact, ModelArtifact
from mlrun_like.artifacts.base import Artifact
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document
from tests.api.client import TestClient

P = "/api/v1/projects/demo/artifacts"
AsUser = Callable[..., TestClient]


def put(store: SqlStore, key: str, *, tag: str = "", **fields: Any) -> Document:
    """An artifact in the store."""
    artifact = Artifact(key, project="demo", **fields)
    artifact.metadata.tree = fields.get("tree", "") or "t1"
    document = artifact.to_dict()
    document["spec"]["db_key"] = key
    store.store_artifact(document, tag=tag)
    return document


def test_pages_of_a_list(service: TestClient, store: SqlStore) -> None:
    for number in range(25):
        put(store, f"a{number:02}", body=f"{number}", is_inline=True, labels={"n": str(number % 2)})
    names: list[str] = []
    token = ""
    for _ in range(3):
        found = service.get(P, params={"page-size": 10, "page-token": token, "sort": "name"}).json()
        names += [one["metadata"]["key"] for one in found["artifacts"]]
        token = found["pagination"]["page-token"]
    assert names == [f"a{number:02}" for number in range(25)]
    assert token is None
    odd = service.get(P, params={"label": "n=1", "format": "summary"}).json()["artifacts"]
    assert len(odd) == 12
    assert odd[0]["uri"].startswith("store://artifacts/demo/")
    assert len(service.get(P, params={"name": "~A1"}).json()["artifacts"]) == 10
    assert service.get(P, params={"page-token": "junk"}).status_code == 400
    assert service.get(P, params={"sort": "size"}).status_code == 400
    assert service.get(P, params={"since": "yesterday"}).status_code in (400, 422)
    assert service.get(P, params={"iter": "x"}).status_code == 400
    assert service.get(P, params={"name": "a\0b"}).status_code == 400


def test_versions_and_tags(service: TestClient, store: SqlStore) -> None:
    for text in ("one", "two"):
        put(store, "note", body=text, is_inline=True, tree=text)
    first = service.get(f"{P}/note", params={"tree": "one"}).json()["artifact"]["metadata"]["uid"]
    assert service.get(f"{P}/note").json()["artifact"]["spec"]["inline"] == "two"
    given = service.put(f"{P}/note/tags/good", params={"uid": first})
    assert given.status_code == 200, given.text
    assert (
        service.get(f"{P}/note", params={"tag": "good"}).json()["artifact"]["spec"]["inline"]
        == "one"
    )
    overview = service.get(f"{P}/note/overview", params={"uid": first}).json()
    assert [one["tags"] for one in overview["versions"]] == [["latest"], ["good"]]
    assert overview["download_url"].endswith(f"/note/download?uid={first}")
    assert service.get(overview["download_url"]).content == b"one"
    assert service.put(f"{P}/note/tags/b%20d").status_code == 400
    assert service.get(f"{P}/note", params={"uid": "nothing"}).status_code == 404
    assert service.delete(f"{P}/note", params={"uid": first}).json()["deleted"] == 1
    assert service.get(f"{P}/note", params={"tag": "good"}).status_code == 404
    assert service.get(f"{P}/note").status_code == 200


def test_storing_a_record(service: TestClient) -> None:
    body = {"kind": "", "metadata": {"key": "a", "tree": "t"}, "spec": {"inline": "hello"}}
    made = service.put(f"{P}/a", params={"tag": "v1"}, json=body)
    assert made.status_code == 201, made.text
    assert service.get(f"{P}/a", params={"tag": "v1"}).json()["artifact"]["spec"]["inline"] == (
        "hello"
    )
    documents: tuple[Any, ...] = (
        {"metadata": {"key": "b"}},
        {"metadata": {"key": "a", "project": "other"}},
        {"spec": {}},
        {"metadata": {"key": "a", "labels": {"x": "<script>"}}},
        {"metadata": {"key": "a"}, "spec": {"inline": "a\0b"}},
        {"metadata": {"key": "a", "iter": "many"}},
        {"metadata": []},
        {"metadata": {"key": "a"}, "spec": [1]},
    )
    for wrong in documents:
        assert service.put(f"{P}/a", json=wrong).status_code in (400, 422), wrong
    assert service.put(f"{P}/..%2fb", json={"metadata": {"key": "../b"}}).status_code in (
        400, 404, 405, 422,
    )  # fmt: skip


def test_a_data_set_is_previewed_from_its_file(
    service: TestClient, store: SqlStore, home: Path
) -> None:
    frame = pd.DataFrame({"x": range(500), "name": [f"n{n}" for n in range(500)]})
    path = home / "artifacts/demo/t/data.parquet"
    path.parent.mkdir(parents=True)
    frame.to_parquet(path, row_group_size=100)
    artifact = DatasetArtifact("data", df=frame, project="demo", target_path=str(path))
    artifact.spec.db_key = "data"
    artifact.spec.digest = hashlib.sha256(path.read_bytes()).hexdigest()
    store.store_artifact(artifact.to_dict())
    found = service.get(
        f"{P}/data/preview", params={"offset": 150, "rows": 3, "column": "name"}
    ).json()
    assert found["kind"] == "table"
    assert found["data"]["rows"] == [["n150"], ["n151"], ["n152"]]
    assert found["data"]["total"] == 500
    assert service.get(f"{P}/data/preview", params={"column": "nothing"}).status_code == 400
    down = service.get(f"{P}/data/download")
    assert down.content == path.read_bytes()
    assert down.headers["x-content-sha256"] == artifact.spec.digest
    part = service.get(f"{P}/data/download", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PAR1")
    path.unlink()
    remembered = service.get(f"{P}/data/preview").json()
    assert (remembered["kind"], remembered["truncated"]) == ("table", True)
    assert "not there" in remembered["note"]


def test_pages_and_pictures_cannot_act(service: TestClient, store: SqlStore) -> None:
    evil = "<script>fetch('/api/v1/projects')</script>"
    put(store, "page", body=evil, is_inline=True, format="html")
    put(store, "drawing", body=f"<svg xmlns='x'>{evil}</svg>", is_inline=True, format="svg")
    put(store, "text", body=evil, is_inline=True, format="txt")
    for key, kind, media in (
        ("page", "html", "text/html; charset=utf-8"),
        ("drawing", "svg", "image/svg+xml"),
    ):
        shown = service.get(f"{P}/{key}/preview").json()
        assert shown["kind"] == kind
        assert "fetch" not in str(shown)
        view = service.get(shown["data"]["url"])
        assert view.headers["content-type"] == media
        policy = view.headers["content-security-policy"]
        assert "sandbox" in policy
        assert "allow-same-origin" not in policy
        assert "default-src 'none'" in policy
        assert "connect-src" not in policy
        assert view.headers["x-content-type-options"] == "nosniff"
    assert "script-src" not in service.get(f"{P}/drawing/view").headers["content-security-policy"]
    assert service.get(f"{P}/text/view").status_code == 400
    down = service.get(f"{P}/page/download")
    assert down.headers["content-type"] == "application/octet-stream"
    assert down.headers["content-disposition"].startswith("attachment")


# one test with many places: making the app takes longer than all of them
PLACES = [
    "/etc/passwd",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "service://other/secret.txt",
    "service://demo/../other/secret.txt",
    "{home}/artifacts/other/secret.txt",
    "{home}/artifacts/demo/../other/secret.txt",
    "file://{home}/artifacts/demo/%2e%2e/other/secret.txt",
    "{home}/store.db",
    "http://127.0.0.1:1/x",
    "http://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "s3://bucket/key",
    "memory://x",
    "store://artifacts/other/secret",
    "ftp://host/file",
    "sftp://host/file",
    "simplecache::file:///etc/passwd",
    "filecache::http://127.0.0.1/",
    "github://x:y@/z",
    "data:text/plain,hello",
    "~/.ssh/id_rsa",
    "secret.txt",
    "{home}/artifacts/demo/link",
]


def test_records_that_point_elsewhere_open_nothing(
    service: TestClient, store: SqlStore, home: Path
) -> None:
    other = home / "artifacts/other/secret.txt"
    other.parent.mkdir(parents=True)
    other.write_text("TOP SECRET")
    (home / "artifacts/demo").mkdir()
    (home / "artifacts/demo/link").symlink_to(other)
    for place in PLACES:
        put(store, "evil", target_path=place.format(home=home), format="txt")
        shown = service.get(f"{P}/evil/preview")
        for answer in (
            shown,
            service.get(f"{P}/evil/download"),
            service.get(f"{P}/evil/view"),
            service.get(f"{P}/evil/preview", params={"path": "../other/secret.txt"}),
            service.get("/api/v1/projects/demo/files", params={"path": place.format(home=home)}),
            service.delete(f"{P}/evil", params={"data": "true"}),
        ):
            assert answer.status_code < 500, (place, answer.text)
            assert "SECRET" not in answer.text
            assert "root:" not in answer.text
            assert "SQLite" not in answer.text
        if shown.status_code == 200:
            assert shown.json()["kind"] in ("refused", "binary", "missing")
    assert other.read_text() == "TOP SECRET"


def test_a_model_shows_its_record_its_files_and_its_card(
    service: TestClient, store: SqlStore, home: Path
) -> None:
    folder = home / "artifacts/demo/t/net"
    folder.mkdir(parents=True)
    (folder / "net.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    (folder / "README.md").write_text("# Net\n<img src=x onerror=alert(1)>")
    model = ModelArtifact("net", project="demo", model_file="net.pkl", target_path=str(folder))
    model.spec.metrics, model.spec.db_key = {"auc": 0.9}, "net"
    store.store_artifact(model.to_dict())
    found = service.get(f"{P}/net/preview").json()
    assert found["kind"] == "model"
    assert found["data"]["metrics"] == {"auc": 0.9}
    assert found["data"]["files"] == ["README.md", "net.pkl"]
    assert "<img" not in found["data"]["card"]["html"]
    file = service.get(f"{P}/net/preview", params={"path": "net.pkl"}).json()
    assert (file["kind"], "runs code" in file["note"]) == ("binary", True)
    assert service.get(f"{P}/net/download", params={"path": "README.md"}).status_code == 200
    assert service.get(f"{P}/net/download").status_code == 404
    assert service.get(f"{P}/net/download", params={"path": "../../x"}).status_code == 400


def test_files_go_with_their_last_record(service: TestClient, store: SqlStore, home: Path) -> None:
    for name in ("one", "two"):
        service.put(f"/api/v1/projects/demo/files/{name}.txt", content=name.encode())
    put(store, "a", target_path="service://demo/one.txt")
    put(store, "b", target_path="service://demo/one.txt")
    put(store, "c", target_path="service://demo/two.txt")
    first = service.delete(f"{P}/a", params={"data": "true"}).json()
    assert first == {"deleted": 1, "files": 0, "problems": []}
    assert service.delete(f"{P}/c").json()["deleted"] == 1
    assert (home / "artifacts/demo/two.txt").exists()
    last = service.delete(f"{P}/b", params={"data": "true", "all": "true"}).json()
    assert last["files"] == 1
    assert not (home / "artifacts/demo/one.txt").exists()
    assert service.delete(f"{P}/b").status_code == 404


def test_many_are_deleted_in_the_background(service: TestClient, store: SqlStore) -> None:
    for number in range(30):
        put(store, f"a{number}", body="x", is_inline=True)
    begun = service.post(f"{P}/delete", json={"artifacts": [{"key": f"a{n}"} for n in range(29)]})
    assert begun.status_code == 202, begun.text
    place = begun.headers["location"]
    for _ in range(500):
        task = service.get(place).json()
        state = task.get("status", {}).get("state") or task["task"]["status"]["state"]
        if state in ("succeeded", "failed"):
            break
    assert state == "succeeded"
    left = service.get(P).json()["artifacts"]
    assert [one["metadata"]["key"] for one in left] == ["a29"]
    lists: tuple[Any, ...] = ({}, *({"artifacts": one} for one in ([], [1], [{"key": "../x"}], 3)))
    for wrong in lists:
        assert service.post(f"{P}/delete", json=wrong).status_code in (400, 422)


def test_whose_artifacts_are_seen(as_user: AsUser, service: TestClient, store: SqlStore) -> None:
    put(store, "a", body="x", is_inline=True)
    store.store_artifact(
        {"metadata": {"key": "b", "project": "other"}, "spec": {"inline": "secret"}}
    )
    viewer = as_user("viewer", "demo")
    assert viewer.get(f"{P}/a").status_code == 200
    assert viewer.get("/api/v1/projects/other/artifacts/b").status_code == 404
    seen = viewer.get("/api/v1/artifacts").json()["artifacts"]
    assert [one["metadata"]["key"] for one in seen] == ["a"]
    assert as_user("", "demo").get("/api/v1/artifacts").json()["artifacts"] == []
    assert viewer.delete(f"{P}/a").status_code == 403
    assert viewer.put("/api/v1/projects/demo/files/x", content=b"x").status_code == 403
    developer = as_user("developer", "demo")
    assert developer.put("/api/v1/projects/demo/files/x", content=b"x").status_code == 201
    assert viewer.get("/api/v1/projects/demo/files/x").content == b"x"
