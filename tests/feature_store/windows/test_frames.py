"""WindowFrames against the events' form of the same windows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.feature_store.windows.states import decode, encode
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_user import UserAggregate
from mlrun_like.serving.steps.tables import Table

MINUTE = 60_000_000
SPREAD = UserAggregate(
    "spread",
    (np.inf, -np.inf),
    lambda state, value: (min(state[0], value), max(state[1], value)),
    lambda a, b: (min(a[0], b[0]), max(a[1], b[1])),
    lambda state: state[1] - state[0] if state[0] <= state[1] else np.nan,
)
SLIDING = {"windows": ["1h", "24h"], "period": "10m"}
FIXED = {"windows": ["1h", "2h", "6h"]}


def row(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"name": "n", "column": "x", "operations": list(operations), **SLIDING, **more}


class Events:
    """The same by one WindowState per key."""

    def __init__(self, frames: WindowFrames) -> None:
        self.layouts = frames.layouts
        self.columns = frames.columns
        self.states: dict[Any, list[WindowState]] = {}

    def run(self, keys: Any, times: Any, values: Any) -> dict[str, np.ndarray]:
        found = {name: np.full(len(times), np.nan) for name in self.columns}
        for place, (key, time) in enumerate(zip(keys, times.tolist(), strict=True)):
            if key not in self.states:
                self.states[key] = [WindowState(layout) for layout in self.layouts]
            for state, column in zip(self.states[key], values, strict=True):
                value = float(column[place])
                if value != value:
                    state.touch(time / 1000)
                else:
                    state.add(time / 1000, value)
                for name, result in state.read(time / 1000).items():
                    found[name][place] = result
        return found


def same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert list(found) == list(wanted)
    for name, column in wanted.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-9, atol=1e-7, err_msg=name)


def random_rows(seed: int, count: int, keys: int, late: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(0, 2 * MINUTE, count)) - 10**15 * (seed % 2)
    if late:
        times -= np.where(rng.random(count) < 0.2, rng.integers(0, 30 * 60 * MINUTE, count), 0)
    if late == 2:
        times = np.where(rng.random(count) < 0.3, np.roll(times, 1), times)
    values = rng.normal(100, 10, count)
    values[rng.random(count) < 0.1] = np.nan
    return rng.integers(0, keys, count), times, values


@pytest.mark.parametrize("windows", [SLIDING, FIXED], ids=["sliding", "fixed"])
@pytest.mark.parametrize("late", [0, 1, 2])
@pytest.mark.parametrize("operations", [list(AGGREGATES), ["sum", "avg", "count", "max"]])
@pytest.mark.parametrize("keys", [1, 60])
def test_frames_are_events(
    windows: dict[str, Any], late: int, operations: list[str], keys: int
) -> None:
    rows = [{"name": "n", "column": "x", "operations": operations, **windows}]
    frames = WindowFrames(rows)
    events = Events(frames)
    codes, times, values = random_rows(late + keys, 1500, keys, late)
    wanted = events.run(codes, times, [values])
    rng = np.random.default_rng(late)
    cuts = np.unique(np.append(rng.integers(0, 1500, 12), [0, 1500]))
    parts = []
    for begin, end in itertools.pairwise(cuts):
        part = slice(begin, end)
        parts.append(frames.run([codes[part]], times[part], [values[part]]))
        state = frames.state()
        frames = WindowFrames(rows)
        frames.restore(state)
        assert frames.state() == state
    same({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, wanted)
    for key, states in events.states.items():
        ours = [state for state in decode(frames.blob((int(key),)) or b"", frames.layouts) if state]
        for one, other in zip(states, ours, strict=True):
            moment = int(times.max()) / 1000
            assert one.head == other.head
            assert one.read(moment) == pytest.approx(other.read(moment), nan_ok=True, rel=1e-9)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(
            st.integers(0, 20 * MINUTE),
            st.integers(-3 * 60 * MINUTE, 0),
            st.integers(0, 50 * 60 * MINUTE),
            st.just(0),
        ),
        st.one_of(st.none(), st.floats(-1000, 1000).map(lambda value: round(value, 3))),
        st.integers(0, 9),
    ),
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, start=st.integers(-(10**15), 10**15), sliding=st.booleans())
def test_any_rows(rows: list[tuple[int, int, Any, int]], start: int, sliding: bool) -> None:
    operations: list[Any] = [*AGGREGATES, "distinct_count", SPREAD]
    windows: dict[str, Any] = {"windows": ["30m", "3h"], "period": "10m"} if sliding else FIXED
    plain = {"name": "a", "column": "x", "operations": list(AGGREGATES), **windows}
    users = {"name": "b", "column": "y", "operations": operations, **windows, "max_value": 500}
    frames = WindowFrames([plain, users])
    events = Events(frames)
    times = start + np.cumsum(np.array([step for _, step, _, _ in rows], dtype=np.int64))
    keys = np.array([key for key, _, _, _ in rows], dtype=np.int64)
    values = np.array([np.nan if v is None else v for _, _, v, _ in rows])
    begin = 0
    for place, (_, _, _, action) in enumerate(rows):
        if action > 2 and place + 1 < len(rows):
            continue
        part = slice(begin, place + 1)
        columns = [values[part], np.round(values[part])]
        found = frames.run([keys[part]], times[part], columns)
        same(found, events.run(keys[part], times[part], columns))
        if action == 1:
            state = frames.state()
            frames = WindowFrames([plain, users])
            frames.restore(state)
        if action == 2:  # both forms go on from the other's state
            held = frames.changed()
            for key, states in events.states.items():
                blob = encode(states)
                events.states[key] = [
                    state for state in decode(held.get((key,), blob), frames.layouts) if state
                ]
        begin = place + 1


def test_one_key_in_one_long_bucket() -> None:
    """Ranges are so long that they are added up in blocks."""
    count = 20_000
    rng = np.random.default_rng(3)
    times = np.sort(rng.integers(0, 30 * MINUTE, count))
    values = rng.normal(1e6, 1.0, count)
    frames = WindowFrames([row(*AGGREGATES)])
    keys = np.zeros(count, dtype=np.int64)
    same(frames.run([keys], times, [values]), Events(frames).run(keys, times, [values]))


def test_long_windows_of_many_buckets() -> None:
    count = 6_000
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.integers(0, 2 * MINUTE, count))
    values = rng.normal(0, 1.0, count)
    rows = [row("sum", "max", "stddev", windows=["3d"], period="1m")]
    frames, keys = WindowFrames(rows), rng.integers(0, 2, count)
    wanted = Events(frames).run(keys, times, [values])
    same(frames.run([keys], times, [values]), wanted)


def test_keys_of_several_columns_and_types() -> None:
    frames = WindowFrames([row("count")])
    names = pd.Series(["a", "a", None, "b", None], dtype="string")
    days = pd.Series([pd.Timestamp("2024-01-01", tz="UTC")] * 4 + [pd.NaT])
    for turn in range(2):
        found = frames.run([names, days], np.zeros(5, dtype=np.int64), [[1, 1, 1, 1, 1]])
        assert found["n_count_1h"].tolist() == [
            2 * turn + 1, 2 * turn + 2, turn + 1, turn + 1, turn + 1
        ]  # fmt: skip
    state = frames.state()
    again = WindowFrames([row("count")])
    again.restore(state)
    assert list(again.items()) == list(frames.items())
    assert len(again) == 4
    (name, day), _ = next(again.items())
    assert (name, day.isoformat()) == ("a", "2024-01-01T00:00:00+00:00")


def test_new_keys_are_read_and_changed_ones_given() -> None:
    asked: list[Any] = []
    first = WindowFrames([row("sum")])
    first.run([["a", "b"]], np.array([0, 0]), [[1.0, 2.0]])
    stored = first.changed()
    assert first.changed() == {}

    def read(keys: Any) -> list[bytes | None]:
        asked.extend(keys)
        return [stored.get(key) for key in keys]

    second = WindowFrames([row("sum")])
    second.load(read)
    found = second.run([["b", "c", "b"]], np.array([1, 1, 2]), [[10.0, 5.0, None]])
    assert found["n_sum_1h"].tolist() == [12.0, 5.0, 12.0]
    second.run([["b"]], np.array([1]), [[1.0]])
    assert asked == [("b",), ("c",)]
    assert set(second.changed()) == {("b",), ("c",)}
    assert second.blob(("z",)) is None
    assert second.blob(("b",)) is not None


def test_same_as_the_step_with_filter_alias_and_text() -> None:
    rows: list[dict[str, Any]] = [
        row("sum", max_value=20),
        {"name": "d", "column": "t", "operations": ["distinct_count"], **FIXED},
    ]
    aliases = {"n_sum_1h": "total"}
    frames = WindowFrames(rows, aliases)
    step = AggregateByKey(rows, Table("t"), aliases=aliases, augmentation_fn=lambda _, found: found)
    values, texts = [5.0, 10.0, 7.0, None], ["a", "b", "a", None]
    times = np.array([0, 1, 2, 3]) * 1_500_000
    found = frames.run([["k"] * 4], times, [values, texts])
    bodies = []
    for number in range(4):
        body = {"x": values[number], "t": texts[number]}
        bodies += list(step.process(Event(body, key="k", time=1.5 * number)))
    same(found, {name: [event.body[name] for event in bodies] for name in bodies[0].body})
    assert found["total"].tolist() == [5.0, 15.0, 20.0, 20.0]
    assert found["d_distinct_count_1h"].tolist() == [1.0, 2.0, 2.0, 2.0]


def test_late_rows_are_counted() -> None:
    frames = WindowFrames([row("sum"), row("max", name="m", **FIXED)])
    day = 24 * 60 * MINUTE
    found = frames.run([["k"] * 3], np.array([2 * day, 0, 2 * day]), [[1, 1, 1], [1, 1, 1]])
    assert frames.late_rows == 1
    assert frames.refused.tolist() == [False, True, False]
    assert np.isnan(found["n_sum_24h"]).tolist() == [False, True, False]
    assert found["n_sum_24h"][2] == 2.0


def test_nothing_and_little() -> None:
    frames = WindowFrames([row("sum", "count")])
    found = frames.run([[]], np.array([], dtype=np.int64), [[]])
    assert [len(column) for column in found.values()] == [0] * 4
    assert frames.state() == WindowFrames([row("sum", "count")]).state()
    found = frames.run([["a"]], np.array([5]), [[None]])
    assert np.isnan(found["n_sum_1h"][0])
    assert found["n_count_1h"].tolist() == [0.0]
    assert len(frames) == 1
    assert frames.nbytes > 0


def test_many_keys_stay_small() -> None:
    frames = WindowFrames([row("sum", "count", "max")])
    keys = np.arange(50_000)
    for hour in range(3):
        frames.run([keys], np.full(50_000, hour * 60 * MINUTE), [np.ones(50_000)])
    assert frames.nbytes / len(keys) < 500


@pytest.mark.parametrize(
    ("keys", "times", "values", "words"),
    [
        ([["a"]], [1], [], "got 0 columns of values"),
        ([], [1], [[1.0]], "0 of keys"),
        ([["a"]], [1, 2], [[1.0, 2.0]], "different lengths"),
        ([["a"]], [1], [["seven"]], "'seven' cannot be aggregated"),
        ([["a"]], [1], [[pd.Timestamp(0)]], "cannot be aggregated"),
        ([["a"]], [1], [pd.Series(pd.to_datetime(["2024-01-01"]))], "of type datetime64"),
    ],
)
def test_chunks_that_cannot_be(keys: Any, times: Any, values: Any, words: str) -> None:
    frames = WindowFrames([row("sum")])
    with pytest.raises(InvalidArgumentError, match=words):
        frames.run(keys, np.array(times), values)
    assert frames.run([["a"]], np.array([1]), [[1.0]])["n_sum_1h"].tolist() == [1.0]


def test_damaged_states() -> None:
    frames = WindowFrames([row("sum")])
    frames.run([["a", "b"]], np.array([0, 1]), [[1.0, 2.0]])
    state = frames.state()
    for damaged in (
        b"",
        state[:-1],
        state + b"x",
        b"x" + state[1:],
        state[:30] + b"\xff" + state[31:],
    ):
        with pytest.raises(InvalidArgumentError, match="damaged"):
            WindowFrames([row("sum")]).restore(damaged)
    with pytest.raises(InvalidArgumentError, match="periods of 600000 ms"):
        WindowFrames([row("sum", period="20m")]).restore(state)
    with pytest.raises(InvalidArgumentError, match="without 'max'"):
        WindowFrames([row("max")]).restore(state)
    with pytest.raises(InvalidArgumentError, match="part of a key"):
        odd = WindowFrames([row("sum")])
        odd.run([[frozenset()]], np.array([0]), [[1.0]])
        odd.state()


def test_policies() -> None:
    assert WindowFrames.supported()
    assert WindowFrames.supported({"mode": "everyEvent"})
    assert not WindowFrames.supported({"mode": "afterDelay", "delay": 1})
