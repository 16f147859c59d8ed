"""Logged models of scikit-learn and test sets with slices and a protected column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.names import new_uid
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.full import FullStore

LogModel = Callable[..., ModelArtifact]


@pytest.fixture
def store() -> Iterator[FullStore]:
    yield open_store()
    close_stores()


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """300 rows: `x` tells `y` well in country A and not at all in country B."""
    draw = np.random.default_rng(7)
    x, z = draw.normal(size=300), draw.normal(size=300)
    country = np.where(np.arange(300) % 3, "A", "B")
    y = np.where(country == "A", x > 0, draw.random(300) > 0.5).astype(int)
    gender = np.where(draw.random(300) + (x > 0) * 0.3 > 0.6, "f", "m")
    return pd.DataFrame({"x": x, "z": z, "country": country, "gender": gender, "y": y})


@pytest.fixture
def log_model(store: FullStore, rows: pd.DataFrame) -> LogModel:
    """Log a version: `good` learns from `x`, the other one from noise."""

    def log(good: bool = True, key: str = "net", **options: Any) -> ModelArtifact:
        train = rows[["x", "z", "y"]]
        fitted = LogisticRegression().fit(
            train[["x", "z"]] if good else train[["x", "z"]] * [0, 1], train["y"]
        )
        uid = new_uid()
        manager = ArtifactManager(store, Producer("run", "train", f"demo/{uid}", "demo", uid))
        given: dict[str, Any] = {
            "framework": "sklearn",
            "training_set": train,
            "label_column": "y",
            "metrics": {"auc": 0.9 if good else 0.6},
            **options,
        }
        return manager.log_model(key, fitted, **given)

    return log
