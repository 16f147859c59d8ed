"""Calls of MLRun's client that our store and SDK answer."""

from __future__ import annotations

import json
from base64 import b64encode
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, NotFoundError


@pytest.fixture
def mlrun(compat: ModuleType) -> Any:
    return import_module("mlrun")


@pytest.fixture
def database(mlrun: Any, home: Path) -> Any:
    mlrun.get_or_create_project("p", str(home / "context"))
    return mlrun.get_run_db()


def _function(database: Any, name: str, **more: Any) -> None:
    database.store_function({"kind": "job", "metadata": {"name": name}, **more}, name, "p", "v1")


def test_functions(database: Any) -> None:
    for name, state in (("a", "ready"), ("b", "error")):
        _function(database, name, status={"state": state})
    _function(database, "a", spec={"image": "x"})

    def names(**options: Any) -> list[str]:
        found = database.list_functions(project="p", **options)
        return sorted(item["metadata"]["name"] for item in found)

    assert names() == ["a", "a", "b"]
    assert names(states=["error"]) == ["b"]
    assert names(since="2999-01-01") == [] and names(until="2999-01-01", kind="job") == names()
    page, token = database.paginated_list_functions(project="p", page_size=2)
    assert len(page) == 2 and len(database.paginated_list_functions(page_token=token)[0]) == 1
    database.delete_function("a", "p")
    database.delete_function("a", "p")
    assert names() == ["b"]
    with pytest.raises(NotFoundError):
        database.get_function("a", "p", "v1")


def test_what_was_deleted_is_recorded_when_it_runs_again(mlrun: Any, database: Any) -> None:
    def go() -> int:
        return 1

    function = mlrun.new_function("go", project="p", kind="local", handler=go)
    for _ in range(2):
        for _ in range(2):
            function.run(watch=False)
        assert database.get_function("go", "p")["metadata"]["name"] == "go"
        database.delete_function("go", "p")
        with pytest.raises(NotFoundError):
            database.get_function("go", "p")
    function.run(watch=False)
    database.delete_project("p", "cascade")
    function.run(watch=False)
    assert database.get_function("go", "p")["metadata"]["name"] == "go"


def _tags(database: Any, tag: str) -> list[str]:
    found = database.list_artifacts(project="p", tag=tag)
    return sorted(f"{item['metadata']['key']}{item['metadata']['tree']}" for item in found)


def test_tags(database: Any) -> None:
    for key, tree in (("x", "1"), ("x", "2"), ("y", "1")):
        document = {"kind": "artifact", "metadata": {"key": key}, "spec": {"target_path": "/x"}}
        database.store_artifact(key, document, project="p", tree=tree)
    objects = {"kind": "artifact", "identifiers": [{"producer_id": "1"}]}
    database.tag_objects("p", "good", objects)
    assert _tags(database, "good") == ["x1", "y1"]
    [newest] = database.list_artifacts("x", "p", tag="latest")
    database.tag_artifacts(newest, "p", "good")
    assert _tags(database, "good") == ["x2", "y1"]  # one version of a key holds a tag
    oldest = {**newest, "metadata": {**newest["metadata"], "tree": "1", "uid": None}}
    database.tag_artifacts([oldest], "p", "good", replace=True)
    assert _tags(database, "good") == ["x1", "y1"]  # other keys keep it
    database.tag_artifacts([newest], "p", "good", replace=True)
    database.delete_artifacts_tags(newest, "p", "other")
    database.delete_artifacts_tags(newest, "p", "good")
    assert _tags(database, "good") == ["y1"] and _tags(database, "*") == ["x1", "x2", "y1"]
    for broken in ({"kind": "model"}, {"kind": "artifact", "identifiers": [{"iter": None}]}):
        with pytest.raises(InvalidArgumentError):
            database.delete_objects_tag("p", "good", broken)


def test_a_tag_by_key_is_for_the_newest_version(database: Any) -> None:
    for tree, iteration in (("1", 0), ("2", 1), ("2", 2), ("2", 2)):
        document = {"kind": "artifact", "metadata": {"key": "x"}, "spec": {"target_path": "/x"}}
        database.store_artifact("x", document, project="p", tree=tree, iter=iteration)
    database.tag_objects("p", "good", {"kind": "artifact", "identifiers": [{"key": "x"}]})
    found = database.list_artifacts("x", "p", tag="good")
    assert [(row["metadata"]["tree"], row["metadata"]["iter"]) for row in found] == [
        ("2", 2), ("2", 1),
    ]  # fmt: skip
    oldest = {"kind": "artifact", "identifiers": [{"key": "x", "producer_id": "1"}]}
    database.tag_objects("p", "good", oldest)
    assert _tags(database, "good") == ["x1"]


