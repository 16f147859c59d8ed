"""Messy data: what is taken and yet told, and values that are named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.errors import StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.steps import Calculate

ROWS = pd.DataFrame(
    {
        "user": ["a", "b", "a"],
        "time": pd.to_datetime(
            ["2026-03-01 09:00", "2026-03-01 09:10", "2026-03-01 09:40"], utc=True
        ),
        "amount": [20.0, 5.0, 60.0],
    }
)


def _payments(column: str = "amount") -> FeatureSet:
    made = FeatureSet("payments", entities=["user"], timestamp_key="time")
    made.add_aggregation(column, ["sum"], ["1h"], period="10m")
    return made


def test_rows_without_a_time_are_told(caplog: pytest.LogCaptureFixture) -> None:
    _payments().ingest(ROWS)
    assert not caplog.records
    rows = ROWS.copy()
    rows.loc[1, "time"] = pd.NaT
    _payments().ingest(rows)
    (record,) = caplog.records
    assert "1 rows have no 'time', the first is row 1" in record.getMessage()
    assert "dropna(subset=['time'])" in record.getMessage()
    caplog.clear()
    plain = FeatureSet("plain", entities=["user"], timestamp_key="time")
    plain.ingest(rows)  # no windows: only such rows themselves are found nowhere
    assert not caplog.records


def test_a_column_that_nobody_makes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    _payments("amuont").ingest(ROWS)
    (record,) = caplog.records
    assert "no row has 'amuont'" in record.getMessage()
    assert "Did you mean 'amount'?" in record.getMessage()
    caplog.clear()
    made = FeatureSet("made", entities=["user"], timestamp_key="time")
    made.graph.to(Calculate({"double": "amount * 2"}))
    made.add_aggregation("double", ["sum"], ["1h"], period="10m")
    made.ingest(ROWS)
    assert not caplog.records


def test_the_value_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = ROWS.astype({"amount": object})
    rows.loc[1, "amount"] = "5,00"
    rows.to_csv(path, index=False)
    with pytest.raises(StepError, match="'5,00' cannot be aggregated: it is no number"):
        _payments().ingest(str(path))
