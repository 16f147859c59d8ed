"""A schema that stands in the graph of a feature set: what it stops, drops or marks in ingest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.ingestion.api import ingest, preview

GOOD = pd.DataFrame({"user": range(3), "age": [20, 30, 40]})
BAD = pd.DataFrame({"user": range(5), "age": [21, 31, 500, 41, -1]})


def _checked(action: str, schema: Any, engine: str = "storey") -> FeatureSet:
    made = FeatureSet("people", entities=["user"], engine=engine)
    made.graph.to("ValidateData", "check", schema=schema, action=action)
    made.set_targets()
    return made


SCHEMA = """
schema: 1
columns:
  user: {type: integer, missing: 0}
  age: {type: integer, min: 0, max: 120}
"""


@pytest.fixture
def schema(tmp_path: Path) -> str:
    """A schema file."""
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA)
    return str(path)


def _ages(feature_set: FeatureSet) -> list[int]:
    return sorted(feature_set.to_dataframe()["age"].tolist())


@pytest.mark.parametrize("engine", ["storey", "pandas"])
def test_bad_rows_stop_an_ingestion_and_leave_what_was_there(schema: str, engine: str) -> None:
    people = _checked("raise", schema, engine)
    ingest(people, GOOD)
    with pytest.raises(StepError, match="age"):
        ingest(people, BAD)
    assert _ages(people) == [20, 30, 40]
    with pytest.raises(StepError, match="age"):
        preview(people, BAD)


@pytest.mark.parametrize("engine", ["storey", "pandas"])
def test_bad_rows_are_left_out(schema: str, engine: str) -> None:
    people = _checked("drop", schema, engine)
    taken = ingest(people, BAD)
    assert taken.index.tolist() == [0, 1, 3]
    assert _ages(people) == [21, 31, 41]


def test_bad_rows_are_marked(schema: str) -> None:
    taken = ingest(_checked("tag", schema), BAD)
    assert [bool(len(found)) for found in taken["validation"]] == [False, False, True, False, True]
