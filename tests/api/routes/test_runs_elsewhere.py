"""Runs on an engine: they get an address and a token, and read nothing of the machine."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.access.tokens import split_token
from mlrun_like.api.execution import child, starting
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError
from mlrun_like.functions import strangers
from mlrun_like.functions.creators import new_function
from mlrun_like.runtimes.container.runtime import ContainerRuntime
from mlrun_like.runtimes.kubernetes.runtime import KubernetesRuntime
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import person, stranger

P = "/api/v1/projects/fraud"


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    """A service whose callers must log in."""
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required", port=8123)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, store: SqlStore) -> list[tuple[str, str]]:
    """Addresses and tokens that the processes of runs were given, instead of a cluster."""
    given: list[tuple[str, str]] = []
    waits = "import sys; sys.stdin.read()"

    def spawn(where: str, token: str) -> subprocess.Popen[bytes]:
        given.append((where, token))
        return subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE)

    config.service_auth_cache = 0.0
    monkeypatch.setattr(starting, "_spawn", spawn)
    for module in (child, strangers):
        monkeypatch.setattr(module, "choose_runtime", lambda *_: (KubernetesRuntime(), []))
    function = {"metadata": {"name": "train", "project": "fraud"}, "kind": "job", "spec": {}}
    store.store_function(function)
    for name in ("fraud", "other"):
        store.store_project({"metadata": {"name": name}, "spec": {}, "status": {}})
    return given


def test_its_token_is_for_its_project_and_for_a_while(
    service: TestClient, store: SqlStore, started: list[tuple[str, str]]
) -> None:
    config.dbpath = store.url
    anna = person(service, "developer", "fraud", name="anna")
    answer = anna.post(f"{P}/submit", json={"function": "train"})
    assert answer.status_code == 202, answer.text
    where, token = started[0]
    assert where.startswith("http://") and "sqlite" not in where
    parts = split_token(token)
    assert parts is not None
    found = store.find_token(parts[0])
    assert found is not None and found[1].name == "anna"
    assert found[0].expires is not None and found[0].expires <= time.time() + 7 * 86_400 + 1
    assert set(found[0].scopes.split()) == {"run", "project:fraud"}
    end = time.monotonic() + 30
    while found[0].revoked is None and time.monotonic() < end:
        time.sleep(0.05)
        found = store.find_token(parts[0])
        assert found is not None
    assert found[0].revoked is not None, "the run is over"
    job = stranger(service)
    job.headers["authorization"] = f"Bearer {token}"
    assert job.get(f"{P}/runs").status_code == 401


def test_it_is_no_key_to_other_projects(
    service: TestClient, store: SqlStore, started: list[tuple[str, str]], monkeypatch: Any
) -> None:
    config.dbpath = store.url
    monkeypatch.setattr(starting, "revoke_token", lambda *_: None)
    boss = person(service, "server", name="boss")
    assert boss.post(f"{P}/submit", json={"function": "train"}).status_code == 202
    job = stranger(service)
    job.headers["authorization"] = f"Bearer {started[0][1]}"
    assert job.get(f"{P}/runs").status_code == 200
    assert job.get("/api/v1/projects/other/runs").status_code == 404
    assert job.get("/api/v1/users").status_code == 403
    assert job.post("/api/v1/tokens", json={"name": "mine"}).status_code == 403


def test_a_container_of_this_machine_is_no_place_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = new_function("train", kind="container", image="python:3.11", project="fraud")
    monkeypatch.setattr(strangers, "choose_runtime", lambda *_: (ContainerRuntime(), []))
    with pytest.raises(AccessDeniedError, match="own machine"):
        child.check_allowed(function, "engines")
    child.check_allowed(function, "process")


def test_files_of_this_machine_are_not_read_for_an_engine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = new_function("train", kind="job", image="python:3.11", project="fraud")
    monkeypatch.setattr(strangers, "choose_runtime", lambda *_: (KubernetesRuntime(), []))
    child.check_allowed(function, "engines", {"hyper_param_options": {"strategy": "grid"}})
    with pytest.raises(AccessDeniedError, match="parameters"):
        sweep = {"hyper_param_options": {"param_file": "/etc/passwd"}}
        child.check_allowed(function, "engines", sweep)
    for source in ("/etc", "FILE:///etc", "../x"):
        function.spec.build.source = source
        with pytest.raises(AccessDeniedError, match="source"):
            child.check_allowed(function, "engines")
    function.spec.build.source = "git://github.com/org/repo.git#main"
    child.check_allowed(function, "engines")
