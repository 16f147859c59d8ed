"""The exported packages in Kubeflow's own SDK, which has a Python of its own: it wants an older
protobuf than other packages of ours."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.exports.joint import ENGINE_RUN
from mlrun_like.pipelines.exports.kubeflow.client import as_arguments
from mlrun_like.pipelines.exports.kubeflow.package import export_kubeflow
from tests.pipelines.exports.environments import ROOT, python_with
from tests.pipelines.programs import PROGRAMS, Program

pytestmark = pytest.mark.slow

KFP = "kfp[kubernetes]==2.17.0"
RUNNER = Path(__file__).with_name("kfp_runner.py")

# What kfp.local does not do: values of an empty loop, or of a skipped or failed step; values of
# other steps that a loop uses are replaced by its items; quotes in a condition's text; None.
NOT_LOCAL = {
    "branches-side-by-side",
    "a-parameter-that-may-be-none-2",
    "runtime-loop",
    "loop-with-outer-values",
    "collected-from-some-rounds",
    "ignored-failure",
    "value-of-a-skipped-step-2",
}


@function(returns=["data:dataset"])
def make_rows(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": range(n)})


@function(returns=["mean"])
def mean_of(data: pd.DataFrame) -> float:
    return float(data["x"].mean())


@function(returns=["value"])
def scaled(mean: float, by: int = 1) -> float:
    return mean * by


@pipeline
def story(n: int, large: int = 4) -> None:
    made: Any = make_rows(n)
    mean: Any = mean_of(made)
    with dsl.If(mean.output > large):
        scaled.step(name="once", params={"mean": mean.output})
    with dsl.Else(), dsl.ParallelFor([1, 2, 3]) as by:
        scaled.step(name="each", params={"by": by, "mean": 2.0})


STORY = Program("story", story, {"n": 7})


def ask(*arguments: str) -> Any:
    own = [r for r in importlib.metadata.requires("mlrun-like") or [] if "extra ==" not in r]
    python = python_with("kfp", KFP, *sorted(own))
    done = subprocess.run(
        [str(python), "-X", "faulthandler", str(RUNNER), *arguments],
        capture_output=True,
        text=True,
        timeout=580,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLRUN_LIKE_HOME": str(Path(arguments[1]) / "home"),
        },
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    return json.loads(done.stdout)


def write_packages(folder: Path, programs: list[Program]) -> None:
    for each in programs:
        export_kubeflow(each.flow.plan, folder / f"{each.name}.yaml")
    arguments = {each.name: as_arguments(each.flow.plan, each.arguments) for each in programs}
    (folder / "arguments.json").write_text(json.dumps(arguments))


def rows_of(program: Program) -> list[list[Any]]:
    """What the engine runs: steps with states and outputs."""
    run = LocalEngine(report=None).run(program.flow.plan, program.arguments)
    return [
        [path.partition("[")[0], step.state, dict(step.outputs)]
        for path, step in run.steps.items()
        if step.state != "skipped"
    ]


def test_the_sdk_loads_every_package(tmp_path: Path) -> None:
    programs = list({each.flow.name: each for each in [STORY, *PROGRAMS]}.values())
    write_packages(tmp_path, programs)
    assert set(ask("check", str(tmp_path))) == {each.name for each in programs}


def test_the_local_runner_does_what_the_engine_does(tmp_path: Path) -> None:
    chosen = [each for each in PROGRAMS if each.name not in NOT_LOCAL]
    assert len({each.flow.name for each in chosen}) >= 30
    write_packages(tmp_path, [STORY, *chosen])
    found = ask("local", str(tmp_path), *(each.name for each in [STORY, *chosen]))
    assert sorted(
        found["story"], key=repr
    ) == [  # its steps are processes; the data went from one to the other
        ["each", "completed", {"value": 2.0}],
        ["each", "completed", {"value": 4.0}],
        ["each", "completed", {"value": 6.0}],
        ["make-rows", "completed", {}],
        ["mean-of", "completed", {"mean": 3.0}],
    ]
    same = set()
    for each in chosen:
        rows, got = rows_of(each), found[each.name]
        assert isinstance(got, list), (each.name, got)
        if any(state == "error" for _, state, _ in rows):  # it stops at the first failure
            assert {json.dumps(row) for row in got} <= {json.dumps(row) for row in rows}
            assert any(state == "error" for _, state, _ in got), each.name
            continue
        assert sorted(map(repr, got)) == sorted(map(repr, rows)), each.name
        same.add(each.flow.name)
    assert len(same) >= 30


def test_a_run_is_submitted_watched_and_recorded(tmp_path: Path) -> None:
    found = ask("submit", str(tmp_path))
    code, (uid, state), lines = found["good"]
    assert (code, state) == (0, "completed") and "add succeeded" in lines
    assert found["bad"][0] == 1 and "parameter 'n' must be of type int" in found["bad"][2]
    assert found["none"][0] == 1 and "for which Kubeflow takes its default 1" in found["none"][2]
    code, (failed,), _, watched, (state,), _ = found["late"]
    assert (code, watched, state) == (0, 1, "error")
    assert found["refused"][0] == 1 and "HTTP 403" in found["refused"][2]
    (path, token, experiment), (_, _, run), *_ = found["asked"]
    assert path == "/apis/v2beta1/experiments" and experiment["display_name"] == "flow"
    assert token == "Bearer bearer-canary" and "canary" not in json.dumps(run)
    assert run["runtime_config"]["parameters"] == {"n": 4}
    assert "exec-add" in json.dumps(run["pipeline_spec"]["platform_spec"])
    runs = {row["metadata"]["uid"]: row for row in found["runs"]}
    whole = runs.pop(uid.replace("-", ""))
    assert whole["metadata"]["labels"]["kind"] == "pipeline"
    assert whole["metadata"]["annotations"][ENGINE_RUN] == uid
    assert (whole["status"]["state"], whole["spec"]["parameters"]) == ("completed", {"n": 4})
    steps = [
        (row["metadata"]["name"], row["status"]["results"])
        for row in runs.values()
        if row["metadata"]["labels"].get("workflow") == uid.replace("-", "")
    ]
    assert steps == [("add", {"value": 5})]
    assert runs[failed.replace("-", "")]["status"]["state"] == "error"
