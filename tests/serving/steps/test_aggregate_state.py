"""The state of windows against a recomputation from all values."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES, aggregate_function
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_plain import merge_plain
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_values import Bucket
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows, WindowsBase

MINUTE = 60_000.0
Value = tuple[float, float]

WINDOWS: list[WindowsBase] = [
    SlidingWindows(["1h", "2h", "6h"], "10m"),
    SlidingWindows(["30m"], "30m"),
    SlidingWindows(["10m", "1h"]),
    FixedWindows(["1h", "2h", "3h"]),
    FixedWindows(["15m", "25m"]),
    FixedWindows(["1d"]),
]


class Recomputed:
    """What the state must give, from the list of all values it accepted."""

    def __init__(self, layout: Layout, windows: WindowsBase) -> None:
        self.layout = layout
        self.windows = windows
        self.values: list[Value] = []
        self.newest = -math.inf

    def index(self, time: float) -> int:
        return int(time // self.layout.period)

    def accepts(self, time: float) -> bool:
        return self.index(max(self.newest, time)) - self.index(time) < self.layout.longest

    def add(self, time: float, value: float) -> bool:
        if not self.accepts(time):
            return False
        self.newest = max(self.newest, time)
        self.values.append((time, value))
        return True

    def read(self, time: float, closed: bool = False) -> dict[str, float]:
        if not self.accepts(time):
            return {}
        found = {}
        for aggregate in AGGREGATES:
            for millis, text in self.windows.windows:
                if isinstance(self.windows, FixedWindows):
                    low = time // millis * millis - (millis if closed else 0)
                    high = low + millis
                else:
                    high = (self.index(time) + 1) * self.layout.period
                    low = high - millis
                held = [item for item in self.values if low <= item[0] < high]
                found[f"x_{aggregate}_{text}"] = expected(aggregate, held)
        return found


def expected(aggregate: str, held: list[Value]) -> float:
    values = [value for _, value in held]
    if aggregate == "count":
        return float(len(values))
    if aggregate in ("stdvar", "stddev"):
        if len(values) < 2:
            return math.nan
        return getattr(statistics, "variance" if aggregate == "stdvar" else "stdev")(values)  # type: ignore[no-any-return]
    if not values:
        return math.nan
    if aggregate == "avg":
        return math.fsum(values) / len(values)
    if aggregate == "sqr":
        return math.fsum(value * value for value in values)
    if aggregate == "first":
        return min(held, key=lambda item: item[0])[1]
    if aggregate == "last":
        newest = max(time for time, _ in held)
        return next(value for time, value in reversed(held) if time == newest)
    return {"sum": math.fsum, "min": min, "max": max}[aggregate](values)  # type: ignore[operator,no-any-return]


def same(found: Mapping[str, float], wanted: Mapping[str, float]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if math.isnan(value):
            assert math.isnan(found[name]), name
        else:
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-7), name


def layout_of(windows: WindowsBase) -> Layout:
    return Layout("x", list(AGGREGATES), windows)


STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 20 * 60_000),  # a little later
            st.integers(-3 * 3_600_000, 0),  # late
            st.integers(0, 30 * 3_600_000),  # after a pause
        ),
        st.floats(-1000, 1000).map(lambda value: round(value, 3)),
        st.sampled_from(["add", "add", "add", "add", "touch", "past", "future", "store"]),
    ),
    max_size=40,
)


@settings(max_examples=250, deadline=None)
@given(windows=st.sampled_from(WINDOWS), steps=STEPS, start=st.integers(-(10**12), 10**12))
def test_same_as_recomputed(
    windows: WindowsBase, steps: list[tuple[int, float, str]], start: int
) -> None:
    layout = layout_of(windows)
    state = WindowState(layout)
    truth = Recomputed(layout, windows)
    time = float(start)
    for step, value, action in steps:
        time += step
        if action == "add":
            assert state.add(time, value) == truth.add(time, value)
            same(state.read(time), truth.read(time))
        elif action == "touch":
            state.touch(time)
            truth.newest = max(truth.newest, time)
            same(state.read(time), truth.read(time))
        elif action == "store":
            plain = json.loads(json.dumps(state.to_plain()))
            state = WindowState.from_plain(layout, plain)
        else:
            at = time + (step if action == "future" else -abs(step))
            same(state.read(at), truth.read(at))
            if layout.fixed:
                same(state.read(at, closed=True), truth.read(at, closed=True))


@settings(max_examples=100, deadline=None)
@given(
    windows=st.sampled_from(WINDOWS),
    ours=st.lists(st.tuples(st.integers(0, 10**7), st.integers(-99, 99)), max_size=25),
    theirs=st.lists(st.tuples(st.integers(0, 10**7), st.integers(-99, 99)), max_size=25),
)
def test_merged_states_are_one(
    windows: WindowsBase, ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    layout = layout_of(windows)
    one, two = WindowState(layout), WindowState(layout)
    kept: list[Value] = []
    for state, values in ((one, ours), (two, theirs)):
        for time, value in sorted(values):
            state.add(time, value)
            kept.append((time, value))
    one.merge(two.to_plain())
    if not kept:
        assert one.head is None
        return
    newest = max(time for time, _ in kept)
    whole = WindowState(layout)
    for at, number in sorted(kept):
        whole.add(at, number)
    found, wanted = one.read(newest), whole.read(newest)
    for name in list(wanted):
        if name.startswith(("x_first", "x_last")):  # values at the same time are equally first
            found.pop(name), wanted.pop(name)
    same(found, wanted)


class Store:
    """A stored state: what a driver does with what `take` gives."""

    def __init__(self) -> None:
        self.head: int | None = None
        self.period = 0.0
        self.buckets: dict[int, Any] = {}

    def save(self, taken: Mapping[str, Any], shared: bool) -> None:
        head = taken["head"]
        self.head = head if self.head is None else max(head, self.head)
        self.period = taken["period"]
        for index in taken["dropped"]:
            self.buckets.pop(index, None)
        for index, numbers in taken["buckets"].items():
            stored = self.buckets.get(index)
            self.buckets[index] = merge_plain(stored, numbers) if shared else numbers

    def plain(self) -> dict[str, Any]:
        return {"period": self.period, "head": self.head, "buckets": self.buckets}


@pytest.mark.parametrize("windows", WINDOWS, ids=repr)
def test_changes_add_up_to_the_state(windows: WindowsBase) -> None:
    layout = layout_of(windows)
    rng = random.Random(1)
    state, store, time = WindowState(layout), Store(), 0.0
    assert state.take() is None
    for number in range(600):
        time += rng.choice([0, 1, 7, 30, -25]) * MINUTE
        state.add(time, rng.randrange(100))
        if number % 7 == 0:
            taken = state.take()
            if taken is not None and number % 3 == 0:
                state.give_back(taken)  # the store could not be reached
                taken = state.take()
            if taken is not None:
                store.save(taken, shared=False)
    taken = state.take()
    if taken is not None:
        store.save(taken, shared=False)
    assert state.take() is None
    loaded = WindowState.from_plain(layout, store.plain())
    assert loaded.to_plain() == state.to_plain()
    assert len(store.buckets) <= 2 * layout.longest
    same(loaded.read(time), state.read(time))


@pytest.mark.parametrize("windows", WINDOWS, ids=repr)
def test_two_processes_share_a_key(windows: WindowsBase) -> None:
    layout = layout_of(windows)
    rng = random.Random(2)
    truth, store = Recomputed(layout, windows), Store()
    states = [WindowState(layout, shared=True), WindowState(layout, shared=True)]
    time = 0.0
    for number in range(400):
        time += rng.choice([0, 1, 5]) * MINUTE + 1
        which = rng.randrange(2)
        value = float(rng.randrange(100))
        assert states[which].add(time, value)
        truth.add(time, value)
        if number % 11 == 0:
            taken = states[which].take()
            assert taken is not None
            if number % 2:
                states[which].give_back(taken)
                continue
            store.save(taken, shared=True)
            states[which] = states[which].refreshed(store.plain())
    for which in (0, 1, 0):
        taken = states[which].take()
        if taken is not None:
            store.save(taken, shared=True)
        states[which] = states[which].refreshed(store.plain())
    same(states[0].read(time), truth.read(time))


def test_memory_is_bounded() -> None:
    state = WindowState(layout_of(SlidingWindows(["1h"], "1m")))
    for minute in range(10_000):
        state.add(minute * MINUTE, 1.0)
    assert len(state.buckets) < 2 * 60
    assert len(state._changed) < 2 * 60
    assert not state._dropped


def test_sums_do_not_drift() -> None:
    state = WindowState(Layout("x", ["sum", "stddev"], SlidingWindows(["10m"], "1m")))
    state.add(0, 1e16)
    for minute in range(1, 30):
        state.add(minute * MINUTE, 0.1)
    found = state.read(29 * MINUTE)
    assert found["x_sum_10m"] == pytest.approx(1.0)
    assert found["x_stddev_10m"] == pytest.approx(0, abs=1e-9)


def test_variance_of_large_numbers() -> None:
    state = WindowState(Layout("x", ["stdvar"], FixedWindows(["1h"])))
    for number in range(10):
        state.add(number, 1e9 + number % 2)
    assert state.read(9)["x_stdvar_1h"] == pytest.approx(10 / 36)


def test_infinite_values_leave_with_their_bucket() -> None:
    state = WindowState(Layout("x", ["sum", "max"], SlidingWindows(["2m"], "1m")))
    state.add(0, math.inf)
    assert state.read(0) == {"x_sum_2m": math.inf, "x_max_2m": math.inf}
    state.add(2 * MINUTE, 1.0)
    assert state.read(2 * MINUTE) == {"x_sum_2m": 1.0, "x_max_2m": 1.0}


def test_max_value_caps_every_aggregate() -> None:
    layout = Layout("x", ["count", "sum", "avg", "min"], FixedWindows(["1h"]), max_value=2)
    state = WindowState(layout)
    state.add(0, 9.0)
    assert state.read(0) == {"x_count_1h": 1.0, "x_sum_1h": 2.0, "x_avg_1h": 2.0, "x_min_1h": 2.0}
    assert math.isnan(aggregate_function("sum", 2)(Bucket(), Bucket()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period": 1}, "periods of 1 ms"),
        ({"head": None}, "damaged"),
        ({"head": 3}, "damaged"),
        ({"head": "x"}, "damaged"),
        ({"buckets": None}, "damaged"),
        ({"buckets": {"five": []}}, "damaged"),
        ({"buckets": {5: [1, 2, 3]}}, "not a stored bucket"),
        ({"buckets": {5: ["x"] * 10}}, "not a stored bucket"),
        ({"buckets": {5: None}}, "not a stored bucket"),
    ],
)
def test_damaged_states_are_refused(change: dict[str, Any], words: str) -> None:
    layout = Layout("x", ["sum"], FixedWindows(["1h"]))
    plain = {"period": 3_600_000, "head": 5, "buckets": {5: Bucket().to_list()}, **change}
    with pytest.raises(InvalidArgumentError, match=words):
        WindowState.from_plain(layout, plain)
    with pytest.raises(InvalidArgumentError, match="damaged"):
        WindowState.from_plain(layout, {})


def test_layout_of_a_stored_period() -> None:
    layout = Layout("x", ["sum"], FixedWindows(["2h", "4h"]), period=3_600_000)
    assert layout.sizes == [2, 4]
    with pytest.raises(InvalidArgumentError, match="no multiple"):
        Layout("x", ["sum"], FixedWindows(["90m"]), period=3_600_000)
    with pytest.raises(InvalidArgumentError, match="Did you mean 'stddev'"):
        Layout("x", ["stdev"], FixedWindows(["1h"]))
