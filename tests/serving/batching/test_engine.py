from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
from typing import Any

import numpy
import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, OverloadedError, StepError
from mlrun_like.serving.batching import BATCHES, Batcher, BatchInfo, BatchOptions
from tests.serving.batching.models import (
    AsyncModel,
    Gate,
    Model,
    Rows,
    run,
    together,
    turns,
    warm,
)


def test_requests_of_one_moment_share_a_call(model: Model) -> None:
    batcher = Batcher(model)
    assert together(batcher, [1], [2, 3], [4]) == [[2], [4, 6], [8]]
    assert model.calls == [[1, 2, 3, 4]]
    assert (batcher.numbers.batches, batcher.numbers.rows, batcher.numbers.requests) == (1, 4, 3)
    assert batcher.in_flight == batcher.queue_depth == 0


def test_what_comes_during_a_call_is_the_next_batch() -> None:
    async def main() -> None:
        gate = Gate()
        batcher = Batcher(gate)
        tasks = [asyncio.ensure_future(batcher.submit([1]))]
        await turns()
        tasks += [asyncio.ensure_future(batcher.submit([n])) for n in (2, 3)]
        await turns()
        tasks.append(asyncio.ensure_future(batcher.submit([4])))
        await turns()
        gate.let.set()
        assert await asyncio.gather(*tasks) == [[1], [2], [3], [4]]
        assert gate.calls == [[1], [2, 3, 4]]

    run(main)


def test_rows_are_counted_and_never_more_than_allowed(model: Model) -> None:
    batcher = Batcher(model, BatchOptions(max_rows=4))
    assert together(batcher, [1, 2, 3], [4, 5, 6], [], list(range(10))) == [
        [2, 4, 6],
        [8, 10, 12],
        [],
        [n * 2 for n in range(10)],
    ]
    assert [len(call) for call in model.calls] == [4, 4, 4, 4]
    assert batcher.numbers.sizes == [0, 0, 4]
    assert batcher.numbers.size_bounds == (1, 2, 4)


def test_one_row_at_a_time() -> None:
    model = Model()
    batcher = Batcher(model, {"max_rows": 1})
    assert together(batcher, [1, 2], [3]) == [[2, 4], [6]]
    assert model.calls == [[1], [2], [3]]


def test_callers_that_left_are_not_called_for() -> None:
    async def main() -> None:
        gate = Gate()
        batcher = Batcher(gate, {"max_rows": 4})
        first = asyncio.ensure_future(batcher.submit([0]))
        await turns()
        tasks = [asyncio.ensure_future(batcher.submit([n] * 3)) for n in range(1, 6)]
        await turns()
        assert batcher.queue_depth == 15
        tasks[0].cancel()
        tasks[3].cancel()
        await turns()
        assert batcher.queue_depth == 9
        gate.let.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [type(result) for result in found] == [
            list, asyncio.CancelledError, list, list, asyncio.CancelledError, list,
        ]  # fmt: skip
        assert gate.calls == [[0], [2, 2, 2, 3], [3, 3, 5, 5], [5]]
        assert batcher.queue_depth == 0

    run(main)


def test_a_caller_that_leaves_during_its_call_disturbs_nobody() -> None:
    async def main() -> Any:
        gate = Gate()
        batcher = Batcher(gate)
        tasks = [asyncio.ensure_future(batcher.submit([n])) for n in range(3)]
        await turns()
        tasks[1].cancel()
        await turns()
        gate.let.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = run(main)
    assert found[0] == [0] and found[2] == [2]


def test_the_error_of_a_caller_that_left_reaches_nobody_else() -> None:
    model = AsyncModel(0.01, frozenset({1}))
    batcher = Batcher(model)

    async def main() -> Any:
        tasks = [asyncio.ensure_future(batcher.submit([n])) for n in (1, 2)]
        await asyncio.sleep(0.003)
        tasks[0].cancel()
        return await tasks[1]

    assert run(main) == [4]
    assert model.calls == [[1, 2], [2]]


