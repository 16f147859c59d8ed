"""Packed requests: the same rows as of requests that wait as they came, and nothing else waits."""

from __future__ import annotations

import gc
import math
import random
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.chunks import Chunks
from mlrun_like.monitoring.recording.columns import RawItem, build
from mlrun_like.monitoring.recording.packed import PACKED, PackedItem, Packer, unpack
from mlrun_like.monitoring.recording.packed_columns import build_packed
from mlrun_like.monitoring.recording.tables import join_tables, table_of


def channel(**options: Any) -> Channel:
    made = Channel("p", "u", lambda: None, **options)
    made.awake = True
    return made


def packed(made: Channel) -> list[PackedItem]:
    items = made.take()
    found = [item for item in items if len(item) == PACKED]
    assert len(found) == len(items)
    return found


def as_raw(items: list[PackedItem]) -> list[RawItem]:
    return [unpack(item) for item in items]


def stored(made: Channel) -> list[dict[str, Any]]:
    """The rows of a batch, by id."""
    chunks = Chunks(made)
    chunks.add(made.take(), [])
    table = join_tables([table_of(batch) for batch in chunks.batches(9.0, all_sketches=True)])
    assert table is not None
    return sorted(table.to_pylist(), key=lambda row: str(row["event_id"]))


@pytest.mark.parametrize("answer", [0.5, 1, True, [0.25, 0.75]])
@pytest.mark.parametrize("options", [{}, {"every": 3}])
def test_the_table_is_that_of_unpacked_requests(answer: Any, options: dict[str, int]) -> None:
    chance = random.Random(2)
    made = channel(**options)
    for number in range(50):
        row = [chance.gauss(0, 1), number, number % 2 == 0, math.inf, np.float64(2.5), Decimal(3)]
        made.push(f"e{number}", [row], [answer], 10.0 + number, float(number))
    items = packed(made)
    ours = build_packed(items, [*"abcdef"], ["y"], 100)
    assert ours is not None
    wanted = build(as_raw(items), [*"abcdef"], ["y"], text_limit=100, most_columns=100)
    assert ours.table.equals(wanted.table) and ours.table.schema.equals(wanted.table.schema)
    assert ours.kept.tolist() == wanted.kept.tolist()
    assert ours.summary == wanted.summary
    assert (ours.first, ours.last) == (wanted.first, wanted.last) == (0.0, 49.0)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([[1.0, "x"]], [1]),
        ([[1.0, None]], [1]),
        ([[10**400]], [1]),
        ([[[1.0]]], [1]),
        ([[]], [1]),
        ([[0.0] * 300], [1]),
        ([[1.0]], ["yes"]),
        ([[1.0]], [None]),
        ([[1.0]], [[]]),
        ([[1.0]], [np.float64(1)]),
        ([[1.0]], []),
        ([[1.0], [2.0]], [1, 2]),
        ([{"a": 1.0}], [1]),
        ([(1.0,)], [1]),
        (({"a": 1.0},), [1]),
        (np.ones((1, 2)), [1]),
        (iter([[1.0]]), [1]),
        (None, None),
        ("text", "text"),
    ],
)
def test_what_is_no_row_of_numbers_waits_as_it_came(inputs: Any, outputs: Any) -> None:
    assert Packer().pack(inputs, outputs) is None
    made = channel()
    made.push("a", inputs, outputs, 1.0)
    (item,) = made.take()
    assert len(item) == 8
    assert item[1] is inputs and item[2] is outputs


def test_packing_pauses_after_what_cannot_be_packed_and_goes_on() -> None:
    packer = Packer()
    assert packer.pack([["x"]], [1]) is None
    tries = [packer.pack([[1.0]], [1]) is not None for _ in range(1500)]
    assert not any(tries[:1000]) and all(tries[1000:])


def test_many_forms_of_requests_do_not_grow_a_packer() -> None:
    packer = Packer()
    done = [packer.pack([[1.0] * width], [1]) is not None for width in range(1, 100)]
    assert 0 < sum(done) < 30 and len(packer._structs) == sum(done)


def test_nothing_that_the_garbage_collector_visits_waits() -> None:
    made = channel()
    for number in range(10):
        made.push(f"e{number}", [[1.0, 2.0]], [0.5], 1.0)
    for _ in range(2):  # the first visit is of the layout that all share
        gc.collect()
    assert not any(gc.is_tracked(item) for item in made.take())


