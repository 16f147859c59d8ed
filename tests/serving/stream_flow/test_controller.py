from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.ending import Complete, Reduce
from mlrun_like.serving.steps.maps import Filter, Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.controller import AsyncFlowController, FlowController
from mlrun_like.serving.stream_flow.emit_sources import AsyncEmitSource, SyncEmitSource


def started(*steps: Any, **options: Any) -> FlowController:
    found: FlowController = build_flow([SyncEmitSource(**options), *steps]).run()
    return found


def kept(full_event: bool = False) -> Reduce:
    return Reduce([], lambda rows, row: [*rows, row], full_event=full_event)


def increment(body: int) -> int:
    return body + 1


async def increment_async(body: int) -> int:
    await asyncio.sleep(0)
    return body + 1


def boom(body: Any) -> Any:
    raise ValueError("boom")


async def boom_async(body: Any) -> Any:
    raise ValueError("boom")


INCREMENT = pytest.mark.parametrize("function", [increment, increment_async])
BOOM = pytest.mark.parametrize("function", [boom, boom_async])


# Results --------------------------------------------------------------------------------------


@INCREMENT
def test_each_event_has_its_result(function: Callable[[int], Any]) -> None:
    step = Map(function, termination_result_fn=lambda _, x: x)
    controller = started(step, [Complete()], [Reduce(0, lambda total, x: total + x)])
    results = [controller.emit(number) for number in range(10)]
    assert [result.await_result() for result in results if result] == list(range(1, 11))
    assert controller.terminate(wait=True) == 55


def test_the_first_of_two_results_counts() -> None:
    controller = started(Complete(), Map(increment), Complete(), kept())
    result = controller.emit(1)
    assert result is not None
    assert result.await_result() == result.await_result() == 1


def test_several_results_of_branches() -> None:
    source, complete = SyncEmitSource(), Complete()
    source.to(Map(increment)).to(complete)
    source.to(Map(lambda x: x * 10)).to(complete)
    controller = source.run()
    results = [controller.emit(n, expected_number_of_results=2) for n in range(3)]
    assert [result.await_result() for result in results if result] == [[1, 0], [2, 10], [3, 20]]
    with pytest.raises(ValueError, match="expected_number_of_results must be at least 1"):
        controller.emit(1, expected_number_of_results=0)
    controller.terminate()


@INCREMENT
def test_an_event_that_is_dropped_has_no_result(function: Callable[[int], Any]) -> None:
    controller = started(Map(function), Filter(lambda x: x > 5), Complete())
    results = [controller.emit(5), controller.emit(1), controller.emit(2, None, None, 2)]
    assert [result.await_result() for result in results if result] == [6, None, []]
    controller.terminate()


def test_events_of_a_batch_have_its_result() -> None:
    controller = started(Batch(2), Complete())
    results = [controller.emit(number) for number in range(3)]
    controller.terminate()
    assert [result.await_result() for result in results if result] == [[0, 1], [0, 1], [2]]


def test_events_that_are_never_answered_do_not_pile_up() -> None:
    controller = started(Filter(lambda x: False), Batch(5), Complete())
    results = [controller.emit(number) for number in range(10)]
    controller.terminate()
    assert [result.await_result() for result in results if result] == [None] * 10


def test_results_on_demand() -> None:
    controller = started(Complete(), kept())
    assert controller.emit(1, return_awaitable_result=False) is None
    result = controller.emit(1, return_awaitable_result=True)
    assert result is not None
    assert result.await_result() == 1
    controller.terminate()
    controller = started(kept())
    assert controller.emit(1) is None
    with pytest.raises(ValueError, match="the flow has no Complete step"):
        controller.emit(1, return_awaitable_result=True)
    controller.terminate()


def test_the_callers_event_is_not_changed() -> None:
    def renamed(event: Event) -> Event:
        event.key = "new key"
        return event

    steps = [Map(lambda body: "new body"), Map(renamed, full_event=True), Complete(full_event=True)]
    controller = started(*steps)
    event = Event("original body", key="original key", id="i")
    result = controller.emit(event)
    assert result is not None
    found = result.await_result()
    controller.terminate()
    assert (event.key, event.body) == ("original key", "original body")
    assert (found.key, found.body, found.id) == ("new key", "new body", "i")


