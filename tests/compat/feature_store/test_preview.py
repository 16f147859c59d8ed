"""Previews of sources with a range of times."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pandas as pd


def test_the_times_of_a_source_are_those_of_the_set(compat: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    times = pd.date_range("2024-01-01 10:00", periods=4, freq="20min")
    pd.DataFrame({"id": list("abac"), "v": range(4), "at": times}).to_parquet(path)
    fstore = import_module("mlrun.feature_store")
    rows = fstore.FeatureSet("rows", entities=[fstore.Entity("id")], timestamp_key="at")
    source = import_module("mlrun.datastore.sources").ParquetSource(
        "rows",
        path=str(path),
        start_time=datetime(2024, 1, 1, 10),
        end_time=datetime(2024, 1, 1, 10, 30),
    )
    assert rows.preview(source)["v"].tolist() == [1], "after the start, up to the end"
