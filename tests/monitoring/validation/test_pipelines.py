"""Validation that stops a pipeline: no later step runs on bad data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import MLRunLikeError
from mlrun_like.functions.decorators import function
from mlrun_like.monitoring.validation import infer_schema
from mlrun_like.monitoring.validation.step import validate_data
from mlrun_like.pipelines.pipeline import pipeline
from tests.monitoring.validation.frames import customers

check = function()(validate_data)


@function(returns=["rows"])
def train(data: Any, mark: str) -> int:
    """Leave a mark, so that a test knows that it ran."""
    Path(mark).write_text("ran", encoding="utf-8")
    return 1


@pipeline
def gated(data: str, schema: str, mark: str, policy: str = "") -> Any:
    """Train on what was checked."""
    checked = check.step(
        inputs={"data": data, "schema": schema}, params={"policy": policy, "clean": True}
    )
    return train.step(inputs={"data": checked.outputs["clean"]}, params={"mark": mark})


@pytest.mark.parametrize("kind", ["good", "bad", "personal"])
def test_validation_stops_a_pipeline(kind: str, tmp_path: Path) -> None:
    infer_schema(customers(), label="churned").save(tmp_path / "schema.yaml")
    frame = customers(seed=1)
    policy = ""
    if kind == "bad":
        frame.loc[:9, "age"] = 300
    if kind == "personal":
        frame["contact"] = [f"someone{number}@example.com" for number in range(len(frame))]
        policy = "stop"
    frame.to_csv(tmp_path / "new.csv", index=False)
    mark = tmp_path / "mark"
    given = {
        "data": str(tmp_path / "new.csv"), "schema": str(tmp_path / "schema.yaml"),
        "mark": str(mark), "policy": policy,
    }  # fmt: skip
    if kind == "good":
        gated.run(**given)
        assert mark.exists()
        return
    with pytest.raises(MLRunLikeError):
        gated.run(**given)
    assert not mark.exists()