def test_a_tag_in_place_of_others(database: Any) -> None:
    for key in ("x", "y"):
        document = {"kind": "artifact", "metadata": {"key": key}, "spec": {"target_path": "/x"}}
        database.store_artifact(key, document, project="p", tree="1", tag="first")
    [item] = database.list_artifacts("x", "p")
    database.tag_artifacts(item, "p", "second")
    assert database.list_artifact_tags("p") == ["first", "latest", "second"]
    database.tag_artifacts(item, "p", "third", replace=True)
    assert database.list_artifact_tags("p") == ["first", "latest", "third"]
    assert _tags(database, "third") == ["x1"] and _tags(database, "first") == ["y1"]
    assert _tags(database, "latest") == ["x1", "y1"]


def test_projects_by_state(database: Any) -> None:
    database.store_project("old", {"metadata": {"name": "old"}, "status": {"state": "archived"}})
    assert database.list_projects(state="archived") == ["old"]
    assert database.list_projects(state="online") == ["p"]
    assert database.list_projects() == ["old", "p"]


def test_why_a_run_was_stopped(database: Any) -> None:
    for name, state in (("u1", "running"), ("u2", "completed")):
        database.store_run({"metadata": {"name": "r"}, "status": {"state": state}}, name, "p")
        database.abort_run(name, "p", timeout=0, status_text="too slow")
    stopped, over = (database.read_run(name, "p")["status"] for name in ("u1", "u2"))
    assert (stopped["state"], stopped["status_text"]) == ("aborting", "too slow")
    assert over["state"] == "completed" and "status_text" not in over


def test_profiles(mlrun: Any, database: Any) -> None:
    profile = import_module("mlrun.datastore.datastore_profile").DatastoreProfileRedis
    database.store_datastore_profile(profile(name="r", endpoint_url="redis://h", password="w"), "p")
    coded = {key: b64encode(b"redis://k").decode() for key in ["endpoint_url"]}
    record = mlrun.common.schemas.DatastoreProfile(
        name="r", type="redis", object=json.dumps(coded), project="p"
    )
    database.store_datastore_profile(record, "p")  # what is secret was there already
    [found] = database.list_datastore_profiles("p")
    assert found.endpoint_url == "redis://k" and found.password is None
    read = import_module("mlrun_like.projects.profiles").read_profile("p", "r")
    assert read.password == "w"
    assert database.get_datastore_profile("r", "p").name == "r"
    database.delete_datastore_profile("r", "p")
    assert database.get_datastore_profile("r", "p") is None
    with pytest.raises(AccessDeniedError):
        database.list_project_secrets("p", "token")


def test_feature_sets(mlrun: Any, database: Any) -> None:
    for name in ("stocks", "quotes"):
        database.create_feature_set(
            {
                "metadata": {"name": name},
                "spec": {
                    "entities": [{"name": "ticker", "value_type": "str"}],
                    "features": [{"name": f"{name}_price", "value_type": "float"}],
                },
            },
            "p",
        )
    found = database.list_features_v2("p", "~QUOTES")
    assert [row["name"] for row in found["features"]] == ["quotes_price"]
    digest = found["feature_set_digests"][found["features"][0]["feature_set_index"]]
    assert digest["metadata"]["name"] == "quotes"
    assert len(database.list_entities_v2("p")["entities"]) == 2
    assert [one.metadata.name for one in database.list_feature_sets("p", features="stocks_price")]
    assert database.list_feature_sets("p", entities=["other"]) == []
    database.patch_feature_set("stocks", {"spec": {"description": "d"}}, "p")
    patched = database.get_feature_set("stocks", "p")
    assert patched.spec.description == "d" and patched.spec.features["stocks_price"]
    with pytest.raises(NotFoundError):
        database.patch_feature_set("none", {}, "p")


def test_endpoints(mlrun: Any, database: Any) -> None:
    document = {
        "metadata": {"name": "m", "project": "p"},
        "spec": {"function_name": "f", "function_tag": "latest", "model_name": "m"},
    }
    made = database.create_model_endpoint(document)
    again = database.create_model_endpoint(document)
    assert made.metadata.uid == again.metadata.uid
    database.create_model_endpoint(document, "archive")
    assert len(database.list_model_endpoints("p", "m").endpoints) == 2
    database.delete_model_endpoint("m", "p", "f", endpoint_id=made.metadata.uid)
    database.patch_model_endpoint("m", "p", {"spec.model_class": "C"}, "f", "latest")
    found = database.get_model_endpoint("m", "p", "f")
    assert found.spec.model_class == "C" and found.metadata.uid != made.metadata.uid
    assert database.get_model_endpoint_monitoring_metrics("p", found.metadata.uid) == []
    several = database.get_metrics_by_multiple_endpoints
    assert several("p", [found.metadata.uid]) == {found.metadata.uid: []}
    assert several("p", "u", events_format="intersection")["intersect_results"] == []
    assert database.get_project_summary("p").real_time_model_endpoint_count == 1
    with pytest.raises(NotFoundError):
        database.get_model_endpoint("none", "p")


