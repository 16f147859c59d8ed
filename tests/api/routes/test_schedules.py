"""Schedules over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.functions.creators import code_to_function
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.routes.waiting import ended

API = "/api/v1/projects/fraud/schedules"


def function(store: SqlStore, project: str = "fraud", name: str = "train") -> str:
    """A function in the store; its URI."""
    digest = store.store_function(
        {"kind": "local", "metadata": {"project": project, "name": name}, "spec": {}}
    )
    return f"{project}/{name}@{digest}"


def body(uri: str, **more: Any) -> dict[str, Any]:
    """MLRun's form of a schedule."""
    task = {"spec": {"function": uri, "parameters": {"rows": 5}}}
    return {
        "name": "nightly",
        "cron_trigger": "0 2 * * *",
        "scheduled_object": {"task": task},
    } | more


def test_a_schedule_is_made_paused_resumed_and_deleted(
    service: TestClient, store: SqlStore
) -> None:
    uri = function(store)
    answer = service.post(API, json=body(uri, labels={"team": "a"}))
    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"]["cron"] == "0 2 * * *" and answer.json()["next_run_time"]
    found = service.get(f"{API}/nightly").json()
    assert len(found["next_times"]) == 5 and found["row"]["function"] == uri
    assert found["row"]["when"] == "0 2 * * *" and found["history"] == []
    again = service.put(f"{API}/nightly", json=found["schedule"])  # its own form, sent back
    assert again.status_code == 200, again.text
    assert again.json()["spec"]["run"]["spec"]["parameters"] == {"rows": 5}
    crontab = {"minute": "5", "hour": "*"}
    other = service.put(f"{API}/hourly", json=body(uri, name="hourly", cron_trigger=crontab))
    assert other.json()["spec"]["cron"] == "5 * * * *"
    fields = {"hour": 5, "day_of_week": 0, "timezone": "Europe/Berlin"}
    other = service.put(f"{API}/hourly", json=body(uri, name="hourly", cron_trigger=fields))
    spec = other.json()["spec"]
    assert (spec["cron"], spec["time_zone"]) == ("0 5 * * MON", "Europe/Berlin")
    broken = body(uri, name="hourly", cron_trigger={"week": 1})
    assert service.put(f"{API}/hourly", json=broken).status_code == 400
    other = service.put(f"{API}/hourly", json=body(uri, name="hourly", cron_trigger={"minute": 0}))
    assert other.json()["spec"]["cron"] == "0 * * * *"
    assert service.post(f"{API}/nightly/pause").json()["paused"] is True
    assert service.get(f"{API}/nightly/next").json()["times"] == []
    rows = service.get(API, params={"paused": "true"}).json()["schedules"]
    assert [row["name"] for row in rows] == ["nightly"]
    rows = service.get(API, params={"sort": "next_run_time"}).json()["schedules"]
    assert [row["name"] for row in rows] == ["nightly", "hourly"]
    assert service.post(f"{API}/nightly/resume").json()["next_run_time"]
    times = service.get(f"{API}/nightly/next", params={"count": "3"}).json()["times"]
    assert len(times) == 3 and times == sorted(times)
    assert service.delete(f"{API}/nightly").status_code == 204
    assert service.get(f"{API}/nightly").status_code == 404
    assert service.delete(f"{API}/nightly").status_code == 404
    assert service.post(f"{API}/nightly/invoke").status_code == 404


def test_secret_values_are_not_stored(service: TestClient, store: SqlStore) -> None:
    uri = function(store)
    told = [{"kind": "slack", "secret_params": {"webhook": "https://hidden"}}]
    given = body(uri)
    given["scheduled_object"]["task"]["spec"]["notifications"] = told
    own = {
        "name": "nightly",
        "spec": {"cron": "0 2 * * *", "function": uri, "run": {"spec": {"notifications": told}}},
    }
    for broken in (given, own):
        answer = service.post(API, json=broken)
        assert answer.status_code == 400 and "name a secret" in answer.text
    told[0]["secret_params"] = {"webhook": {"secret": "MINE"}}
    assert service.post(API, json=given).status_code == 201


