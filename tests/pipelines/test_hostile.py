"""Plans and values that nobody thought of: refused with a reason, or right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlrun_like.errors import PipelineError, RunError, UnknownValueError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import Pipeline, pipeline

SILENT = LocalEngine(report=None)
KINDS: dict[str, Any] = {
    "true": np.bool_(True),
    "half": np.float32(0.5),
    "nan": float("nan"),
    "none": None,
    "complex": 1 + 2j,
    "huge": 2**70,
    "text": "abc",
}


@function(returns=["v"])
def give(kind: str) -> Any:
    return KINDS[kind]


@function(returns=["said"])
def say(x: Any) -> str:
    return repr(x)


def test_numpy_truth_opens_a_gate() -> None:
    @pipeline
    def flow(kind: str = "true") -> None:
        with dsl.If(give(kind).outputs["v"] == True):  # noqa: E712 - a gate
            say(1)

    run = SILENT.run(flow.plan)
    assert run.steps["give"].outputs == {"v": True} and run.steps["say"].state == "completed"


@pytest.mark.parametrize(
    ("kind", "ran"), [("half", "say"), ("nan", "say-3"), ("none", "say-2"), ("true", "say")]
)
def test_odd_values_in_gates(kind: str, ran: str) -> None:
    @pipeline
    def flow(kind: str = "") -> None:
        value = give(kind).outputs["v"]
        with dsl.If((value != None) & (value > 0.4)):  # noqa: E711 - a gate
            say(1)
        with dsl.Elif(value == None):  # noqa: E711 - a gate
            say(2)
        with dsl.Else():
            say(3)

    run = SILENT.run(flow.plan, {"kind": kind})
    assert [name for name, step in run.steps.items() if step.state == "completed"] == ["give", ran]


def test_an_artifact_is_not_compared_with_a_number() -> None:
    @pipeline
    def flow(kind: str = "complex") -> None:
        with dsl.If(give(kind).outputs["v"] == 3):
            say(1)

    run = SILENT.run(flow.plan)
    assert run.state == "error"
    assert "give.v is an artifact, store://" in run.steps["say"].reason


def test_more_rounds_than_can_be_counted() -> None:
    @pipeline
    def flow(kind: str = "huge") -> None:
        with dsl.ParallelFor(give(kind).outputs["v"]) as item:
            say(item)

    run = SILENT.run(flow.plan)
    assert run.state == "error" and "which is no list" in run.steps["say"].reason


def test_a_failure_of_the_engine_is_not_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlrun_like.pipelines.engine.values import Values

    @pipeline
    def flow() -> None:
        with dsl.ParallelFor([1]) as item:
            say(item)

    def broken(*given: Any) -> None:
        raise OverflowError("no such number")

    monkeypatch.setattr(Values, "items", broken)
    run = SILENT.run(flow.plan)
    assert run.state == "error"
    with pytest.raises(RunError, match="no such number"):
        run.check()


def test_any_name_is_a_key_of_an_item() -> None:
    names = ["loop", "path", "text", "short", "inner", "value", "items"]

    @pipeline
    def flow() -> Any:
        with dsl.ParallelFor([{name: name.upper() for name in names}]) as item:
            found = {name: say.step(params={"x": getattr(item, name)}, name=name) for name in names}
            with dsl.If(item.text == item["short"]):
                say("never")
        return {name: dsl.Collected(step) for name, step in found.items()}

    outputs = SILENT.run(flow.plan).check().outputs
    assert outputs == {name: [repr(name.upper())] for name in names}


def hold_in_set(n: int) -> None:
    say({n, 2})


def hold_as_key(n: int) -> None:
    say({f"{n}": 1})


def name_a_step(n: int) -> None:
    say.step(params={"x": 1}, name=f"say-{n}")


def name_an_image(n: int) -> None:
    step: Any = say(1)
    step.set_container_image(f"shop:{n}")


def fill_a_variable(n: int) -> None:
    step: Any = say(1)
    step.set_env_variable("ROWS", f"{n}")


@pytest.mark.parametrize(
    "body", [hold_in_set, hold_as_key, name_a_step, name_an_image, fill_a_variable]
)
def test_values_of_the_run_where_none_can_be(body: Any) -> None:
    with pytest.raises(PipelineError, match="only the run knows"):
        _ = Pipeline(body, "flow", {}).plan


def take_a_part(n: list[int]) -> None:
    say(n[0])


def calculate(n: int) -> None:
    say(n + 1)


@pytest.mark.parametrize("body", [take_a_part, calculate])
def test_questions_that_only_a_step_can_answer(body: Any) -> None:
    with pytest.raises(UnknownValueError, match="do that in a step"):
        _ = Pipeline(body, "flow", {}).plan


def test_every_mistake_at_once_with_its_line() -> None:
    @pipeline
    def flow() -> None:
        one: Any = say(1, 2, 3)  # type: ignore[call-arg]
        two: Any = say(one)
        two.after("nothing").set_timeout(-5)
        with dsl.ParallelFor([1, 2], name="each") as item:
            three: Any = say(item)
        say(three)
        say()  # type: ignore[call-arg]

    with pytest.raises(PipelineError) as caught:
        _ = flow.plan
    first = flow._body.__code__.co_firstlineno
    shown = [line.strip() for line in caught.value.what.splitlines()]
    assert shown[0] == "5 mistakes in the pipeline:"
    for text, line in [
        ("too many positional arguments", 2),
        ("comes after 'nothing'", 3),
        ("timeout must be a number of seconds above 0, not -5", 3),
        ("runs once for each item of 'each'", 7),
        ("needs 'x'", 8),
    ]:
        (row,) = [row for row in shown if text in row]
        assert row.endswith(f"(test_hostile.py:{first + line})"), row


def call_itself(n: int) -> None:
    say(n)
    endless(n)


endless = Pipeline(call_itself, "endless", {})


def test_a_pipeline_that_calls_itself() -> None:
    with pytest.raises(PipelineError, match="cannot call itself"):
        _ = endless.plan


def test_after_takes_steps_only() -> None:
    def flow() -> None:
        one: Any = say(1)
        two: Any = say(2)
        two.after(one.output)
        say(3).after(42)  # type: ignore[attr-defined]

    with pytest.raises(PipelineError, match="after\\(\\) was given 42"):
        _ = Pipeline(flow, "flow", {}).plan
