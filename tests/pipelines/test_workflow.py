"""Workflow files: what they import, which handler runs, traced or eagerly, resumed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import (
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    PipelineError,
    RunError,
)
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.eager import EagerEngine
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.served import served_name
from mlrun_like.pipelines.workflow import (
    as_pipeline,
    give_functions,
    load_workflow,
    plan_of,
    workflow_module,
)
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

FUNCTIONS = """
import mlrun_like

@mlrun_like.function(returns=["rows"])
def count(n: int) -> int:
    return n * 2

@mlrun_like.function(returns=["auc"])
def train(rows: int, lr: float = 0.5) -> float:
    return rows * lr
"""

TRACED = (
    FUNCTIONS
    + """
from kfp import dsl

@dsl.pipeline(name="My pipeline", description="All of it")
def flow(n: int = 3):
    rows = count.step(params={"n": n})
    with dsl.Condition(rows.outputs["rows"] > 2):
        train.step(params={"rows": rows.outputs["rows"]}).after(rows)
"""
)

EAGER = (
    FUNCTIONS
    + """
def pipeline(n=3):
    rows = count.step(params={"n": n})
    if rows.outputs["rows"] > 2:
        best = max(train(rows, lr=lr).output for lr in (0.1, 0.5))
        return {"best": best}