def test_the_history_is_paged_and_filtered(service: TestClient, store: SqlStore) -> None:
    service.post(API, json=body(function(store)))
    for number in range(5):
        outcome = "error" if number == 2 else "completed"
        store.record_firing("fraud", "nightly", Firing(1e9 + number, 1e9, outcome, f"u{number}"))
    found = service.get(f"{API}/nightly/history", params={"page-size": "2"}).json()
    assert [row["uid"] for row in found["firings"]] == ["u4", "u3"]
    query = {"page-size": "2", "page-token": found["pagination"]["page-token"]}
    found = service.get(f"{API}/nightly/history", params=query).json()
    assert [row["uid"] for row in found["firings"]] == ["u2", "u1"]
    rows = service.get(f"{API}/nightly/history", params={"outcome": "error"}).json()["firings"]
    assert [row["uid"] for row in rows] == ["u2"]


def test_a_schedule_is_started_now(service: TestClient, store: SqlStore, tmp_path: Any) -> None:
    code = tmp_path / "train.py"
    code.write_text("def train(rows: int = 1):\n    return rows\n")
    made = code_to_function("train", "fraud", filename=str(code), kind="process", handler="train")
    uri = f"fraud/train@{store.store_function(made.to_dict())}"
    assert service.post(API, json=body(uri)).status_code == 201
    answer = service.post(f"{API}/nightly/invoke")
    assert answer.json()["firing"]["outcome"] == "running"
    task = ended(service, answer)
    assert task["status"]["state"] == "succeeded", task
    assert task["status"]["result"]["outcome"] == "completed", task
    history = service.get(f"{API}/nightly/history").json()["firings"]
    assert history[0]["outcome"] == "completed" and history[0]["uid"]
    run = store.read_run("fraud", history[0]["uid"])
    assert run["status"]["results"] == {"return": 5}


def test_what_is_no_schedule_is_refused(service: TestClient, store: SqlStore) -> None:
    uri = function(store)
    bad: list[Any] = [
        {},
        [],
        {"name": "nightly"},
        body(uri, cron_trigger="nonsense"),
        body(uri, cron_trigger=5),
        body(uri, time_zone="Mars/North"),
        body(uri, concurrency="sometimes"),
        body(uri, name="../x"),
        body(uri, name=""),
        body(uri, labels=[1]),
        body(uri, scheduled_object=[]),
        body(uri, scheduled_object={"task": {"spec": 5}}),
        body(uri, scheduled_object={"task": {"unknown": 5}}),
        body(""),
        body("a b c"),
        {"name": "n", "spec": {"trigger": {"kind": "file", "path": "/etc"}}},
        {"name": "n", "spec": [1]},
    ]
    for given in bad:
        answer = service.post(API, json=given)
        assert answer.status_code in (400, 404, 422), (given, answer.text)
    assert service.post(API, json=body("fraud/none")).status_code == 404
    assert service.put(f"{API}/other", json=body(uri)).status_code == 422
    assert store.list_schedules() == []


def test_a_schedule_never_runs_a_function_that_its_maker_may_not_see(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    theirs = function(store, "theirs")
    developer, viewer = as_user("developer", "fraud"), as_user("viewer", "fraud")
    assert developer.post(API, json=body(theirs)).status_code == 404
    mine = function(store)
    assert viewer.post(API, json=body(mine)).status_code == 403
    assert developer.post(API, json=body(mine)).status_code == 201
    assert viewer.post(f"{API}/nightly/invoke").status_code == 403
    assert viewer.get(f"{API}/nightly").status_code == 200
    service.post("/api/v1/projects/theirs/schedules", json=body(theirs))
    rows = viewer.get("/api/v1/schedules").json()["schedules"]
    assert [row["project"] for row in rows] == ["fraud"]
    assert viewer.get("/api/v1/projects/theirs/schedules").status_code == 404


def test_the_service_runs_only_what_its_setting_lets_it(
    service: TestClient, store: SqlStore
) -> None:
    assert service.post(API, json=body(function(store))).status_code == 201
    service.post("/api/v1/projects/fraud/feature-sets", json={"metadata": {"name": "users"}})
    run: dict[str, Any] = {
        "metadata": {"project": "fraud", "uid": "a", "name": "x", "labels": {"kind": "pipeline"}},
        "spec": {},
        "status": {"state": "error"},
    }
    store.store_run(run)
    workflows = [{"name": "main", "code": "def main(): pass"}]
    store.store_project({"metadata": {"name": "fraud"}, "spec": {"workflows": workflows}})
    for mode in ("engines", "off"):
        with config.override(service_execution=mode):
            for path in (
                *("schedules/nightly/invoke", "pipelines/a/resume", "workflows/main/submit"),
                "feature-sets/users/ingest",
            ):
                answer = service.post(f"/api/v1/projects/fraud/{path}", json={})
                assert answer.status_code == 403, (mode, path, answer.text)
    assert store.list_firings("fraud", "nightly") == []
