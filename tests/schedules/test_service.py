"""Schedules that fire: policies, missed times, several services, a service that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.main import app
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.schedules import Schedule
from mlrun_like.schedules.define import read_schedule, set_paused
from mlrun_like.schedules.firing import claim, going_on, plan
from mlrun_like.schedules.service import Scheduler
from mlrun_like.specs.schedule import ScheduleDoc, ScheduleSpec
from mlrun_like.tracking.abilities import Firing
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore

CODE = """
import time

def work(context, seconds=0.0, fail=False):
    context.log_result("done", 1)
    time.sleep(seconds)
    if fail:
        raise ValueError("wanted")
"""


@pytest.fixture
def work(tmp_path: Path) -> ml.Function[..., Any]:
    file = tmp_path / "work.py"
    file.write_text(CODE)
    return ml.code_to_function("work", filename=file, kind="process", handler="work")


def make_due(store: FullStore, name: str, ago: float = 1.0) -> float:
    """As if the schedule's next time were some seconds ago."""
    schedule = store.read_schedule("default", name)
    when = time.time() - ago
    store.store_schedule(schedule, when)
    return when


def wait_for_end(store: FullStore, name: str, count: int = 1) -> list[Firing]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = store.list_firings("default", name)
        if len(found) >= count and all(item.outcome != "running" for item in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"firings: {store.list_firings('default', name)}")


def test_a_scheduled_function_runs_at_its_time(work: ml.Function[..., Any]) -> None:
    store = open_store()
    run = work.run(params={"seconds": 0.1}, schedule="0 4 * * *", name="nightly")
    assert run.state() == "created"
    assert store.list_runs(RunQuery(project="*")) == []
    make_due(store, "nightly")
    with Scheduler(store) as service:
        assert service.tick() <= 2.0
        (firing,) = wait_for_end(store, "nightly")
    assert firing.outcome == "completed"
    (found,) = store.list_runs(RunQuery(project="default"))
    assert found["metadata"]["uid"] == firing.uid
    assert found["metadata"]["labels"]["schedule"] == "nightly"
    assert found["status"]["results"] == {"done": 1}
    assert found["spec"]["parameters"] == {"seconds": 0.1}
    schedule = read_schedule(store, "default", "nightly")
    assert schedule.next_run_time is not None
    assert schedule.next_run_time.endswith("T04:00:00+00:00")


def test_a_failure_is_history_and_the_schedule_goes_on(work: ml.Function[..., Any]) -> None:
    store = open_store()
    work.run(params={"fail": True}, schedule="0 0 1 1 *", name="broken")
    make_due(store, "broken")
    with Scheduler(store) as service:
        service.tick()
        (firing,) = wait_for_end(store, "broken")
    assert firing.outcome == "error"
    assert "wanted" in firing.text
    assert read_schedule(store, "default", "broken").next_run_time is not None


@pytest.mark.parametrize(
    ("policy", "outcomes"),
    [
        ("forbid", ["skipped", "completed"]),
        ("allow", ["completed", "completed"]),
        ("replace", ["completed", "aborted"]),
    ],
)
def test_concurrency(work: ml.Function[..., Any], policy: str, outcomes: list[str]) -> None:
    store = open_store()
    seconds = 2.0 if policy != "replace" else 20.0
    work.run(
        params={"seconds": seconds}, schedule=Schedule("0 0 1 1 *", concurrency=policy), name="s"
    )
    with Scheduler(store) as service:
        make_due(store, "s", ago=2)
        service.tick()
        end = time.monotonic() + 30
        while not store.list_runs(RunQuery(project="default", states=("running",))):
            assert time.monotonic() < end
            time.sleep(0.05)
        if policy == "replace":
            changed = read_schedule(store, "default", "s")
            changed.spec.run.spec.parameters = {"seconds": 0.0}
            store.store_schedule(changed.to_dict(), None)
        make_due(store, "s", ago=1)
        service.tick()
        found = wait_for_end(store, "s", 2)
    assert [item.outcome for item in found] == outcomes


