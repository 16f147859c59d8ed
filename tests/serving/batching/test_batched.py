from __future__ import annotations

import asyncio
import functools
import gc
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.batching import (
    BatchedCall,
    BatchedStream,
    Batcher,
    BatchOptions,
    batched,
    live_batchers,
)
from mlrun_like.serving.batching.options import shape_of
from tests.serving.batching.models import Model, Rows, run


def test_bodies_are_rows() -> None:
    model = Model()
    call: Any = batched(model, {"max_rows": 3}, name="double")

    async def main() -> Any:
        return await asyncio.gather(*[call(n) for n in range(4)])

    assert run(main) == [0, 2, 4, 6]
    assert model.calls == [[0, 1, 2], [3]]
    assert isinstance(call, BatchedCall) and call.batcher.name == "double"
    call.close()


def test_bodies_with_rows() -> None:
    call: Any = batched(Model(), rows_of=lambda body: body["rows"])

    async def main() -> Any:
        return await asyncio.gather(call({"rows": [1]}), call({"rows": [2, 3]}))

    assert run(main) == [[2], [4, 6]]
    call.close()


def count(rows: Rows, first: int = 0) -> Iterator[list[int]]:
    for n in range(first, 3):
        yield [n] * len(rows)


async def count_async(rows: Rows) -> AsyncIterator[list[int]]:
    for tick in count(rows):
        yield tick


class Counts:
    def __call__(self, rows: Rows) -> Iterator[list[int]]:
        yield from count(rows)


@pytest.mark.parametrize("call", [count, count_async, Counts(), functools.partial(count, first=0)])
def test_generators_stream(call: Any) -> None:
    made: Any = batched(call)
    assert isinstance(made, BatchedStream)

    async def read() -> list[Any]:
        return [value async for value in made("x")]

    async def main() -> Any:
        return await asyncio.gather(read(), read())

    assert run(main) == [[0, 1, 2]] * 2
    made.close()


class Awaited:
    async def __call__(self, rows: Rows) -> list[Any]:
        return list(rows)


async def awaited(rows: Rows, more: int = 0) -> list[Any]:
    return list(rows)


@pytest.mark.parametrize("call", [Awaited(), awaited, functools.partial(awaited, more=1)])
def test_awaited_functions_of_all_kinds(call: Any) -> None:
    made: Any = batched(call)

    async def main() -> Any:
        return await made(5)

    assert run(main) == 5


def test_the_batchers_in_use_are_known_for_metrics() -> None:
    def own() -> set[str]:
        return {found.name for found in live_batchers() if found.name.startswith("known-")}

    first = batched(Model(), name="known-1")
    second = batched(count, name="known-2")
    assert own() == {"known-1", "known-2"}
    first.close()
    del second
    deadline = time.monotonic() + 10  # another thread may be counting them just now
    while own() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert own() == set()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_rows": 0}, "max_rows"),
        ({"max_rows": 2.5}, "max_rows"),
        ({"max_rows": True}, "max_rows"),
        ({"max_queue_rows": -1}, "max_queue_rows"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_wait_ms": -1}, "max_wait_ms"),
        ({"max_wait_ms": float("nan")}, "max_wait_ms"),
        ({"target_queue_ms": "5"}, "target_queue_ms"),
        ({"group_key": "size"}, "group_key"),
        ({"isolate": 1}, "isolate"),
        ({"max_row": 3}, "did you mean 'max_rows'"),
        ({5: 3}, "no option"),
        (False, "batching must be"),
        ("yes", "batching must be"),
        (None, "batching must be"),
    ],
)
def test_mistakes_name_the_option(options: Any, word: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        batched(Model(), options)
    assert word.lower() in str(caught.value).lower()


def test_options() -> None:
    assert BatchOptions.of(True) == BatchOptions() == BatchOptions.of({})
    options = BatchOptions(max_rows=5)
    assert BatchOptions.of(options) is options
    assert BatchOptions.of({"max_rows": 5}) == options
    with pytest.raises(AttributeError):
        options.max_rows = 6  # type: ignore[misc]
    assert Batcher(Model(), options).options is options


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        (5, ()),
        ("text", ()),
        ([], (0,)),
        ([1, 2, 3], (3,)),
        ([[1, 2]], (1, 2)),
        ([[]], (1, 0)),
        ({"b": 1, "a": [1]}, ("a", "b")),
        ({}, ()),
        (numpy.zeros((2, 3)), (2, 3)),
        (None, ()),
    ],
)
def test_shapes(row: Any, shape: Any) -> None:
    assert shape_of(row) == shape
