from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.fields import (
    DropColumns,
    Partition,
    Partitioned,
    ReifyMetadata,
    Rename,
    SetEventMetadata,
)


def test_rename_goes_through_its_names_in_order() -> None:
    body = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    for mapping in ({}, {"a": "b", "c": "d"}, {"d": "c"}):
        body = Rename(mapping).do(body)
    assert body == {"b": 1, "c": 3, "e": 5}


def test_a_field_that_is_renamed_to_itself_stays() -> None:
    assert Rename({"a": "a"}).do({"a": 1}) == {"a": 1}


def test_rename_wants_a_mapping() -> None:
    with pytest.raises(TypeError, match="is not a dictionary"):
        Rename(["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("columns", ["a", ["a"], ("a", "missing")])
def test_drop_columns_leaves_the_callers_body(columns: Any) -> None:
    body = {"a": 1, "b": 2}
    assert DropColumns(columns).do(body) == {"b": 2}
    assert body == {"a": 1, "b": 2}


def test_metadata_goes_into_the_body() -> None:
    event = Event({}, key="k", id="i", time=0, path="/p")
    ReifyMetadata(["key", "id", "path"]).do_event(event)
    ReifyMetadata({"processing_time": "when"}).do_event(event)
    assert event.body == {"key": "k", "id": "i", "path": "/p", "when": event.time}
    with pytest.raises(AttributeError, match="colour"):
        ReifyMetadata(["colour"]).do_event(event)
    for mapping in ("key", 5):
        with pytest.raises(TypeError, match="neither a dictionary nor a list"):
            ReifyMetadata(mapping)  # type: ignore[arg-type]


def test_metadata_comes_from_the_body() -> None:
    event = Event({"myid": 34, "user": {"key": "123"}})
    made = SetEventMetadata(id_path="myid", key_path="user.key").do_event(event)
    assert made is event
    assert (event.id, event.key) == ("34", "123")
    SetEventMetadata(random_id=True).do_event(event)
    assert event.id != "34"
    with pytest.raises(ValueError, match=r"nothing at 'user\.name'"):
        SetEventMetadata(key_path="user.name").do_event(event)


def test_partition_asks_with_the_event() -> None:
    step = Partition(lambda event: event.key == "left")
    assert step.do_event(Event(1, key="left")).body == Partitioned(left=1, right=None)
    assert step.do_event(Event(2)).body == (None, 2)
    with pytest.raises(TypeError, match="Expected a callable"):
        Partition(5)  # type: ignore[arg-type]
