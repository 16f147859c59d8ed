"""Projects as files over HTTP: out, in again, and files that were made to do harm."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document
from tests.api.client import TestClient
from tests.api.pages.filled import PROJECT, fill

API = "/api/v1"


def _ended(client: TestClient, answer: object) -> Document:
    assert answer.status_code == 202, answer.text  # type: ignore[attr-defined]
    client.app.state.service.tasks.wait(60)  # type: ignore[attr-defined]
    found: Document = client.get(answer.headers["location"]).json()  # type: ignore[attr-defined]
    status: Document = found["status"]
    return status


def _export(client: TestClient, project: str, query: str = "") -> bytes:
    told = _ended(client, client.post(f"{API}/projects/{project}/bundles{query}"))
    assert told["state"] == "succeeded", told
    listed = client.get(f"{API}/projects/{project}/bundles").json()["bundles"]
    assert told["result"]["name"] in {row["name"] for row in listed}
    answer = client.get(told["result"]["address"])
    assert answer.headers["content-type"] == "application/zip"
    assert len(answer.content) == told["result"]["size"]
    return bytes(answer.content)


def _packed(members: dict[str, bytes], project: str = "evil") -> bytes:
    out = io.BytesIO()
    rows = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    manifest = {
        "format": "mlrun-like-project", "version": 1, "project": project, "members": rows,
    }  # fmt: skip
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return out.getvalue()


_TABLES = {
    "project.yaml": b"kind: project\nmetadata:\n  name: evil\n",
    "functions.jsonl": b"",
    "artifacts.jsonl": b"",
    "runs.jsonl": b"",
    "metrics.jsonl": b"",
}


def test_a_project_goes_out_and_comes_in_under_another_name(
    service: TestClient, store: SqlStore
) -> None:
    found = fill(store, config.path("artifacts") / PROJECT, runs=3)
    data = _export(service, PROJECT)
    told = _ended(service, service.post(f"{API}/project-bundles?name=copy", content=data))
    assert told["state"] == "succeeded", told
    assert told["result"]["project"] == "copy"
    runs = service.get(f"{API}/projects/copy/runs?page-size=1000").json()["runs"]
    assert found.done in {row["metadata"]["uid"] for row in runs}
    listed = service.get(f"{API}/projects/copy/artifacts?page-size=1000").json()["artifacts"]
    before = service.get(f"{API}/projects/{PROJECT}/artifacts?page-size=1000").json()["artifacts"]
    assert {one["metadata"]["key"] for one in listed} == {one["metadata"]["key"] for one in before}
    sent = 0
    for one in listed:
        key = one["metadata"]["key"]
        answer = service.get(f"{API}/projects/copy/artifacts/{key}/download")
        old = service.get(f"{API}/projects/{PROJECT}/artifacts/{key}/download")
        if old.status_code == 200:
            assert answer.status_code == 200, (key, answer.text)
            assert answer.content == old.content, key
            sent += 1
    assert sent
    again = service.post(f"{API}/project-bundles?name=copy", content=data)
    assert again.status_code == 409
    told = _ended(
        service, service.post(f"{API}/project-bundles?name=copy&overwrite=true", content=data)
    )
    assert told["state"] == "succeeded", told
    deleted = service.get(f"{API}/projects/{PROJECT}/bundles").json()["bundles"][0]["name"]
    assert service.delete(f"{API}/projects/{PROJECT}/bundles/{deleted}").status_code == 204
    assert service.delete(f"{API}/projects/{PROJECT}/bundles/{deleted}").status_code == 404


def test_an_export_takes_only_files_of_the_project(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-5f0c")
    service.post(f"{API}/projects", json={"metadata": {"name": "p"}})
    body = {"metadata": {}, "spec": {"target_path": str(secret)}}
    assert service.put(f"{API}/projects/p/artifacts/x", json=body).status_code == 201
    document = store.read_project("p")
    store.store_project({**document, "context": str(tmp_path)})
    data = _export(service, "p")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("data/", "context/"))]
        assert all(b"canary" not in archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize(
    "name", ["context/../../../evil", "/etc/evil", "context/..\\evil", "other/x", "data/\x1b/../x"]
)
def test_members_that_lead_out_are_refused(service: TestClient, name: str) -> None:
    data = _packed({**_TABLES, name: b"x"})
    answer = service.post(f"{API}/project-bundles?name=evil", content=data)
    assert answer.status_code == 400, answer.text
    assert str(config.path("service")) not in answer.text
    assert service.get(f"{API}/projects/evil").status_code == 404
    assert not os.listdir(config.path("service", "bundles"))


def test_bombs_and_broken_files_are_refused(service: TestClient) -> None:
    good = _packed(_TABLES)
    bomb = _packed({**_TABLES, "context/big": b"0" * 10})
    for data in (b"", b"PK", b"no zip", good[:-40], good[:60], os.urandom(3000)):
        answer = service.post(f"{API}/project-bundles?name=evil", content=data)
        assert answer.status_code in (400, 409), answer.text
        assert answer.json()["detail"]["code"]
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bomb)) as old, zipfile.ZipFile(out, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        manifest["members"]["context/big"]["size"] = 1 << 40
        for name in old.namelist():
            if name != "manifest.json":
                new.writestr(name, old.read(name))
        new.writestr("manifest.json", json.dumps(manifest))
    answer = service.post(f"{API}/project-bundles?name=evil", content=out.getvalue())
    assert answer.status_code == 400
    assert "unpacks to more" in answer.text
    for query in ("", "?name=", "?name=UPPER", "?name=a/b"):
        assert service.post(f"{API}/project-bundles{query}", content=good).status_code == 400
    told = _ended(service, service.post(f"{API}/project-bundles?name=fine", content=good))
    assert told["state"] == "succeeded", told


def test_a_damaged_member_fails_the_task_and_leaves_nothing(service: TestClient) -> None:
    data = _packed({**_TABLES, "runs.jsonl": b'{"metadata": ['})
    told = _ended(service, service.post(f"{API}/project-bundles?name=half", content=data))
    assert told["state"] == "failed"
    assert "runs.jsonl" in told["error"]
    assert str(config.path("service")) not in told["error"]
    assert not os.listdir(config.path("service", "bundles"))


def test_who_may(as_user: Callable[..., TestClient]) -> None:
    boss = as_user("admin", "p")
    boss.post(f"{API}/projects", json={"metadata": {"name": "p"}})
    viewer = as_user("viewer", "p")
    assert viewer.post(f"{API}/projects/p/bundles").status_code == 403
    assert as_user().get(f"{API}/projects/p/bundles").status_code == 404
    taken = as_user().post(f"{API}/project-bundles?name=p&overwrite=true", content=_packed(_TABLES))
    assert taken.status_code == 409
