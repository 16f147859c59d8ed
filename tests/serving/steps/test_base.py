from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.base import FlowStep, key_reader, reader, writer
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import SyncEmitSource


def test_the_name_is_by_default_that_of_the_class() -> None:
    assert FlowStep().name == "FlowStep"
    assert Map(abs, name="size").name == "size"


def test_arguments_with_a_typing_mistake_are_refused() -> None:
    with pytest.raises(
        TypeError, match=r"Map has no argument 'full_evnt'\. Did you mean 'full_event'"
    ):
        Map(abs, full_evnt=True)


@pytest.mark.parametrize("value", ["reduce", 5, [Reduce(0, max)], {ValueError: abs}])
def test_a_recovery_step_is_a_step(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a step, nor a mapping"):
        Map(abs, recovery_step=value)
    with pytest.raises(ValueError, match="is not a step, nor a mapping"):
        Map(abs).set_recovery_step(value)


def test_recovery_steps_are_one_or_several() -> None:
    first, second = FlowStep(), FlowStep()
    assert Map(abs).recovery_steps() == []
    assert Map(abs).set_recovery_step(first).recovery_steps() == [first]
    both = {ValueError: first, KeyError: second}
    assert Map(abs, recovery_step=both).recovery_steps() == [first, second]


def test_steps_are_written_as_data_without_functions() -> None:
    step = Batch(4, flush_after_seconds=2, key_field="user", full_event=True, name="lists")
    assert step.to_dict() == {
        "class_name": "mlrun_like.serving.steps.batching.Batch",
        "name": "lists",
        "class_args": {"max_events": 4, "flush_after_seconds": 2, "key_field": "user"},
        "full_event": True,
    }
    step = Map(lambda body: body, input_path="a", result_path="b")  # type: ignore[assignment]
    document = step.to_dict()
    assert document["class_args"] == {}
    assert (document["input_path"], document["result_path"]) == ("a", "b")


def test_a_served_graph_makes_its_own_object() -> None:
    step = Map(abs, name="size", input_path="a", long_running=True)
    paths = {"input_path": "a"}
    assert step.as_step() == (Map, "size", paths, {"fn": abs, "long_running": True})
    with pytest.raises(ValueError, match="recovery_step= works in flows"):
        Map(abs, recovery_step=FlowStep()).as_step()


def test_arguments_of_subclasses_are_kept() -> None:
    class Scale(Map):
        def __init__(self, factor: int, **options: Any) -> None:
            super().__init__(lambda body: body * factor, **options)

    assert Scale(3, name="x").arguments() == {"factor": 3, "name": "x"}


def test_a_flow_is_written_as_code() -> None:
    flow = build_flow(
        [
            SyncEmitSource(),
            [Batch(5), Reduce([], lambda kept, body: kept)],
            Map(abs, name="it's"),
            Reduce(0, max),
        ]
    )
    assert flow.to_code() == (
        "sync_emit_source0 = SyncEmitSource()\n"
        "batch0 = Batch(max_events=5)\n"
        "reduce0 = Reduce(initial_value=[])\n"
        'map0 = Map(name="it\'s")\n'
        "reduce1 = Reduce(initial_value=0)\n"
        "\n"
        "sync_emit_source0.to(batch0)\n"
        "batch0.to(reduce0)\n"
        "sync_emit_source0.to(map0)\n"
        "map0.to(reduce1)\n"
    )


def test_code_names_a_step_that_is_reached_twice_once() -> None:
    source, end = SyncEmitSource(), Reduce(0, max)
    for _ in range(2):
        source.to(Map(abs)).to(end)
    code = source.to_code()
    assert code.count("= Reduce(") == 1
    assert code.count(".to(reduce0)") == 2


def test_only_sources_can_run() -> None:
    with pytest.raises(ValueError, match="Flow must start with a source"):
        Map(abs).run()


def test_a_source_cannot_follow() -> None:
    with pytest.raises(ValueError, match="SyncEmitSource can only appear as the first step"):
        Map(abs).to(SyncEmitSource())


def test_readers_and_writers() -> None:
    event = Event({"a": {"b": 1}}, id="i", key="k")
    assert reader(True, "a")(event) is event
    assert reader(False, "a.b")(event) == 1
    assert reader(False, "")(event) == {"a": {"b": 1}}
    written = writer(False, "c")(event, 5)
    assert (written.body, written.id, written.key) == ({"a": {"b": 1}, "c": 5}, "i", "k")
    assert event.body == {"a": {"b": 1}}
    assert writer(False, "")(event, 5).body == 5
    assert writer(True, "")(event, written) is written


def test_keys_come_from_fields_attributes_or_functions() -> None:
    event = Event({"user": "u"}, key="k", path="/p")
    assert key_reader(None, "key", "Batch") is None
    keys = ["user", "$key", "$path", lambda event: event.body["user"] * 2]
    readers = [key_reader(key, "key", "Batch") for key in keys]
    assert [read(event) for read in readers if read] == ["u", "k", "/p", "uu"]
    with pytest.raises(ValueError, match="Unsupported key_field type"):
        key_reader(5, "key_field", "Batch")
