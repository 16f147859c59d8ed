"""Statistics: those of pandas and numpy, and the same however rows are cut into chunks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.sampling import RowSample, row_hashes
from mlrun_like.feature_store.ingestion.statistics import (
    BINS,
    Statistics,
    get_df_preview,
    get_df_stats,
)


def _frame(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(5, 2, rows)),
            "n": rng.integers(-5, 1000, rows),
            "word": rng.choice(np.array(["a", "b", "c", None], dtype=object), rows),
            "flag": rng.random(rows) < 0.3,
            "t": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**6, rows), "s"),
        }
    )


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_close(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def test_numbers_are_those_of_describe_and_histogram() -> None:
    frame = _frame(5000)
    stats = get_df_stats(frame)
    for name in ("x", "n"):
        expected = frame[name].describe()
        for key in expected.index:
            assert stats[name][key] == pytest.approx(expected[key], rel=1e-9)
        counts, edges = np.histogram(frame[name].dropna(), bins=BINS)
        assert stats[name]["hist"][0] == counts.tolist()
        assert np.allclose(stats[name]["hist"][1], edges)


def test_other_values_are_those_of_describe() -> None:
    frame = _frame(2000)
    stats = get_df_stats(frame)
    expected = frame["word"].describe()
    assert {k: stats["word"][k] for k in expected.index} == expected.to_dict()
    assert stats["flag"]["unique"] == 2
    assert stats["t"]["min"] == str(frame["t"].min())
    assert stats["t"]["max"] == str(frame["t"].max())
    assert "hist" not in stats["t"]


@pytest.mark.parametrize("rows", [1, 19, 3000, 50_000])
@pytest.mark.parametrize("size", [1000, 7777])
def test_chunks_give_the_same_as_a_whole(rows: int, size: int) -> None:
    frame = _frame(rows)
    whole = Statistics()
    whole.add(frame)
    parts = Statistics()
    for at in range(0, rows, size):
        parts.add(frame.iloc[at : at + size])
        again = Statistics()  # and a process that died in between does not matter
        again.load(parts.dump())
        parts = again
    assert _close(whole.result(), parts.result())
    assert whole.preview() == parts.preview()


def test_a_sample_is_close_to_all_rows() -> None:
    frame = pd.DataFrame({"x": np.arange(200_000) % 1000})
    stats = get_df_stats(frame)["x"]
    assert sum(stats["hist"][0]) == 200_000
    assert stats["50%"] == pytest.approx(499.5, rel=0.03)
    assert all(abs(count - 10_000) < 1500 for count in stats["hist"][0])


def test_many_different_values_are_estimated() -> None:
    frame = pd.DataFrame({"id": [f"id-{i % 30_000}" for i in range(60_000)]})
    stats = get_df_stats(frame)["id"]
    assert stats["count"] == 60_000
    assert stats["unique"] == pytest.approx(30_000, rel=0.15)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None, None],
        [math.nan],
        [math.inf, 1.0],
        [math.inf, -math.inf],
        [1e308, -1e308],
        [10**18, 10**18 + 1],
        [[1, 2], {"a": 1}],
        [b"x", 3, "x"],
        [pd.NaT],
        [1 + 2j],
        [True, None],
        [5e-324, 1e-323],
    ],
)
def test_hostile_values(values: list[Any]) -> None:
    frame = pd.DataFrame({"c": values})
    found = get_df_stats(frame)
    preview = get_df_preview(frame)
    assert preview[0] == ["c"]
    assert len(preview) == 1 + len(values)
    if values:
        assert found["c"]["count"] == frame["c"].count()
    stats = Statistics()
    stats.add(frame)
    again = Statistics()
    again.load(stats.dump())
    assert again.result().keys() == stats.result().keys()


def test_options_choose_what_is_made() -> None:
    frame = _frame(100).set_index("n")
    assert get_df_stats(frame, InferOptions.Null) == {}
    assert "hist" not in get_df_stats(frame, InferOptions.Stats)["x"]
    assert "n" not in get_df_stats(frame, InferOptions.Stats)
    assert "n" in get_df_stats(frame, InferOptions.Stats | InferOptions.Index)
    assert len(get_df_stats(frame, num_bins=7)["x"]["hist"][0]) == 7
    assert get_df_stats(frame, sample_size=50)["flag"]["count"] == 50


def test_preview_has_a_header_and_20_rows() -> None:
    preview = get_df_preview(_frame(100).set_index("n"))
    assert preview[0] == ["n", "x", "word", "flag", "t"]
    assert len(preview) == 21


def test_columns_may_come_and_change() -> None:
    stats = Statistics()
    stats.add(pd.DataFrame({"a": [1, 2]}))
    stats.add(pd.DataFrame({"a": ["x", "y"], "b": [1.0, None]}))
    found = stats.result()
    assert found["a"]["count"] == 2
    assert found["b"]["count"] == 1
    with_text = Statistics()
    with_text.load(stats.dump())
    assert with_text.result()["b"] == found["b"]


def test_sample_keeps_all_rows_until_it_is_full() -> None:
    sample = RowSample(10)
    sample.add(pd.DataFrame({"x": range(9)}))
    assert sample.frame()["x"].tolist() == list(range(9))
    sample.add(pd.DataFrame({"x": range(9, 500)}))
    expected = np.sort(np.argsort(row_hashes(0, 500))[:10])
    assert sample.frame()["x"].tolist() == expected.tolist()