# Errors ---------------------------------------------------------------------------------------


@BOOM
def test_an_error_goes_to_its_event_and_stops_the_flow(function: Callable[[Any], Any]) -> None:
    controller = started(Map(function), Complete())
    result = controller.emit(0)
    assert result is not None
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            result.await_result()
    with pytest.raises(ValueError, match="boom"):
        for _ in range(100):
            controller.emit(1)
            time.sleep(0.001)
    controller.terminate()
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            controller.await_termination()


@BOOM
def test_the_error_comes_without_terminate_too(function: Callable[[Any], Any]) -> None:
    controller = started(Map(function), kept())
    controller.emit(0)
    with pytest.raises(ValueError, match="boom"):
        controller.await_termination()


def test_an_error_after_complete_is_the_result() -> None:
    controller = started(Complete(), Map(boom))
    result = controller.emit(0)
    assert result is not None
    with pytest.raises(ValueError, match="boom"):
        result.await_result()
    controller.terminate()


def test_an_error_keeps_its_traceback_at_one_size() -> None:
    controller = started(Map(boom), Complete())
    result = controller.emit(0)
    assert result is not None
    sizes = set()
    for _ in range(3):
        try:
            result.await_result()
        except ValueError:
            text = traceback.format_exc()
            sizes.add(text.count("\n"))
            assert "in boom" in text
    assert len(sizes) == 1
    controller.terminate()


def test_events_that_wait_behind_an_error_get_it() -> None:
    async def slow(body: int) -> int:
        await asyncio.sleep(0.02)
        if body == 1:
            raise ValueError("boom")
        return body

    controller = started(Map(slow), Complete())
    results = [controller.emit(number) for number in range(5)]
    answers: list[Any] = []
    for result in results:
        assert result is not None
        try:
            answers.append(result.await_result())
        except ValueError:
            answers.append("boom")
    assert answers == [0, "boom", "boom", "boom", "boom"]
    controller.terminate()


def test_nothing_enters_a_flow_that_has_ended() -> None:
    controller = started(Map(increment), kept())
    controller.emit(1)
    assert controller.terminate(wait=True) == [2]
    with pytest.raises(ValueError, match="Cannot emit to a terminated flow"):
        controller.emit(2)
    controller.terminate()
    assert controller.await_termination() == [2]


# Order and threads ----------------------------------------------------------------------------


@INCREMENT
def test_events_keep_their_order(function: Callable[[int], Any]) -> None:
    controller = started(Map(function), kept())
    for number in range(300):
        controller.emit(number)
    assert controller.terminate(wait=True) == list(range(1, 301))


@INCREMENT
def test_events_of_many_threads_pass_one_at_a_time(function: Callable[[int], Any]) -> None:
    inside: list[int] = []

    def alone(body: int) -> int:
        inside.append(body)
        assert len(inside) == 1
        time.sleep(0)
        inside.remove(body)
        return body

    controller = started(Map(function), Map(alone), Reduce(0, lambda total, x: total + x))

    def emit_all() -> None:
        for number in range(200):
            controller.emit(number)

    threads = [threading.Thread(target=emit_all) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert controller.terminate(wait=True) == 5 * sum(range(1, 201))


def test_a_step_may_emit_into_its_own_flow() -> None:
    found: list[Any] = []

    def down(body: int) -> int:
        if body:
            controller.emit(body - 1)
        found.append(body)
        return body

    controller = started(Map(down))
    controller.emit(3)
    controller.terminate(wait=True)
    assert found == [3, 2, 1, 0]


def test_the_clock_waits_for_its_turn() -> None:
    found: list[Any] = []
    controller = started(Batch(4, 0.3), Map(found.append))
    for number in range(3):
        controller.emit(number)
    deadline = time.monotonic() + 5
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found == [[0, 1, 2]]
    for number in range(3, 10):
        controller.emit(number)
    controller.terminate(wait=True)
    assert found == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]


