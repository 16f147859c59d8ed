"""distinct_count and user-defined aggregates in AggregateByKey, states and tables."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_plain import merge_plain
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_user import (
    DISTINCT_COUNT,
    UserAggregate,
    UserBucket,
    hashed,
    register_aggregate,
    user_aggregate,
)
from mlrun_like.serving.steps.aggregate_values import Bucket
from mlrun_like.serving.steps.drivers import NoopDriver
from mlrun_like.serving.steps.query import QueryByKey
from mlrun_like.serving.steps.tables import Table, open_table
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows, WindowsBase

MINUTE = 60_000.0
PATH = UserAggregate("path", "", lambda a, v: a + str(int(v)), lambda a, b: a + b, len)
VALUES = UserAggregate(
    "median_low", list, lambda a, v: [*a, v], lambda a, b: a + b,
    lambda a: sorted(a)[(len(a) - 1) // 2] if a else math.nan,
)  # fmt: skip


@pytest.mark.parametrize(
    "windows", [SlidingWindows(["30m", "2h"], "10m"), FixedWindows(["1h", "2h"])], ids=repr
)
def test_same_as_recomputed(windows: WindowsBase) -> None:
    layout = Layout("x", ["sum", "distinct_count", VALUES, PATH], windows)
    state = WindowState(layout)
    rng = random.Random(1)
    held: list[tuple[float, float]] = []
    time = 0.0
    for number in range(400):
        time += rng.random() * 8 * MINUTE
        moment = time - rng.choice([0, 0, 25 * MINUTE])
        value = float(rng.randrange(8))
        if state.add(moment, value):
            held.append((moment, value))
        if number % 50 == 20:
            plain = json.loads(json.dumps(state.to_plain()))
            state = WindowState.from_plain(layout, plain)
        found = state.read(time)
        index = int(time // layout.period)
        for size, (_, text) in zip(layout.sizes, windows.windows, strict=True):
            low, high = layout.span(size, index)
            inside = [v for t, v in held if low <= int(t // layout.period) < high]
            assert found[f"x_distinct_count_{text}"] == len(set(inside))
            if inside:
                middle = sorted(inside)[(len(inside) - 1) // 2]
                assert found[f"x_median_low_{text}"] == middle
            assert found[f"x_path_{text}"] == len(inside)


def test_buckets_merge_in_order_of_time() -> None:
    parts = [UserBucket((PATH,)) for _ in range(3)]
    for number, part in enumerate(parts):
        part.add(number * MINUTE, float(number))
    total = parts[2].copy()
    total.merge(parts[0].copy())
    total.merge(parts[1])
    assert [part.states["path"] for part in parts] == ["0", "1", "2"]
    assert total.states["path"] in ("021", "012")
    assert parts[2].states == {"path": "2"}


def test_copies_are_independent() -> None:
    bucket = UserBucket((DISTINCT_COUNT,))
    bucket.add(0.0, 1.0)
    copy = bucket.copy()
    copy.add(1.0, 2.0)
    assert (bucket.states, copy.states) == (
        {"distinct_count": {1.0}},
        {"distinct_count": {1.0, 2.0}},
    )


def test_texts_are_counted_in_a_step() -> None:
    row = {"name": "n", "column": "shop", "operations": ["distinct_count"], "windows": ["1h"]}
    step = AggregateByKey([row], Table("t"))
    found = []
    for shop in ("a", "b", "a", None, b"a", 7):
        found += list(step.process(Event({"shop": shop}, key="k", time=0)))
    counts = [event.body["n_distinct_count_1h"] for event in found]
    assert counts == [1.0, 2.0, 2.0, 2.0, 2.0, 3.0]
    with pytest.raises(InvalidArgumentError, match="cannot be aggregated"):
        step.process(Event({"shop": ["a"]}, key="k", time=0))
    mixed = AggregateByKey([{**row, "operations": ["distinct_count", "sum"]}], Table("t"))
    with pytest.raises(InvalidArgumentError, match="'a' cannot be aggregated"):
        mixed.process(Event({"shop": "a"}, key="k", time=0))


@pytest.mark.parametrize("partitioned", [True, False])
def test_tables_keep_them(tmp_path: Path, partitioned: bool) -> None:
    row = {"name": "n", "column": "x", "operations": ["distinct_count", VALUES], "windows": ["1h"]}
    storage = f"sqlite:///{tmp_path}/t.db#t"
    for turn in range(2):
        table = open_table(storage, partitioned_by_key=partitioned)
        step = AggregateByKey([row], table)
        for number in range(3):
            [event] = step.process(Event({"x": turn + number}, key="k", time=number))
        step.flush()
        step.close()
    assert event.body["n_distinct_count_1h"] == 4.0
    assert event.body["n_median_low_1h"] == 1.0


def test_queries_find_them() -> None:
    table = Table("t")
    row = {"name": "n", "column": "x", "operations": ["distinct_count", VALUES], "windows": ["1h"]}
    step = AggregateByKey([row], table)
    for number in range(3):
        list(step.process(Event({"x": number % 2}, key="k", time=number)))
    columns = ["n_distinct_count_1h", "n_median_low_1h", "count_1h", "_count_1h"]
    query = QueryByKey(columns, table, time_field=lambda event: 5)
    [event] = query.process(Event({}, key="k"))
    assert event.body == {"n_distinct_count_1h": 2.0, "n_median_low_1h": 0.0}


def test_shared_buckets_are_merged_as_stored() -> None:
    register_aggregate(PATH)
    lists: list[Any] = []
    for value in (1.0, 2.0):
        bucket = UserBucket((PATH, DISTINCT_COUNT))
        bucket.add(value, value)
        lists.append(json.loads(json.dumps(bucket.to_list())))
    assert merge_plain(lists[0], lists[1])[-1] == {"path": "12", "distinct_count": [1.0, 2.0]}
    assert merge_plain(None, lists[0]) == lists[0]
    lists[0][-1] = {"unheard": 1}
    with pytest.raises(InvalidArgumentError, match="'unheard' is not known here"):
        merge_plain(lists[0], lists[1])


def test_names_and_objects() -> None:
    row = {"name": "n", "column": "x", "operations": ["sum", VALUES], "windows": ["1h"]}
    made = aggregators_of([row])[0]
    assert made.to_dict()["operations"] == ["sum", "median_low"]
    assert aggregators_of([made.to_dict()])[0].layout().users == (VALUES,)
    assert user_aggregate("median_low") is VALUES
    assert user_aggregate("nothing") is None
    single = FieldAggregator("n", "x", VALUES, FixedWindows(["1h"]), max_value=3)
    state = WindowState(single.layout())
    state.add(0.0, 5.0)
    assert state.read(0.0) == {"n_median_low_1h": 3.0}
    assert hashed("x") == hashed(b"x") != hashed("y")


def test_over_no_values() -> None:
    state = WindowState(Layout("n", ["distinct_count", VALUES], FixedWindows(["1h"])))
    state.touch(0.0)
    found = state.read(0.0)
    assert found["n_distinct_count_1h"] == 0.0
    assert math.isnan(found["n_median_low_1h"])


def test_a_reading_that_was_never_kept() -> None:
    windows = FixedWindows(["1h"])
    state = WindowState(Layout("n", ["sum"], windows))
    state.add(0.0, 5.0)
    with pytest.raises(InvalidArgumentError, match="kept without the aggregate 'median_low'"):
        state.read(0.0, layout=Layout("n", [VALUES], windows))
    stored = state.to_plain()
    with pytest.raises(InvalidArgumentError, match="kept without the aggregate 'distinct_count'"):
        WindowState.from_plain(Layout("n", ["distinct_count"], windows), stored)
    full = UserBucket((PATH,))
    full.add(0.0, 1.0)
    assert isinstance(UserBucket.of(full.to_list(), ()), Bucket)
    with pytest.raises(InvalidArgumentError, match="no stored states"):
        UserBucket.of([*Bucket().to_list(), 5], (PATH,))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("a b", 0, max, max, float), TypeError, "no name of an aggregate"),
        (("sum", 0, max, max, float), ValueError, "built-in"),
        (("mine", 0, 5, max, float), TypeError, "add=5 is no function"),
    ],
)
def test_what_cannot_be(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        UserAggregate(*arguments)


def test_registering() -> None:
    with pytest.raises(TypeError, match="no UserAggregate"):
        register_aggregate(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="built-in"):
        register_aggregate(UserAggregate("distinct_count", 0, max, max, float))
    assert NoopDriver().supports_aggregations()
