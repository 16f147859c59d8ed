"""The bytes of a key's windows: format, reading at a moment, merging, damage."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.states import decode, encode, merge, read_at
from mlrun_like.serving.steps.aggregate_functions import AGGREGATES
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows

MINUTE = 60_000.0
SLIDING = SlidingWindows(["1h", "24h"], "10m")
FIXED = FixedWindows(["1h", "2h"])

GOLDEN = (
    "57010100593765f12300000000000000804f224102000000000000000200000000000000feffffff"
    "00000000000000000000f03f0000000000000040000000000000f83f00000000000000c000000000"
    "0000f83f000000000000004030ea8b6b"
)


def layouts(*operations: str) -> list[Layout]:
    return [Layout("a", operations, SLIDING), Layout("b", operations, FIXED)]


def filled(made: list[Layout], count: int = 100, seed: int = 1) -> list[WindowState]:
    rng = random.Random(seed)
    states = [WindowState(layout) for layout in made]
    time = 0.0
    for _ in range(count):
        time += rng.random() * 30 * MINUTE
        for state in states:
            state.add(time - rng.choice([0, 0, 90 * MINUTE]), float(rng.randrange(10)))
    return states


def near(wanted: dict[str, float]) -> Any:
    return pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("operations", [list(AGGREGATES), ["sum"], ["avg", "distinct_count"]])
@pytest.mark.parametrize("closed", [False, True])
def test_read_at_is_the_states_reading(operations: list[str], closed: bool) -> None:
    made = layouts(*operations)
    states = filled(made)
    blob = encode(states)
    again = [state for state in decode(blob, made) if state is not None]
    head = (states[0].head or 0) * 10 * MINUTE
    for minutes in (*range(-1500, 1600, 37), 0, 10**6, -(10**6)):
        moment = head + minutes * MINUTE
        wanted: dict[str, float] = {}
        for state in states:
            state.read_into(wanted, moment, closed)
        assert read_at(blob, made, moment, closed) == near(wanted)
        found: dict[str, float] = {}
        for state in again:
            state.read_into(found, moment, closed)
        assert found == near(wanted)
    assert encode(again) == blob


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_states_go_on_after_bytes(data: st.DataObject) -> None:
    made = layouts("sum", "stddev", "last", "distinct_count")
    states = [WindowState(layout) for layout in made]
    copies = [WindowState(layout) for layout in made]
    time = 0.0
    for _ in range(data.draw(st.integers(0, 12))):
        time += data.draw(st.integers(-120, 300)) * MINUTE
        value = float(data.draw(st.integers(-5, 5)))
        for state, copy in zip(states, copies, strict=True):
            assert state.add(time, value) == copy.add(time, value)
        if data.draw(st.booleans()):
            copies = [state for state in decode(encode(copies), made) if state is not None]
        for state, copy in zip(states, copies, strict=True):
            assert copy.read(time) == near(state.read(time))


def test_merge() -> None:
    made = layouts(*AGGREGATES, "distinct_count")
    both = [WindowState(layout) for layout in made]
    sides = [[WindowState(layout) for layout in made] for _ in range(2)]
    for number in range(40):
        for state, side in zip(both, sides[number % 2], strict=True):
            state.add(number * 7 * MINUTE, number % 5)
            side.add(number * 7 * MINUTE, number % 5)
    moment = 39 * 7 * MINUTE
    joined = merge(encode(sides[0]), encode(sides[1]), made)
    wanted: dict[str, float] = {}
    for state in both:
        state.read_into(wanted, moment)
    assert read_at(joined, made, moment) == near(wanted)
    assert merge(joined, encode([WindowState(layout) for layout in made]), made) == joined


def test_features_come_and_go() -> None:
    old, new = layouts("sum"), [*layouts("sum")[1:], Layout("c", ["count", "sum"], FIXED)]
    blob = encode(filled(old))
    found = decode(blob, new)
    assert found[0] is not None
    assert found[1] is None
    moment = 3000 * MINUTE
    assert read_at(blob, new, moment)["c_count_1h"] == 0.0
    assert list(read_at(blob, new, moment)) == [
        "b_sum_1h", "b_sum_2h", "c_count_1h", "c_count_2h", "c_sum_1h", "c_sum_2h",
    ]  # fmt: skip
    assert read_at(None, [new[1]], moment) == near(
        {"c_count_1h": 0.0, "c_count_2h": 0.0, "c_sum_1h": float("nan"), "c_sum_2h": float("nan")}
    )
    nothing = encode([WindowState(layout) for layout in old])
    assert decode(nothing, old)[0] is not None
    assert read_at(nothing, old, moment) == near(read_at(None, old, moment))


def test_only_what_is_needed_is_kept() -> None:
    sizes = []
    for operations in (["count"], ["sum", "avg", "count", "max"], list(AGGREGATES)):
        state = WindowState(Layout("a", operations, SLIDING))
        for number in range(145):
            state.add(number * 10 * MINUTE, 1.0)
        sizes.append(len(encode([state])))
    assert sizes == [8 + 32 + 145 * (4 + 8 * numbers) for numbers in (1, 3, 10)]


def test_golden_bytes() -> None:
    """Bytes that an earlier version wrote must stay readable."""
    layout = Layout("spent", ["sum", "max"], SlidingWindows(["1h"], "10m"))
    state = WindowState(layout)
    state.add(0.0, 1.5)
    state.add(25 * MINUTE, 2.0)
    state.add(26 * MINUTE, -4.0)
    blob = encode([state])
    assert blob.hex() == GOLDEN
    assert read_at(bytes.fromhex(GOLDEN), [layout], 30 * MINUTE) == {
        "spent_sum_1h": -0.5,
        "spent_max_1h": 2.0,
    }


def test_damage() -> None:
    made = layouts("sum")
    blob = encode(filled(made))
    for damaged in (b"", b"W", blob[:-1], blob + b"x", b"X" + blob[1:]):
        with pytest.raises(InvalidArgumentError, match="damaged"):
            read_at(damaged, made, 0.0)
    rng = random.Random(2)
    for _ in range(200):
        place = rng.randrange(len(blob))
        wrong = bytes([blob[place] ^ (1 << rng.randrange(8))])
        with pytest.raises(InvalidArgumentError):
            decode(blob[:place] + wrong + blob[place + 1 :], made)
    with pytest.raises(InvalidArgumentError, match="format 2, this version reads 1"):
        decode(blob[:1] + b"\x02" + blob[2:], made)


def test_other_definitions() -> None:
    blob = encode(filled(layouts("sum")))
    with pytest.raises(InvalidArgumentError, match="stored in periods of 600000 ms, not 1200000"):
        decode(blob, [Layout("a", ["sum"], SlidingWindows(["1h"], "20m"))])
    with pytest.raises(InvalidArgumentError, match="stored without 'm2'"):
        read_at(blob, layouts("stddev"), 0.0)
    with pytest.raises(InvalidArgumentError, match="without the aggregate 'distinct_count'"):
        decode(blob, layouts("sum", "distinct_count"))
    assert decode(encode(filled(layouts("sum", "distinct_count"))), layouts("sum"))[0] is not None