def test_thousands_of_callers_may_leave_at_once() -> None:
    batcher = Batcher(AsyncModel(0.05), {"max_rows": 8})

    async def main() -> float:
        tasks = [asyncio.ensure_future(batcher.submit([n, n])) for n in range(20_000)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.disable()  # what other tests left in this process may be gigabytes
        start = time.perf_counter()
        for task in tasks[10:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return time.perf_counter() - start

    try:
        assert run(main) < 5
    finally:
        gc.enable()
    assert batcher.queue_depth == 0 and batcher.numbers.rows <= 40


def test_short_calls_run_on_the_loop_and_long_ones_in_a_thread() -> None:
    model = Model()
    batcher = Batcher(model)

    async def main() -> None:
        here = threading.get_ident()
        await warm(batcher, 3)
        assert model.threads[0] != here  # nothing is known before the first call
        assert model.threads[-1] == here
        model.seconds = 0.05
        await batcher.submit([1])
        await batcher.submit([1])
        assert model.threads[-1] != here
        beats = 0
        task = asyncio.ensure_future(batcher.submit([1]))
        while not task.done():
            await asyncio.sleep(0.001)
            beats += 1
        assert beats > 5  # the loop was free
        model.seconds = 0.0
        await warm(batcher, 60)
        assert model.threads[-1] == here

    run(main)
    batcher.close()


def test_a_lone_caller_is_served_in_its_own_task_and_a_second_one_is_noticed() -> None:
    model = Model()
    batcher = Batcher(model)

    async def main() -> None:
        await warm(batcher, 20)
        turns = 0

        async def watch() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        before = turns
        assert await batcher.submit([4]) == [8]
        assert turns == before  # not even one iteration of the loop
        task.cancel()
        model.calls.clear()
        for _ in range(2):
            assert await asyncio.gather(*[batcher.submit([n]) for n in range(4)]) == [
                [0], [2], [4], [6],
            ]  # fmt: skip
        assert model.calls == [[0], [1, 2, 3], [0, 1, 2, 3]]

    run(main)
    batcher.close()


def test_a_lone_caller_that_never_waits_still_lets_others_run() -> None:
    batcher = Batcher(Model())

    async def main() -> int:
        await warm(batcher, 20)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.ensure_future(other())
        end = time.perf_counter() + 0.2
        while time.perf_counter() < end:
            await batcher.submit([1])
        task.cancel()
        return turns

    assert run(main) >= 5
    batcher.close()


def test_errors_of_a_lone_caller() -> None:
    model = Model(bad=frozenset({13}))
    batcher = Batcher(model)
    odd = Batcher(lambda rows: [KeyError("k")] if rows[0] < 0 else [])

    async def main() -> None:
        await warm(batcher, 20)
        with pytest.raises(ValueError, match="cannot double"):
            await batcher.submit([13])
        assert await batcher.submit([1]) == [2]
        for _ in range(20):
            with pytest.raises(StepError, match="0 results"):
                await odd.submit([1])
            with pytest.raises(KeyError):
                await odd.submit([-1])

    run(main)
    assert batcher.numbers.failed == 1 and odd.numbers.failed == 40


def test_waiting_callers_count_toward_one_call_when_it_pays() -> None:
    """Rows that trickle in faster than a call takes gather, but only for so long."""
    model = Model(0.003)
    batcher = Batcher(model, BatchOptions(max_rows=8, max_wait_ms=20))
    batcher.times.record(1, 0.02)
    batcher.times.record(1, 0.02)
    batcher.times.gap = 0.0005

    async def main() -> Any:
        async def late(number: int) -> list[Any]:
            await asyncio.sleep(number * 0.001)
            return await batcher.submit([number])

        return await asyncio.gather(*[late(n) for n in range(6)])

    assert run(main) == [[n * 2] for n in range(6)]
    assert len(model.calls) < 6
    batcher.close()


def test_a_full_batch_waits_no_longer() -> None:
    batcher = Batcher(Model(0.003), BatchOptions(max_rows=2, max_wait_ms=5000))
    for _ in range(2):
        batcher.times.record(1, 20.0)
    batcher.times.gap = 0.001

    async def main() -> float:
        start = time.perf_counter()
        first = asyncio.ensure_future(batcher.submit([1]))
        await asyncio.sleep(0.01)
        assert not first.done() and batcher.queue_depth == 1
        await asyncio.gather(first, batcher.submit([2]))
        return time.perf_counter() - start

    assert run(main) < 1
    batcher.close()


def test_rows_that_cannot_be_served_in_time_are_refused() -> None:
    batcher = Batcher(AsyncModel(0.05), BatchOptions(max_rows=2, target_queue_ms=120), name="busy")

    async def main() -> list[Any]:
        await batcher.submit([0, 0])
        found = await asyncio.gather(
            *[batcher.submit([n, n]) for n in range(20)], return_exceptions=True
        )
        assert await batcher.submit([1]) == [2]  # it recovers
        return list(found)

    found = run(main)
    refused = [error for error in found if isinstance(error, OverloadedError)]
    assert 12 <= len(refused) <= 18 and batcher.numbers.rejected == len(refused)
    assert refused[0].status == 503 and refused[0].retry_after >= 1
    assert "'busy'" in str(refused[0]) and "target_queue_ms" in refused[0].fix
    for n, result in enumerate(found):
        assert isinstance(result, OverloadedError) or result == [n * 2, n * 2]


def test_a_call_that_hangs_is_noticed_by_those_who_wait() -> None:
    async def hang(rows: Rows) -> list[Any]:
        await asyncio.sleep(60)
        return []

    batcher = Batcher(hang, BatchOptions(max_rows=1, target_queue_ms=10))

    async def main() -> None:
        tasks = [asyncio.ensure_future(batcher.submit([n])) for n in range(2)]
        await asyncio.sleep(0.03)
        with pytest.raises(OverloadedError):
            await batcher.submit([3])
        batcher.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in found] == [StepError, ConflictError]

    run(main)


def test_the_queue_is_bounded_before_anything_is_measured() -> None:
    batcher = Batcher(AsyncModel(0.01), BatchOptions(max_rows=2, max_queue_rows=6))
    found = together(batcher, *[[n] for n in range(10)])
    assert sum(isinstance(error, OverloadedError) for error in found) == 4


def test_an_oversize_request_is_not_refused_for_its_own_size() -> None:
    batcher = Batcher(Model(), BatchOptions(max_rows=2, max_queue_rows=3))
    assert together(batcher, list(range(50))) == [[n * 2 for n in range(50)]]


def test_several_calls_at_once_when_allowed() -> None:
    running = most = 0

    async def call(rows: Rows) -> list[Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return list(rows)

    batcher = Batcher(call, BatchOptions(max_rows=1, max_in_flight=3))
    assert together(batcher, *[[n] for n in range(9)]) == [[n] for n in range(9)]
    assert most == 3


@pytest.mark.parametrize("key", ["shape", len])
def test_rows_that_do_not_fit_together_have_calls_of_their_own(key: Any) -> None:
    calls: list[Any] = []

    def call(rows: Rows) -> Any:
        calls.append(list(rows))
        return numpy.asarray(rows).sum(axis=1)

    batcher = Batcher(call, {"group_key": key})
    found = together(batcher, [[1, 2]], [[1, 2, 3]], [[3, 4], [1, 1, 1], [5, 6]], [[7, 8, 9]])
    assert found == [[3], [6], [7, 3, 11], [24]]
    assert calls == [[[1, 2], [3, 4], [5, 6]], [[1, 2, 3], [1, 1, 1], [7, 8, 9]]]


def test_a_request_of_several_groups_fails_whole_or_leaves_whole() -> None:
    def call(rows: Rows) -> list[Any]:
        return [len(row) if row[0] else ValueError(f"no {len(row)}") for row in rows]

    batcher = Batcher(call, BatchOptions(max_rows=1, max_queue_rows=3, group_key="shape"))
    found = together(batcher, [[1], [0, 0], [0, 0, 0], [1, 1, 1, 1]], [[1]])
    assert isinstance(found[0], OverloadedError)  # its last group came too late
    found = together(Batcher(call, {"group_key": "shape"}), [[1], [0, 0], [0, 0, 0]], [[1]])
    assert str(found[0]) == "no 2" and found[1] == [1]
    left = Batcher(AsyncModel(0.01), {"group_key": "shape"})

    async def main() -> None:
        task = asyncio.ensure_future(left.submit([[1], [1, 1], [1, 1, 1]]))
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.sleep(0.03)
        assert left.queue_depth == 0 and left.numbers.batches == 1

    run(main)


def test_no_group_starves_another() -> None:
    order: list[str] = []

    def call(rows: Rows) -> list[Any]:
        order.append(rows[0])
        return list(rows)

    batcher = Batcher(call, BatchOptions(max_rows=1, group_key=lambda row: row))
    together(batcher, ["a"] * 3, ["b"], ["c"] * 2)
    assert order == ["a", "b", "c", "a", "c", "a"]


def test_a_key_that_cannot_be_made_is_its_callers_error() -> None:
    batcher = Batcher(Model(), {"group_key": lambda row: [row]})
    assert isinstance(together(batcher, [1])[0], TypeError)


def test_the_call_does_not_see_the_callers_variables() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    seen: list[str] = []

    def call(rows: Rows) -> list[Any]:
        seen.append(user.get())
        user.set("call")
        return list(rows)

    batcher = Batcher(call)

    async def main() -> None:
        user.set("me")
        for _ in range(20):
            await batcher.submit([1])
        assert user.get() == "me"

    run(main)
    assert "me" not in seen


def test_what_a_server_learns_about_a_request() -> None:
    model = AsyncModel(0.02)
    batcher = Batcher(model, name="m")

    async def request(number: int) -> list[BatchInfo]:
        told: list[BatchInfo] = []
        BATCHES.set(told)
        await asyncio.ensure_future(batcher.submit([number]))  # also through a task
        return told

    async def main() -> Any:
        first = asyncio.ensure_future(request(0))
        await asyncio.sleep(0.005)
        return await asyncio.gather(first, *[request(n) for n in range(1, 4)])

    first, *others = run(main)
    assert [info.batch_size for info in first] == [1] and first[0].wait_ms < 500
    for told in others:
        assert [(info.name, info.batch_size) for info in told] == [("m", 3)]
        assert 2 < told[0].wait_ms < 500
    assert sum(batcher.numbers.waits) == batcher.numbers.requests == 4
    assert batcher.numbers.wait_seconds > 0.006


def test_one_batcher_in_several_loops_one_after_the_other() -> None:
    batcher = Batcher(Model(0.003))

    async def submit(row: int) -> list[Any]:
        return await batcher.submit([row])

    for n in range(3):
        assert asyncio.run(submit(n)) == [n * 2]

    async def leave() -> None:
        task = asyncio.ensure_future(batcher.submit([1]))
        await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(leave())  # the loop ends while it is in use
    assert asyncio.run(submit(5)) == [10]
    batcher.close()


def test_one_batcher_in_two_loops_at_the_same_time() -> None:
    model = Model(0.003)
    batcher = Batcher(model)
    found: list[Any] = []

    async def many(start: int) -> None:
        found.extend(await asyncio.gather(*[batcher.submit([start + n]) for n in range(50)]))

    threads = [threading.Thread(target=asyncio.run, args=(many(k * 50),)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == [[n * 2] for n in range(100)]
    batcher.close()


def test_after_close() -> None:
    batcher = Batcher(Model())

    async def main() -> None:
        await warm(batcher, 20)
        batcher.close()
        batcher.close()
        with pytest.raises(ConflictError, match="closed"):
            await batcher.submit([1])

    run(main)


def test_mistakes_in_options() -> None:
    with pytest.raises(InvalidArgumentError, match="max_rows"):
        Batcher(Model(), {"max_rows": 0})
