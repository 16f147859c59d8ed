from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, OverloadedError, StepError
from mlrun_like.serving.batching import BATCHES, END, SKIP, BatchInfo, StreamBatcher
from tests.serving.batching.models import Rows, run


class Counter:
    """Counts to each row's number; remembers what it was asked and told."""

    def __init__(self, pause: float = 0.0, bad: frozenset[int] = frozenset()) -> None:
        self.pause = pause
        self.bad = bad
        self.calls: list[list[int]] = []
        self.wanted: list[list[bool]] = []
        self.threads: set[int] = set()
        self.closed = 0
        self.open = self.most_open = 0

    def plain(self, rows: Rows) -> Iterator[list[Any]]:
        self.calls.append(list(rows))
        try:
            for n in range(max(rows)):
                self.threads.add(threading.get_ident())
                if self.pause:
                    time.sleep(self.pause)
                if n == 0 and self.bad.intersection(rows):
                    raise ValueError(f"cannot count to {sorted(self.bad.intersection(rows))}")
                wanted: Any = yield [n if n < row else None for row in rows]
                self.wanted.append(wanted)
        finally:
            self.closed += 1

    async def awaited(self, rows: Rows) -> AsyncIterator[list[Any]]:
        self.calls.append(list(rows))
        self.open += len(rows)
        self.most_open = max(self.most_open, self.open)
        try:
            for n in range(max(rows)):
                await asyncio.sleep(self.pause)
                if n == 0 and self.bad.intersection(rows):
                    raise ValueError(f"cannot count to {sorted(self.bad.intersection(rows))}")
                yield [n if n < row else END for row in rows]
        finally:
            self.open -= len(rows)
            self.closed += 1


async def read(batcher: StreamBatcher, row: Any) -> list[Any]:
    return [value async for value in batcher.stream(row)]


async def read_all(batcher: StreamBatcher, *rows: Any) -> list[Any]:
    waiting = [read(batcher, row) for row in rows]
    return list(await asyncio.gather(*waiting, return_exceptions=True))


@pytest.fixture(params=["short", "long", "async"])
def counter(request: pytest.FixtureRequest) -> Counter:
    return Counter({"short": 0.0, "long": 0.003, "async": 0.001}[request.param])


def call_of(counter: Counter) -> Any:
    return counter.awaited if counter.pause == 0.001 else counter.plain


def test_each_caller_gets_its_own_stream_to_its_own_end(counter: Counter) -> None:
    batcher = StreamBatcher(call_of(counter))
    found = run(lambda: read_all(batcher, 3, 1, 5, 2))
    assert found == [[0, 1, 2], [0], [0, 1, 2, 3, 4], [0, 1]]
    assert counter.calls == [[3, 1, 5, 2]] and counter.closed == 1
    assert batcher.in_flight == batcher.queue_depth == 0
    assert (batcher.numbers.rows, batcher.numbers.batches) == (4, 1)
    batcher.close()


def test_a_generator_learns_who_still_reads() -> None:
    counter = Counter()
    run(lambda: read_all(StreamBatcher(counter.plain), 3, 1))
    assert counter.wanted[:2] == [[True, True], [True, False]]


def test_marks_and_exceptions_per_row() -> None:
    def call(rows: Rows) -> Iterator[list[Any]]:
        yield ["a", SKIP, ValueError("mine"), 0]
        yield [END, "b", "never seen", ""]
        yield ["never seen", "c", None, False]

    found = run(lambda: read_all(StreamBatcher(call), *range(4)))
    assert found[0] == ["a"] and found[1] == ["b", "c"] and found[3] == [0, "", False]
    assert isinstance(found[2], ValueError)


def test_rows_beyond_the_limit_wait_for_a_place() -> None:
    counter = Counter(0.002)
    batcher = StreamBatcher(counter.awaited, {"max_rows": 4})
    rows = [5, 1, 2, 9, 3, 4, 2, 2, 1, 6]
    assert run(lambda: read_all(batcher, *rows)) == [list(range(row)) for row in rows]
    assert all(len(call) <= 4 for call in counter.calls)
    assert counter.calls[0] == [5, 1, 2, 9]
    assert counter.calls[1][0] == 3  # it started as soon as the shortest had ended


@pytest.mark.parametrize("kind", ["plain", "awaited"])
def test_a_leaving_reader_frees_its_place_at_once(kind: str) -> None:
    counter = Counter(0.005)
    batcher = StreamBatcher(getattr(counter, kind), {"max_rows": 2})

    async def main() -> float:
        tasks = [asyncio.ensure_future(read(batcher, 1000)) for _ in range(2)]
        late = asyncio.ensure_future(read(batcher, 2))
        await asyncio.sleep(0.05)
        assert batcher.queue_depth == 1 and batcher.in_flight == 2
        start = time.perf_counter()
        tasks[0].cancel()
        assert await late == [0, 1]
        took = time.perf_counter() - start
        assert not tasks[1].done()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.02)
        assert counter.closed == len(counter.calls) == 2  # generators without readers end
        assert batcher.in_flight == 0
        return took

    assert run(main) < 0.5
    batcher.close()


def test_a_reader_that_stops_early_or_never_starts() -> None:
    counter, slow = Counter(), Counter(0.003)
    batcher = StreamBatcher(counter.plain)

    async def main() -> None:
        never: Any = batcher.stream(5)
        await never.aclose()
        stream: Any = batcher.stream(1_000_000)
        assert await stream.__anext__() == 0
        await stream.aclose()
        waiting = StreamBatcher(slow.plain, {"max_rows": 1})
        first: Any = waiting.stream(1000)
        await first.__anext__()
        second = asyncio.ensure_future(read(waiting, 7))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.sleep(0.01)
        assert waiting.queue_depth == 0
        await first.aclose()
        await asyncio.sleep(0.02)
        waiting.close()
        assert waiting.in_flight == batcher.in_flight == 0

    run(main)
    assert slow.calls == [[1000]] and [5] not in counter.calls


