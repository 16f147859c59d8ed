from __future__ import annotations

import asyncio
from typing import Any

import numpy
import pytest

from mlrun_like.errors import OverloadedError, StepError
from mlrun_like.serving.batching import Batcher, BatchOptions
from tests.serving.batching.models import AsyncModel, Model, Rows, together


def test_only_the_failing_rows_callers_get_the_error(model: Model) -> None:
    model.bad = frozenset({7, 20})
    batcher = Batcher(model, BatchOptions(max_rows=32))
    found = together(batcher, *[[n] for n in range(32)])
    for n, result in enumerate(found):
        if n in model.bad:
            assert isinstance(result, ValueError) and str(result) == f"cannot double [{n}]"
        else:
            assert result == [n * 2]
    assert len(model.calls) <= 1 + 2 * 2 * 5
    assert batcher.numbers.repeated == len(model.calls) - 1
    assert (batcher.numbers.failed, batcher.numbers.rows, batcher.numbers.batches) == (2, 32, 1)


@pytest.mark.parametrize("callers", [1, 2, 3, 8, 31, 32, 100])
def test_the_search_for_failing_rows_is_bounded(callers: int) -> None:
    model = Model(bad=frozenset(range(callers)))
    found = together(Batcher(model, {"max_rows": 200}), *[[n] for n in range(callers)])
    assert [str(error) for error in found] == [f"cannot double [{n}]" for n in range(callers)]
    assert len(set(map(id, found))) == callers
    assert len(model.calls) <= callers + 4 * callers.bit_length() + 1


def test_one_request_is_never_divided_to_find_its_failing_row() -> None:
    model = Model(bad=frozenset({2}))
    found = together(Batcher(model), [1, 2, 3])
    assert isinstance(found[0], ValueError)
    assert model.calls == [[1, 2, 3]]


def test_a_failing_part_of_a_long_request_fails_it_whole_and_spares_the_rest() -> None:
    model = Model(bad=frozenset({1}))
    found = together(Batcher(model, {"max_rows": 2}), [0, 1, 2, 3, 4, 5], [7])
    assert isinstance(found[0], ValueError) and found[1] == [14]
    assert model.calls == [[0, 1], [7]]


def test_without_isolation_everybody_gets_the_error_as_an_object_of_their_own() -> None:
    model = Model(bad=frozenset({2}))
    found = together(Batcher(model, {"isolate": False}), [1], [2], [3])
    assert [str(error) for error in found] == ["cannot double [2]"] * 3
    assert len(set(map(id, found))) == 3 and len(model.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("late"),
        ConnectionResetError("gone"),
        MemoryError(),
        OverloadedError("full"),
        SystemExit(3),
        asyncio.CancelledError(),
    ],
)
@pytest.mark.parametrize("kind", ["threaded", "async"])
def test_errors_about_the_callee_are_not_searched_for(error: BaseException, kind: str) -> None:
    calls = 0

    def threaded(rows: Rows) -> list[Any]:
        nonlocal calls
        calls += 1
        raise error

    async def awaited(rows: Rows) -> list[Any]:
        return threaded(rows)

    if kind == "async" and isinstance(error, SystemExit):
        return  # ends the program, as everywhere in an event loop
    found = together(Batcher(threaded if kind == "threaded" else awaited, name="m"), [1], [2])
    assert calls == 1
    expected = type(error) if isinstance(error, Exception) else StepError
    assert [type(result) for result in found] == [expected] * 2


def test_ctrl_c_in_a_call_on_the_loop_ends_the_program_and_no_caller_hangs() -> None:
    state: dict[str, Any] = {"stop": False}

    def call(rows: Rows) -> list[Any]:
        if state["stop"]:
            raise KeyboardInterrupt
        return list(rows)

    batcher = Batcher(call)

    async def main() -> None:
        await batcher.submit([1])
        await batcher.submit([1])
        assert not batcher.times.threaded
        state["stop"] = True
        state["tasks"] = [asyncio.ensure_future(batcher.submit([n])) for n in range(2)]
        await asyncio.gather(*state["tasks"], return_exceptions=True)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert all(task.done() for task in state["tasks"])
    batcher.close()


def test_a_stop_iteration_does_not_hang_its_caller(model: Model) -> None:
    async def stop_async(rows: Rows) -> list[Any]:
        raise StopIteration

    def stop(rows: Rows) -> list[Any]:
        raise StopIteration

    call = stop_async if isinstance(model, AsyncModel) else stop
    found = together(Batcher(call), [1], [2])
    assert [type(error) for error in found] in ([StepError] * 2, [RuntimeError] * 2)


class Picky(Exception):
    """Cannot be copied: its constructor wants more."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


def test_exceptions_that_cannot_be_copied_are_shared() -> None:
    def call(rows: Rows) -> list[Any]:
        raise Picky(1, 2)

    found = together(Batcher(call, {"isolate": False}), [1], [2])
    assert [str(error) for error in found] == ["1 2", "1 2"]


@pytest.mark.parametrize("extra", [-1, 1, 5])
def test_a_wrong_number_of_results_is_an_error_never_a_wrong_answer(extra: int) -> None:
    def call(rows: Rows) -> list[Any]:
        found = [row * 2 for row in rows]
        return (found + [0] * 5)[: len(found) + extra]

    found = together(Batcher(call, name="short"), [1, 2], [3])
    assert all(isinstance(error, StepError) for error in found)
    assert "'short' gave" in str(found[0]) and "results for 2 rows" in str(found[0])


def test_a_wrong_number_for_one_caller_is_not_the_others_concern() -> None:
    def call(rows: Rows) -> list[Any]:
        return [row for row in rows if row >= 0]

    found = together(Batcher(call), [1], [-1, 2], [3])
    assert found[0] == [1] and found[2] == [3] and isinstance(found[1], StepError)


@pytest.mark.parametrize("answer", [None, 5, "ab", b"ab", {"a": 1, "b": 2}, {1, 2}, object()])
def test_results_that_are_not_a_row_each(answer: Any) -> None:
    found = together(Batcher(lambda rows: answer, name="odd"), ["a", "b"])
    assert isinstance(found[0], StepError) and "one result per row" in str(found[0])


def test_arrays_become_plain_values() -> None:
    def call(rows: Rows) -> Any:
        return numpy.asarray(rows) * 2.0

    found = together(Batcher(call), [[1, 2]], [[3, 4], [5, 6]])
    assert found == [[[2.0, 4.0]], [[6.0, 8.0], [10.0, 12.0]]]
    assert type(found[0][0][0]) is float
    assert together(Batcher(lambda rows: tuple(rows)), [1], [2]) == [[1], [2]]


def test_an_exception_in_the_place_of_a_result_belongs_to_that_row() -> None:
    def call(rows: Rows) -> list[Any]:
        return [ValueError(f"no {row}") if row < 0 else row for row in rows]

    batcher = Batcher(call)
    found = together(batcher, [1, 2], [3, -4], [5])
    assert found[0] == [1, 2] and str(found[1]) == "no -4" and found[2] == [5]
    assert batcher.numbers.failed == 1 and batcher.numbers.repeated == 0