def test_monitoring(database: Any) -> None:
    database.enable_model_monitoring("p", 20)
    assert database.get_project("p").spec.monitoring["base_period"] == 20
    summaries = {one.name: one for one in database.get_monitoring_function_summaries("p")}
    name = next(iter(summaries))
    assert database.get_monitoring_function_summary("p", name) == summaries[name]
    assert database.delete_model_monitoring_function("p", [name])
    assert not database.delete_model_monitoring_function("p", [name])
    assert database.disable_model_monitoring("p")
    assert database.get_project("p").spec.monitoring["enabled"] is False
    assert database.get_model_monitoring_url("p") is None


def test_schedules(mlrun: Any, database: Any, home: Path) -> None:
    (home / "f.py").write_text("def work(context):\n    context.log_result('a', 1)\n")
    function = mlrun.code_to_function("f", "p", filename=str(home / "f.py"), kind="local")
    function.run(handler="work", schedule="0 2 * * *", name="night", project="p")
    [found] = database.list_schedules("p").schedules
    assert (found.name, found.project, found.cron_trigger) == ("night", "p", "0 2 * * *")
    update = mlrun.common.schemas.ScheduleUpdate
    trigger = {"minute": 5, "hour": 3}
    database.update_schedule("p", "night", update(cron_trigger=trigger, desired_state="offline"))
    found = database.get_schedule("p", "night")
    assert found.cron_trigger == "5 3 * * *" and found.desired_state == "offline"
    assert database.list_schedules("p", next_run_time_since="2000-01-01").schedules == []
    database.set_schedule_notifications("p", "night", [mlrun.model.Notification("console")])
    with pytest.raises(InvalidArgumentError):
        database.update_schedule("p", "night", {"cron_trigger": "x" * 9999})
    database.invoke_schedule("p", "night")
    found = database.get_schedule("p", "night", include_last_run=True)
    assert found.state == "completed" and found.last_run["status"]["results"] == {"a": 1}
    database.delete_schedule("p", "night")
    with pytest.raises(NotFoundError):
        database.invoke_schedule("p", "night")


def test_changes_of_a_schedule(mlrun: Any, database: Any, home: Path) -> None:
    (home / "f.py").write_text("def work(context):\n    pass\n")
    function = mlrun.code_to_function("f", "p", filename=str(home / "f.py"), kind="local")
    function.run(handler="work", schedule="0 2 * * *", name="night", project="p")
    uri = database.get_schedule("p", "night").spec["function"]

    def changed(**given: Any) -> dict[str, Any]:
        database.update_schedule("p", "night", mlrun.common.schemas.ScheduleUpdate(**given))
        return dict(database.get_schedule("p", "night").spec)

    trigger = {"hour": 5, "timezone": "Europe/Berlin"}
    spec = changed(cron_trigger=trigger, concurrency_limit=3)
    assert (spec["cron"], spec["time_zone"]) == ("0 5 * * *", "Europe/Berlin")
    assert spec["concurrency"] == "allow"
    task = {"spec": {"parameters": {"x": 5}, "handler": "work"}}
    spec = changed(cron_trigger="0 6 * * *", concurrency_limit=1, scheduled_object={"task": task})
    assert (spec["cron"], spec["time_zone"]) == ("0 6 * * *", "Europe/Berlin")
    assert (spec["concurrency"], spec["function"]) == ("forbid", uri)
    run = spec["run"]
    assert run["spec"]["parameters"] == {"x": 5} and run["spec"]["function"] == uri
    assert (run["metadata"]["name"], run["metadata"]["project"]) == ("night", "p")
    unknown = {"task": {"spec": {"function": "p/nothing"}}}
    assert run["metadata"]["labels"]["kind"] == "local"
    told = {"kind": "slack", "secret_params": {"webhook": "https://hidden"}}
    for broken in (
        {"scheduled_object": {"task": {"spec": {"notifications": [told]}}}},
        {"scheduled_object": "text"},
        {"labels": ["a"]},
        {"concurrency_limit": 0},
        {"scheduled_object": {"function": {"kind": "job"}, "task": task}},
        {"scheduled_object": unknown},
        {"cron_trigger": {"hour": 1, "jitter": 5}},
    ):
        with pytest.raises((InvalidArgumentError, NotFoundError)):
            database.update_schedule("p", "night", broken)
    schedule = database.get_schedule("p", "night")
    assert schedule.spec == spec
    assert schedule.scheduled_object["task"]["spec"]["parameters"] == {"x": 5}
    assert schedule.scheduled_object["function"] == uri
    assert changed(scheduled_object=schedule.scheduled_object) == spec