def document(**spec: Any) -> ScheduleDoc:
    return ScheduleDoc(name="s", project="default", spec=ScheduleSpec(cron="* * * * *", **spec))


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("once", [(60.0, "missed"), (600.0, "running")]),
        ("skip", [(60.0, "missed"), (600.0, "running")]),
        ("all", [(float(t), "running") for t in range(60, 601, 60)]),
    ],
)
def test_times_that_passed_without_a_service(
    missed: str, expected: list[tuple[float, str]]
) -> None:
    made = plan(document(missed=missed), 60.0, 630.0)
    assert [(item.due, item.outcome) for item in made.firings] == expected
    assert made.next_time == 660.0
    if missed != "all":
        assert made.firings[0].text.startswith("9 times passed")


def test_all_times_late() -> None:
    made = plan(document(missed="skip", grace=10.0), 60.0, 110.0)
    assert [(item.due, item.outcome) for item in made.firings] == [(60.0, "missed")]
    made = plan(document(missed="all"), 0.0, 60.0 * 10_000)
    assert [item.outcome for item in made.firings] == ["missed", *["running"] * 100]
    assert len({item.due for item in made.firings}) == 101


def test_one_time_is_run_by_one_of_many_services(work: ml.Function[..., Any]) -> None:
    store = open_store()
    work.run(schedule="* * * * *", name="s")
    due = make_due(store, "s")
    schedule = read_schedule(store, "default", "s")
    won: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: won.append(len(claim(store, schedule.model_copy(deep=True), due)))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [0] * 7 + [1]


def test_pause_resume_delete(work: ml.Function[..., Any]) -> None:
    store = open_store()
    work.run(schedule="* * * * *", name="s")
    assert set_paused(store, "default", "s", True).next_run_time is None
    with Scheduler(store) as service:
        service.tick()
    assert store.due_schedules(time.time() + 1e6) == ([], None)
    assert set_paused(store, "default", "s", False).next_run_time is not None
    assert store.delete_schedule("default", "s")
    assert not store.delete_schedule("default", "s")
    with pytest.raises(NotFoundError):
        store.read_schedule("default", "s")


def test_scheduling_again_replaces(work: ml.Function[..., Any]) -> None:
    work.run(schedule="0 1 * * *", name="s")
    work.run(
        params={"seconds": 3.0}, schedule={"cron": "0 2 * * *", "time_zone": "Asia/Tokyo"}, name="s"
    )
    (found,) = open_store().list_schedules()
    assert found["spec"]["cron"] == "0 2 * * *"
    assert found["spec"]["run"]["spec"]["parameters"] == {"seconds": 3.0}


@pytest.mark.parametrize(
    "schedule",
    ["soon", 5, {"cron": "* * * * *", "zone": "UTC"}, {}, {"cron": "* * * * *", "missed": "twice"}],
)
def test_a_bad_schedule_is_refused_and_nothing_is_stored(
    work: ml.Function[..., Any], schedule: Any
) -> None:
    with pytest.raises(InvalidArgumentError):
        work.run(schedule=schedule)
    assert open_store().list_schedules() == []


