"""EvidentlyReport with the real library; skipped where it cannot be imported."""

from __future__ import annotations

import importlib.util
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module


def why_not() -> str:
    """Why Evidently cannot be used here; empty: it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own
            importlib.import_module("evidently")
    except ImportError as exc:  # also a version that does not fit the pandas installed
        return f"evidently cannot be imported: {exc}"
    return ""


WHY = why_not()
needs_evidently = pytest.mark.skipif(bool(WHY), reason=WHY or "-")


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://evidently_report")


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A table of three columns."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=400), "y": rng.normal(size=400)})
    frame["c"] = rng.choice(list("ab"), 400)
    frame.to_parquet(tmp_path / "reference.parquet")
    return tmp_path / "reference.parquet"


def numbers_of(frame: pd.DataFrame, **arguments: Any) -> dict[str, Any]:
    """What the application says of a table, by name."""
    app = module().EvidentlyReport
    [found] = app.evaluate(sample_data=frame, class_arguments=arguments, project="reported")
    return {one.get("metric_name") or one["result_name"]: one for one in found["results"]}


@needs_evidently
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Evidently's own
def test_drifted_columns_are_counted(reference: Path) -> None:
    before = pd.read_parquet(reference)
    now = before.assign(x=before["x"] + 3)
    now.loc[:39, "y"] = np.nan
    found = numbers_of(now, reference=str(reference), log_report=False)
    assert found["drifted_columns"]["metric_value"] == 1
    assert found["drifted_share"]["result_value"] == pytest.approx(1 / 3)
    assert found["drifted_share"]["result_status"] == 1
    assert found["rows"]["metric_value"] == 400
    assert found["missing_share"]["metric_value"] == pytest.approx(40 / 1200)
    same = numbers_of(before, reference=str(reference), log_report=False)
    assert same["drifted_share"]["result_status"] == same["drifted_share"]["result_value"] == 0
    one = numbers_of(now, reference=str(reference), columns=["x"], method="psi", log_report=False)
    assert one["drifted_share"]["result_status"] == 2


@needs_evidently
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_report_is_logged_also_without_a_reference(reference: Path, tmp_path: Path) -> None:
    before = pd.read_parquet(reference)
    folder = str(tmp_path / "workspace")
    found = numbers_of(before, evidently_workspace_path=folder)
    assert set(found) == {"rows", "missing_share"}
    assert any(Path(folder).rglob("*.json"))
    logged = ml.get_or_create_project("reported", save=False).list_artifacts()
    [page] = [one for one in logged if "evidently" in one.key]
    assert Path(page.target_path).stat().st_size > 1000


@needs_evidently
def test_windows_that_cannot_be_compared(reference: Path) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match="do not share any column"):
        numbers_of(pd.DataFrame({"z": [1]}), reference=str(reference))
    with pytest.raises(ml.errors.InvalidArgumentError, match="do not share nothing"):
        numbers_of(pd.read_parquet(reference), reference=str(reference), columns=["nothing"])
    empty = pd.read_parquet(reference)[:0]
    assert set(numbers_of(empty, reference=str(reference))) == {"rows"}


@pytest.mark.parametrize(("potential", "detected"), [(0, 0.5), (0.6, 0.5), (0.5, 1.5)])
def test_thresholds_that_do_not_fit(potential: float, detected: float) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match="do not fit together"):
        module().EvidentlyReport(potential=potential, detected=detected)


@pytest.mark.skipif(importlib.util.find_spec("evidently") is not None, reason="it is installed")
def test_without_evidently_the_message_says_what_to_install() -> None:
    with pytest.raises(ml.errors.MissingDependencyError, match="evidently"):
        module().EvidentlyReport()
