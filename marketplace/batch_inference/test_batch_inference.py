"""Tests of the item batch_inference: the older parameters."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError


def _infer(path: Path, uri: str, **params: Any) -> Any:
    function = ml.import_function("hub://batch_inference")
    params = {"model": uri, **params}
    return function.run(inputs={"dataset": str(path)}, params=params, local=True, watch=False)


def test_the_older_parameters(tmp_path: Path) -> None:
    x = pd.DataFrame({"a": np.linspace(0, 1, 400)})
    body = pickle.dumps(LinearRegression().fit(x, 2 * x["a"]))
    with ml.get_or_create_ctx("train") as context:
        training = x.assign(y=2 * x["a"])
        kept = context.log_model(
            "line", body=body, model_file="line.pkl", framework="sklearn",
            training_set=training, label_column="y",
        )  # fmt: skip
    x[200:].to_parquet(tmp_path / "new.parquet")
    run = _infer(tmp_path / "new.parquet", kept.uri, drift_threshold=0.4, inf_capping=5)
    np.testing.assert_allclose(run.artifact("prediction").as_df()["y"], 2 * x["a"][200:])
    # half of the range is gone: the distances are 1/2 and sqrt(1 - sqrt(1/2))
    expected = (0.5 + np.sqrt(1 - np.sqrt(0.5))) / 2
    assert run.outputs["drift_metric"] == pytest.approx(expected, abs=0.02)
    assert run.outputs["drift_status"] is True
    with pytest.raises(MLRunLikeError, match="no URI of a logged model"):
        _infer(tmp_path / "new.parquet", "line.pkl")