@INCREMENT
def test_clock_and_events_lose_nothing_and_keep_the_order(function: Callable[[int], Any]) -> None:
    flat = Map(lambda batch: batch)
    controller = started(Map(function), Batch(7, 0.001), flat, Reduce([], lambda a, x: a + x))
    for number in range(1500):
        controller.emit(number)
    assert controller.terminate(wait=True) == list(range(1, 1501))


def test_an_error_of_the_clock_stops_the_flow() -> None:
    controller = started(Batch(10, 0.01), Map(boom))
    controller.emit(1)
    with pytest.raises(ValueError, match="boom"):
        controller.await_termination()


# Events ---------------------------------------------------------------------------------------


def test_keys_come_from_the_call_the_event_or_the_body() -> None:
    controller = started(kept(True), key_field="k")
    controller.emit({"k": "a"})
    controller.emit(Event({"k": "b"}, "c"))
    controller.emit(b"bytes")
    controller.emit({"k": "d"}, key="e")
    found = controller.terminate(wait=True)
    assert [event.key for event in found] == ["a", "b", None, "e"]
    controller = started(kept(True), key_field=["k", "l"])
    controller.emit({"k": 1, "l": 2})
    assert controller.terminate(wait=True)[0].key == [1, 2]
    controller = started(kept(True), key_field=0)
    controller.emit(["a", "b"])
    assert controller.terminate(wait=True)[0].key == "a"
    with pytest.raises(KeyError, match="k"):
        started(kept(), key_field="k").emit({})


def test_ids_share_a_text_and_count() -> None:
    controller = started(kept(True))
    for _ in range(1025):
        controller.emit(0)
    ids = [event.id for event in controller.terminate(wait=True)]
    base = ids[0][:32]
    assert ids[:1024] == [f"{base}-{number:04}" for number in range(1024)]
    assert ids[1024][:32] != base
    assert ids[1024][32:] == "-0000"


def test_events_of_others_are_taken_as_events() -> None:
    class Foreign:
        def __init__(self) -> None:
            self.id = "mine"
            self.body = {"x": 1}
            self.timestamp = "then"

    controller = started(kept(True))
    controller.emit(Foreign())
    (event,) = controller.terminate(wait=True)
    assert (event.id, event.body, event.processing_time) == ("mine", {"x": 1}, "then")


def test_events_that_were_wrapped_for_a_stream_are_unwrapped() -> None:
    controller = started(kept(True))
    controller.emit(Event({"full_event_wrapper": True, "body": 5, "key": "k", "id": "i"}))
    (event,) = controller.terminate(wait=True)
    assert (event.body, event.key, event.id) == (5, "k", "i")


@pytest.mark.parametrize("source", [SyncEmitSource, AsyncEmitSource])
def test_wrong_arguments_of_sources(source: Any) -> None:
    for value in (0, -1):
        with pytest.raises(ValueError, match="Buffer size must be positive"):
            source(buffer_size=value)
    with pytest.raises(TypeError, match="buffer_size must be an integer"):
        source(buffer_size="8")
    with pytest.raises(ValueError, match="max_wait_before_commit"):
        source(max_wait_before_commit=-1)


# In an event loop -----------------------------------------------------------------------------


async def started_async(*steps: Any, **options: Any) -> AsyncFlowController:
    found: AsyncFlowController = build_flow([AsyncEmitSource(**options), *steps]).run()
    return found


async def outcome(awaitable: Any) -> Any:
    try:
        return await awaitable
    except ValueError as exc:
        return repr(exc)


@INCREMENT
def test_emit_in_a_loop_gives_the_result(function: Callable[[int], Any]) -> None:
    async def main() -> Any:
        step = Map(function, termination_result_fn=lambda _, x: x)
        total = Reduce(0, lambda total, x: total + x)
        controller = await started_async(step, [Complete()], [total])
        found = [await controller.emit(number) for number in range(10)]
        found += await asyncio.gather(*(controller.emit(number) for number in range(50)))
        return found, await controller.terminate(wait=True)

    found, total = asyncio.run(main())
    assert found == [*range(1, 11), *range(1, 51)]
    assert total == 55 + sum(range(1, 51))