def test_local_and_too_often(work: ml.Function[..., Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="local"):
        work.run(schedule="* * * * *", local=True)
    with ml.config.override(schedule_min_interval=600.0):
        with pytest.raises(InvalidArgumentError, match="more often"):
            work.run(schedule="*/5 * * * *")
        work.run(schedule="*/10 * * * *")


def test_a_firing_whose_service_died_is_put_right(work: ml.Function[..., Any]) -> None:
    store = open_store()
    work.run(schedule="* * * * *", name="s")
    schedule = read_schedule(store, "default", "s")
    done = work.run(params={})
    rows = [
        Firing(1.0, time.time() - 999, "running"),
        Firing(2.0, time.time(), "running"),
        Firing(3.0, time.time() - 999, "running", done.metadata.uid),
        Firing(4.0, time.time(), "running", "never-began", f"{socket.gethostname()} 999999 1.0"),
    ]
    for row in rows:
        store.record_firing("default", "s", row)
    assert [item.due for item in going_on(store, schedule, 120.0)] == [2.0]
    outcomes = {item.due: item.outcome for item in store.list_firings("default", "s")}
    assert outcomes == {1.0: "lost", 2.0: "running", 3.0: "completed", 4.0: "lost"}


def test_a_stored_schedule_that_makes_no_sense_does_not_stop_the_others(
    work: ml.Function[..., Any],
) -> None:
    store = open_store()
    work.run(schedule="* * * * *", name="good")
    bad = {"name": "bad", "project": "default", "spec": {"cron": "what"}}
    store.store_schedule(bad, time.time() - 1)
    store.store_schedule({"name": "worse", "project": "default", "x": 1}, time.time() - 1)
    make_due(store, "good")
    with Scheduler(store) as service:
        service.tick()
        (firing,) = wait_for_end(store, "good")
        assert firing.outcome == "completed"
        service.tick()
    assert store.due_schedules(time.time())[0] == []


@contextlib.contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


def test_a_killed_service_loses_nothing(work: ml.Function[..., Any], home: Path) -> None:
    store = open_store()
    work.run(schedule="*/2 * * * * *", name="often")
    command = [sys.executable, "-m", "mlrun_like", "schedules", "serve"]
    environment = {**os.environ, "MLRUN_LIKE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    for number in (signal.SIGKILL, signal.SIGTERM):
        with (
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as service,
            _killed_at_the_end(service),
        ):
            before = len([f for f in store.list_firings("default", "often") if f.uid])
            end = time.monotonic() + 60
            while len([f for f in store.list_firings("default", "often") if f.uid]) < before + 2:
                assert time.monotonic() < end, store.list_firings("default", "often")
                assert service.poll() is None, service.stdout and service.stdout.read()
                time.sleep(0.1)
            service.send_signal(number)
            service.communicate(timeout=30)
        assert service.returncode == (-9 if number == signal.SIGKILL else 0)
    firings = store.list_firings("default", "often")
    assert len({item.due for item in firings}) == len(firings)
    schedule = read_schedule(store, "default", "often")
    end = time.monotonic() + 20
    while going_on(store, schedule, 0.0):
        assert time.monotonic() < end
        time.sleep(0.2)
    done = {item.outcome for item in store.list_firings("default", "often")}
    assert done <= {"completed", "missed", "lost", "error", "aborted", "skipped"}
    assert "completed" in done


def test_the_command_line(work: ml.Function[..., Any], home: Path, tmp_path: Path) -> None:
    def cli(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, arguments)
        failed = int(result.exception is not None and not isinstance(result.exception, SystemExit))
        assert (failed or result.exit_code) == code, f"{arguments}: {result.output}"
        return result.stdout

    file = str(tmp_path / "work.py")
    cli("run", file, "--handler", "work", "--name", "nightly", "--schedule", "0 4 * * *",
        "--time-zone", "Europe/Berlin")  # fmt: skip
    (listed,) = json.loads(cli("schedules", "list", "--json"))
    assert listed["spec"]["time_zone"] == "Europe/Berlin"
    assert "0 4 * * *" in cli("schedules", "list")
    assert "completed" in cli("schedules", "invoke", "nightly")
    (row,) = json.loads(cli("schedules", "history", "nightly", "--json"))
    assert row["outcome"] == "completed"
    assert "paused" in cli("schedules", "pause", "nightly")
    assert "paused" in cli("schedules", "show", "nightly")
    assert "next" in cli("schedules", "resume", "nightly")
    assert "kind: CronJob" in cli("schedules", "manifest", "nightly", "--image", "reg/x:1")
    cli("schedules", "delete", "nightly")
    cli("schedules", "delete", "nightly", code=1)
