"""What is refused before the first step: types that cannot fit, branches that never run, groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pandas as pd
import pytest

from mlrun_like.errors import PipelineError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.domains import of_comparison
from mlrun_like.pipelines.hints import kinds_of_hint, kinds_of_value
from mlrun_like.pipelines.nodes import Loop, Part
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.values import Comparison


def declared(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `function`, but for type checkers the result may be anything: a step, too."""
    return function(**options)


@declared(returns=["x"])
def number(n: int = 1) -> int:
    return n


@declared(returns=["x"])
def anything(n: Any = 1) -> Any:
    return n


@declared(returns=["names", "share"])
def pair() -> tuple[list[str], float]:
    return ["a"], 0.5


@declared(returns=["table"])
def table() -> pd.DataFrame:
    return pd.DataFrame({"a": [1]})


@declared(returns=["x"])
def text(t: str) -> str:
    return t


@declared()
def share(f: float) -> None:
    pass


@declared()
def items(many: list[int] | None = None) -> None:
    pass


@declared()
def frame(data: pd.DataFrame, path: Path | str = "", either: int | None = None) -> None:
    pass


def mistakes(body: Callable[..., Any]) -> str:
    with pytest.raises(PipelineError) as caught:
        _ = pipeline(body).plan
    return str(caught.value)


def test_types_that_cannot_fit() -> None:
    def flow(name: str, rows: int = "many") -> None:  # type: ignore[assignment]
        number(name)
        share(table())
        number(pair().outputs["names"])
        items(number())
        items("a,b")
        number([1])
        with dsl.ParallelFor(["a", "b"]) as item:
            number(item)
        with dsl.ParallelFor(pair().outputs["names"]) as each:
            number.step(name="each", params={"n": each})
        share(dsl.Collected(each))
        with dsl.ParallelFor(pair().outputs["share"]):
            number()
        number(f"{rows} rows")
        frame.step(name="frame-in", inputs={"data": number().outputs["x"]})

    found = mistakes(flow)
    for part in (
        "parameter 'rows' is annotated int, but its default 'many' is a str",
        "step 'number': argument 'n' of number() is annotated int, but name is a str; pass an int",
        "step 'share': argument 'f' of share() is annotated float, but table.table is a DataFrame",
        "step 'number-2': argument 'n' of number() is annotated int, but pair.names is a list",
        "step 'items': argument 'many' of items() is annotated list, but number-3.x is an int",
        "step 'items-2': argument 'many' of items() is annotated list, but 'a,b' is a str",
        "but [1] is a list",
        "but for.item is a str; pass an int",
        "step 'each': argument 'n' of number() is annotated int, but for-2.item is a str",
        "argument 'f' of share() is annotated float, but [for-2.item] is a list",
        "it loops over pair-3.share, which is a float; give it a list",
        "but {rows} rows is a str",
        "step 'frame-in': input 'data' of frame() is annotated DataFrame, but",
    ):
        assert part in found, f"{part}\n{found}"


def test_types_that_may_fit() -> None:
    @pipeline
    def flow(name: str, rows: int = 3, any: Any = None) -> None:
        share(rows)
        share(True)
        share(number())
        number(any)
        number(anything())
        number(None)
        frame(table(), path=name, either=rows)
        frame("s3://bucket/a.csv")
        items("store://artifacts/p/many")
        items(pair().outputs["names"])
        items(name)
        number.step(name="swept", hyperparams={"n": [1, 2]})
        with dsl.ParallelFor([1, 2.0]) as item:
            share(item)
        text(f"{rows}")

    assert len(flow.plan.steps) > 10


def test_a_gate_compares_what_can_be_compared() -> None:
    three: Any = 3

    def flow(name: str, n: int) -> None:
        with dsl.If(number().output > "3"):
            anything()
        with dsl.If((name == three) & (n == 2)):
            anything()

    found = mistakes(flow)
    assert "number.x > '3' compares an int with a str, which cannot be compared" in found
    assert "name == 3 compares a str with an int, which are never equal" in found


@pytest.mark.parametrize(
    ("hint", "kinds"),
    [
        (int, {"int"}),
        (list[int], {"list"}),
        (Optional[int], {"int"}),  # noqa: UP045
        (int | str, {"int", "str"}),
        (Annotated[int, "x"], {"int"}),
        (Literal["a", 1], {"str", "int"}),
        (Any, None),
        (object, None),
        (int | Any, None),
        (Path, None),
        (pd.DataFrame, {"DataFrame"}),
        ("int", {"int"}),
        ("pd.DataFrame", {"DataFrame"}),
        ("Optional[List[int]]", {"list"}),
        ("dict[str, int | str] | None", {"dict"}),
        ("mine.list", None),
        ("", None),
        ("[[[", None),
        ("None", None),
    ],
)
def test_kinds_of_annotations(hint: Any, kinds: Any) -> None:
    assert kinds_of_hint(hint) == kinds


def test_kinds_of_values() -> None:
    class Mine(int):
        pass

    assert kinds_of_value(Mine(1)) == frozenset({"int"})
    assert kinds_of_value(pd.DataFrame()) == frozenset({"DataFrame"})
    assert kinds_of_value(object()) is None


