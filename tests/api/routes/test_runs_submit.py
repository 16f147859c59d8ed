"""Runs that are started through the service: executed, followed, stopped, refused."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.execution.request import read_request
from mlrun_like.api.execution.starting import execution_mode
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, MLRunLikeError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

AsUser = Callable[..., TestClient]
P = "/api/v1/projects/fraud"
CODE = '''
import time

def train(context, lr: float = 0.1, seconds: float = 0.0):
    """Train."""
    print("training with", lr, flush=True)
    context.log_result("loss", lr * 2)
    time.sleep(seconds)
'''


@pytest.fixture
def trained(service: TestClient, store: SqlStore, tmp_path: Path) -> str:
    """A stored function of kind `local`; its address."""
    file = tmp_path / "train.py"
    file.write_text(CODE)
    function = code_to_function("train", filename=str(file), kind="local", handler="train")
    document = function.to_dict()
    document["metadata"]["project"] = "fraud"
    store.store_function(document)
    return "train"


def ended(store: SqlStore, uid: str, seconds: float = 90.0) -> dict[str, Any]:
    """The run when it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = store.read_run("fraud", uid)
        if found["status"]["state"] in TERMINAL:
            return found
        time.sleep(0.1)
    raise AssertionError(store.read_run("fraud", uid))


@pytest.mark.slow
def test_a_run_is_started_followed_and_found(
    service: TestClient, store: SqlStore, trained: str
) -> None:
    asked = {"function": trained, "parameters": {"lr": 0.25}, "labels": {"team": "a"}}
    answer = service.post(f"{P}/submit", json=asked)
    assert answer.status_code == 202, answer.text
    document = answer.json()["data"]
    uid = document["metadata"]["uid"]
    assert document["status"]["state"] == "pending"
    assert answer.headers["location"] == f"{P}/runs/{uid}"
    body = service.get(f"{P}/runs/{uid}/log/follow").text
    assert "training with 0.25" in body and '"state":"completed"' in body
    run = ended(store, uid)
    assert run["status"]["results"] == {"loss": 0.5}
    assert run["metadata"]["labels"]["team"] == "a"
    again = service.post(f"{P}/submit", json={**asked, "uid": uid})
    assert again.status_code == 409


@pytest.mark.slow
def test_a_run_is_really_stopped(service: TestClient, store: SqlStore, trained: str) -> None:
    asked = {"function": trained, "parameters": {"seconds": 600.0}}
    uid = service.post(f"{P}/submit", json=asked).json()["data"]["metadata"]["uid"]
    end = time.monotonic() + 60
    while b"training" not in store.read_log("fraud", uid):
        assert time.monotonic() < end, store.read_run("fraud", uid)
        time.sleep(0.1)
    pid = store.read_run("fraud", uid)["status"]["pid"]
    assert service.post(f"{P}/runs/{uid}/abort").status_code == 202
    assert ended(store, uid)["status"]["state"] == "aborted"
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists(), "its process is gone"


@pytest.mark.slow
def test_what_cannot_start_says_why(service: TestClient, store: SqlStore, trained: str) -> None:
    asked = {"function": trained, "handler": "nobody_knows_this"}
    uid = service.post(f"{P}/submit", json=asked).json()["data"]["metadata"]["uid"]
    run = ended(store, uid)
    assert run["status"]["state"] == "error" and "nobody_knows_this" in run["status"]["error"]
    assert b"nobody_knows_this" in store.read_log("fraud", uid)


@pytest.mark.slow
def test_a_run_whose_process_is_killed_before_it_begins_is_lost(
    service: TestClient, store: SqlStore, trained: str
) -> None:
    config.lost_after = 0.5
    document = service.post(f"{P}/submit", json={"function": trained}).json()["data"]
    os.kill(document["status"]["pid"], signal.SIGKILL)
    assert ended(store, document["metadata"]["uid"])["status"]["state"] in ("error", "completed")