def test_an_error_before_the_first_tick_is_its_rows_alone(counter: Counter) -> None:
    counter.bad = frozenset({7, 2})
    batcher = StreamBatcher(call_of(counter))
    found = run(lambda: read_all(batcher, *range(1, 9)))
    for row, result in enumerate(found, start=1):
        if row in counter.bad:
            assert str(result) == f"cannot count to [{row}]"
        else:
            assert result == list(range(row))
    assert batcher.numbers.failed == 2 and batcher.in_flight == 0
    batcher.close()


def test_an_error_later_ends_all_streams_of_its_generator() -> None:
    def call(rows: Rows) -> Iterator[list[Any]]:
        yield list(rows)
        raise ValueError("broken")

    found = run(lambda: read_all(StreamBatcher(call), 1, 2))
    assert [str(error) for error in found] == ["broken", "broken"]
    assert found[0] is not found[1]


@pytest.mark.parametrize("tick", [[1], [1, 2, 3], "ab", None, 5, {"a": 1, "b": 2}])
def test_a_tick_that_does_not_fit_is_never_assigned(tick: Any) -> None:
    def call(rows: Rows) -> Iterator[Any]:
        yield [0] * len(rows)
        yield tick

    found = run(lambda: read_all(StreamBatcher(call), 1, 2))
    assert all(isinstance(error, StepError) for error in found)


def test_what_is_not_a_generator() -> None:
    found = run(lambda: read_all(StreamBatcher(lambda rows: 5), 1))
    assert isinstance(found[0], TypeError)
    assert run(lambda: read_all(StreamBatcher(lambda rows: iter([[1], [2]])), 1)) == [[1, 2]]


def test_long_ticks_leave_the_loop_free_and_keep_to_their_thread() -> None:
    counter = Counter(0.01)
    batcher = StreamBatcher(counter.plain)

    async def main() -> int:
        beats = 0
        task = asyncio.ensure_future(read_all(batcher, 10, 8))
        while not task.done():
            await asyncio.sleep(0.001)
            beats += 1
        return beats

    assert run(main) > 20
    assert len(counter.threads) == 1 and threading.get_ident() not in counter.threads
    batcher.close()


def test_a_slow_reader_loses_its_stream_and_nobody_elses() -> None:
    def call(rows: Rows) -> Iterator[list[Any]]:
        for n in range(5000):
            yield [n] * len(rows)

    batcher = StreamBatcher(call)

    async def main() -> None:
        done = asyncio.Event()

        async def slow() -> None:
            async for _ in batcher.stream("slow"):
                await done.wait()

        task = asyncio.ensure_future(slow())
        assert await read(batcher, "fast") == list(range(5000))
        done.set()
        with pytest.raises(OverloadedError, match="behind"):
            await task

    run(main)
    batcher.close()


def test_a_reader_that_pauses_gets_everything() -> None:
    def call(rows: Rows) -> Iterator[list[Any]]:
        for n in range(4000):
            yield [n] * len(rows)

    batcher = StreamBatcher(call)

    async def pausing() -> list[Any]:
        found = []
        async for value in batcher.stream("x"):
            found.append(value)
            if value % 1000 == 0:
                await asyncio.sleep(0.05)
        return found

    async def main() -> Any:
        return await asyncio.gather(pausing(), read(batcher, "y"))

    assert run(main) == [list(range(4000))] * 2
    batcher.close()


def test_streams_that_would_wait_too_long_are_refused_before_they_begin() -> None:
    counter = Counter(0.01)
    batcher = StreamBatcher(counter.awaited, {"max_rows": 1, "target_queue_ms": 20}, name="s")

    async def main() -> None:
        tasks = [asyncio.ensure_future(read(batcher, 50)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(OverloadedError, match="streams wait for 's'"):
            batcher.stream(1)
        batcher.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in found] == [ConflictError, ConflictError]
        with pytest.raises(ConflictError):
            batcher.stream(1)

    run(main)
    assert batcher.numbers.rejected == 1 and counter.closed == 1


def test_groups_have_generators_of_their_own() -> None:
    counter = Counter()
    batcher = StreamBatcher(counter.plain, {"group_key": lambda row: row % 2})
    found = run(lambda: read_all(batcher, 1, 2, 3, 4))
    assert found == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert counter.calls == [[1, 3], [2, 4]]


def test_what_a_server_learns_about_a_stream() -> None:
    batcher = StreamBatcher(Counter().plain, name="s")

    async def request(row: int) -> list[BatchInfo]:
        told: list[BatchInfo] = []
        BATCHES.set(told)
        await read(batcher, row)
        return told

    async def main() -> Any:
        return await asyncio.gather(request(2), request(3))

    for told in run(main):
        assert [(info.name, info.batch_size) for info in told] == [("s", 2)]


def test_two_hundred_streams_are_quick() -> None:
    """Each value costs some microseconds, even while others use the machine."""
    batcher = StreamBatcher(Counter().plain, {"max_rows": 64})

    async def main() -> float:
        start = time.perf_counter()
        found = await read_all(batcher, *[100] * 200)
        assert found == [list(range(100))] * 200
        return 20_000 / (time.perf_counter() - start)

    assert run(main) > 5_000
    batcher.close()