def test_branches_that_never_run() -> None:
    def flow(x: float, n: int, kind: str) -> None:
        a = anything().output
        with dsl.If(a <= 5), dsl.If(a > 5):
            anything()
        with dsl.If(a > 3):
            anything()
        with dsl.Elif(a > 7):
            anything()
        with dsl.If((n > 1) & (n < 2)):
            anything()
        with dsl.If(n > 5):
            anything()
        with dsl.Elif(n < 6):
            anything()
        with dsl.Else():
            anything()
        with dsl.If(kind == "a"), dsl.If((kind == "b") | (kind == "c")):
            anything()
        with dsl.If(x > n), dsl.If(n >= x):
            anything()
        with dsl.If(a != a):
            anything()
        with dsl.If(x < x):
            anything()

    found = mistakes(flow)
    for part in (
        "7 mistakes in the pipeline",
        "anything.x > 5 can never hold where anything.x <= 5",
        "anything.x > 7 can never hold here, because the arms before it cover it: anything.x > 3",
        "n > 1 and n < 2 can never hold",
        "its last arm (else) never runs",
        "kind == 'b' or kind == 'c' can never hold where kind == 'a'",
        "n >= x can never hold where x > n",
        "x < x can never hold",
        "remove that arm or change its condition",
    ):
        assert part in found, f"{part}\n{found}"
    assert "anything.x != anything.x" not in found  # a number that is none


def test_branches_that_may_run() -> None:
    @pipeline
    def flow(x: float, n: int, kind: str) -> None:
        a = anything().output
        with dsl.If(x > 5):
            anything()
        with dsl.Elif(x <= 5):
            anything()
        with dsl.Else():  # a number that is none
            anything()
        with dsl.If(a == 1):
            anything()
        with dsl.Elif(a != 2):
            anything()
        with dsl.Else():
            anything()
        with dsl.If((n >= 1) & (n <= 1)):
            anything()
        with dsl.If(kind == "a"):
            anything()
        with dsl.Elif(kind > "a"):
            anything()
        with dsl.Else():
            anything()
        with dsl.If(x > n), dsl.If(~(x == n)), dsl.If(Comparison(3, "<", a)):
            anything()
        with dsl.If(a == "text"):
            anything()
        with dsl.Elif(a == None):  # noqa: E711
            anything()
        with dsl.Elif(a == [1]):
            anything()

    assert flow.plan.steps


def test_constant_conditions() -> None:
    def flow() -> None:
        with dsl.If(Comparison(1, ">", 2)):
            anything()
        with dsl.If(Comparison(1, "<", 2)):
            anything()
        with dsl.Else():
            anything()
        with dsl.If(Comparison(1, "<", "a")):
            anything()

    found = mistakes(flow)
    assert "1 > 2 can never hold" in found and "its last arm (else) never runs" in found
    assert "1 < 'a' compares an int with a str" in found and "3 mistakes" in found


def test_large_conditions_are_left_alone() -> None:
    @pipeline
    def flow(n: int) -> None:
        wide = n == 0
        for number_ in range(1, 40):
            wide = wide | (n == number_)
        with dsl.If(wide & wide & wide), dsl.If(~wide):
            anything()

    with pytest.raises(PipelineError, match="can never hold where"):
        _ = flow.plan


def test_outputs_of_another_arm_are_never_there() -> None:
    def flow(n: int) -> None:
        with dsl.If(n > 1):
            first = number()
        with dsl.Else():
            number(first)
        with dsl.If(n <= 0):
            number.step(name="far", params={"n": first})
        anything(first)
        anything(dsl.OneOf(first, first))

    found = mistakes(flow)
    assert "step 'number-2': it uses number.x, which is never there when it runs" in found
    assert "step 'far': it uses number.x" in found and "2 mistakes" in found


def test_groups_without_steps_and_names_that_clash() -> None:
    @pipeline
    def nothing() -> None:
        pass

    def flow() -> None:
        a = anything().output
        with dsl.If(a > 1):
            pass
        with dsl.Else():
            pass
        with dsl.ParallelFor([1]):
            pass
        with dsl.ExitHandler(number()):
            pass
        nothing()

    found = mistakes(flow)
    for part in (
        "gate 'if': its arm 'if anything.x > 1' has no steps",
        "its arm 'else' has no steps",
        "loop 'for' has no steps; call a function in it, or remove it",
        "exit handler 'exit-handler' guards no steps",
        "nested pipeline 'nothing' has no steps",
    ):
        assert part in found, f"{part}\n{found}"


def test_a_group_and_a_step_with_one_name() -> None:
    def flow() -> None:
        with dsl.ParallelFor([1], name="fit"):
            number()
        number.step(name="fit")

    assert "loop and step are both named 'fit'; give name= to one of them" in mistakes(flow)


def test_nothing_to_collect() -> None:
    def flow() -> None:
        anything(dsl.Collected(number()))

    assert "in no loop that has ended" in mistakes(flow)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("constant", [0, 5, 2.5, True, float("nan"), -1])
def test_a_domain_and_what_is_not_in_it(sign: str, constant: float) -> None:
    domain = of_comparison(sign, constant)
    assert domain is not None
    assert domain.both(domain.without()).empty
    assert domain.without().without() == domain
    for value in (-2, -1, 0, 1, 2, 2.5, 3, 5, 6):
        held = Comparison(value, sign, constant).decide(lambda ref: ref)[0]
        point = of_comparison("==", value)
        assert point is not None and domain.both(point).empty is not held


def test_very_large_constants_say_nothing() -> None:
    assert of_comparison("<", 2**60) is None
    assert of_comparison("<", float("inf")) is None


def test_a_plan_made_by_hand() -> None:
    assert Plan("p", (Loop("l", [1], ()), Part("q", ()))).places
