from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.frames import ReduceToDataFrame, ToDataFrame
from mlrun_like.serving.steps.maps import Map


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return dict(frame.to_dict("split"))


def reduced(step: ReduceToDataFrame, *events: Event) -> dict[str, Any]:
    for event in events:
        assert step.process(event) == ()
    return split(step.result())


def test_a_frame_of_a_body() -> None:
    body = [{"i": 1, "v": 2}, {"i": 3, "v": 4}]
    assert split(ToDataFrame(index="i").do(body)) == {
        "index": [1, 3],
        "columns": ["v"],
        "data": [[2], [4]],
    }
    assert split(ToDataFrame(columns=["i", "v"]).do([[1, 2]])) == {
        "index": [0],
        "columns": ["i", "v"],
        "data": [[1, 2]],
    }


def test_one_frame_of_all_bodies() -> None:
    events = [Event({"i": 1, "s": "a"}, key="x", id=7), Event({"i": 2, "s": "b"}, key="y", id=8)]
    step = ReduceToDataFrame(index="i", insert_key_column_as="k", insert_id_column_as="id")
    expected = {
        "index": [1, 2],
        "columns": ["s", "k", "id"],
        "data": [["a", "x", 7], ["b", "y", 8]],
    }
    assert reduced(step, *events) == expected
    step.begin()
    assert reduced(step, *events) == expected


def test_times_and_lists() -> None:
    step = ReduceToDataFrame(columns=["a"], insert_processing_time_column_as="t")
    event = Event([1], time="2020-02-15T02:00:00+00:00")
    assert reduced(step, event)["data"] == [[1, pd.Timestamp("2020-02-15T02:00:00+00:00")]]


def test_keys_of_several_parts_are_several_columns() -> None:
    step = ReduceToDataFrame(index=["a", "b"], insert_key_column_as=["a", "b"])
    found = reduced(step, Event({"c": 3}, key=[1, 2]), Event({"c": 6}, key=[4, 5]))
    assert found == {"index": [(1, 2), (4, 5)], "columns": ["c"], "data": [[3], [6]]}


def test_no_events_make_an_empty_frame() -> None:
    step = ReduceToDataFrame(index="a", insert_key_column_as="a")
    assert reduced(step) == {"index": [], "columns": [], "data": []}


def test_bodies_are_dictionaries_or_lists() -> None:
    with pytest.raises(ValueError, match="only supports input of type dictionary or list, not"):
        ReduceToDataFrame().process(Event(1))
    with pytest.raises(ValueError, match="is a terminal step"):
        ReduceToDataFrame().to(Map(abs))
