"""Pages of workflows: a start that works, one that fails, one that is not yet a run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mlrun_like.names import new_uid
from mlrun_like.projects.project import MlrunProject
from mlrun_like.tracking.abilities import StepRow
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document
from tests.api.client import TestClient
from tests.api.pages.filled_more import run_pipeline

P = "/projects/flows"
FLOW = """
import mlrun_like as ml

@ml.function()
def load(rows: int = 3):
    return rows

@ml.pipeline
def flow(rows: int = 3):
    load(rows)
"""


def _project(store: SqlStore, folder: Path, **flow: object) -> None:
    document = MlrunProject.from_dict({"metadata": {"name": "flows"}, "spec": {}}).to_dict()
    document["spec"]["workflows"] = [{"name": "main", "handler": "flow", **flow}]
    document["context"] = str(folder)
    store.store_project(document)


def _start(service: TestClient, arguments: str = "{}") -> tuple[int, str, str]:
    answer = service.post(
        f"{P}/workflows/main/start", data={"arguments": arguments}, follow_redirects=False
    )
    return answer.status_code, answer.headers.get("location", ""), answer.text


def _runner(state: str, **status: object) -> Document:
    return {
        "kind": "run",
        "metadata": {"name": "main", "uid": new_uid(), "project": "flows", "iteration": 0,
                     "labels": {"job-type": "workflow-runner", "workflow-name": "main"}},
        "spec": {"parameters": {"workflow_arguments": {"rows": 7}}},
        "status": {"state": state, "start_time": "2026-01-01T00:00:00+00:00", **status},
    }  # fmt: skip


def test_a_workflow_is_started_from_its_folder_and_leads_to_its_run(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    _project(store, tmp_path, path="flow.py")
    status, where, text = _start(service, '{"rows": 4}')
    assert status == 303, text
    address, end = where.partition("?")[0], time.monotonic() + 60
    while time.monotonic() < end:
        answer = service.get(address, follow_redirects=False)
        if answer.status_code == 303:
            break
        assert answer.status_code == 200 and "begins" in answer.text, answer.text
        time.sleep(0.05)
    page = service.get(answer.headers["location"])
    assert page.status_code == 200 and 'id="run"' in page.text
    uid = answer.headers["location"].rpartition("/")[2]
    while store.read_run("flows", uid)["status"]["state"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert store.read_run("flows", uid)["spec"]["parameters"] == {"rows": 4}
    assert "hx-refresh" in service.get(address + "/live").headers


def test_a_workflow_without_its_file_says_how_to_mend_it(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    _project(store, tmp_path, path="gone.py")
    status, _, text = _start(service, '{"rows": 4}')
    assert status == 422 and "embed=True" in text and "gone.py" in text
    assert "{&quot;rows&quot;: 4}" in text  # what was typed is still there
    answer = service.post("/api/v1/projects/flows/workflows/main/submit", json={})
    assert answer.status_code == 400 and "embed=True" in answer.json()["detail"]["fix"]
    status, _, text = _start(service, "{rows")
    assert status == 422 and "are no JSON" in text and "{rows" in text


def test_a_start_that_failed_or_goes_on(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    _project(store, tmp_path, path="flow.py")
    failed = _runner("error", error="ImportError: no pandas", traceback="line 3\nImportError")
    store.store_run(failed)
    text = service.get(f"{P}/pipelines").text
    assert "The last start failed" in text
    page = service.get(f"{P}/pipelines/{failed['metadata']['uid']}")
    assert page.status_code == 200 and "line 3\nImportError" in page.text
    assert "Start it again" in page.text and "&quot;rows&quot;: 7" in page.text
    running = _runner("running")
    store.store_run(running)
    path = f"{P}/pipelines/{running['metadata']['uid']}"
    assert "It is starting" in service.get(f"{P}/pipelines").text
    assert 'hx-trigger="every 1s"' in service.get(path).text
    assert "hx-refresh" not in service.get(path + "/live").headers
    running["status"]["results"] = {"workflow_id": "pipe-x"}
    store.store_run(running)
    assert "hx-refresh" not in service.get(path + "/live").headers  # its run is not there yet
    _of_flows(store, "pipe-x")
    store.store_run(running)
    answer = service.get(path + "?told=started", follow_redirects=False)
    assert answer.headers["location"] == f"{P}/pipelines/pipe-x?told=started"
    assert "It is starting" not in service.get(f"{P}/pipelines").text


@pytest.mark.parametrize("uid", ["x" * 32, "0" * 32, "%3Cscript%3E", "1e5"])
def test_starts_that_are_none(service: TestClient, store: SqlStore, uid: str) -> None:
    assert service.get(f"{P}/pipelines/{uid}").status_code == 404
    assert service.get(f"{P}/pipelines/{uid}/live").status_code == 404


def test_a_run_that_goes_on_is_followed_until_it_does(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    _project(store, tmp_path, path="flow.py")
    uid = "pipe-y"
    _of_flows(store, uid)
    runner = _runner("running")
    store.store_run(runner)
    going = runner["metadata"]["uid"]
    page = service.get(f"{P}/pipelines/{uid}?going={going}").text
    assert "starting" in page and "Go on from here" not in page
    path = f"{P}/pipelines/{uid}/live?going={going}"
    assert not {"hx-refresh", "hx-redirect"} & set(service.get(path).headers)
    store.store_run({**runner, "status": {**runner["status"], "state": "error"}})
    assert service.get(path).headers["hx-redirect"] == f"{P}/pipelines/{uid}"
    assert "Go on from here" in service.get(f"{P}/pipelines/{uid}?going={going}").text
    assert service.get(f"{P}/pipelines/{uid}?going=%3Cb%3E").status_code == 200


def _of_flows(store: SqlStore, uid: str) -> None:
    run_pipeline(store, uid, "failed")
    run = store.read_run("churn", uid)
    run["metadata"]["project"] = "flows"
    store.store_run(run)


def test_the_log_of_a_step_that_runs_is_shown(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    run_pipeline(store, "pipe-z", "running")
    row = StepRow("train[2]", "running", "", time.time(), 0.0)  # as the engine writes it
    store.store_step("churn", "pipe-z", row)
    for uid, state in (("s-1", "completed"), ("s-2", "running")):
        run = _runner(state)
        run["metadata"] = {"name": "train", "uid": uid, "project": "churn", "iteration": 0,
                           "labels": {"workflow": "pipe-z"},
                           "annotations": {"mlrun-like/step": "train[2]"}}  # fmt: skip
        store.store_run(run)
        store.append_log("churn", uid, f"this is {uid}\n".encode())
    text = service.get("/projects/churn/pipelines/pipe-z/step?step=train%5B2%5D").text
    assert "this is s-2" in text and "s-1" not in text
    assert 'hx-trigger="every 2s' in text  # it follows the run
    steps = service.get("/api/v1/projects/churn/pipelines/pipe-z").json()["steps"]
    assert {one["step"]: one["uid"] for one in steps}["train[2]"] == "s-2"