def test_secrets_of_notifications_are_kept_with_the_project(mlrun: Any, database: Any) -> None:
    kind = mlrun.model.Notification
    database.store_run({"metadata": {"name": "r"}, "status": {"state": "completed"}}, "u1", "p")
    told = kind("webhook", "w", secret_params={"url": "http://127.0.0.1:1/x?key=hidden"})
    database.set_run_notifications("p", "u1", [told])
    [row] = database.read_run("u1", "p")["spec"]["notifications"]
    name = row["secret_params"]["url"]["secret"]
    assert name in database.list_project_secret_keys("p").secret_keys and "hidden" not in str(row)
    assert mlrun.get_or_create_project("p").get_secret(name) == told.secret_params["url"]
    database.set_run_notifications("p", "u1", [kind(**row)])  # as it was read
    assert database.read_run("u1", "p")["spec"]["notifications"] == [row]
    for broken in ({"url": "***"}, {"url": 5}, {"url": {"a": {1}}}):
        with pytest.raises(InvalidArgumentError, match="'url' of notification 'w'"):
            database.set_run_notifications("p", "u1", [kind("webhook", "w", secret_params=broken)])


def test_secrets_of_notifications_go_with_them(
    mlrun: Any, database: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(name: str = "w") -> list[Any]:
        params = {"url": "http://127.0.0.1:1/x", "headers": {"X-Token": "hidden"}}
        return [mlrun.model.Notification("webhook", name, secret_params=params)]

    def names() -> int:
        return len(database.list_project_secret_keys("p").secret_keys)

    def lost(*_: Any, **__: Any) -> None:
        raise OSError("no place")

    state = {"state": "completed"}
    for uid in ("u1", "u2"):
        database.store_run({"metadata": {"name": "r"}, "status": state}, uid, "p")
    with monkeypatch.context() as patch:
        patch.setattr(type(database.store), "store_run", lost)
        with pytest.raises(OSError, match="no place"):
            database.set_run_notifications("p", "u1", told())
    assert names() == 0
    for uid in ("u1", "u2"):
        database.set_run_notifications("p", uid, told())
    database.set_run_notifications("p", "u1", told("other"))
    assert names() == 4
    database.set_run_notifications("p", "u1", [])
    assert names() == 2
    database.set_run_notifications("p", "u1", told())
    database.del_run("u1", "p")
    assert names() == 2
    database.del_runs(project="p")
    assert names() == 0
    (home / "f.py").write_text("def work(context):\n    pass\n")
    function = mlrun.code_to_function("f", "p", filename=str(home / "f.py"), kind="local")
    function.run(handler="work", schedule="0 2 * * *", name="night", project="p")
    update: dict[str, Any] = {"scheduled_object": {"task": {"spec": {}}}}
    for call, given in (
        (database.set_schedule_notifications, [[]]),
        (database.update_schedule, [update]),
        (database.delete_schedule, []),
    ):
        database.set_schedule_notifications("p", "night", told())
        assert names() == 2
        call("p", "night", *given)
        assert names() == 0


def test_notifications(mlrun: Any, database: Any, capsys: pytest.CaptureFixture[str]) -> None:
    document = {"metadata": {"name": "r"}, "status": {"state": "completed"}}
    database.store_run(document, "u1", "p")
    database.set_run_notifications("p", "u1", [mlrun.model.Notification("console", "c", "hello")])
    database.push_run_notifications("u1", "p")
    database.push_pipeline_notifications("u1", "p", [mlrun.model.Notification("console", "d")])
    captured = capsys.readouterr()
    assert "hello" in captured.out + captured.err
    told = database.read_run("u1", "p")["status"]["notifications"]
    assert {name: row["status"] for name, row in told.items()} == {"c": "sent", "d": "sent"}
    assert database.get_workflow_id("p", "w", "u1").workflow_id == "u1"


def test_pipelines_and_tasks(database: Any) -> None:
    document = {"metadata": {"name": "flow", "labels": {"kind": "pipeline"}}}
    database.store_run(document, "u1", "p")
    given = json.dumps({"predicates": [{"key": "name", "string_value": "flo"}]})
    found = database.list_pipelines("p", None, "", "", given)
    assert found.total_size == 1 and found.runs == found[2] and found.next_page_token is None
    with pytest.raises(InvalidArgumentError):
        database.list_pipelines("p", filter_="{")
    assert database.list_project_background_tasks("p") == []
    with pytest.raises(NotFoundError):
        database.get_project_background_task("p", "none")


def test_activations(database: Any) -> None:
    assert list(database.list_alert_activations("p", "~x", severity=["high"])) == []
    assert database.paginated_list_alert_activations("p", page_size=1) == ([], None)
    with pytest.raises(NotFoundError):
        database.get_alert_activation("p", 7)
