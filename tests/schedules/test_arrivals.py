"""Triggers of folders and of pipelines: half-written files, killed services, chains."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.triggers import app
from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.pipelines.resume import pipeline_in
from mlrun_like.schedules import Trigger
from mlrun_like.schedules.service import Scheduler
from mlrun_like.schedules.triggers import fire_event
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.reaper import LOST
from tests.schedules.watching import look, runs, start, state_of, work

__all__ = ["work"]


def test_a_file_that_is_still_written_does_not_count(tmp_path: Path, work: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    store = start(work, "data", str(folder), settle=0.4, interval=5)
    with (folder / "slow.csv").open("w") as file:
        for number in range(6):
            file.write(f"{number}\n" * 100)
            file.flush()
            assert look(store) == [], number
            due = store.due_schedules(1e18)[0][0][1]
            assert due - time.time() < 1.0  # not only after the interval
            time.sleep(0.1)
    end = time.monotonic() + 30
    while not (taken := look(store)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert len(taken) == 1
    for name in (".hidden.csv", "a.csv.part", "b.tmp", "c.csv~", "deep/.x.swp"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("1")
    look(store)
    assert "unsettled" in state_of(store) and state_of(store)["unsettled"] == {}
    (folder / ".hidden.csv").rename(folder / "seen.csv")
    look(store)
    assert list(state_of(store)["unsettled"]) == ["seen.csv"]


def _serving(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlrun_like", "schedules", "serve"],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_each_file_once_whenever_the_service_is_killed(
    tmp_path: Path, work: Any, home: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    store = start(work, "data", str(folder), settle=0.2, interval=0.1, backoff=0.1)
    files = [f"f{number}.csv" for number in range(4)]
    written = iter(files)
    for kill in (1, 4):  # with work waiting or going on, and when all is done
        with _serving(home) as service:
            try:
                end = time.monotonic() + 90
                while len(_done(store)) < kill:
                    for name in itertools.islice(written, 2):
                        (folder / name).write_text(name)
                        time.sleep(0.3)
                    assert time.monotonic() < end, store.list_firings("default", "watch")
                    assert service.poll() is None
                    time.sleep(0.05)
            finally:
                service.kill()
    assert sorted(_done(store)) == files


def _done(store: FullStore) -> list[str]:
    return [
        run["status"]["results"]["keys"]
        for run in runs(store)
        if run["status"]["state"] == "completed"
    ]


def test_an_event_whose_run_was_killed_is_tried_again(work: Any) -> None:
    store = start(work, "event", "drift")
    fire_event(store, "drift")
    for tries in (1, 2, 3):
        (firing,) = look(store)
        lost = firing._replace(outcome="error", uid="1" * 32, text=LOST)
        store.record_firing("default", "watch", lost)
        if tries < 3:
            assert state_of(store)["flying"]
    assert look(store) == []
    assert state_of(store)["failures"] == 1


FLOW = """
import mlrun_like as ml

@ml.function(returns=["name"])
def last_part(event: dict, prefix: str = "") -> str:
    return prefix + event["key"].rpartition("/")[2]

@ml.pipeline
def arrivals(event: dict, prefix: str = ""):
    return {"name": last_part(event=event, prefix=prefix).outputs["name"]}

@ml.pipeline
def other():
    last_part(event={"key": "x"})
"""


@pytest.mark.slow
def test_a_pipeline_starts_on_new_data(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "in").mkdir()
    run = CliRunner().invoke
    place = ["--project", "demo"]
    made = run(
        app,
        ["add", f"{tmp_path}/flow.py:arrivals", "--on", f"data={tmp_path}/in", "-p", "prefix=new-",
         "-o", "param=event", "-o", "interval=0.1", "-o", "settle=0", *place],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    after = ["add", f"{tmp_path}/flow.py:other", "--on", "run=arrivals", "-o", "interval=0.1"]
    assert run(app, [*after, *place]).exit_code == 0
    store = open_store()
    (tmp_path / "in" / "a.csv").write_text("1")
    end = time.monotonic() + 60
    query = RunQuery(project="demo", name="other", states=("completed",))
    with Scheduler(store, longest_wait=0.05) as service:
        while not store.list_runs(query):
            assert time.monotonic() < end, store.list_firings("demo", "arrivals")
            service.tick()
            time.sleep(0.02)
    (done,) = store.list_runs(RunQuery(project="demo", name="arrivals"))
    assert done["status"]["results"] == {"name": "new-a.csv"}
    assert "data " in run(app, ["list"]).output
    assert run(app, ["remove", "arrivals", *place]).output == "arrivals: deleted\n"
    ran = run(app, ["run", "other", *place])
    assert "other: completed" in ran.output and ran.exit_code == 0
    assert run(app, ["remove", "arrivals", *place]).exit_code != 0


def test_what_cannot_start_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    flow = pipeline_in(str(tmp_path / "flow.py"), "arrivals")
    with pytest.raises(PipelineError, match="no parameter 'evnt'"):
        flow.run(schedule=Trigger("event", "x", param="evnt"))
    with pytest.raises(PipelineError, match="no parameter 'prefx'"):
        flow.run(schedule="@daily", prefx="a")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        flow.run(schedule="often")
    space: dict[str, Any] = {}
    exec(FLOW, space)
    with pytest.raises(PipelineError, match="not read from a file"):
        space["other"].run(schedule="@daily")
    for words in (["--on", "x"], ["--on", "dta=x"], ["--on", "cron=x"], ["--on", "event="]):
        failed = CliRunner().invoke(app, ["add", str(tmp_path / "flow.py"), *words])
        assert isinstance(failed.exception, InvalidArgumentError)
