"""One step of a recorded pipeline, alone."""

from __future__ import annotations

import io
from typing import Any

import pytest

from mlrun_like.errors import NotFoundError, PipelineError, RunError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.spin import spin
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store


@function(returns=["xs"])
def spread(n: int) -> list[int]:
    return list(range(n))


@function(returns=["x"])
def half(x: int, by: int = 2) -> float:
    return x / by


@function(returns=["sum"])
def total(xs: list[float], by: int = 1) -> float:
    return sum(xs) / by


@pipeline
def flow(n: int = 3, by: int = 2) -> Any:
    items: Any = spread(n)
    item: Any
    with dsl.ParallelFor(items.output) as item:
        part: Any = half(item, by)
    parts: Any = dsl.Collected(part)
    return {"sum": total(xs=parts, by=by)}


def test_a_step_with_the_inputs_it_had() -> None:
    run = LocalEngine(report=None).run(flow.plan, {"n": 5})
    again = spin(run.uid, "half[3]", plan=flow.plan)
    assert again.outputs["x"] == 1.5 and again.spec.parameters == {"x": 3, "by": 2}
    assert spin(run.uid, "total", plan=flow.plan).outputs["sum"] == 2.5
    assert "workflow" not in again.metadata.labels
    rows = open_store().list_runs(RunQuery(project="*", labels={"workflow": run.uid}))
    assert len(rows) == 7


def test_the_step_that_failed() -> None:
    run = LocalEngine(report=None).run(flow.plan, {"by": 0})
    with pytest.raises(RunError, match="division by zero"):
        spin(run.uid, "half[1]", plan=flow.plan)
    with pytest.raises(PipelineError, match="never there"):
        spin(run.uid, "total", plan=flow.plan)


def test_under_the_debugger(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    run = LocalEngine(report=None).run(flow.plan)
    monkeypatch.setattr("sys.stdin", io.StringIO("p x * 100\nc\n"))
    assert spin(run.uid, "half[2]", debug=True, plan=flow.plan).outputs["x"] == 1.0
    assert "200" in capfd.readouterr().out


def test_what_is_no_step() -> None:
    run = LocalEngine(report=None).run(flow.plan)
    with pytest.raises(NotFoundError, match=r"no step 'haf'\. Did you mean 'half'"):
        spin(run.uid, "haf", plan=flow.plan)
    with pytest.raises(PipelineError, match="names none of its rounds"):
        spin(run.uid, "half", plan=flow.plan)
    with pytest.raises(PipelineError, match="never there"):
        spin(run.uid, "half[9]", plan=flow.plan)
