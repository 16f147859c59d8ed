"""Inputs that are artifacts without bytes; previews of Dask frames that are not written yet."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError, RunError


def look(context: Any, thing: Any) -> None:
    context.log_result("url", thing.artifact_url)


def read(context: Any, thing: Any) -> None:
    thing.get()


@pytest.fixture
def uri(compat: ModuleType, tmp_path: Path) -> str:
    """The address of an artifact that is a record alone."""
    mlrun = import_module("mlrun")
    made = mlrun.get_or_create_project("default", str(tmp_path))
    record = mlrun.artifacts.Artifact("bare", None).to_dict()
    mlrun.get_run_db().store_artifact("bare", record, project=made.name)
    return "store://artifacts/default/bare"


def test_an_input_may_have_no_bytes_if_that_is_allowed(uri: str) -> None:
    run = import_module("mlrun.run")
    found = run.run_local(handler=look, inputs={"thing": uri}, allow_empty_resources=True)
    assert found.output("url") == uri
    assert found.spec.allow_empty_resources is True
    with pytest.raises((RunError, NotFoundError), match="has no bytes"):
        run.run_local(handler=look, inputs={"thing": uri})


def test_reading_it_is_an_error(uri: str) -> None:
    mlrun = import_module("mlrun")
    item = mlrun.store_manager.object(uri, allow_empty_resources=True)
    with pytest.raises(InvalidArgumentError, match="has no bytes"):
        item.get()
    with pytest.raises(NotFoundError, match="has no bytes"):
        mlrun.store_manager.object(uri)


def test_the_preview_of_a_dask_frame_is_computed_when_asked_for(compat: ModuleType) -> None:
    frames = pytest.importorskip("dask.dataframe")
    artifact = import_module("mlrun.artifacts").DatasetArtifact
    frame = frames.from_pandas(pd.DataFrame({"a": range(50)}), npartitions=4)
    assert artifact(df=frame, preview=30).preview[-1] == [29, 29]
    assert len(artifact(df=frame, ignore_preview_limits=True).preview) == 50
    made = artifact(df=frame)
    assert made.length is None and len(made.preview) == 20
