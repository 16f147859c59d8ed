"""Workflow files as older versions of MLRun have them: as_step, deploy_step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import FunctionError, PipelineError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.eager import EagerEngine
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.workflow import give_functions, load_workflow, plan_of

SILENT = LocalEngine(report=None)


@function(returns=["rows"])
def count(n: int = 3) -> int:
    return n * 2


@function(returns=["auc"])
def train(rows: int, lr: float = 0.5) -> float:
    return rows * lr


OLD = """
import mlrun
from mlrun_pipelines.imports import kfp

funcs = {}

@kfp.dsl.pipeline(name="Old training")
def kfpipeline(build=0, n=4):
    with kfp.dsl.Condition(build == 1) as built:
        funcs["count"].deploy_step(skip_deployed=True)
    rows = funcs["count"].as_step(name="prep_data", params={"n": n}, outputs=["rows"]).after(built)
    print(rows.outputs)
    funcs["train"].as_step(params={"rows": rows.outputs["rows"]}, hyperparams={"lr": [0.1, 0.5]},
                           selector="max.auc", labels={"of": "old"})
"""


def load(folder: Path, text: str) -> Any:
    file = folder / "old_workflow.py"
    file.write_text(text, encoding="utf-8")
    functions = {"count": count, "train": train}
    return load_workflow(file, prepare=lambda module: give_functions(module, functions, {}))


def test_an_older_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(load(tmp_path, OLD))
    assert plan is not None
    assert capsys.readouterr().out == "<outputs of step 'prep_data'>\n"
    run = SILENT.run(plan)
    states = {name: step.state for name, step in run.steps.items()}
    assert states == {"count": "skipped", "prep_data": "completed", "train": "completed"}
    assert run.steps["train"].outputs["auc"] == 4.0
    assert plan["count"].action == "build"


def test_outside_a_pipeline() -> None:
    for call in (count.as_step, count.deploy_step):
        with pytest.raises(FunctionError, match="is for the body of a pipeline"):
            call()


def test_a_body_with_gates_that_fails_says_why(tmp_path: Path) -> None:
    flow = load(tmp_path, OLD.replace('funcs["train"]', 'funcs["train"].missing'))
    with pytest.raises(PipelineError, match="has no attribute 'missing'") as caught:
        plan_of(flow)
    assert "old_workflow.py:13" in caught.value.where


def test_a_value_of_the_run_in_a_function_makes_it_eager(tmp_path: Path) -> None:
    text = """
funcs = {}
def pipeline(rows="7"):
    function = funcs["count"].copy()
    function.set_env("ROWS", str(rows))
    function.as_step(params={"n": int(str(rows)) if str(rows).isdigit() else 0})
"""
    flow = load(tmp_path, text)
    assert plan_of(flow) is None
    assert EagerEngine().run(flow).check().steps["count"].outputs == {"rows": 14}
