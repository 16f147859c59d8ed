from __future__ import annotations

import functools
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.checks import (
    check_callable,
    check_count,
    check_seconds,
    check_strings,
    is_async,
    refuse_unknown,
)


@pytest.mark.parametrize("value", [None, 5, "name", [], {}])
def test_what_cannot_be_called_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="Expected a callable, got <class") as raised:
        check_callable(value, "fn", "Map")
    assert isinstance(raised.value, InvalidArgumentError)
    assert "step class Map" in str(raised.value)


def test_a_name_of_a_function_is_told_how_graphs_write_it() -> None:
    with pytest.raises(InvalidTypeError, match="_fn: double"):
        check_callable("double", "fn", "Map")


@pytest.mark.parametrize(("value", "kind"), [("3", TypeError), (1.0, TypeError), (True, TypeError)])
def test_a_count_is_an_integer(value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="max_events must be an integer, got"):
        check_count(value, "max_events", "Batch")


@pytest.mark.parametrize("value", [0, -1])
def test_a_count_is_positive(value: int) -> None:
    with pytest.raises(ValueError, match="max_events must be at least 1, got"):
        check_count(value, "max_events", "Batch")


@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan")])
def test_seconds_are_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ValueError, match="flush_after_seconds"):
        check_seconds(value, "flush_after_seconds", "Batch")


@pytest.mark.parametrize("value", ["1", None, True])
def test_seconds_are_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match="must be a number, got"):
        check_seconds(value, "flush_after_seconds", "Batch")


def test_names_are_one_or_several() -> None:
    assert check_strings("a", "columns", "DropColumns") == ["a"]
    assert check_strings(("a", "b"), "columns", "DropColumns") == ["a", "b"]
    assert check_strings(3, "columns", "DropColumns") == [3]
    with pytest.raises(TypeError, match="is a dictionary"):
        check_strings({"a": 1}, "columns", "DropColumns")


def test_async_functions_are_known_in_all_their_forms() -> None:
    async def wait(body: Any) -> Any:
        return body

    class Waiting:
        async def __call__(self, body: Any) -> Any:
            return body

    assert is_async(wait)
    assert is_async(functools.partial(wait))
    assert is_async(Waiting())
    assert not is_async(lambda body: body)
    assert not is_async(Waiting)


def test_an_unknown_argument_is_refused_with_the_nearest() -> None:
    refuse_unknown((), ("name",), "Map")
    with pytest.raises(TypeError, match="Did you mean 'long_running'") as raised:
        refuse_unknown(["long_runing"], ["name", "long_running"], "Map")
    assert "leave out long_runing" in str(raised.value)
