"""Pipelines over HTTP: runs with graphs, workflows; started, stopped, resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.workflow import load_workflow, plan_of
from mlrun_like.projects.project import MlrunProject
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.routes.waiting import ended

API = "/api/v1/projects/fraud/pipelines"
FLOWS = "/api/v1/projects/fraud/workflows"
FLOW = """
from pathlib import Path

import mlrun_like as ml
from mlrun_like.pipelines import dsl


@ml.function()
def load(rows: int = 3):
    return list(range(rows))


@ml.function()
def double(value: int):
    return value * 2


@ml.function()
def end(values: list):
    if Path(__file__).with_name("broken").exists():
        raise ValueError("not yet")
    return sum(values)


@ml.pipeline
def flow(rows: int = 3):
    loaded = load(rows)
    with dsl.ParallelFor([1, 2]) as item:
        double(item)
    return end(loaded)
"""


def ran(folder: Path, *, broken: bool = False) -> str:
    """The uid of a run of a pipeline that has ended."""
    file = folder / "flow.py"
    file.write_text(FLOW)
    if broken:
        (folder / "broken").touch()
    flow = load_workflow(file, "flow")
    plan = plan_of(flow)
    assert plan is not None
    return LocalEngine(report=None).run(plan, {}, "fraud", origin=flow.origin).uid


def test_a_run_with_its_graph(service: TestClient, store: SqlStore, tmp_path: Path) -> None:
    uid = ran(tmp_path)
    found = service.get(f"{API}/{uid}").json()
    assert found["state"] == "completed" and found["graph_error"] == ""
    nodes = {node["id"]: node for node in found["graph"]["nodes"]}
    assert set(nodes) == {"load", "double", "end"}
    assert nodes["load"]["state"] == "completed" and nodes["load"]["uid"]
    assert nodes["double"]["rounds"] == {"done": 2, "total": 0} and nodes["double"]["gates"]
    assert found["graph"]["edges"] == [["load", "end"]]
    assert found["graph"]["parameters"]["rows"] == {"required": False, "default": 3, "type": "int"}
    assert len(found["steps"]) == found["steps_total"] == 4
    steps = service.get(f"{API}/{uid}/steps", params={"name": "double", "page-size": "1"}).json()
    assert len(steps["steps"]) == 1 and steps["pagination"]["page-token"]
    assert service.get(f"{API}/{uid}/graph").json()["state"] == "completed"
    picture = service.get(f"{API}/{uid}/picture.svg")
    assert picture.headers["content-type"] == "image/svg+xml" and "<svg" in picture.text
    assert service.get(f"{FLOWS}/flow/plan").json()["graph"]["edges"] == [["load", "end"]]
    rows = service.get(API).json()["runs"]
    assert [row["uid"] for row in rows] == [uid] and rows[0]["outputs"]
    assert service.get(API, params={"state": "error"}).json()["runs"] == []
    assert service.get(API, params={"name": "~low"}).json()["runs"]
    assert service.post(f"{API}/{uid}/abort").status_code == 409
    step = nodes["load"]["uid"]
    assert service.get(f"{API}/{step}").status_code == 404  # it is no pipeline's
    assert service.get(f"{API}/none").status_code == 404
    # the file is not looked at: the service runs no code of a pipeline
    (tmp_path / "flow.py").write_text("raise SystemExit('loaded')")
    assert service.get(f"{API}/{uid}").json()["graph"]["edges"] == [["load", "end"]]


def test_a_failed_run_goes_on(service: TestClient, store: SqlStore, tmp_path: Path) -> None:
    uid = ran(tmp_path, broken=True)
    assert service.get(f"{API}/{uid}").json()["state"] == "error"
    (tmp_path / "broken").unlink()
    answer = service.post(f"{API}/{uid}/resume")
    assert answer.json()["uid"] == uid and answer.json()["runner"]
    task = ended(service, answer)
    assert task["status"]["state"] == "succeeded", (
        task,
        store.read_log("fraud", answer.json()["runner"]),
    )
    assert service.get(f"{API}/{uid}").json()["state"] == "completed"


def test_a_run_is_stopped(service: TestClient, store: SqlStore) -> None:
    run: dict[str, Any] = {
        "metadata": {"project": "fraud", "uid": "a", "name": "x", "labels": {"kind": "pipeline"}},
        "spec": {},
        "status": {"state": "running"},
    }
    store.store_run(run)
    assert service.post(f"{API}/a/resume").status_code == 409
    answer = service.post(f"{API}/a/abort")
    assert answer.status_code == 202 and answer.json()["state"] == "aborting"
    assert service.post(f"{API}/a/abort").status_code == 202
    found = service.get(f"{API}/a").json()
    assert found["graph"] is None and found["graph_error"]


def test_hostile_plans_are_told_and_nothing_more(service: TestClient, store: SqlStore) -> None:
    deep: Any = {"step": {"name": "s", "function": "f"}}
    for _ in range(200):
        deep = {"part": {"name": "p", "body": [deep]}}
    plans: list[Any] = [
        {},
        {"version": 99},
        {"version": 1, "name": "x", "body": 5, "parameters": {}, "outputs": None},
        {"version": 1, "name": "x", "body": [{"step": {}}], "parameters": {}, "outputs": None},
        {"version": 1, "name": "x", "body": [{"evil": {}}], "parameters": {}, "outputs": None},
        {"version": 1, "name": "x", "body": [deep], "parameters": {}, "outputs": None},
        {"version": 1, "name": "x", "body": [{"step": {"name": "s", "function": "../../x"}}],
         "parameters": {}, "outputs": None},
    ]  # fmt: skip
    for number, plan in enumerate(plans):
        digest = store.store_function(
            {"metadata": {"project": "fraud", "name": "x"}, "spec": {"plan": plan}}
        )
        store.store_run(
            {
                "metadata": {
                    "project": "fraud", "uid": f"r{number}", "name": "x",
                    "labels": {"kind": "pipeline"},
                },
                "spec": {"function": f"fraud/x@{digest}"},
                "status": {"state": "completed"},
            }
        )  # fmt: skip
        answer = service.get(f"{API}/r{number}")
        assert answer.status_code == 200, (plan, answer.text)
        assert service.get(f"{API}/r{number}/graph").status_code < 500
        assert service.get(f"{API}/r{number}/picture.svg").status_code < 500


def test_a_workflow_is_started(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    project = MlrunProject.from_dict({"metadata": {"name": "fraud"}, "spec": {}})
    document = project.to_dict()
    document["spec"]["workflows"] = [
        {"name": "main", "code": FLOW, "handler": "flow", "args_schema": [{"name": "rows"}]},
        {"name": "needs", "code": FLOW, "args_schema": [{"name": "rows", "required": True}]},
    ]
    store.store_project(document)
    rows = service.get(FLOWS).json()["workflows"]
    assert [row["name"] for row in rows] == ["main", "needs"] and rows[0]["embedded"]
    assert service.post(f"{FLOWS}/none/submit").status_code == 404
    assert service.post(f"{FLOWS}/needs/submit").status_code == 400
    for bad in ({"arguments": [1]}, {"engine": "local"}, {"engine": 5}, [1]):
        assert service.post(f"{FLOWS}/main/submit", json=bad).status_code in (400, 422)
    viewer = as_user("viewer", "fraud")
    assert viewer.post(f"{FLOWS}/main/submit").status_code == 403
    answer = service.post(f"{FLOWS}/main/submit", json={"arguments": {"rows": 4}})
    assert answer.status_code == 202, answer.text
    uid = answer.json()["run_id"]
    state, end = "", time.monotonic() + 60
    while state not in ("completed", "error", "aborted") and time.monotonic() < end:
        time.sleep(0.05)
        runs = store.list_runs(RunQuery(project="fraud", uid=uid))
        state = runs[0]["status"]["state"] if runs else ""
    assert state == "completed", store.read_log("fraud", uid).decode()
    row = service.get(API).json()["runs"][0]
    assert row["state"] == "completed" and row["parameters"] == {"rows": 4}
