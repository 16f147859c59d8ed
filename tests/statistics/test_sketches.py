"""Sketches: a merge of any split is the sketch of the whole; bytes come back as they were."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.profile import DataProfile, merged, profile
from mlrun_like.statistics.sketches import (
    DistinctSketch,
    FeatureSketches,
    FrequentSketch,
    HistogramSketch,
    QuantileSketch,
)

_FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60)


def _table(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(5, 2, size=(rows, 3)), columns=["a", "b", "c"])
    frame["b"] = frame["b"].where(random.random(rows) > 0.1)
    frame["colour"] = random.choice(["red", "green", "blue"], rows)
    frame["yes"] = random.random(rows) > 0.5
    return frame


@settings(max_examples=50, deadline=None)
@given(_FLOATS, st.integers(0, 60))
def test_a_merge_of_any_split_is_the_whole(values: list[float], at: int) -> None:
    whole, one, two = (FeatureSketches(["x"], {"x": {"hist": [[0, 0], [0, 1, 2]]}}) for _ in "abc")
    for sketch, part in ((whole, values), (one, values[:at]), (two, values[at:])):
        sketch.update({"x": np.array(part, dtype=float)})
    one.merge(two)
    assert one.rows == whole.rows
    for name, counts in whole.counts.items():
        assert one.counts[name].tolist() == counts.tolist(), name
    assert (one.buckets == whole.buckets).all() and (one.registers == whole.registers).all()
    assert one.histograms[0] and whole.histograms[0]
    assert one.histograms[0].bins.tolist() == whole.histograms[0].bins.tolist()
    assert one.lows.tolist() == whole.lows.tolist() and one.highs.tolist() == whole.highs.tolist()
    assert one.mean("x") == pytest.approx(whole.mean("x"), rel=1e-9, abs=1e-9, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ü", "", None, "x" * 500]), max_size=40))
def test_texts_merge_exactly(values: list[str | None]) -> None:
    whole, one, two = FrequentSketch(), FrequentSketch(), FrequentSketch()
    whole.update(values)
    one.update(values[::2])
    two.update(values[1::2])
    one.merge(two)
    assert one.counts == whole.counts and (one.rows, one.missing) == (whole.rows, whole.missing)
    assert FrequentSketch.from_bytes(one.to_bytes()).counts == whole.counts


def test_frequent_values_keep_their_bound_and_those_of_the_reference() -> None:
    random = np.random.default_rng(0)
    values = [f"v{at}" for at in random.zipf(1.3, 20_000)]
    true = pd.Series(values).value_counts()
    parts = [FrequentSketch(100, keep=["v77"]) for _ in range(4)]
    for at, part in enumerate(parts):
        part.update(values[at::4])
    first = parts[0]
    for part in parts[1:]:
        first.merge(part)
    assert not first.exact and first.error <= len(values) / 100
    assert first.counts["v77"] == true["v77"] and len(first.counts) <= 101
    for text, number in first.top(20):
        assert number <= true[text] <= number + first.error


def test_quantiles_and_distinct_counts_are_within_their_bounds() -> None:
    values = np.random.default_rng(1).lognormal(0, 3, 50_000)
    sketch, different = QuantileSketch(), DistinctSketch()
    sketch.update(values)
    different.update(values)
    for share in (0.01, 0.25, 0.5, 0.9, 0.999):
        assert sketch.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.025)
    assert different.estimate() == pytest.approx(50_000, rel=0.1)
    assert QuantileSketch.from_bytes(sketch.to_bytes()).quantile(0.5) == sketch.quantile(0.5)
    assert DistinctSketch.from_bytes(different.to_bytes()).estimate() == different.estimate()
    assert math.isnan(QuantileSketch().quantile(0.5)) and DistinctSketch().estimate() == 0


def test_bytes_of_a_minute_are_few_and_come_back() -> None:
    random = np.random.default_rng(0)
    names = [f"f{at}" for at in range(20)]
    sketches = FeatureSketches(names)
    sketches.update(random.normal(size=(1_000, 20)))
    data = sketches.to_bytes()
    assert len(data) < 20_000
    again = FeatureSketches.from_bytes(data)
    assert again.to_bytes() == data
    again.merge(sketches)
    assert again.rows == 2_000 and again.mean("f3") == pytest.approx(sketches.mean("f3"))


def test_correlations_of_parts_are_those_of_the_whole() -> None:
    frame = _table(400)
    frame["c"] = frame["a"] * 2 + np.random.default_rng(5).normal(size=400)
    parts = merged(*(profile([frame[at : at + 100]]) for at in range(0, 400, 100)))
    wanted = frame[["a", "c"]].corr().iloc[0, 1]
    assert parts.correlation[0, 2] == pytest.approx(wanted, abs=1e-9)
    assert parts.columns["a"].std == pytest.approx(frame["a"].std(), rel=1e-12)
    assert parts.columns["b"].missing == frame["b"].isna().sum()


def test_a_profile_is_exact_and_goes_through_json() -> None:
    frame = _table(500)
    frame["when"] = pd.date_range("2024-01-01", periods=500, freq="h")
    made = profile(frame)
    stats = made.feature_stats()
    assert stats["a"]["50%"] == pytest.approx(frame["a"].median())
    assert stats["a"]["hist"][0] == np.histogram(frame["a"], 20)[0].tolist()
    assert stats["colour"]["values"] == frame["colour"].value_counts().to_dict()
    assert made.columns["yes"].kind == "bool" and made.columns["when"].kind == "datetime"
    again = DataProfile.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.feature_stats() == stats
    assert merged(again, made).rows == 1_000
    known = DataProfile.from_stats(stats)
    assert known.columns["a"].edges == made.columns["a"].edges
    with pytest.raises(InvalidArgumentError):
        merged(known, made)


def test_hostile_columns() -> None:
    frame = pd.DataFrame(
        {
            "empty": [None, None, None],
            "nan": [math.nan] * 3,
            "infinite": [math.inf, -math.inf, 1.0],
            "constant": [7, 7, 7],
            "mixed": pd.Series([1, "a", None], dtype=object),
            "huge": pd.Series([10**400, -(10**400), 5], dtype=object),
            "nested": pd.Series([[1], {"a": 2}, None], dtype=object),
            "largest": [1.7e308, -1.7e308, 1.7e308],
            "unicode": pd.Series(["ключ", "\ud800", "\x00"], dtype=object),
        }
    )
    for data in (frame, [frame[:1], frame[1:]]):
        made = profile(data)
        assert made.columns["constant"].mean == 7
        assert made.columns["infinite"].infinite == 2
        assert made.columns["empty"].missing == 3 and made.columns["empty"].kind == ""
        sketches = made.sketches
        assert FeatureSketches.from_bytes(sketches.to_bytes()).to_bytes() == sketches.to_bytes()
    late = FeatureSketches(["x"])
    late.update({"x": [1.0]})
    late.update({"x": pd.Series(["a", None, 3], dtype=object)})
    assert late.profile().columns["x"].mistyped == 1 and late.missing("x") == 1
    assert profile(pd.DataFrame()).rows == 0 and profile([]).rows == 0
    twice = pd.DataFrame([[1, 2.0]], columns=["x", "x"])
    assert list(profile(twice).columns) == ["x", "x.1"]
    assert profile(pa.table({"x": [1, None]})).columns["x"].missing == 1


@pytest.mark.parametrize("data", [b"", b"MLS1", b"nonsense" * 9, b"MLS1" + b"\xff" * 40])
def test_broken_bytes_are_refused(data: bytes) -> None:
    kinds: list[Any] = [
        FeatureSketches, QuantileSketch, DistinctSketch, FrequentSketch, HistogramSketch
    ]  # fmt: skip
    for kind in kinds:
        with pytest.raises(InvalidArgumentError):
            kind.from_bytes(data)


def test_what_does_not_fit_is_refused() -> None:
    whole = FeatureSketches(["x"]).to_bytes()
    for cut in (len(whole) - 3, 20):
        with pytest.raises(InvalidArgumentError):
            FeatureSketches.from_bytes(whole[:cut])
    with pytest.raises(InvalidArgumentError):
        QuantileSketch.from_bytes(whole)
    with pytest.raises(InvalidArgumentError):
        FeatureSketches(["x"]).merge(FeatureSketches(["y"]))
    with pytest.raises(InvalidArgumentError):
        FeatureSketches(["x"]).update(np.zeros((3, 2)))
    with pytest.raises(InvalidArgumentError):
        FeatureSketches(["x"]).update({"x": [1], "y": [1, 2]})
    with pytest.raises(InvalidArgumentError):
        HistogramSketch([1, 1])
    one, two = HistogramSketch([0, 1]), HistogramSketch([0, 2])
    with pytest.raises(InvalidArgumentError):
        one.merge(two)
    with pytest.raises(InvalidArgumentError):
        profile("a path")