"""
)


def write(folder: Path, text: str, name: str = "workflow.py") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_decorated_handler_becomes_a_plan(tmp_path: Path) -> None:
    flow = load_workflow(write(tmp_path, TRACED))
    assert flow.name == "my-pipeline"
    assert flow.description == "All of it"
    plan = plan_of(flow)
    assert plan is not None
    assert plan.description == "All of it"
    run = LocalEngine(report=None).run(plan, {"n": 4})
    assert run.steps["train"].outputs["auc"] == 4.0
    assert LocalEngine(report=None).run(plan, {"n": 1}).steps["train"].state == "skipped"


def test_a_body_that_asks_for_values_runs_eagerly(tmp_path: Path) -> None:
    flow = load_workflow(write(tmp_path, EAGER))
    assert plan_of(flow) is None
    run = EagerEngine().run(flow, {"n": 4})
    assert run.check() is run
    assert run.outputs == {"best": 4.0}
    assert list(run.steps) == ["count", "train", "train-2"]
    store = open_store()
    document = store.read_run("default", run.uid)
    assert document["metadata"]["labels"]["kind"] == "pipeline"
    assert document["status"]["results"] == {"best": 4.0}
    rows = store.list_steps("default", run.uid)
    assert [(row.step, row.state) for row in rows] == [
        ("count", "completed"),
        ("train", "completed"),
        ("train-2", "completed"),
    ]
    steps = store.list_runs(RunQuery(project="default", labels={"workflow": run.uid}))
    assert len(steps) == 3


IMPORTS = [
    "from kfp import dsl\nIf = dsl.If",
    "import kfp\nIf = kfp.dsl.If",
    "import kfp.dsl\nIf = kfp.dsl.If",
    "import kfp.dsl as words\nIf = words.If",
    "import os, kfp.dsl as words\nIf = words.If\nos.getpid()",
    "from kfp.dsl import If",
    "from kfp.dsl import If as Wenn\nIf = Wenn",
    "from kfp.dsl import *",
    "def inside():\n    from kfp import dsl\n    return dsl.If\nIf = inside()",
]


@pytest.mark.parametrize("text", IMPORTS)
def test_imports_of_kfp_are_served(text: str) -> None:
    before = {name for name in sys.modules if name.partition(".")[0] == "kfp"}
    module = workflow_module(code=text)
    assert module.If is dsl.If
    assert {name for name in sys.modules if name.partition(".")[0] == "kfp"} == before


def test_imports_of_mlrun_are_served() -> None:
    code = (
        "import mlrun\nimport mlrun.platforms\nfrom mlrun import code_to_function as make\n"
        "from mlrun.platforms import auto_mount\nfrom mlrun.model import HyperParamOptions\n"
        "mount = mlrun.platforms.auto_mount\n"
    )
    module = workflow_module(code=code)
    import mlrun_like as ml

    assert module.make is ml.code_to_function
    assert module.mlrun.get_dataitem is ml.get_dataitem
    assert module.mount is module.auto_mount
    assert module.HyperParamOptions is ml.HyperParamOptions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from kfp import components", "components"),
        ("from kfp.dsl import ContainerOp", "ContainerOp"),
        ("import mlrun\nmlrun.no_such_thing", "no_such_thing"),
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_module_at_all", "no_such_module_at_all"),
    ],
)
def test_what_fails_while_loading_is_said(text: str, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        workflow_module(code=text)


@pytest.mark.parametrize("text", ["def (", "a = '\0'", "(" * 5000, "\ufeff\ufeff)"])
def test_broken_python_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not valid Python"):
        workflow_module(code=text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        workflow_module(tmp_path / "none.py")
    with pytest.raises(MissingFileError):
        workflow_module(tmp_path)
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        workflow_module(tmp_path / "binary.py")
    with pytest.raises(InvalidArgumentError, match="either a path or code"):
        workflow_module()
    with pytest.raises(InvalidArgumentError, match="either a path or code"):
        workflow_module(tmp_path / "x.py", "pass")


def test_which_handler_runs() -> None:
    both = "def kfpipeline():\n    pass\ndef pipeline():\n    pass\ndef other():\n    pass\n"
    assert load_workflow(code=both).name == "kfpipeline"
    assert load_workflow(code=both, handler="other").name == "other"
    assert load_workflow(code=both, handler="other", name="Mine").name == "mine"
    assert load_workflow(code="from kfp.dsl import pipeline\n@pipeline\ndef only(): pass").name == (
        "only"
    )
    with pytest.raises(NotFoundError, match=r"no handler .othr..*.other."):
        load_workflow(code=both, handler="othr")
    with pytest.raises(NotFoundError, match="it has first, second"):
        load_workflow(code="def first(): pass\ndef second(): pass")
    with pytest.raises(InvalidArgumentError, match="must be a function"):
        as_pipeline(3)


def test_old_style_with_funcs_and_init_functions() -> None:
    code = (
        "seen = []\n"
        "def init_functions(functions, project=None, secrets=None):\n"
        "    seen.append((sorted(functions), secrets))\n"
        "def kfpipeline(n=2):\n"
        "    return funcs['count'].step(params={'n': n})\n"
    )

    @function(returns=["rows"])
    def count(n: int) -> int:
        return n * 2

    modules = []

    def prepare(module: Any) -> None:
        modules.append(module)
        give_functions(module, {"count": count}, {"A": "b"})

    plan = plan_of(load_workflow(code=code, prepare=prepare))
    assert plan is not None
    assert modules[0].seen == [(["count"], {"A": "b"})]
    assert LocalEngine(report=None).run(plan, {"n": 5}).outputs == {"rows": 10}


CALLS: list[int] = []


@function(returns=["doubled"])
def double(n: int) -> int:
    CALLS.append(n)
    return n * 2


@function(returns=["kept"])
def fragile(n: int, good: bool = False) -> int:
    CALLS.append(-n)
    if not good:
        raise ValueError(f"boom {n}")
    return n


MENDED = [False]


@pipeline(dynamic=True)
def climbing(start: int = 1) -> Any:
    value: Any = double(start)
    while value < 10:
        value = double(value)
    return {"end": fragile(value, good=MENDED[0]).outputs["kept"]}  # type: ignore[attr-defined]


def test_a_failed_eager_run_is_resumed_where_it_stopped() -> None:
    CALLS.clear()
    MENDED[0] = False
    run = EagerEngine().run(climbing, {"start": 2})
    assert run.state == "error"
    assert CALLS == [2, 4, 8, -16]
    assert run.steps["fragile"].state == "error"
    with pytest.raises(RunError, match="boom 16"):
        run.check()
    CALLS.clear()
    MENDED[0] = True
    again = EagerEngine().run(climbing, {"start": 2}, resume=run.uid)
    assert again.uid == run.uid
    assert again.state == "completed"
    assert CALLS == [-16]
    assert again.outputs == {"end": 16}
    assert again.steps["double-3"].reused
    # other arguments make other calls
    CALLS.clear()
    EagerEngine().run(climbing, {"start": 5}, resume=run.uid)
    assert CALLS == [5, -10]


def test_dynamic_run_raises_and_a_caught_failure_does_not() -> None:
    MENDED[0] = False
    with pytest.raises(RunError, match="boom"):
        climbing.run(start=7)

    @pipeline(dynamic=True)
    def careful() -> Any:
        try:
            fragile(1)
        except RunError:
            return {"done": double(1)}
        return None

    run = careful.run()
    assert run.state == "completed"
    assert run.outputs == {"done": 2}
    assert run.steps["fragile"].state == "error"


def test_wrong_use_of_an_eager_pipeline_is_said() -> None:
    with pytest.raises(PipelineError, match="no parameter 'stat'"):
        EagerEngine().run(climbing, {"stat": 1})

    @pipeline(dynamic=True)
    def needs(n: int) -> None:
        double.step(params={"n": n}, no_option=1)

    with pytest.raises(PipelineError, match="it needs 'n'"):
        needs.run()
    with pytest.raises(RunError, match="'no_option' is not an option"):
        needs.run(n=1)
    with pytest.raises(NotFoundError):
        EagerEngine().run(climbing, {}, resume="0" * 32)


def test_names_that_are_served() -> None:
    assert repr(served_name("mlrun.platforms")) == "<mlrun.platforms as mlrun_like serves it>"
    assert served_name("kfp").dsl is dsl
    with pytest.raises(ImportError, match="no counterpart"):
        served_name("mlrun", "no_such")


QUESTIONS = [
    "n + 1",
    "2 * n",
    "-n",
    "range(n)",
    "round(n)",
    "'a' in n",
    "open(n)",
    "n.upper()",
    "int(n)",
    "[1, 2][n]",
    "len(n)",
    "1 / 0",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_for_a_value_makes_the_run_eager(question: str) -> None:
    code = FUNCTIONS + f"def pipeline(n):\n    {question}\n    count.step(params={{'n': 1}})\n"
    assert plan_of(load_workflow(code=code)) is None


def test_calculating_with_an_output_says_what_to_do() -> None:
    @pipeline
    def wrong(n: int) -> None:
        double(double(n) * 2)

    with pytest.raises(PipelineError, match="cannot be calculated with"):
        _ = wrong.plan
