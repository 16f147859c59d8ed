"""Whatever comes at whatever time: every caller gets exactly its answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.serving.batching import Batcher, BatchOptions, StreamBatcher
from tests.serving.batching.models import Rows, run

REQUESTS = st.lists(st.lists(st.integers(0, 400), max_size=12), max_size=40)
OPTIONS = st.builds(
    BatchOptions,
    max_rows=st.integers(1, 17),
    max_in_flight=st.integers(1, 3),
    group_key=st.sampled_from([None, lambda row: row % 3]),
)


def bad(row: int) -> bool:
    return row % 41 == 40


class Square:
    """Squares, refuses some numbers, and checks how it is called."""

    def __init__(self, most: int, kind: str) -> None:
        self.most = most
        self.kind = kind
        self.calls = 0
        self.largest = 0

    def plain(self, rows: Rows) -> list[int]:
        self.calls += 1
        self.largest = max(self.largest, len(rows))
        refused = [row for row in rows if bad(row)]
        if refused:
            raise ValueError(refused[0])
        return [row * row for row in rows]

    async def awaited(self, rows: Rows) -> list[int]:
        for _ in range(self.calls % 3):
            await asyncio.sleep(0)
        return self.plain(rows)

    def in_place(self, rows: Rows) -> list[Any]:
        self.largest = max(self.largest, len(rows))
        return [ValueError(row) if bad(row) else row * row for row in rows]

    def batcher(self, options: BatchOptions) -> Batcher:
        return Batcher(getattr(self, self.kind), options)


async def check(batcher: Batcher, rows: list[int], pause: int) -> None:
    """Submit one request and compare the answer with what it must be."""
    for _ in range(pause):
        await asyncio.sleep(0)
    try:
        found = await batcher.submit(rows)
    except ValueError as exc:
        assert bad(exc.args[0]) and exc.args[0] in rows
    else:
        assert not any(map(bad, rows))
        assert found == [row * row for row in rows]


@pytest.mark.parametrize("kind", ["plain", "awaited", "in_place"])
@given(requests=REQUESTS, pauses=st.lists(st.integers(0, 6), min_size=40), options=OPTIONS)
@settings(max_examples=40, deadline=None)
def test_every_caller_gets_its_rows(
    kind: str, requests: list[list[int]], pauses: list[int], options: BatchOptions
) -> None:
    model = Square(options.max_rows, kind)
    batcher = model.batcher(options)

    async def main() -> None:
        await asyncio.gather(
            *[check(batcher, rows, pauses[n % 40]) for n, rows in enumerate(requests)]
        )

    run(main)
    assert model.largest <= options.max_rows
    assert batcher.queue_depth == batcher.in_flight == 0
    assert sum(batcher.numbers.sizes) == batcher.numbers.batches
    batcher.close()


@given(
    requests=REQUESTS,
    leaving=st.sets(st.integers(0, 39)),
    when=st.integers(0, 8),
    most=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_leaving_callers_change_nothing_for_the_others(
    requests: list[list[int]], leaving: set[int], when: int, most: int
) -> None:
    model = Square(most, "awaited")
    batcher = model.batcher(BatchOptions(max_rows=most))

    async def main() -> None:
        tasks = [
            asyncio.ensure_future(check(batcher, rows, n % 5)) for n, rows in enumerate(requests)
        ]
        for _ in range(when):
            await asyncio.sleep(0)
        for number in leaving & set(range(len(tasks))):
            tasks[number].cancel()
        for number, result in enumerate(await asyncio.gather(*tasks, return_exceptions=True)):
            assert result is None or (
                number in leaving and isinstance(result, asyncio.CancelledError)
            )

    run(main)
    assert model.largest <= most
    assert batcher.queue_depth == batcher.in_flight == 0


@pytest.mark.parametrize("kind", ["plain", "awaited", "threaded"])
def test_ten_thousand_random_requests_at_once(kind: str) -> None:
    chance = random.Random(7)
    model = Square(32, "awaited" if kind == "awaited" else "plain")
    options = BatchOptions(max_rows=32, max_queue_rows=10**6, target_queue_ms=1e9)
    batcher = model.batcher(options)
    requests = [
        [chance.randrange(10_000) for _ in range(chance.choice([1, 1, 1, 2, 5, 40, 100]))]
        for _ in range(10_000)
    ]

    async def main() -> None:
        if kind == "threaded":  # long calls, as far as it knows
            batcher.times.record(1, 1.0)
            batcher.times.record(1, 1.0)
        await asyncio.gather(*[check(batcher, rows, chance.randrange(50)) for rows in requests])

    asyncio.run(main())
    assert model.largest == 32
    refused = sum(any(map(bad, rows)) for rows in requests)
    assert batcher.numbers.failed == refused > 1000
    assert batcher.numbers.requests == 10_000
    batcher.close()


@pytest.mark.parametrize("kind", ["plain", "awaited"])
@given(
    rows=st.lists(st.integers(0, 30), max_size=30),
    most=st.integers(1, 9),
    leaving=st.sets(st.integers(0, 29), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_every_stream_gets_its_values(
    kind: str, rows: list[int], most: int, leaving: set[int]
) -> None:
    largest = 0

    def plain(held: Rows) -> Iterator[list[Any]]:
        nonlocal largest
        largest = max(largest, len(held))
        for n in range(max(held)):
            yield [(row, n) if n < row else None for row in held]

    async def awaited(held: Rows) -> AsyncIterator[list[Any]]:
        for tick in plain(held):
            await asyncio.sleep(0)
            yield tick

    batcher = StreamBatcher(plain if kind == "plain" else awaited, {"max_rows": most})

    async def read(number: int, row: int) -> None:
        for _ in range(number % 4):
            await asyncio.sleep(0)
        found = []
        stream: Any = batcher.stream(row)
        async for value in stream:
            found.append(value)
            if number in leaving:
                await stream.aclose()
                return
        assert found == [(row, n) for n in range(row)]

    async def main() -> None:
        await asyncio.gather(*[read(number, row) for number, row in enumerate(rows)])
        for _ in range(50):
            if not batcher.in_flight:
                break
            await asyncio.sleep(0.001)

    run(main)
    assert largest <= most and batcher.in_flight == batcher.queue_depth == 0
    batcher.close()
