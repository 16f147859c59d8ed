"""Flows against what storey 1.12 gives for the same; its results are the literals."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.assertion import Assert
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.steps.fields import DropColumns, Partition, ReifyMetadata, Rename
from mlrun_like.serving.steps.frames import ReduceToDataFrame, ToDataFrame
from mlrun_like.serving.steps.map_class import MapClass
from mlrun_like.serving.steps.maps import Extend, Filter, FlatMap, Flatten, ForEach, Map
from mlrun_like.serving.steps.merging import Merge
from mlrun_like.serving.steps.sampling import SampleWindow
from mlrun_like.serving.steps.state import MapWithState
from mlrun_like.serving.stream_flow.emit_sources import SyncEmitSource

Run = Callable[..., Any]


def kept(full_event: bool = False, name: str = "") -> Reduce:
    """A step that keeps all bodies, or events."""
    return Reduce([], lambda rows, row: [*rows, row], full_event=full_event, name=name)


def total() -> Reduce:
    return Reduce(0, lambda value, body: value + body)


def increment(body: int) -> int:
    return body + 1


def test_maps_filters_and_flat_maps(run: Run) -> None:
    steps = [Map(increment), Filter(lambda x: x < 3), FlatMap(lambda x: [x, x * 10]), total()]
    assert run(steps, [i for _ in range(100) for i in range(10)]) == 3300


def test_whole_events(run: Run) -> None:
    def doubled(event: Event) -> Event:
        event.body *= 2
        event.key = "k"
        return event

    found = run([Map(doubled, full_event=True), kept(True)], [1, 2])
    assert [(event.body, event.key) for event in found] == [(2, "k"), (4, "k")]
    by_key = Filter(lambda event: event.key == "x", full_event=True)
    assert run([by_key, kept()], [1, 2, 3], "xyx") == [1, 3]


def test_paths(run: Run) -> None:
    bodies = [{"a": {"b": 1}}, {"a": {"b": 5}, "z": 0}]
    assert run([Map(increment, input_path="a.b"), kept()], bodies) == [2, 6]
    found = run([Map(increment, input_path="a.b", result_path="c"), kept()], bodies)
    assert found == [{"a": {"b": 1}, "c": 2}, {"a": {"b": 5}, "z": 0, "c": 6}]
    assert run([Filter(lambda x: x > 1, input_path="a"), kept()], [{"a": 1}, {"a": 2}]) == [
        {"a": 2}
    ]


def test_fields(run: Run) -> None:
    steps = [
        Extend(lambda body: {"b": body["a"] + 1}),
        Rename({"a": "first"}),
        DropColumns("z"),
        ReifyMetadata(["key"]),
        kept(),
    ]
    assert run(steps, [{"a": 1, "z": 0}], ["k"]) == [{"b": 2, "first": 1, "key": "k"}]


def test_other_steps(run: Run) -> None:
    seen: list[int] = []
    assert run([ForEach(seen.append), kept()], [1, 2]) == seen == [1, 2]
    assert run([Flatten(), kept()], [[1, 2], [], [[3]]]) == [1, 2, [3]]
    assert run([MapWithState(1000, lambda x, s: (s, x)), total()], range(10)) == 1036
    assert run([SampleWindow(5), kept()], range(12)) == [0, 5, 10]
    assert run([Partition(lambda e: e.body % 2 == 0), kept()], [1, 2]) == [(None, 1), (2, None)]
    assert run([Batch(4), kept()], range(10)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_map_class_filters(run: Run) -> None:
    class Scale(MapClass):
        def __init__(self, factor: int, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def do(self, event: int) -> Any:
            return self.filter() if event > 7 else event * self.factor

    assert run([Scale(2), kept()], [6, 8, 7]) == [12, 14]


def test_async_steps(run: Run) -> None:
    async def add(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    async def even(x: int) -> bool:
        return x % 2 == 0

    async def twice(x: int) -> list[int]:
        return [x, x]

    async def keep(rows: list[int], row: int) -> list[int]:
        return [*rows, row]

    class Big(MapClass):
        async def do(self, event: int) -> Any:
            return self.filter() if event < 3 else event

    steps = [Map(add), Filter(even), FlatMap(twice), Big(), Reduce([], keep)]
    assert run(steps, range(5)) == [4, 4]
    assert run([Map(add), ForEach(add), Map(increment), kept()], [1, 2]) == [3, 4]


def test_frames(run: Run) -> None:
    found = run([Batch(2), ToDataFrame(index="i"), kept()], [{"i": 1, "v": 2}, {"i": 3, "v": 4}])
    assert [frame.to_dict() for frame in found] == [{"v": {1: 2, 3: 4}}]
    frame = run([ReduceToDataFrame(index="i", insert_key_column_as="k")], [{"i": 1}], ["x"])
    assert frame.to_dict() == {"k": {1: "x"}}


def test_checks_fail_the_flow(run: Run) -> None:
    assert run([Assert().exactly(2)], [1, 1]) is None
    with pytest.raises(AssertionError, match="Expected event count == 2, got 1 instead"):
        run([Assert().exactly(2)], [1])
    with pytest.raises(AssertionError, match="Predicate results in False"):
        run([Assert().each_event(lambda body: body > 1)], [1])


class Sizes(Choice):
    def select_outlets(self, event: int) -> list[str]:
        return ["big"] if event > 3 else ["small", "both"] if event == 1 else []


def test_a_choice_goes_to_none_one_or_several() -> None:
    source, choice = SyncEmitSource(), Sizes()
    source.to(choice)
    found: list[tuple[str, int]] = []
    for name in ("big", "small", "both"):
        choice.to(ForEach(lambda body, name=name: found.append((name, body)), name=name))
    controller = source.run()
    for number in range(6):
        controller.emit(number)
    controller.terminate(wait=True)
    assert found == [("small", 1), ("both", 1), ("big", 4), ("big", 5)]


def test_branches_of_a_choice_do_not_share_bodies(run: Run) -> None:
    class Both(Choice):
        def select_outlets(self, event: Any) -> list[str]:
            return ["a", "b"]

    def marked(body: dict[str, int]) -> dict[str, int]:
        body["m"] = 1
        return body

    both = Both(termination_result_fn=lambda x, y: [x, y])
    steps = [both, [Map(marked, name="a"), kept()], [kept(name="b")]]
    assert run(steps, [{"a": 1}]) == [[{"a": 1, "m": 1}], [{"a": 1}]]


def test_a_choice_of_events_and_a_map_that_selects(run: Run) -> None:
    class Keyed(Choice):
        def select_outlets(self, event: Event) -> str:
            return "a" if event.key else "b"

    keyed = Keyed(full_event=True, termination_result_fn=lambda x, y: [x, y])
    assert run([keyed, [kept(name="a")], [kept(name="b")]], [1, 2], ["k", None]) == [[1], [2]]
    selects = Map(
        increment,
        fn_select_outlets=lambda body: ["a"] if body > 2 else ["b"],
        termination_result_fn=lambda x, y: [x, y],
    )
    assert run([selects, [kept(name="a")], [kept(name="b")]], [1, 2]) == [[3], [2]]


def test_the_older_form_of_choice(run: Run) -> None:
    small, big = total(), Map(lambda x: x * 100)
    big.to(total())
    choice = Choice(
        [(big, lambda x: x % 2 == 0)], default=small, termination_result_fn=lambda x, y: x + y
    )
    assert run([choice], range(10)) == 2025
    assert run([Choice([(kept(), lambda x: x > 1)])], range(4)) == [2, 3]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nope"], "Invalid outlet 'nope' for 'Fixed'. Allowed outlets are: Map"),
        (["Map", "Map"], "duplicate outlet names were provided"),
    ],
)
def test_a_choice_of_wrong_names(run: Run, names: list[str], message: str) -> None:
    class Fixed(Choice):
        def select_outlets(self, event: Any) -> list[str]:
            return names

    with pytest.raises(ValueError, match=message):
        run([Fixed(), Map(increment)], [1])


def test_names_after_a_choice_are_unique(run: Run) -> None:
    with pytest.raises(ValueError, match="Ambiguous outlet name 'Map' in step 'Sizes'"):
        run([Sizes(), [Map(increment)], [Map(increment)]], [1])


def test_branches(run: Run) -> None:
    added = Filter(lambda x: x < 3, termination_result_fn=lambda x, y: x + y)
    branches = [[total()], [Map(lambda x: x * 100), total()], [Map(lambda x: x * 1000), total()]]
    assert run([Map(increment), added, *branches], range(10)) == 3303
    assert run([[total()], [Map(lambda x: x * 100), total()]], range(10)) == 45
    nested = [[[total()]], [[Map(lambda x: x * 100), total()], [Map(lambda x: x * 9), total()]]]
    assert run(nested, range(10)) == 45


def test_branches_do_not_share_bodies(run: Run) -> None:
    def marked(body: dict[str, int]) -> dict[str, int]:
        body["m"] = 1
        return body

    first = Map(lambda body: body, termination_result_fn=lambda x, y: [x, y])
    assert run([first, [Map(marked), kept()], [kept()]], [{"a": 1}]) == [
        [{"a": 1, "m": 1}],
        [{"a": 1}],
    ]


def test_branches_that_meet_again() -> None:
    source, end = SyncEmitSource(), total()
    source.to(Map(increment)).to(end)
    source.to(Map(lambda x: x * 10)).to(end)
    controller = source.run()
    for number in range(10):
        controller.emit(number)
    assert controller.terminate(wait=True) == 55 + 450


def test_branches_that_are_merged() -> None:
    source, merge, end = SyncEmitSource(), Merge(), kept()
    source.to(Map(increment)).to(merge)
    source.to(Map(lambda x: x * 10)).to(merge)
    merge.to(end)
    controller = source.run()
    for number in range(3):
        controller.emit(number)
    assert controller.terminate(wait=True) == [[1, 0], [2, 10], [3, 20]]


def test_a_step_whose_errors_are_pushed_lets_the_flow_go_on(run: Run) -> None:
    class Errors:
        def __init__(self) -> None:
            self.pushed: list[Any] = []

        def push_error(self, event: Event, message: str, source: str) -> None:
            self.pushed.append((event.body, "ZeroDivisionError" in message, source))

    errors = Errors()
    step = Map(lambda x: 6 // x, context=errors, name="divide")
    assert run([step, kept()], [1, 0, 2]) == [6, 3]
    assert errors.pushed == [(0, True, "divide")]
    errors = Errors()

    class Half(Choice):
        def select_outlets(self, event: int) -> list[str]:
            return [["kept"][event]]

    assert run([Half(context=errors), kept(name="kept")], [0, 1, 0]) == [0, 0]
    assert [body for body, *_ in errors.pushed] == [1]


def test_a_flow_runs_again() -> None:
    steps: list[Any] = [SyncEmitSource(), Batch(3), SampleWindow(2), Reduce(0, lambda n, b: n + 1)]
    for one, other in itertools.pairwise(steps):
        one.to(other)
    for _ in range(3):
        controller = steps[0].run()
        for number in range(10):
            controller.emit(number)
        assert controller.terminate(wait=True) == 2


def test_a_loop_is_refused() -> None:
    source, first, second = SyncEmitSource(), Map(increment), Map(increment)
    source.to(first).to(second).to(first)
    with pytest.raises(ValueError, match="the steps form a loop"):
        source.run()
