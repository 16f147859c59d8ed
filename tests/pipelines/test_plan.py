from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import FunctionError, PipelineError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.dsl import otherwise, when
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pictures import gates_of
from mlrun_like.pipelines.pipeline import pipeline


@function(returns=["data"])
def prepare(rows: int, seed: int = 0) -> list[int]:
    return list(range(rows))


@function()
def train(data: Any, lr: float = 0.1, context: Any = None) -> None:
    context.log_result("auc", 0.9)


@function(returns=["total", "half"])
def total(values: Any) -> tuple[int, float]:
    return sum(values), sum(values) / 2


def test_a_decorated_function_still_runs_plainly() -> None:
    assert prepare(2) == [0, 1]
    with pytest.raises(FunctionError, match="for the body of a pipeline"):
        prepare.step()


def test_the_plan_is_printed() -> None:
    @pipeline(name="Train Flow")
    def flow(rows: int, lr: float = 0.2) -> Any:
        data: Any = prepare(rows)
        model: Any = train(data=data, lr=lr)
        with when(model.outputs["auc"] >= 0.95):
            total.step(name="good", params={"values": data.outputs["data"]})
        with otherwise():
            total.step(name="bad", params={"values": [1]}).after(data)
        return {"auc": model.outputs["auc"]}

    assert str(flow.plan).splitlines() == [
        "pipeline train-flow(rows, lr=0.2)",
        "  1. prepare: prepare(rows=rows)",
        "  2. train: train(data=prepare.data, lr=lr)",
        "  3. good: total(values=prepare.data) when train.auc >= 0.95",
        "  4. bad: total(values=[1]) after prepare when not (train.auc >= 0.95)",
    ]
    assert flow.plan.parents("good") == ["prepare", "train"]
    assert 'subgraph g0["if train.auc #gt;= 0.95"]' in flow.plot()
    assert "n0 --> n1" in flow.plot()
    assert flow.plan is flow.plan


def test_all_mistakes_come_at_once() -> None:
    @pipeline
    def wrong() -> Any:
        first: Any = prepare.step(name="p", params={"rowz": 1})
        second: Any = prepare.step(name="p", params={"rows": first.outputs["dat"]})
        late: Any = train(second.outputs["data"])
        late.after("ghost")
        two: Any = total([1])
        prepare.step(name="bad name!", params={"rows": 1}, labelz={})
        return {"x": late.outputs["auc"], "y": two.outputs["nothing"]}

    with pytest.raises(PipelineError) as caught:
        wrong.run()
    text = str(caught.value)
    for part in (
        "8 mistakes in the pipeline",
        "2 steps are named 'p'",
        "prepare() needs 'rows', which it is not given",
        "prepare() has no argument 'rowz'. Did you mean 'rows'?",
        "step 'p' has no output 'dat'. Did you mean 'data'?",
        "comes after 'ghost', which is not a step",
        "run name 'bad name!' is not allowed",
        "'labelz' is not an option of run(). Did you mean 'labels'?",
        "returned output 'y': step 'total' has no output 'nothing'",
        "where: pipeline 'wrong'",
    ):
        assert part in text, part


def test_steps_that_wait_for_each_other_are_refused() -> None:
    @pipeline
    def loop() -> None:
        one: Any = total([1])
        two: Any = total(one.outputs["total"])
        one.after(two)

    with pytest.raises(
        PipelineError, match=r"wait for each other: total \(.*:\d+\) -> total-2 \(.*\) -> total "
    ):
        loop.run()


def test_an_empty_pipeline_is_refused() -> None:
    @pipeline
    def empty() -> None:
        pass

    with pytest.raises(PipelineError, match="no steps"):
        empty.run()


def test_values_of_the_run_cannot_be_used_while_building() -> None:
    def build(use: Any) -> None:
        @pipeline
        def flow(x: int) -> None:
            use(x, train(prepare(1)))

        _ = flow.plan

    for use, part in (
        (lambda x, step: bool(x), "tested by 'if'"),
        (lambda x, step: f"{x:>5}", "formatted as '>5'"),
        (lambda x, step: float(step.outputs["auc"]), "made a number"),
        (lambda x, step: list(x), "looped over"),
        (lambda x, step: not (x > 3), "decided when the pipeline runs"),
        (lambda x, step: when(True), "not a comparison"),
        (lambda x, step: otherwise(), "no when"),
        (lambda x, step: prepare(rows=step.outputs), "without a key"),
        (lambda x, step: prepare(*[1, 2, 3]), "cannot be called so"),
        (lambda x, step: prepare.step(params=3), "params must map"),
    ):
        with pytest.raises(PipelineError, match=part):
            build(use)


def test_gates_belong_to_pipelines() -> None:
    with pytest.raises(PipelineError, match="for the body of a pipeline"):
        when(None)  # type: ignore[arg-type]

    @pipeline
    def loose(*args: int) -> None:
        prepare(1)

    with pytest.raises(PipelineError, match="no fixed name"):
        _ = loose.plan

    @pipeline
    def returns() -> int:
        prepare(1)
        return 3

    with pytest.raises(PipelineError, match="'return' is 3, not an output"):
        _ = returns.plan


def test_otherwise_belongs_to_the_when_before_it() -> None:
    @pipeline
    def nested(x: int) -> None:
        with when(x > 1):
            with when(x > 2):
                prepare.step(name="a", params={"rows": 1})
            with otherwise():
                prepare.step(name="b", params={"rows": 1})
        with otherwise():
            prepare.step(name="c", params={"rows": 1})

    assert {step.name: gates_of(nested.plan, step.name) for step in nested.plan.steps} == {
        "a": ["when x > 1", "when x > 2"],
        "b": ["when x > 1", "when not (x > 2)"],
        "c": ["when not (x > 1)"],
    }


def test_arguments_are_checked() -> None:
    @pipeline
    def flow(rows: int) -> None:
        prepare(rows)

    with pytest.raises(PipelineError, match=r"no parameter 'row'\. .*it needs 'rows'"):
        LocalEngine(report=None).run(flow.plan, {"row": 1})


def test_a_pipeline_inside_a_pipeline_adds_its_steps() -> None:
    @pipeline
    def inner(n: int) -> Any:
        return prepare(n)

    @pipeline
    def outer(n: int) -> Any:
        return total(inner(n))

    assert [step.name for step in outer.plan.steps] == ["prepare", "total"]
