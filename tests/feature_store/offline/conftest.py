"""Feature sets whose rows are in Parquet files, made without an ingestion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.target_spec import DataTarget

MakeSet = Callable[..., FeatureSet]


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Save a feature set of a frame's columns; its offline target holds the frame."""

    def make(
        name: str, entities: Sequence[str], frame: pd.DataFrame, time: str = "", **options: Any
    ) -> FeatureSet:
        made = FeatureSet(name, entities=list(entities), timestamp_key=time or None, **options)
        for column in frame.columns:
            if column not in (*entities, time):
                made.add_feature(column)
        path = tmp_path / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        made.status.targets = [DataTarget("parquet", "parquet", str(path))]
        made.save()
        return made

    return make
