from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.monitoring.description.correlation import MOST, correlations, strongest
from mlrun_like.monitoring.description.oddities import oddities
from mlrun_like.monitoring.description.reading import (
    describe_frame,
    plain_frame,
    statistics_frame,
)
from mlrun_like.monitoring.description.table import Column, Table

stats: Any = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
random = np.random.default_rng(7)


def test_numbers_are_those_of_pandas_and_scipy() -> None:
    values = random.lognormal(size=500)
    values[3] = np.nan
    found = describe_frame(pd.DataFrame({"x": values})).columns[0]
    series = pd.Series(values)
    for key in ("mean", "std", "min", "max"):
        assert found.statistics[key] == pytest.approx(getattr(series, key)(), rel=1e-12)
    for key, share in (("25%", 0.25), ("50%", 0.5), ("75%", 0.75)):
        assert found.statistics[key] == pytest.approx(series.quantile(share), rel=1e-12)
    assert found.statistics["skew"] == pytest.approx(stats.skew(series.dropna()), rel=1e-9)
    assert (found.count, found.missing, found.distinct) == (499, 1, 499)
    assert sum(found.bars) == 499
    assert list(found.bars) == np.histogram(series.dropna(), found.edges)[0].tolist()


def test_bars_by_class_add_up_to_all() -> None:
    frame = pd.DataFrame(
        {
            "x": random.normal(size=300),
            "w": random.choice(["a", "b"], 300),
            "y": random.choice([0.0, 1.0], 300),
        }
    )
    found = describe_frame(frame, label="y", is_classes=True)
    assert [name for name, _ in found.classes()] == ["0", "1"]
    for column in found.features:
        assert list(column.by_class) == ["0", "1"]
        total = np.sum(list(column.by_class.values()), axis=0)
        assert total.tolist() == list(column.bars)
        ones = frame[frame["y"] == 1.0][column.name]
        assert sum(column.by_class["1"]) == len(ones)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], "number"),
        ([True, False, None], "boolean"),
        (["a", "b"], "category"),
        ([f"{at} words" for at in range(200)], "text"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), "time"),
        (pd.period_range("2024-01", periods=2, freq="M"), "time"),
        (pd.to_timedelta([1, 2], unit="h"), "number"),
        ([None, None], "empty"),
        ([1 + 2j, 3j], "category"),
        ([[1], {"a": 2}], "category"),
        ([2**70, 1], "number"),
        ([float("inf")] * 3, "number"),
    ],
)
def test_kinds_of_columns(values: Any, kind: str) -> None:
    found = describe_frame(plain_frame(pd.DataFrame({"x": pd.Series(values)})))
    assert found.columns[0].kind == kind
    statistics_frame(found)


def test_names_are_made_one_for_each_column() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", ("b", 1), "a_2"])
    names = list(plain_frame(frame).columns)
    assert len(set(names)) == 4 and "b_1" in names


def test_correlations_are_those_of_pandas() -> None:
    frame = pd.DataFrame(random.normal(size=(200, 4)), columns=list("abcd"))
    frame["e"] = frame["a"] * 2
    frame.iloc[::7, 1] = np.nan
    frame["f"] = 1.0
    names, matrix, note = correlations(frame)
    assert np.allclose(matrix, frame.corr().to_numpy(), equal_nan=True) and not note
    assert names == list("abcdef")
    assert strongest(names, matrix, 2)[0] == ["a", "e"]


def test_correlations_of_too_many_columns_say_so() -> None:
    wide = pd.DataFrame(np.zeros((3, MOST + 5)))
    names, matrix, note = correlations(wide)
    assert len(names) == MOST and matrix.shape == (MOST, MOST) and "of the first 1,000" in note
    assert correlations(pd.DataFrame())[0] == []


def test_what_is_odd_is_told_the_worst_first() -> None:
    rows = 1000
    frame = pd.DataFrame(
        {
            "good": random.normal(size=rows),
            "same": 1,
            "gone": np.nan,
            "gap": np.where(random.random(rows) < 0.4, np.nan, 1.0 + random.random(rows)),
            "inf": np.where(np.arange(rows) == 5, np.inf, random.random(rows)),
            "key": [f"id {at}" for at in range(rows)],
            "y": (np.arange(rows) < 5).astype(int),
        }
    )
    frame["copy"] = frame["good"] * 3
    frame["leak"] = frame["y"] + 0.0
    said = oddities(describe_frame(frame, label="y", is_classes=True))
    told = {(one.column, one.level) for one in said}
    assert {("gone", "bad"), ("inf", "bad"), ("leak", "bad"), ("y", "bad")} <= told
    assert {("same", "warn"), ("gap", "warn"), ("good", "warn"), ("key", "none")} <= told
    order = ["bad", "warn", "none"]
    assert [one.level for one in said] == sorted((one.level for one in said), key=order.index)


def test_a_table_without_rows() -> None:
    found = describe_frame(pd.DataFrame({"a": pd.Series([], dtype="float64")}))
    assert [one.what for one in oddities(found)] == ["the table has no rows"]
    assert found.results()["rows"] == 0
    assert Table("t", 0, []).results()["missing_share"] == 0.0
    assert Column("a", "number", 0).missing_share == 0.0