@BOOM
def test_errors_in_a_loop(function: Callable[[Any], Any]) -> None:
    async def main() -> list[Any]:
        controller = await started_async(Map(function), Complete())
        found = [await outcome(controller.emit(number)) for number in range(2)]
        found.append(await outcome(controller.terminate()))
        return [*found, await outcome(controller.await_termination())]

    assert asyncio.run(main()) == [repr(ValueError("boom"))] * 2 + [None, repr(ValueError("boom"))]


@INCREMENT
def test_more_events_than_wait_at_once(function: Callable[[int], Any]) -> None:
    async def main() -> Any:
        controller = await started_async(Map(function), kept(), buffer_size=2)
        emits = [asyncio.ensure_future(controller.emit(number)) for number in range(20)]
        await asyncio.sleep(0)
        await controller.terminate()
        await asyncio.gather(*emits)
        return await controller.await_termination()

    assert asyncio.run(main()) == list(range(1, 21))


def test_emits_that_wait_for_space_get_the_error() -> None:
    async def main() -> list[Any]:
        controller = await started_async(Map(boom_async), buffer_size=1)
        emits = [asyncio.ensure_future(controller.emit(number)) for number in range(5)]
        found = await asyncio.gather(*emits, return_exceptions=True)
        await controller.terminate()
        return found

    found = asyncio.run(main())
    assert isinstance(found[-1], ValueError)


def test_blocking_steps_do_not_hold_up_the_loop() -> None:
    def slow(body: int) -> int:
        time.sleep(0.1)
        return body

    async def main() -> tuple[Any, int]:
        controller = await started_async(Map(slow, long_running=True), Complete())
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        found = await controller.emit(5)
        ticking.cancel()
        await controller.terminate(wait=True)
        return found, ticks

    found, ticks = asyncio.run(main())
    assert found == 5
    assert ticks >= 3


def test_a_tight_loop_of_emits_lets_others_run() -> None:
    async def main() -> int:
        controller = await started_async(Map(increment))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        for number in range(1000):
            await controller.emit(number)
        ticking.cancel()
        await controller.terminate(wait=True)
        return ticks

    assert asyncio.run(main()) >= 10


@INCREMENT
def test_the_clock_in_a_loop(function: Callable[[int], Any]) -> None:
    async def main() -> Any:
        controller = await started_async(Map(function), Batch(10, 0.02), Complete(), kept())
        found = await asyncio.gather(*(controller.emit(number) for number in range(3)))
        return found, await controller.terminate(wait=True)

    assert asyncio.run(main()) == ([[1, 2, 3]] * 3, [[1, 2, 3]])


def test_terminated_in_a_loop() -> None:
    async def main() -> None:
        controller = await started_async(Map(increment_async), kept())
        await controller.terminate(wait=True)
        with pytest.raises(ValueError, match="Cannot emit to a terminated flow"):
            await controller.emit(1)
        controller = await started_async(kept())
        with pytest.raises(ValueError, match="has no Complete step"):
            await controller.emit(1, await_result=True)
        waiting = asyncio.ensure_future(controller.await_termination())
        await asyncio.sleep(0.01)
        await controller.terminate()
        assert await waiting == []

    asyncio.run(main())


def test_the_key_is_a_field_several_or_a_function() -> None:
    def keys(key_field: Any) -> list[Any]:
        pairs = Reduce([], lambda found, event: [*found, event.key], full_event=True)
        controller = started(pairs, key_field=key_field)
        controller.emit({"a": 1, "b": 2})
        found: list[Any] = controller.terminate(wait=True)
        return found

    assert keys("a") == [1] and keys(["a", "b"]) == keys(("a", "b")) == [[1, 2]]
    assert keys(lambda body: body["a"] + body["b"]) == [3]
    with pytest.raises(TypeError, match=r"key_field=1.5 is neither a field"):
        SyncEmitSource(key_field=1.5)  # type: ignore[arg-type]
