"""Aggregates as of given moments against a plain loop over all values, and against frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.asof import Moments, aggregates_at, micros_of
from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.serving.steps.aggregate_field import aggregators_of
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_user import UserAggregate

MINUTE = 60_000_000
ALL = [*AGGREGATES, "distinct_count"]
TOTAL = UserAggregate("total", 0.0, lambda a, v: a + v, lambda a, b: a + b, float)


def row(*operations: Any, **more: Any) -> dict[str, Any]:
    windows = {"windows": ["1h", "3h"], "period": "10m"}
    return {"name": "n", "column": "x", "operations": list(operations), **windows, **more}


def table(keys: Any, times: Any, values: Any, name: str = "n") -> pa.Table:
    moments = pa.array(np.asarray(times, dtype=np.int64)).cast(pa.timestamp("us", "UTC"))
    return pa.table({"k": pa.array(keys), "t": moments, name: pa.array(values, pa.float64())})


def naive(
    layout: Layout, rows: list[tuple[Any, int, Any]], key: Any, moment: int, closed: bool
) -> dict[str, float]:
    """All values one by one into a bucket per window."""
    period = round(layout.period * 1000)
    index = moment // period
    found = {}
    buckets = []
    for size in layout.sizes:
        low, high = layout.span(size, index, closed)
        held = [
            (time, value)
            for other, time, value in rows
            if other == key and value is not None and time <= moment
            and low <= time // period < high
        ]  # fmt: skip
        bucket = layout.bucket()
        for time, value in sorted(held, key=lambda item: item[0]):
            bucket.add(time / 1000, value)
        buckets.append(bucket)
    for name, function, place in layout.outputs:
        found[name] = function(buckets[place], layout.bucket())
    return found


LOG = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 60).map(lambda minutes: minutes * 5 * MINUTE),
        st.one_of(st.none(), st.integers(-50, 50).map(float)),
    ),
    max_size=40,
)
QUERIES = st.lists(
    st.tuples(st.sampled_from("abcz"), st.integers(-100, 500), st.integers(-1, 1)), max_size=15
)


@settings(max_examples=80, deadline=None)
@given(log=LOG, queries=QUERIES, sliding=st.booleans(), closed=st.booleans(), start=st.integers())
def test_same_as_a_plain_loop(
    log: list[tuple[str, int, float | None]],
    queries: list[tuple[str, int, int]],
    sliding: bool,
    closed: bool,
    start: int,
) -> None:
    start = start % 10**15 - 5 * 10**14
    windows: dict[str, Any] = {} if sliding else {"windows": ["1h", "2h"], "period": None}
    rows = [row(*AGGREGATES, **windows), row(*ALL, TOTAL, **windows, name="u")]
    held = [(key, start + time, value) for key, time, value in log]
    asked = [(key, start + minutes * MINUTE + extra) for key, minutes, extra in queries]
    keys = pa.array([key for key, _, _ in held], pa.string())
    source = table(keys, [time for _, time, _ in held], [value for _, _, value in held])
    source = source.append_column("u", source.column("n"))
    moments = Moments(
        [[key for key, _ in asked]], np.array([time for _, time in asked], dtype=np.int64)
    )
    found = aggregates_at(source, ["k"], "t", rows, moments, closed=closed)
    for aggregator in aggregators_of(rows):
        layout = aggregator.layout()
        for place, (key, moment) in enumerate(asked):
            for name, value in naive(layout, held, key, moment, closed).items():
                assert found[name][place] == pytest.approx(value, nan_ok=True, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("windows", [{}, {"windows": ["1h", "3h"], "period": None}])
def test_in_order_rows_see_what_frames_saw(windows: dict[str, Any]) -> None:
    count = 3_000
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.integers(1, 2 * MINUTE, count))
    keys = rng.integers(0, 20, count)
    values = rng.normal(5, 3, count)
    values[rng.random(count) < 0.1] = np.nan
    rows = [row(*AGGREGATES, **windows)]
    wanted = WindowFrames(rows).run([keys], times, [values])
    turn = rng.permutation(count)
    log = table(keys[turn], times[turn], values[turn])
    found = aggregates_at(log, ["k"], "t", rows, Moments([keys], times))
    assert list(found) == list(wanted)
    for name, column in wanted.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-9, atol=1e-7, err_msg=name)


def test_long_windows_are_added_up_in_blocks() -> None:
    count = 4_000
    rng = np.random.default_rng(6)
    times = np.sort(rng.integers(0, 10 * 24 * 60 * MINUTE, count))
    values = rng.normal(1e5, 1.0, count)
    rows = [row("sum", "stddev", "max", "first", "last", windows=["7d"], period="1m")]
    keys = np.zeros(count, dtype=np.int64)
    wanted = WindowFrames(rows).run([keys], times, [values])
    found = aggregates_at(table(keys, times, values), ["k"], "t", rows, Moments([keys], times))
    for name, column in wanted.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-9, atol=1e-7, err_msg=name)


def test_keys_of_several_columns_types_and_dictionaries() -> None:
    log = pa.table(
        {
            "a": pa.array(["x", "x", None], pa.string()).dictionary_encode(),
            "b": pa.array([1, 2, 1], pa.int32()),
            "t": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-01"]),
            "x": [1, 2, 3],
        }
    )
    at = pd.Timestamp("2024-01-01T00:10", tz="Europe/Berlin") + pd.Timedelta("1h")
    asked = Moments(
        [pd.Series(["x", None, "x", "y"]), pd.Series([1, 1, 2, 1], dtype="Int64")],
        np.full(4, at.value // 1000),
    )
    found = aggregates_at(log, ["a", "b"], "t", [row("sum")], asked, aliases={"n_sum_1h": "s"})
    np.testing.assert_array_equal(found["s"], [1.0, 3.0, 2.0, np.nan])


def test_texts_count() -> None:
    log = pa.table({"k": [1, 1, 1], "t": [0, 1, 2], "n": ["a", None, "a"]})
    rows = [row("distinct_count", "count")]
    found = aggregates_at(log, ["k"], "t", rows, Moments([[1, 1]], np.array([1, 2])))
    assert found["n_distinct_count_1h"].tolist() == [1.0, 1.0]
    assert found["n_count_1h"].tolist() == [1.0, 2.0]


def test_empty_logs_and_no_queries() -> None:
    empty = table(pa.array([], pa.int64()), [], [])
    found = aggregates_at(empty, ["k"], "t", [row("sum", "count")], Moments([[1]], np.array([0])))
    assert found["n_count_3h"].tolist() == [0.0]
    assert np.isnan(found["n_sum_3h"]).all()
    nothing = Moments([pa.array([], pa.int64())], np.array([], dtype=np.int64))
    for log in (empty, table([1], [0], [1.0])):
        assert len(aggregates_at(log, ["k"], "t", [row("sum")], nothing)["n_sum_1h"]) == 0


def test_times_are_the_same_instants() -> None:
    for unit, scale in (("s", 10**6), ("ms", 1000), ("us", 1)):
        column = pa.chunked_array([pa.array([-3, 7], pa.timestamp(unit, "Europe/Berlin"))])
        assert micros_of(column).tolist() == [-3 * scale, 7 * scale]
    assert micros_of(pa.array([-1, 1999], pa.timestamp("ns"))).tolist() == [-1, 1]
    assert micros_of(pa.array([1], pa.date32())).tolist() == [86_400_000_000]


@pytest.mark.parametrize(
    ("log", "names", "keys", "words"),
    [
        ({"k": [1], "t": [0], "n": [1.0]}, ["z"], [[1]], "no column 'z'"),
        ({"k": [1], "t": [0], "n": [1.0]}, ["k"], [[1], [1]], "2 columns of keys"),
        ({"k": [1], "t": [0], "n": [1.0]}, ["k"], [["a"]], "are no int64"),
        ({"k": [1], "t": [0], "n": [1.0]}, ["k"], [[1, 2]], "2 keys but 1 moments"),
        ({"k": [1], "t": [0]}, ["k"], [[1]], "no column 'n' of values"),
        ({"k": [1], "t": ["now"], "n": [1.0]}, ["k"], [[1]], "'t' is of type string"),
        ({"k": [1], "t": pa.array([None], pa.int64()), "n": [1.0]}, ["k"], [[1]], "have no 't'"),
        ({"k": [1], "t": [0], "n": ["a"]}, ["k"], [[1]], "'a' cannot be aggregated"),
    ],
)
def test_what_cannot_be(log: dict[str, Any], names: list[str], keys: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        aggregates_at(pa.table(log), names, "t", [row("sum")], Moments(keys, np.array([0])))
