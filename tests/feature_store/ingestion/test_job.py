"""Ingestion as a job: on a runtime, with code of the user's, by schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.tracking.connect import open_store

CODE = """
def double(event):
    return {**event, "x": event["x"] * 2}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    numbers = np.arange(30)
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(numbers, "s")
    frame = pd.DataFrame({"user": numbers % 5, "at": moments, "x": numbers / 2})
    frame.to_parquet(tmp_path / "in.parquet")
    return str(tmp_path / "in.parquet")


def _set() -> FeatureSet:
    made = FeatureSet("jobs", entities=["user"], timestamp_key="at")
    made.set_targets()
    return made


@pytest.mark.slow
def test_a_job_in_a_process_with_the_users_code(path: str) -> None:
    fset = _set()
    fset.graph.to(name="double", handler="double")
    config = RunConfig(kind="process", code=CODE, owner="anna")
    run = ingest(fset, path, run_config=config, chunk_size=7)
    assert run.metadata.name == "jobs-ingest"
    assert run.metadata.labels["job-type"] == "feature-ingest"
    assert run.metadata.labels["owner"] == "anna"
    assert run.status.results["written"] == 30
    assert fset.status.targets["parquet"].rows == 30
    assert fset.spec.features["x"].value_type == "float"
    found = pd.read_parquet(str(fset.get_target_path()))
    assert found["x"].tolist() == list(map(float, range(30)))


def test_a_job_here(path: str) -> None:
    fset = _set()
    run = ingest(fset, path, ["parquet"], run_config=RunConfig(kind="job", local=True))
    assert run.status.results["rows"] == 30
    assert [target.kind for target in fset.status.targets] == ["parquet"]


def test_a_job_that_fails(path: str) -> None:
    fset = _set()
    with pytest.raises(RunError, match=r"none\.parquet"):
        ingest(fset, path.replace("in.parquet", "none.parquet"),
               run_config=RunConfig(kind="process", local=True))  # fmt: skip


def test_a_schedule_is_stored(path: str) -> None:
    fset = _set()
    source = ParquetSource(path=path, schedule="0 * * * *", time_field="at")
    ingest(fset, source)
    store: Any = open_store()
    schedule = store.read_schedule("default", "jobs-ingest")
    parameters = schedule["spec"]["run"]["spec"]["parameters"]
    assert parameters["overwrite"] is False
    assert parameters["source"]["schedule"] == "0 * * * *"
    assert len(fset.status.targets) == 0


def test_what_a_job_cannot_do(path: str) -> None:
    fset = _set()
    with pytest.raises(InvalidArgumentError, match="no targets"):
        ingest(fset, path, [], run_config=RunConfig())
    with pytest.raises(InvalidArgumentError, match="cannot read a frame"):
        ingest(fset, [pd.DataFrame({"user": [1]})], run_config=RunConfig())
