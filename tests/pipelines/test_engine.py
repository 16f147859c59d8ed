from __future__ import annotations

import threading
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.dsl import otherwise, when
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import Pipeline, pipeline
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store


@function(returns=["rows"])
def count(n: int) -> int:
    return n * 2


@function()
def train(context: Any, n: int, lr: float = 0.5) -> None:
    context.log_result("auc", n * lr)
    context.log_artifact("notes", body=f"n={n}", format="txt")


@function(returns=["text"])
def read(notes: Any) -> str:
    return str(notes.get(encoding="utf-8"))


@function()
def explode(n: int = 0) -> None:
    raise ValueError(f"boom {n}")


def silent(flow: Pipeline, **arguments: Any) -> PipelineRun:
    return LocalEngine(report=None).run(flow.plan, arguments)


@pipeline
def gated(n: int = 1, limit: float = 0.95) -> Any:
    rows: Any = count(n)
    model: Any = train(n=rows.outputs["rows"])  # type: ignore[call-arg]  # context is given
    with when(model.outputs["auc"] >= limit):
        good: Any = read.step(name="good", inputs={"notes": model.outputs["notes"]})
    with otherwise():
        count.step(name="bad", params={"n": 0})
    read.step(name="use-good", params={"notes": good.outputs["text"]})
    count.step(name="always", params={"n": 1}).after(good)
    return {"auc": model.outputs["auc"], "text": good.outputs["text"]}


def test_values_and_artifacts_flow() -> None:
    @pipeline
    def flow(n: int) -> Any:
        model: Any = train(count(n))  # type: ignore[call-arg]  # context is given
        return {"auc": model.outputs["auc"], "text": read(model.output("notes"))}

    run = flow.run(n=3)
    assert run.state == "completed"
    assert run.outputs == {"auc": 3.0, "text": "n=6"}
    runs = open_store().list_runs(RunQuery(project="default", labels={"workflow": run.uid}))
    assert {item["metadata"]["uid"] for item in runs} == {step.uid for step in run.steps.values()}
    assert {item["metadata"]["name"] for item in runs} == {"count", "train", "read"}


def test_an_open_gate() -> None:
    run = silent(gated, n=1)
    states = {name: step.state for name, step in run.steps.items()}
    assert states["good"] == "completed" and states["bad"] == "skipped"
    assert run.steps["bad"].reason == "gate: auc 1.0 >= limit 0.95 is true"
    assert run.outputs == {"auc": 1.0, "text": "n=2"}


def test_a_closed_gate_skips_what_uses_its_steps() -> None:
    run = silent(gated, n=0)
    assert run.state == "completed"
    assert run.steps["good"].reason == "gate: auc 0.0 >= limit 0.95 is false"
    assert run.steps["good"].state == "skipped" and not run.steps["good"].blocked
    assert run.steps["use-good"].reason.startswith("step 'good' was skipped (gate:")
    assert run.steps["bad"].state == run.steps["always"].state == "completed"
    assert run.outputs == {"auc": 0.0, "text": None}
    assert run.check() is run


def test_a_failed_step_skips_what_follows_and_nothing_else() -> None:
    @pipeline
    def flow() -> None:
        bad: Any = explode(7)
        after: Any = count.step(name="after", params={"n": 1}).after(bad)
        count.step(name="later", params={"n": after.outputs["rows"]})
        count.step(name="other", params={"n": 1})

    run = silent(flow)
    assert run.state == "error"
    states = {name: step.state for name, step in run.steps.items()}
    assert states == {
        "explode": "error", "after": "skipped", "later": "skipped", "other": "completed",
    }  # fmt: skip
    assert "boom 7" in run.steps["explode"].reason and run.steps["explode"].uid
    assert run.steps["after"].reason == "step 'explode' failed"
    assert run.steps["later"].reason == "step 'after' was skipped"
    with pytest.raises(RunError, match="step 'explode' failed") as caught:
        flow.run()
    text = str(caught.value)
    assert "because of it: after, later" in text and "boom 7" in text and "Traceback" in text


def test_an_output_that_is_not_there_fails_the_step() -> None:
    @pipeline
    def flow() -> None:
        model: Any = train(1)  # type: ignore[call-arg]  # context is given
        count(model.outputs["auk"])
        with when(model.outputs["notes"] > 3):
            count.step(name="odd", params={"n": 1})

    run = silent(flow)
    reason = run.steps["count"].reason
    assert "gave no output 'auk'. Did you mean 'auc'?" in reason
    assert run.steps["odd"].state == "error" and "cannot be decided" in run.steps["odd"].reason


def test_independent_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    @function()
    def meet(n: int) -> None:
        meeting.wait()

    @pipeline
    def flow() -> None:
        meet(1)
        meet(2)

    assert silent(flow).state == "completed"


def test_without_a_return_value_all_outputs_are_given() -> None:
    @pipeline
    def flow() -> None:
        count(1)
        count(2)

    assert silent(flow).outputs == {"count.rows": 2, "count-2.rows": 4}


def test_sweeps_are_steps() -> None:
    @pipeline
    def flow() -> Any:
        best: Any = train.step(
            params={"n": 2}, hyperparams={"lr": [0.1, 0.3]},
            hyper_param_options={"selector": "max.auc"},
        )  # fmt: skip
        return {"best": best.outputs["best_iteration"], "auc": best.outputs["auc"]}

    assert silent(flow).outputs == {"best": 2, "auc": 0.6}


def test_progress_is_reported() -> None:
    lines: list[str] = []
    LocalEngine(report=lines.append).run(gated.plan, {"n": 0})
    assert lines[0] == "gated: count started"
    assert "gated: good skipped: gate: auc 0.0 >= limit 0.95 is false" in lines
    assert any(line.startswith("gated: train completed in ") for line in lines)


def test_workers_are_checked() -> None:
    for wrong in (0, True, "2"):
        with pytest.raises(InvalidArgumentError, match="workers"):
            LocalEngine(workers=wrong)  # type: ignore[arg-type]


def test_many_steps() -> None:
    @pipeline
    def flow() -> None:
        for _ in range(40):
            count(1)

    assert len(silent(flow).steps) == 40


def test_a_step_passed_as_a_value_is_what_it_returns() -> None:
    @function(returns=["acc"])
    def measure(context: Any) -> float:
        context.log_result("other", 1)
        return 0.9

    @function(returns=["seen"])
    def use(acc: float) -> float:
        return acc

    @pipeline(name="hand-over")
    def body() -> None:
        use(acc=measure())  # type: ignore[call-arg]

    assert body.run().steps["use"].outputs["seen"] == 0.9
