"""The steps in served graphs, by name and as objects."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.definition.registered import REGISTERED, registered_path
from mlrun_like.serving.event import Event
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.steps.map_class import MapClass
from mlrun_like.serving.steps.maps import Extend, Filter, FlatMap, ForEach, Map
from mlrun_like.serving.steps.merging import Merge
from mlrun_like.serving.steps.state import MapWithState


class Size(Choice):
    def select_outlets(self, event: int) -> str:
        return "big" if event > 9 else "small"


class UpTo(MapClass):
    def __init__(self, most: int, factor: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.most, self.factor = most, factor

    def do(self, event: int) -> Any:
        return self.filter() if event > self.most else event * self.factor


def served(*steps: Any, engine: str = "sync") -> GraphServer:
    """A row of steps: names, objects, or mappings of the arguments of `to`."""
    graph = flow(engine=engine)
    graph.set_flow(steps)
    return graph.to_mock_server(namespace=globals())


def answers(server: GraphServer, *bodies: Any) -> list[Any]:
    return [server.test(body=body) for body in bodies]


STEPS = [name for name, path in REGISTERED.items() if ".serving.steps." in path]


@pytest.mark.parametrize("name", STEPS)
def test_every_registered_class_exists(name: str) -> None:
    module, _, attribute = registered_path(name).partition(":")
    found = getattr(__import__(module, fromlist=[attribute]), attribute)
    assert found.__name__ == name.rpartition(".")[2]


def test_steps_by_name_with_expressions() -> None:
    assert answers(served({"class_name": "storey.Map", "_fn": "(event + 1)"}), 1) == [2]
    assert answers(served({"class_name": "Filter", "_fn": "(event > 1)"}), 1, 2) == [None, 2]
    by_path = {"class_name": "storey.Map", "_fn": "(event + 1)", "input_path": "a"}
    assert answers(served({**by_path, "result_path": "b"}), {"a": 1}) == [{"a": 1, "b": 2}]
    extend = {"class_name": "storey.Extend", "_fn": "({'b': event['a'] + 1})"}
    assert answers(served(extend), {"a": 1}) == [{"a": 1, "b": 2}]
    whole = {"class_name": "storey.Map", "_fn": "(event)", "full_event": True}
    assert answers(served(whole), 5) == [5]


def test_whole_events() -> None:
    keep = {"class_name": "storey.Filter", "_fn": "(event.body > 1)", "full_event": True}
    assert answers(served(keep), 1, 2) == [None, 2]

    class Sized(MapClass):
        def do(self, event: Event) -> Any:
            return self.filter() if event.body > 3 else event

    assert answers(served(Sized(full_event=True)), 1, 4) == [1, None]

    class WholeSize(Choice):
        def select_outlets(self, event: Event) -> str:
            return "big" if event.body > 9 else "small"

    assert answers(choosing(WholeSize, full_event=True), 1, 10) == [["S", 1], ["B", 10]]


def test_steps_as_objects() -> None:
    seen: list[int] = []
    steps = [Map(lambda x: x + 1), ForEach(seen.append), Filter(lambda x: x < 5, name="few")]
    assert answers(served(*steps), 1, 9) == [2, None]
    assert seen == [2, 10]
    row = served(
        Extend(lambda body: {"b": 2}), {"class_name": "storey.Rename", "mapping": {"a": "c"}}
    )
    assert answers(row, {"a": 1}) == [{"b": 2, "c": 1}]


def test_metadata_and_fields() -> None:
    row = served(
        {"class_name": "mlrun.feature_store.steps.SetEventMetadata", "key_path": "user.id"},
        {"class_name": "storey.flow.ReifyMetadata", "mapping": ["key"]},
        {"class_name": "storey.flow.DropColumns", "columns": ["user"]},
    )
    assert answers(row, {"user": {"id": 7}, "x": 1}) == [{"x": 1, "key": "7"}]


def test_a_map_class_of_the_callers_module() -> None:
    assert answers(served({"class_name": "UpTo", "most": 9, "factor": 3}), 2, 10) == [6, None]
    assert answers(served(UpTo(9, factor=3)), 2, 10) == [6, None]


def test_flat_map_answers_with_the_first() -> None:
    row = served(FlatMap(lambda x: [x, x + 1]), {"class_name": "storey.Map", "_fn": "(event * 10)"})
    assert answers(row, 1) == [10]


def test_state_is_kept_between_callers() -> None:
    server = served(MapWithState(10, lambda body, state: (state, state + 1)))
    assert answers(server, "a", "b") == [10, 11]


def test_state_under_many_threads() -> None:
    server = served(MapWithState(0, lambda body, state: (state, state + 1)))
    found: list[int] = []

    def ask() -> None:
        for _ in range(200):
            found.append(server.test(body=0))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(800))


def choosing(choice: Any, **arguments: Any) -> GraphServer:
    graph = flow()
    graph.to(choice, "size", **arguments)
    graph.add_step(Map(lambda x: ["B", x]), "big", after="size")
    graph.add_step(Map(lambda x: ["S", x]), "small", after="size")
    graph.add_step("storey.Map", "end", after=["big", "small"], _fn="(event)").respond()
    return graph.to_mock_server(namespace=globals())


def test_choices() -> None:
    expected = [["S", 1], ["B", 10]]
    assert answers(choosing(Size), 1, 10) == expected
    conditions = [("big", lambda x: x > 9)]
    older = choosing("storey.Choice", choice_array=conditions, default="small")
    assert answers(older, 1, 10) == expected
    dropped = choosing("storey.Choice", choice_array=conditions)
    assert answers(dropped, 1) == [None]


def test_a_choice_of_a_step_that_is_not_there() -> None:
    wrong = choosing("storey.Choice", choice_array=[("huge", lambda x: True)])
    with pytest.raises(StepError, match="'huge'"):
        wrong.test(body=1)


def merging(**arguments: Any) -> Graph:
    graph = flow()
    graph.to(Map(lambda x: x + 1), "first")
    graph.add_step(Map(lambda x: x * 10), "tens", after="first")
    graph.add_step(Map(lambda x: x * 100), "hundreds", after="first")
    after = ["tens", "hundreds"]
    graph.add_step("mlrun.serving.merger.Merge", "merge", after=after, **arguments).respond()
    return graph


def test_branches_are_merged_and_answered() -> None:
    assert answers(merging().to_mock_server(), 1, 2) == [[20, 200], [30, 300]]


def test_merged_branches_of_many_threads() -> None:
    server = merging().to_mock_server()
    wrong: list[Any] = []

    def ask(start: int) -> None:
        for number in range(start, start + 100):
            found = server.test(body=number)
            if found != [(number + 1) * 10, (number + 1) * 100]:
                wrong.append((number, found))

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_branch_that_is_dropped_is_reported_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    graph = flow()
    graph.to(Map(lambda x: x), "first")
    graph.add_step(Filter(lambda x: x > 1), "some", after="first")
    graph.add_step(Map(lambda x: x), "all", after="first")
    graph.add_step(Merge(), "merge", after=["some", "all"]).respond()
    server = graph.to_mock_server()
    assert answers(server, 1, 2) == [None, [2, 2]]
    server.wait_for_completion()
    assert "1 of 2 parts for event key" in caplog.text


def test_batches_and_the_result_of_the_graph() -> None:
    server = served(Batch(2), Reduce([], lambda kept, body: [*kept, body]), engine="async")
    answers(server, *range(5))
    assert server.wait_for_completion() == [[0, 1], [2, 3], [4]]
    server.close()


def test_a_batch_is_sent_by_the_clock() -> None:
    came = threading.Event()
    server = served(Batch(10, 0.05), ForEach(lambda body: came.set()), engine="async")
    server.test(body=1)
    assert came.wait(5)
    server.close()


def test_a_batch_before_async_steps_is_sent_by_the_clock_while_events_come() -> None:
    found: list[int] = []

    async def keep(body: list[int]) -> None:
        await asyncio.sleep(0)
        found.extend(body)

    server = served(Batch(1000, 0.005), ForEach(keep), engine="async")
    for number in range(300):
        server.test(body=number)
        time.sleep(0.0002)
    server.wait_for_completion()
    assert sorted(found) == list(range(300))
    server.close()


def test_nothing_can_answer_after_a_batch() -> None:
    graph = flow()
    graph.to(Batch(2)).to(Map(lambda x: x)).respond()
    with pytest.raises(GraphError, match="cannot respond: 'Batch' before it mixes the events"):
        graph.to_mock_server()


def test_nothing_can_follow_reduce() -> None:
    graph = flow(engine="async")
    graph.to(Reduce(0, max)).to(Map(lambda x: x))
    with pytest.raises(GraphError, match="'Reduce' ends the flow, so 'Map' cannot follow it"):
        graph.to_mock_server()


def values(count: int) -> Iterator[int]:
    yield from range(count)


def test_streams() -> None:
    first, second = Map(values, name="values"), Map(lambda x: x * 2, name="double")
    assert list(served(first, second).test(body=3)) == [0, 2, 4]
    collected = served(first, second, {"class_name": "storey.Collector"})
    assert answers(collected, 0, 3) == [[], [0, 2, 4]]


def test_async_functions_in_a_loop() -> None:
    async def add(body: int) -> int:
        await asyncio.sleep(0)
        return body + 1

    async def twice(body: int) -> list[int]:
        return [body * 2]

    async def add_state(body: int, state: int) -> tuple[int, int]:
        return body + state, state

    server = served(Map(add), FlatMap(twice), MapWithState(100, add_state))
    assert answers(server, 1, 2) == [104, 106]

    async def main() -> list[Any]:
        found = await asyncio.gather(*(server.run_async(Event(n)) for n in range(50)))
        return [answer.body for answer in found]

    assert asyncio.run(main()) == [(n + 1) * 2 + 100 for n in range(50)]
    server.close()


def test_graphs_of_registered_steps_are_documents() -> None:
    graph = flow()
    graph.to("storey.Filter", "some", _fn="(event['x'] > 1)")
    graph["some"].to("storey.SampleWindow", "each second", window_size=2, emit_period="last")
    again = Graph.from_yaml(graph.to_yaml())
    assert again.to_dict() == graph.to_dict()
    server = again.to_mock_server()
    assert answers(server, *({"x": x} for x in (1, 2, 3))) == [None, None, {"x": 3}]


def test_mistakes_of_arguments_name_the_step() -> None:
    graph = flow()
    graph.to("storey.Map", "typo", _fn="(event)", long_runing=True)
    with pytest.raises(GraphError, match=r"step 'typo'.*Did you mean 'long_running'") as raised:
        graph.to_mock_server()
    assert "Map has no argument 'long_runing'" in str(raised.value)


def test_events_go_through_a_long_row() -> None:
    steps = [Map(lambda x: x + 1, name=f"step{number}") for number in range(50)]
    server = served(Map(lambda x: x, name="start"), *steps)
    assert answers(server, 0) == [50]
