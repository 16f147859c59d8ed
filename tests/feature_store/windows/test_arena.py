"""The arena against lists per slot; ranges of rows against joining them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.feature_store.windows import stats
from mlrun_like.feature_store.windows.arena import Arena
from mlrun_like.feature_store.windows.late import rounds
from mlrun_like.feature_store.windows.stats import EMPTY, Columns, join, of_values, ranges
from mlrun_like.serving.steps.aggregate_values import Bucket

Rows = dict[int, list[tuple[int, float]]]


def put(arena: Arena, rows: Rows, replace: bool) -> None:
    slots = np.array(sorted(rows))
    flat = [item for slot in sorted(rows) for item in rows[slot]]
    call = arena.replace if replace else arena.append
    call(
        slots,
        np.array([len(rows[slot]) for slot in sorted(rows)]),
        np.array([bucket for bucket, _ in flat], dtype=np.int64),
        {"count": np.array([count for _, count in flat])},
    )


@settings(max_examples=80, deadline=None)
@given(
    turns=st.lists(
        st.tuples(
            st.sampled_from(["append", "append", "append", "replace", "trim"]),
            st.dictionaries(st.integers(0, 5), st.integers(0, 30), min_size=1, max_size=4),
        ),
        max_size=30,
    ),
    most=st.integers(1, 40),
)
def test_rows_of_slots(turns: list[tuple[str, dict[int, int]]], most: int) -> None:
    arena = Arena(["count"], most)
    arena.grow(6)
    held: Rows = {slot: [] for slot in range(6)}
    clock = 0
    for action, amounts in turns:
        if action == "trim":
            for slot, amount in amounts.items():
                arena.trim(np.array([slot]), np.array([clock - amount]))
                held[slot] = [item for item in held[slot] if item[0] >= clock - amount]
        else:
            rows: Rows = {}
            for slot, amount in amounts.items():
                rows[slot] = [(clock + number, float(clock)) for number in range(amount)]
                held[slot] = rows[slot] if action == "replace" else held[slot] + rows[slot]
            clock += 31
            put(arena, rows, action == "replace")
        for slot in range(6):
            place = arena.rows(np.array([slot]))
            found = zip(arena.bucket[place].tolist(), arena.columns["count"][place], strict=True)
            assert list(found) == held[slot]
            behind = arena.search(np.array([slot]), np.array([clock - 10]))[0] - arena.begin[slot]
            assert behind == sum(bucket < clock - 10 for bucket, _ in held[slot])


def test_memory_is_reclaimed() -> None:
    arena = Arena(["count"], 10)
    arena.grow(100)
    for number in range(300):
        put(arena, {slot: [(number, 1.0)] for slot in range(100)}, False)
        arena.trim(np.arange(100), np.full(100, number - 8))
    assert (arena.size == 9).all()
    assert arena.nbytes < 100 * (10 * 16 * 1.8 + 40)


def one_by_one(times: list[float], values: list[float]) -> list[float]:
    bucket = Bucket()
    for time, value in zip(times, values, strict=True):
        bucket.add(time, value)
    return [float(number) for number in bucket.to_list()]


@pytest.mark.parametrize("block", [4, 32])
@pytest.mark.parametrize("count", [10, 200, 2000])
def test_ranges(block: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "_BLOCK", block)
    monkeypatch.setattr(stats, "_EXPANDED", 1000)
    rng = np.random.default_rng(count)
    times, values = np.sort(rng.normal(size=count)), rng.normal(50, 5, count)
    columns = of_values(times, values, Bucket.NAMES)
    lo = rng.integers(0, count + 1, 3 * count)
    hi = np.minimum(count, lo + rng.integers(-5, count, 3 * count))
    found = ranges(columns, lo, hi)
    for place in rng.integers(0, 3 * count, 200):
        part = slice(int(lo[place]), max(int(hi[place]), int(lo[place])))
        wanted = one_by_one(times[part].tolist(), values[part].tolist())
        ours = [found[name][place] for name in Bucket.NAMES]
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-9)


def test_no_ranges() -> None:
    columns = of_values(np.zeros(3), np.ones(3), ["count", "max"])
    nothing = np.zeros(0, dtype=np.int64)
    assert ranges(columns, nothing, nothing)["count"].tolist() == []
    empty = ranges(columns, np.array([2]), np.array([2]))
    assert {name: column[0] for name, column in empty.items()} == {
        "count": 0.0,
        "max": EMPTY["max"],
    }


def test_joining_is_merging() -> None:
    rng = np.random.default_rng(1)
    buckets = []
    for size in rng.integers(0, 4, 80):
        bucket = Bucket()
        for _ in range(size):
            bucket.add(float(rng.integers(0, 5)), float(rng.normal()))
        buckets.append(bucket)
    left, right = buckets[:40], buckets[40:]

    def columns(held: list[Bucket]) -> Columns:
        return {name: np.array([getattr(bucket, name) for bucket in held]) for name in Bucket.NAMES}

    with np.errstate(all="ignore"):
        found = join(columns(left), columns(right))
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        one.merge(other)
        ours = [found[name][place] for name in Bucket.NAMES]
        np.testing.assert_allclose(ours, one.to_list(), rtol=1e-12, atol=1e-12)


def test_rounds_have_all_rows_once() -> None:
    slot = np.repeat([3, 5, 9], [700, 1, 40])
    parts = list(rounds(slot))
    assert sorted(np.concatenate(parts).tolist()) == list(range(741))
    for part in parts:
        assert (np.diff(part) > 0).all()
        assert max(np.unique(slot[part], return_counts=True)[1]) <= 365
