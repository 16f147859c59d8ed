from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

_SCHEMA = """
schema: 1
columns:
  age: {type: integer, min: 18, max: 90}
  plan: {type: text, domain: [basic, pro]}
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    old = pd.DataFrame({"age": [18 + at % 60 for at in range(900)], "plan": ["basic", "pro"] * 450})
    new = old.assign(contact=[f"user{at}@example.org" for at in range(900)])
    new.loc[:6, "age"] = 300
    new.loc[:2, "plan"] = "gold"
    old.to_csv(tmp_path / "old.csv", index=False)
    new.to_csv(tmp_path / "new.csv", index=False)
    (tmp_path / "schema.yaml").write_text(_SCHEMA)
    return tmp_path


def _run(folder: Path, inputs: dict[str, str], **params: Any) -> Any:
    fn: Any = ml.import_function("hub://validate_data")
    paths = {name: str(folder / file) for name, file in inputs.items()}
    return fn.run(inputs=paths, params=params, local=True)


def test_what_does_not_fit_fails_the_run_after_all_is_logged(folder: Path) -> None:
    with pytest.raises(RunError, match="age"):
        _run(folder, {"data": "new.csv", "schema": "schema.yaml"})
    run = _run(folder, {"data": "new.csv", "schema": "schema.yaml"}, fail_on="")
    assert run.outputs["valid"] is False and run.outputs["anomalies"] == 2
    found = {one["column"]: one["count"] for one in _json(run)["anomalies"]}
    assert found["age"] == 7 and found["plan"] == 3
    assert "<html" in run.artifact("validation_report").get(encoding="utf-8")


def _json(run: Any) -> Any:
    return json.loads(run.artifact("validation").get(encoding="utf-8"))


def test_data_that_fits_passes(folder: Path) -> None:
    run = _run(folder, {"data": "old.csv", "schema": "schema.yaml", "reference": "old.csv"})
    assert run.outputs["valid"] is True and run.outputs["drifted"] == 0
    assert run.outputs["rows"] == 900


def test_without_a_schema_the_reference_says_what_data_is_like(folder: Path) -> None:
    assert _run(folder, {"data": "old.csv", "reference": "old.csv"}).outputs["valid"] is True
    with pytest.raises(RunError, match=r"plan|age"):
        _run(folder, {"data": "new.csv", "reference": "old.csv"})


def test_without_both_a_schema_is_made_to_edit(folder: Path) -> None:
    run = _run(folder, {"data": "old.csv"})
    (folder / "made.yaml").write_text(run.artifact("schema").get(encoding="utf-8"))
    assert _run(folder, {"data": "old.csv", "schema": "made.yaml"}).outputs["valid"] is True
    with pytest.raises(RunError):
        _run(folder, {"data": "new.csv", "schema": "made.yaml"})


def test_personal_data_is_found_and_masked(folder: Path) -> None:
    run = _run(folder, {"data": "new.csv"}, policy="mask", clean=True)
    assert run.outputs["personal_data"] == 1
    clean = run.artifact("clean").as_df()
    assert not clean["contact"].str.contains("user").any() and (clean["age"][:7] == 300).all()
    with pytest.raises(RunError, match="personal data: email"):
        _run(folder, {"data": "new.csv"}, policy="stop")


def test_mistakes_are_said(folder: Path) -> None:
    with pytest.raises(RunError, match="no data to validate"):
        _run(folder, {})
    with pytest.raises(RunError, match="anomly"):
        _run(folder, {"data": "new.csv"}, fail_on="anomly")
    (folder / "broken.yaml").write_text("columns: [")
    with pytest.raises(RunError, match="YAML"):
        _run(folder, {"data": "new.csv", "schema": "broken.yaml"})
