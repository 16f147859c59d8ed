from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.collecting import Collector
from mlrun_like.serving.steps.ending import Complete, Reduce
from mlrun_like.serving.steps.map_class import MapClass
from mlrun_like.serving.steps.maps import Filter, FlatMap, Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import AsyncEmitSource, SyncEmitSource

Run = Callable[..., Any]


def parts(body: Any) -> Iterator[str]:
    for number in range(2):
        yield f"{body}{number}"


async def parts_async(body: Any) -> AsyncIterator[str]:
    for number in range(2):
        await asyncio.sleep(0)
        yield f"{body}{number}"


def count(body: int) -> Iterator[int]:
    yield from range(body)


def kept() -> Reduce:
    return Reduce([], lambda rows, row: [*rows, row])


FORMS = pytest.mark.parametrize("stream", [parts, parts_async])


@FORMS
def test_each_value_passes_the_following_steps(run: Run, stream: Any) -> None:
    steps = [Map(stream), Map(lambda x: x + "!"), Filter(lambda x: x != "a1!"), kept()]
    assert run(steps, "ab") == ["a0!", "b0!", "b1!"]


def test_a_class_may_stream(run: Run) -> None:
    class Streams(MapClass):
        def do(self, event: int) -> Iterator[int]:
            yield from (event, event + 1)

    assert run([Streams(), kept()], [1, 10]) == [1, 2, 10, 11]


def test_values_and_paths(run: Run) -> None:
    step = Map(count, input_path="n", result_path="r")
    body = {"n": 2}
    assert run([step, kept()], [body]) == [{"n": 2, "r": 0}, {"n": 2, "r": 1}]
    assert body == {"n": 2}


def test_a_collector_makes_one_body_of_them(run: Run) -> None:
    steps = [Map(count), Map(lambda x: x * 2), Collector(), kept()]
    assert run(steps, [0, 1, 3]) == [[], 0, [0, 2, 4]]
    assert run([Collector(), kept()], [1, [2]]) == [1, [2]]


@FORMS
def test_streams_after_a_collector(run: Run, stream: Any) -> None:
    def again(body: list[str]) -> Iterator[str]:
        for item in body:
            yield f"re{item}"

    assert run([Map(stream), Collector(), Map(again), kept()], ["t"]) == ["ret0", "ret1"]


@FORMS
def test_no_stream_within_a_stream(run: Run, stream: Any) -> None:
    with pytest.raises(ValueError, match="Streaming on top of streaming is not allowed"):
        run([Map(stream), Map(parts), kept()], [1])


@FORMS
def test_a_stream_that_is_split_ends_on_each_branch(stream: Any) -> None:
    source, first, collector = SyncEmitSource(), Map(stream), Collector(expected_completions=2)
    source.to(first)
    first.to(Map(lambda x: "a" + x)).to(collector)
    first.to(Map(lambda x: "b" + x)).to(collector)
    collector.to(kept())
    controller = source.run()
    controller.emit("t")
    (found,) = controller.terminate(wait=True)
    assert sorted(found) == ["at0", "at1", "bt0", "bt1"]


def test_the_end_of_a_stream_goes_every_way_of_a_choice() -> None:
    class High(Choice):
        def select_outlets(self, event: str) -> list[str]:
            return ["high"] if "h" in event else ["low"]

    source, choice, collector = SyncEmitSource(), High(), Collector()
    source.to(Map(parts)).to(choice)
    choice.to(Map(lambda x: "H" + x, name="high")).to(collector)
    choice.to(Map(lambda x: "L" + x, name="low")).to(collector)
    collector.to(kept())
    controller = source.run()
    for body in "lh":
        controller.emit(body)
    found = controller.terminate(wait=True)
    assert sorted(map(str, found)) == ["['Hh0', 'Hh1']", "['Ll0', 'Ll1']", "[]", "[]"]


def test_the_end_of_a_stream_is_no_event_for_other_steps(run: Run) -> None:
    seen: list[Any] = []

    def see(body: Any) -> list[Any]:
        seen.append(body)
        return [body]

    end = kept()
    steps = [Map(parts), FlatMap(see, recovery_step=end), Collector(), end]
    assert run(steps, "a") == [["a0", "a1"]]
    assert seen == ["a0", "a1"]


@FORMS
def test_results_are_streams(stream: Any) -> None:
    controller = build_flow([SyncEmitSource(), Map(stream), Map(str.upper), Complete()]).run()
    results = [controller.emit(body).await_result() for body in "ab"]
    assert all(inspect.isgenerator(result) for result in results)
    assert [list(result) for result in results] == [["A0", "A1"], ["B0", "B1"]]
    controller.terminate(wait=True)
    controller = build_flow([SyncEmitSource(), Map(count), Complete()]).run()
    assert list(controller.emit(0).await_result()) == []
    controller.terminate(wait=True)


@FORMS
def test_results_are_streams_in_a_loop(stream: Any) -> None:
    async def main() -> list[Any]:
        controller = build_flow([AsyncEmitSource(), Map(stream), Complete()]).run()
        result = await controller.emit("a")
        await controller.terminate(wait=True)
        assert inspect.isasyncgen(result)
        return [item async for item in result]

    assert asyncio.run(main()) == ["a0", "a1"]


@pytest.mark.parametrize("complete_in_each_branch", [True, False])
def test_results_of_a_stream_that_is_split(complete_in_each_branch: bool) -> None:
    source, first, complete = SyncEmitSource(), Map(parts), Complete()
    source.to(first)
    for prefix in "ab":
        end = Complete() if complete_in_each_branch else complete
        first.to(Map(lambda x, prefix=prefix: prefix + x)).to(end)
    controller = source.run()
    result = controller.emit("t", expected_number_of_results=2).await_result()
    assert sorted(result) == ["at0", "at1", "bt0", "bt1"]
    controller.terminate(wait=True)


def test_events_that_do_not_stream_are_answered_as_ever() -> None:
    source, complete = SyncEmitSource(), Complete()
    source.to(Filter(lambda x: x > 0)).to(Map(count)).to(complete)
    source.to(Filter(lambda x: x == 0)).to(complete)
    controller = source.run()
    assert controller.emit(0).await_result() == 0
    assert list(controller.emit(2).await_result()) == [0, 1]
    controller.terminate(wait=True)


def broken(body: Any) -> Iterator[int]:
    yield 0
    raise RuntimeError("broken")


def fails_on_one(body: int) -> int:
    if body == 1:
        raise RuntimeError("broken")
    return body


@pytest.mark.parametrize(
    "steps",
    [[Map(broken)], [Map(lambda _: 3), Map(count), Map(fails_on_one)]],
    ids=["own", "later"],
)
def test_a_stream_that_breaks_gives_what_it_has_and_the_error(steps: list[FlowStep]) -> None:
    controller = build_flow([SyncEmitSource(), *steps, Complete()]).run()
    result = controller.emit("x").await_result()
    assert next(result) == 0
    with pytest.raises(RuntimeError, match="broken"):
        next(result)
    controller.terminate()
    with pytest.raises(RuntimeError, match="broken"):
        controller.await_termination()
