from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import pandas as pd
import pytest

from mlrun_like.artifacts.data import DataItem
from mlrun_like.errors import FunctionError, InvalidArgumentError
from mlrun_like.runs.binding import bind, call_with, check_arguments, signature_of
from mlrun_like.runs.context import MLClientCtx

if TYPE_CHECKING:
    from decimal import Decimal

    from mlrun_like.runs.context import MLClientCtx as Unknown_MLClientCtx
    from tests.runs.conftest import Bench


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A small table in a file."""
    path = tmp_path / "table.csv"
    pd.DataFrame({"a": [1, 2]}).to_csv(path, index=False)
    return str(path)


def test_the_context_comes_by_name_or_annotation(bench: Bench) -> None:
    def by_name(context):  # type: ignore[no-untyped-def]
        return context.name

    def by_type(ctx: MLClientCtx) -> str:
        return ctx.name

    def by_optional(ctx: Optional[MLClientCtx] = None) -> str:  # noqa: UP045
        return ctx.name if ctx else ""

    def by_text(ctx: Unknown_MLClientCtx) -> str:
        return ctx.name

    for handler in (by_name, by_type, by_optional, by_text):
        assert bench.run(handler, name="mine").output("return") == "mine"


def test_parameters_win_over_inputs_and_defaults(bench: Bench, table: str) -> None:
    def handler(a: int, b: int = 2, *, c: int = 3) -> list[int]:
        return [a, b, c]

    context = bench.context(
        parameters={"a": 1, "c": 5, "other": 6}, inputs={"b": table, "a": table}
    )
    context._run.spec.inputs.pop("b")
    assert bind(handler, context) == {"a": 1, "c": 5}


def test_kwargs_take_the_rest(bench: Bench, table: str) -> None:
    def handler(a: int, **rest: Any) -> dict[str, Any]:
        return rest

    context = bench.context(parameters={"a": 1, "b": 2}, inputs={"df": table})
    found = bind(handler, context)
    assert (found["a"], found["b"]) == (1, 2)
    assert isinstance(found["df"], DataItem)
    assert sorted(found) == ["a", "b", "df"]


def test_arguments_by_position(bench: Bench) -> None:
    def handler(a: int, b: int = 5, /, *more: int, c: int = 6) -> list[int]:
        return [a, b, c, *more]

    assert bench.run(handler, params={"a": 1}).output("return") == [1, 5, 6]
    assert bench.run(handler, params={"a": 1, "b": 2, "c": 3}).output("return") == [1, 2, 3]
    assert call_with(handler, {"a": 1, "c": 0}) == [1, 5, 0]


def test_inputs_become_what_the_hints_say(bench: Bench, table: str) -> None:
    def frame(df: pd.DataFrame) -> int:
        return len(df)

    def item(df: DataItem) -> int:
        return len(df.as_df())

    def bare(df):  # type: ignore[no-untyped-def]
        return type(df).__name__

    def text(df: str) -> str:
        return Path(df).read_text()

    def path_by_default(df="x"):  # type: ignore[no-untyped-def]
        return type(df).__name__ + Path(df).read_text()

    def path(df: Path) -> bool:
        return df.exists()

    inputs = {"df": table}
    assert bench.run(frame, inputs=inputs).output("return") == 2
    assert bench.run(item, inputs=inputs).output("return") == 2
    assert "DataItem" in bench.run(bare, inputs=inputs).output("return")
    assert bench.run(path, inputs=inputs).output("return") is True
    assert bench.run(path_by_default, inputs=inputs).output("return") == "stra\n1\n2\n"
    assert bench.run(text, inputs=inputs).output("return")


def test_a_type_in_the_inputs_name(bench: Bench, table: str) -> None:
    def handler(df) -> str:  # type: ignore[no-untyped-def]
        return type(df).__name__

    run = bench.run(handler, inputs={"df: pandas.DataFrame": table})
    assert run.output("return") == "DataFrame"
    assert run.spec.inputs == {"df": table}


def test_one_bad_annotation_does_not_spoil_the_others(bench: Bench, table: str) -> None:
    def handler(df: pd.DataFrame, exact: Decimal, rate: not_there.Rate = 0.5) -> str:  # type: ignore[name-defined]  # noqa: F821
        return f"{type(df).__name__} {exact} {rate}"

    run = bench.run(handler, params={"exact": 1}, inputs={"df": table})
    assert run.output("return") == "DataFrame 1 0.5"
    assert set(signature_of(handler).hints) == {"df"}


def test_callables_of_other_kinds(bench: Bench) -> None:
    class Counter:
        __hash__ = None  # type: ignore[assignment]

        def __init__(self) -> None:
            self.seen: list[int] = []

        def __call__(self, n: int, ctx: MLClientCtx) -> int:
            self.seen.append(n)
            return len(ctx.name) + n

        def method(self, n: int) -> int:
            return n

    def three(a: int, b: int, c: int = 0) -> int:
        return a + b + c

    context = bench.context(parameters={"n": 3, "b": 2})
    counter = Counter()
    assert call_with(counter, bind(counter, context)) == 4
    assert call_with(counter.method, bind(counter.method, context)) == 3
    partial = functools.partial(three, 1)
    assert call_with(partial, bind(partial, context)) == 3


def test_a_signature_is_read_once_and_holds_no_object() -> None:
    def handler(a: int) -> None: ...

    class Big:
        def method(self) -> None: ...

    assert signature_of(handler) is signature_of(handler)
    method = Big().method
    assert signature_of(method) is not signature_of(method)


# checks before anything runs


def add(a: int, b: int = 1) -> int:
    return a + b


def test_missing_arguments_are_named() -> None:
    with pytest.raises(FunctionError, match=r"add\(\) needs 'a'.*You passed 'aa'"):
        check_arguments(add, {"aa": 1}, {})
    check_arguments(add, {}, {"a": "url"})


def test_unknown_arguments_are_refused_with_the_nearest() -> None:
    def count(rows: int, columns: int = 1) -> None: ...

    with pytest.raises(FunctionError, match=r"no argument 'colums'.*Did you mean 'columns'"):
        check_arguments(count, {"rows": 1, "colums": 2}, {})
    with pytest.raises(FunctionError, match="no argument 'x'"):
        check_arguments(count, {"rows": 1}, {"x": "url"})


def test_what_the_handler_can_still_see_is_allowed() -> None:
    def with_context(context: MLClientCtx) -> None: ...

    def with_kwargs(**rest: Any) -> None: ...

    check_arguments(with_context, {"x": 1}, {})
    check_arguments(with_kwargs, {"x": 1}, {"y": "url"})


def test_nothing_is_recorded_when_arguments_are_wrong(bench: Bench) -> None:
    with pytest.raises(FunctionError):
        bench.run(add)
    with pytest.raises(InvalidArgumentError, match="exceeds int64"):
        bench.run(add, params={"a": 2**63})
    assert bench.all() == []