def test_a_text_among_numbers_is_noted_and_the_column_stays() -> None:
    made = channel()
    made.feature_names = ["age", "size"]
    for number in range(5):
        made.push(f"e{number}", [[number, 1.5]], [1], 1.0, 5.0)
    made.push_error("e5", [["old", None]], ValueError("no number"), 1.0, 5.0)
    made.push("e6", [["7", True]], [0], 1.0, 5.0)
    rows = stored(made)
    assert [row["f:age"] for row in rows] == [0.0, 1.0, 2.0, 3.0, 4.0, None, None]
    assert [row["f:size"] for row in rows] == [1.5] * 5 + [None, 1.0]
    assert [row["p:p0"] for row in rows] == [1.0] * 5 + [None, 0.0]
    assert [row["extra"] for row in rows[4:]] == [
        None, '{"odd":{"f:age":"old"}}', '{"odd":{"f:age":"7"}}',
    ]  # fmt: skip
    assert rows[5]["error_kind"] == "ValueError" and rows[5]["status"] == "error"


def test_a_number_among_texts_is_a_text() -> None:
    made = channel()
    made.push("a", [[1.5]], [1], 1.0, 5.0)
    for number in range(3):
        made.push(f"b{number}", [["red"]], [1], 1.0, 5.0)
    assert [row["f:f0"] for row in stored(made)] == ["1.5", "red", "red", "red"]


def test_requests_of_several_forms_in_one_batch() -> None:
    made = channel()
    made.push("a", [[1.0, 2.0]], [1], 1.0, 5.0)
    made.push("b", [[1.0, 2.0, 3.0]], [[0.5, 0.5]], 1.0, 5.0)
    first, second = stored(made)
    assert (first["f:f1"], first["p:p0"]) == (2.0, 1.0)
    assert (second["f:f2"], second["p:p1"]) == (3.0, 0.5)


@pytest.mark.parametrize("event_id", [7, "x" * 300])
@pytest.mark.parametrize("time", [5.0, datetime(1970, 1, 1, 0, 0, 5, tzinfo=timezone.utc)])
def test_odd_ids_and_times(event_id: Any, time: Any) -> None:
    made = channel()
    made.push(event_id, [[1.0]], [1], 1.0, time, "explain" if event_id == 7 else "infer")
    (row,) = stored(made)
    assert (row["event_id"], row["time"], row["f:f0"]) == (str(event_id)[:200], 5.0, 1.0)


def test_more_columns_than_are_recorded() -> None:
    config.monitoring_columns = 3
    made = channel()
    made.push("a", [[1.0, 2.0, 3.0, 4.0]], [1], 1.0, 5.0)
    (row,) = stored(made)
    assert row["f:inputs"] == "[1.0,2.0,3.0,4.0]"


def test_bounds_count_packed_values_too() -> None:
    config.monitoring_queue_cells = 100
    made = channel()
    for number in range(20):
        made.push(f"e{number}", [[1.0] * 9], [1], 1.0)
    assert (made.waiting(), made.dropped) == (10, 10)
    made.take()
    made.push("again", [[1.0] * 9], [1], 1.0)
    assert made.waiting() == 1


def test_sketches_see_packed_requests_that_are_not_kept() -> None:
    config.monitoring_sketches = "always"
    made = channel(every=5)
    for number in range(10):
        made.push(f"e{number}", [[float(number)]], [1], 1.0, 60.0)
    chunks = Chunks(made)
    chunks.add(made.take(), [])
    found = {batch.kind: batch for batch in chunks.batches(500.0, all_sketches=True)}
    assert (found["events"].rows, found["sketches"].rows) == (2, 10)
    assert found["events"].summary["left_out"] == 8
    assert pd.Series(table_of(found["events"]).column("f:f0")).tolist() == [0.0, 5.0]


def test_packed_requests_may_wait_for_their_batch_and_others_not() -> None:
    config.monitoring_queue = 80
    made = channel()
    made.push("a", [[1.0]], [1], 1.0)
    assert not made.pressing()
    made.push("b", [["x"]], [1], 1.0)
    assert made.pressing()
    made.take()
    assert not made.pressing()
    made.push_error("c", [[1.0]], ValueError("x"), 1.0)
    assert made.pressing()
    made.take()
    made.push_label("a", 1)
    assert made.pressing()
    made.take_labels()
    made = channel()
    for number in range(11):
        assert not made.pressing()
        made.push(f"e{number}", [[1.0]], [1], 1.0)
    assert made.pressing()
