from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.merging import Merge


class Reports:
    def __init__(self) -> None:
        self.logger = logging.getLogger("test-merge")
        self.pushed: list[tuple[Any, str]] = []

    def push_error(self, event: Event, message: str, source: str) -> None:
        self.pushed.append((event.body, message))


def merged(step: Merge, *events: Event) -> list[Any]:
    return [made.body for event in events for made in step.process(event)]


def test_parts_with_one_id_become_one_event() -> None:
    step = Merge(expected_num_events=2)
    parts = [Event(n, id=n // 2, key=n) for n in range(4)]
    mixed = [parts[0], parts[2], parts[3], parts[1]]
    assert merged(step, *mixed) == [[2, 3], [0, 1]]
    assert list(step.flush()) == []


def test_the_merged_event_is_the_last_part() -> None:
    step = Merge(expected_num_events=2)
    step.process(Event(1, id="a", key="first"))
    (made,) = step.process(Event(2, id="a", key="last"))
    assert (made.key, made.id, made.body) == ("last", "a", [1, 2])


def test_parts_of_three_branches() -> None:
    event = Event({"x": 1})
    branches = [event.branch() for _ in range(3)]
    assert merged(Merge(expected_num_events=3), *branches) == [[{"x": 1}] * 3]


def test_parts_with_one_key() -> None:
    step = Merge(key_path='event["doc"]', expected_num_events=2)
    assert merged(step, *(Event({"doc": n % 2, "n": n}) for n in range(4))) == [
        [{"doc": 0, "n": 0}, {"doc": 0, "n": 2}],
        [{"doc": 1, "n": 1}, {"doc": 1, "n": 3}],
    ]
    step = Merge(key_path="event.key", full_event=True, expected_num_events=2)
    assert merged(step, Event(1, key="k"), Event(2, key="k")) == [[1, 2]]


def test_paths() -> None:
    step = Merge(key_path='event["doc"]', expected_num_events=2, input_path="in", result_path="out")
    parts = [Event({"in": {"doc": 1, "n": n}}) for n in range(2)]
    assert merged(step, *parts)[0]["out"] == [{"doc": 1, "n": 0}, {"doc": 1, "n": 1}]


def test_subclasses_say_what_belongs_together_and_what_becomes_of_it() -> None:
    class Sum(Merge):
        def get_join_key(self, event: Any) -> Any:
            return event.body["doc"]

        def merge_function(self, last_event: Any, events: Any) -> Any:
            total = sum(event.body["n"] for event in events)
            if not total:
                return None
            last_event.body = total
            return last_event

    step = Sum(expected_num_events=2)
    assert merged(step, *(Event({"doc": "a", "n": n}) for n in (1, 2))) == [3]
    assert merged(step, *(Event({"doc": "a", "n": 0}) for _ in range(2))) == []


def test_the_number_of_parts_comes_from_the_graph() -> None:
    graph = Graph(allow_cyclic=True)
    for name in ("a", "b"):
        graph.add_step(name=name, handler="len", after=[])
    both = graph.add_step("Merge", name="both", after=["a", "b"])
    assert Merge(graph_step=both).uplinks == 2
    graph.add_step(name="again", handler="len", after=["both"]).cycle_to("both")
    assert Merge(graph_step=both).uplinks == 2  # what leads back is not waited for
    one = graph.add_step("Merge", name="one", after=["a"])
    assert merged(Merge(graph_step=one), Event(1), Event(2)) == [1, 2]
    assert merged(Merge(), Event(1)) == [1]


def test_a_key_that_stays_incomplete_is_given_up_and_reported() -> None:
    reports = Reports()
    step = Merge(expected_num_events=3, max_behind=2, context=reports)
    assert merged(step, Event("lost 1", id="a"), Event("lost 2", id="a")) == []
    for key in ("b", "c"):
        merged(step, *(Event(n, id=key) for n in range(3)))
    assert [body for body, _ in reports.pushed] == ["lost 1", "lost 2"]
    assert "1 of 3 parts for event key 'a' are missing after 2 newer keys" in reports.pushed[0][1]
    merged(step, Event("late", id="a"))
    assert reports.pushed[2][0] == "late"
    assert "arrived late" in reports.pushed[2][1]
    # now the key is forgotten as a whole, and may begin anew
    assert merged(step, *(Event(n, id="a") for n in range(3))) == [[0, 1, 2]]
    assert not step._open and not step._late


def test_what_is_incomplete_at_the_end_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    step = Merge(expected_num_events=2)
    step.process(Event(1, id="a"))
    with caplog.at_level(logging.WARNING):
        assert list(step.flush()) == []
    assert "1 of 2 parts for event key 'a' are missing at the end of the flow" in caplog.text
    assert not step._open


def test_keys_that_are_never_completed_do_not_pile_up() -> None:
    step = Merge(expected_num_events=2, max_behind=10, context=Reports())
    for n in range(5000):
        step.process(Event(n, id=n))
    assert len(step._open) <= 10
    assert len(step._late) <= 1024


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"max_behind": 0}, ValueError),
        ({"max_behind": "5"}, TypeError),
        ({"expected_num_events": -1}, ValueError),
        ({"key_path": "event["}, ValueError),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Merge(**arguments)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), parts=st.integers(2, 4), behind=st.integers(1, 6))
def test_every_part_is_merged_or_reported_once(
    data: st.DataObject, parts: int, behind: int
) -> None:
    sent = [
        (key, part)
        for key in range(data.draw(st.integers(0, 8)))
        for part in range(data.draw(st.integers(1, parts)))
    ]
    sent = data.draw(st.permutations(sent))
    reports = Reports()
    step = Merge(expected_num_events=parts, max_behind=behind, context=reports)
    found = merged(step, *(Event(item, id=item[0]) for item in sent))
    list(step.flush())
    for together in found:
        assert len(together) == parts
        assert len({key for key, _ in together}) == 1
    everything = [item for together in found for item in together]
    everything += [body for body, _ in reports.pushed]
    assert sorted(everything) == sorted(sent)