def test_a_schedule_is_stored_and_not_started(
    service: TestClient, store: SqlStore, trained: str
) -> None:
    asked = {"function": trained, "name": "nightly", "schedule": "0 3 * * *"}
    answer = service.post(f"{P}/submit", json=asked)
    assert answer.status_code == 201, answer.text
    assert [one["name"] for one in store.list_schedules("fraud")] == ["nightly"]
    assert service.get(f"{P}/runs").json()["runs"] == []
    bad = service.post(f"{P}/submit", json={**asked, "schedule": "whenever"})
    assert bad.status_code in (400, 422)


def test_what_the_service_may_run_is_a_setting(
    service: TestClient, store: SqlStore, trained: str, as_user: AsUser
) -> None:
    config.service_execution = "engines"
    answer = service.post(f"{P}/submit", json={"function": trained})
    assert answer.status_code == 403 and "own machine" in answer.json()["detail"]["what"]
    scheduled = {"function": trained, "schedule": "0 3 * * *"}
    assert service.post(f"{P}/submit", json=scheduled).status_code == 403
    config.service_execution = "off"
    assert service.post(f"{P}/submit", json={"function": trained}).status_code == 403
    assert service.get(f"{P}/runs").json()["runs"] == [], "nothing is left of what was refused"
    config.service_execution = "auto"
    assert (execution_mode(login=False), execution_mode(login=True)) == ("process", "engines")
    config.service_execution = "surely"
    with pytest.raises(ConfigError, match="surely"):
        execution_mode(login=True)


def test_functions_of_other_projects_are_not_to_be_seen(
    service: TestClient, store: SqlStore, trained: str, as_user: AsUser
) -> None:
    anna = as_user("developer", "mine")
    asked = {"function": "db://fraud/train"}
    assert anna.post("/api/v1/projects/mine/submit", json=asked).status_code == 404
    job = {"task": {"metadata": {"project": "fraud"}, "spec": {}}, "function": "db://fraud/train"}
    assert anna.post("/api/v1/submit_job", json=job).status_code == 404
    assert as_user("viewer", "fraud").post("/api/v1/submit_job", json=job).status_code == 403


BROKEN: list[Any] = [
    [], "x", None, {}, {"function": ""}, {"function": 3}, {"function": "nobody"},
    {"function": "../../etc/passwd"}, {"function": "train", "parameters": []},
    {"function": "train", "inputs": {"a": 3}}, {"function": "train", "secret_sources": []},
    {"function": "train", "uid": "../x"}, {"function": "train", "name": "a b/c"},
    {"function": "train", "overrides": {"command": "rm"}}, {"function": "train", "labels": 3},
    {"function": "train\u0000"}, {"function": "hub://train"}, {"function": "http://10.0.0.1/x"},
    {"task": {"metadata": 3}}, {"task": {}, "function": {"kind": "job"}},
]  # fmt: skip


def test_broken_requests_start_nothing(service: TestClient, store: SqlStore, trained: str) -> None:
    for body in BROKEN:
        answer = service.post(f"{P}/submit", content=json.dumps(body))
        assert answer.status_code in (400, 404, 422), (body, answer.text)
        answer = service.post("/api/v1/submit_job", content=json.dumps(body))
        assert answer.status_code in (400, 404, 422), (body, answer.text)
    assert service.get(f"{P}/runs").json()["runs"] == []


def test_requests_of_mlrun_are_read() -> None:
    found = read_request("fraud", {
        "task": {
            "metadata": {"name": "train", "project": "fraud", "labels": {"a": "b"}},
            "spec": {"function": "fraud/train@abc", "parameters": {"lr": 1}, "output_path": "/x"},
        },
        "schedule": "0 3 * * *",
    })  # fmt: skip
    assert found.function == "db://fraud/train@abc" and found.schedule == "0 3 * * *"
    assert found.given["params"] == {"lr": 1} and found.given["artifact_path"] == "/x"
    with pytest.raises(MLRunLikeError, match="parameterz"):
        read_request("p", {"function": "f", "parameterz": {}})
