"""Column names: MLRun's renames; clashes are told."""

from __future__ import annotations

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.ingestion.clock import with_times
from mlrun_like.feature_store.ingestion.columns import renamed
from mlrun_like.feature_store.ingestion.inference import flat


def test_spaces_and_parentheses() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a b", "c(d)", 7])
    assert list(renamed(frame).columns) == ["a_b", "cd", "7"]
    assert list(frame.columns) == ["a b", "c(d)", 7]


def test_index_names_too() -> None:
    frame = pd.DataFrame({"x": [1]}, index=pd.Index(["k"], name="my key"))
    assert renamed(frame).index.name == "my_key"
    assert frame.index.name == "my key"


@pytest.mark.parametrize("names", [["a b", "a_b"], ["a(b)", "ab"], ["x", "x"], ["a b", "a (b)"]])
def test_clashes(names: list[str]) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be renamed"):
        renamed(pd.DataFrame([[1] * len(names)], columns=names))


def test_empty_names() -> None:
    with pytest.raises(InvalidArgumentError, match="empty"):
        renamed(pd.DataFrame({"()": [1]}))


def test_hostile_names_pass() -> None:
    names = ["'; DROP TABLE x;--", "ünï", "a.b", "日本", "a/b", "\n", "$x", "__proto__"]
    frame = renamed(pd.DataFrame([[1] * len(names)], columns=names))
    assert len(set(frame.columns)) == len(names)


def test_flat() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=[5, 6])
    assert flat(frame).index.tolist() == [0, 1]
    assert list(flat(frame).columns) == ["x"]
    named = frame.rename_axis("k")
    assert list(flat(named).columns) == ["k", "x"]
    double = frame.set_index(pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["k", None]))
    assert list(flat(double).columns) == ["k", "x"]
    with pytest.raises(InvalidArgumentError, match="index level"):
        flat(pd.DataFrame({"k": [1]}, index=pd.Index([1], name="k")))


def test_times() -> None:
    frame = pd.DataFrame({"t": ["2026-01-01", None]})
    assert with_times(frame, "t")["t"].isna().tolist() == [False, True]
    zones = pd.DataFrame({"t": ["2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00Z"]})
    found = with_times(zones, "t")["t"]
    assert (found.iloc[1] - found.iloc[0]).total_seconds() == 3600
    assert with_times(frame, None) is frame
    with pytest.raises(InvalidArgumentError, match="'soon' in row 8"):
        with_times(pd.DataFrame({"t": ["2026-01-01", "soon"]}), "t", 7)
