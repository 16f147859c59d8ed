"""A million random rows: chunks, events and joins give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlrun_like.feature_store.windows.asof import Moments, aggregates_at
from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.feature_store.windows.states import decode, encode
from mlrun_like.serving.steps.aggregate_state import WindowState

MINUTE = 60_000_000
ROW = {
    "name": "n",
    "column": "x",
    "operations": ["sum", "avg", "count", "max"],
    "windows": ["1h", "24h"],
    "period": "10m",
}
MESSY, ORDERED = 650_000, 350_000


def keys_of(rng: Any, count: int) -> Any:
    """A key with a fifth of all rows, some that are common, many that are rare."""
    kind = rng.random(count)
    common, rare = rng.integers(1, 100, count), rng.integers(100, 4000, count)
    return np.where(kind < 0.2, 0, np.where(kind < 0.7, common, rare))


def messy_rows(rng: Any) -> tuple[Any, Any, Any]:
    """Late, duplicate, out of order and without values."""
    keys = keys_of(rng, MESSY)
    times = np.cumsum(rng.integers(0, 2_000_000, MESSY))
    late = rng.random(MESSY)
    times -= np.where(late < 0.01, rng.integers(0, 30 * 60 * MINUTE, MESSY), 0)
    times -= np.where(late > 0.95, rng.integers(0, 15 * MINUTE, MESSY), 0)
    values = rng.normal(1000, 50, MESSY)
    values[rng.random(MESSY) < 0.05] = np.nan
    again = np.flatnonzero(rng.random(MESSY) < 0.02)
    for column in (keys, times, values):
        column[again] = column[again - 1]
    return keys, times, values


class Events:
    """One WindowState per key."""

    def __init__(self, layout: Any) -> None:
        self.layout = layout
        self.states: dict[int, WindowState] = {}

    def run(self, keys: Any, times: Any, values: Any) -> Any:
        states, layout = self.states, self.layout
        nothing = dict.fromkeys(layout.columns(), np.nan)
        found = []
        rows = zip(keys.tolist(), (times / 1000).tolist(), values.tolist(), strict=True)
        for key, time, value in rows:
            state = states.get(key)
            if state is None:
                state = states[key] = WindowState(layout)
            if value == value:
                state.add(time, value)
            else:
                state.touch(time)
            found.append(list((state.read(time) or nothing).values()))
        return np.array(found)

    def restart(self) -> None:
        for key, state in self.states.items():
            [again] = decode(encode([state]), [self.layout])
            assert again is not None
            self.states[key] = again


def same(found: dict[str, Any], wanted: Any) -> None:
    for place, (name, column) in enumerate(found.items()):
        other = wanted[:, place]
        # relative to the scale of the values: a sum is of many of them
        scale = np.maximum(1000.0, np.abs(np.nan_to_num(other)))
        assert np.array_equal(np.isnan(column), np.isnan(other)), name
        assert np.nanmax(np.abs(column - other) / scale, initial=0.0) < 1e-9, name


@pytest.mark.slow
def test_a_million_rows() -> None:
    rng = np.random.default_rng(20)
    frames = WindowFrames([ROW])
    [layout] = frames.layouts
    events = Events(layout)
    keys, times, values = messy_rows(rng)
    begin, restarts = 0, 0
    while begin < MESSY:
        end = min(MESSY, begin + int(rng.choice([1, 7, 500, 5_000, 40_000])))
        part = slice(begin, end)
        found = frames.run([keys[part]], times[part], [values[part]])
        same(found, events.run(keys[part], times[part], values[part]))
        if begin // 200_000 != end // 200_000:
            state = frames.state()
            frames = WindowFrames([ROW])
            frames.restore(state)
            events.restart()
            restarts += 1
        begin = end
    assert restarts == 3
    keys = keys_of(rng, ORDERED)
    times = int(times.max()) + 60 * 60 * MINUTE + np.cumsum(rng.integers(0, 4_000_000, ORDERED))
    values = rng.normal(-1000, 50, ORDERED)
    values[rng.random(ORDERED) < 0.05] = np.nan
    wanted = events.run(keys, times, values)
    log = pa.table({"k": keys, "t": pa.array(times, pa.timestamp("us")), "n": values})
    turn = rng.permutation(ORDERED)  # the order of the log does not matter
    asked = Moments([keys], times)
    joined = aggregates_at(log.take(turn), ["k"], "t", [ROW], asked)
    # a log knows nothing of order, so rows of one moment are asked for after the last of them
    alone = np.ones(ORDERED, dtype=bool)
    alone[:-1] = times[1:] != times[:-1]
    for column in joined.values():
        column[~alone] = np.nan
    same(joined, np.where(alone[:, None], wanted, np.nan))
    for begin in range(0, ORDERED, 30_000):
        part = slice(begin, begin + 30_000)
        same(
            frames.run([keys[part]], times[part], [values[part]]),
            wanted[begin : begin + 30_000],
        )
