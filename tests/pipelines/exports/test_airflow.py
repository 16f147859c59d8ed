from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, PipelineError
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.exports.airflow import export
from mlrun_like.pipelines.exports.jobs import jobs_of
from mlrun_like.pipelines.exports.package import read_package
from mlrun_like.specs.values import Retry
from tests.pipelines.exports.airflow_peer import in_airflow
from tests.pipelines.exports.simulated import local_trace, trace_of
from tests.pipelines.exports.test_github import HOSTILE, add, echo
from tests.pipelines.programs import PROGRAMS, rows, total

PARSE = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("dags")
print(json.dumps({
    "errors": bag.import_errors,
    "dags": {dag.dag_id: {task.task_id: [
        sorted(task.upstream_task_ids), getattr(task.trigger_rule, "value", task.trigger_rule),
        task.is_mapped, task.retries,
    ] for task in dag.tasks} for dag in bag.dags.values()},
    "params": {dag.dag_id: dag.params.dump() if not dag.params.keys() - dag.params.dump().keys()
        else None for dag in bag.dags.values()},
}, default=str))
"""

RUN = """
import json, sys
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.dagbag import DagBag
(dag,) = DagBag("dags").dags.values()
run = dag.test(run_conf=json.loads(sys.argv[1]))
states = {f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state)
          for ti in run.get_task_instances()}
print(json.dumps({"state": str(run.state), "tasks": states, "run_id": run.run_id}))
"""


def package_of(text: str) -> str:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PIPELINE":
            return str(ast.literal_eval(node.value))
    raise AssertionError("the file has no package")


@pytest.mark.slow
def test_airflow_reads_every_program(tmp_path: Path) -> None:
    flows = {program.flow.name: program.flow for program in PROGRAMS}

    @pipeline
    def hostile(word: str = HOSTILE, data: dict[str, Any] | None = None) -> None:
        echo(HOSTILE + "'''")
        echo.step(name="given", params={"text": word})

    flows["hostile"] = hostile
    for name, flow in flows.items():
        export(flow.plan, str(tmp_path / "dags" / f"{name}.py"))
    found = in_airflow(PARSE, tmp_path)
    assert found["errors"] == {} and found["dags"].keys() == flows.keys()
    for name, flow in flows.items():
        tasks = found["dags"][name]
        for job in jobs_of(flow.plan):
            before, rule, mapped, retries = tasks.pop(job.name)
            kept = {n for n in job.needs if job.kind != "loop" or n in before}
            assert kept <= set(before)
            assert rule == ("all_done" if job.is_patient else "none_failed")
            assert mapped is bool(job.loop)
            assert retries == (2 if name == "retried-failure" else 0)
        assert not tasks
    assert found["params"]["hostile"] == {"word": HOSTILE, "data": None}


@pytest.mark.slow
def test_airflow_does_what_the_local_engine_does(tmp_path: Path) -> None:
    @pipeline
    def flow(n: int = 2) -> None:
        found: Any = rows(n)
        with dsl.ParallelFor(found.output) as item:
            part: Any = add(item)  # type: ignore[arg-type]
        all_: Any = total(dsl.Collected(part.output))  # type: ignore[arg-type]
        with dsl.If(all_.output > 1000):
            high: Any = echo.step(name="high", params={"text": "high"})
        with dsl.Else():
            low: Any = echo.step(name="low", params={"text": "low"})
        echo.step(name="end", params={"text": dsl.OneOf(high.output, low.output)})

    command = str(Path(sys.executable).with_name("mlrun-like"))
    state = tmp_path / "state"
    target = str(tmp_path / "dags" / "flow.py")
    export(flow.plan, target, state=str(state), command=command)
    found = in_airflow(RUN, tmp_path, json.dumps({"n": 2}))
    assert found["state"] == "success"
    skipped = {name for name, outcome in found["tasks"].items() if outcome == "skipped"}
    assert skipped == {"high"}
    assert trace_of(state / "flow" / found["run_id"]) == local_trace(flow.plan, {"n": 2})


def test_a_file_says_what_made_it_and_is_stable() -> None:
    for program in PROGRAMS:
        text = export(program.flow.plan)
        assert text.startswith("# Made by mlrun_like 0.1.0 for Airflow 3.")
        assert export(read_package(package_of(text))) == text


def test_retries_timeouts_and_limits_are_airflows_where_they_can() -> None:
    @pipeline
    def flow() -> None:
        one: Any = add(1)
        one.set_retry(3, backoff_duration=2, backoff_max_duration=60).set_timeout(60)
        add.step(name="odd", params={"a": 1}, retry=Retry(count=3, factor=1.5))
        with dsl.ParallelFor([1, 2, 3], parallelism=2) as n:
            add.step(name="round", params={"a": n})

    text = export(flow.plan, schedule="0 3 * * *", start="2026-02-03")
    for line in (
        "retries=3,",
        "retry_delay=timedelta(seconds=2)",
        "retry_exponential_backoff=True",
        "max_retry_delay=timedelta(seconds=60)",
        "execution_timeout=timedelta(seconds=90.0)",
        "bash_command=command('add', '--once')",
        "bash_command=command('odd')",
        "max_active_tis_per_dagrun=2",
        "schedule='0 3 * * *'",
        "start_date=datetime(2026, 2, 3, tzinfo=timezone.utc)",
    ):
        assert line in text


def test_wrong_options_and_plans() -> None:
    plan = PROGRAMS[0].flow.plan
    for options, message in (
        ({"schedule": "@daily"}, "schedule '@daily'"),
        ({"start": "today"}, "start 'today'"),
        ({"command": "a'; rm"}, "command"),
        ({"state": "$(id)"}, "state"),
    ):
        with pytest.raises(InvalidArgumentError, match=message.replace("$", r"\$")):
            export(plan, **options)

    @pipeline
    def odd(value: Any = object()) -> None:  # noqa: B008
        add(1)

    with pytest.raises(PipelineError, match="plain data"):
        export(odd.plan)
