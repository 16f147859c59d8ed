"""Analyses as runs that log a page and numbers and fail on limits, and in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app
from mlrun_like.errors import RunError
from mlrun_like.monitoring.analysis.steps import compare_job, decay_job, fairness_job, slices_job


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    draw = np.random.default_rng(0)
    data = pd.DataFrame({"c": draw.choice(["a", "b", "d"], 900), "y": draw.integers(0, 2, 900)})
    wrong = np.where(data["c"] == "b", 0.6, 0.05)
    data["new"] = np.where(draw.random(900) < wrong, 1 - data["y"], data["y"])
    data["old"] = np.where(draw.random(900) < 0.45, 1 - data["y"], data["y"])
    data["when"] = pd.date_range("2025-01-01", periods=900, freq="h")
    path = tmp_path_factory.mktemp("data") / "test.parquet"
    data.to_parquet(path)
    quality = pd.DataFrame({"time": range(0, 86_400 * 10, 86_400)})
    quality["auc"] = 0.9 - 0.01 * quality.index
    quality.to_csv(path.with_name("quality.csv"), index=False)
    return str(path)


def run(job: Any, table: str, **params: Any) -> Any:
    return job.run(params=params, inputs={"dataset": table}, project="demo")


def test_runs_log_pages_and_fail_on_limits(table: str) -> None:
    options = {"predicted": "new", "by": ["c"], "columns": ["c"], "gap": 0.9}
    done = run(slices_job, table, label="y", options=options)
    assert done.outputs["worst_slice"] == "c = b" and done.outputs["passed"] is True
    assert str(done.artifact("slices_page").get(encoding="utf-8")).startswith("<!DOCTYPE html>")
    found = json.loads(str(done.artifact("slices_report").get(encoding="utf-8")))
    assert found["worst"][0]["slice"] == "c = b" and len(found["slices"]) == 3
    with pytest.raises(RunError, match="worse than elsewhere"):
        run(slices_job, table, label="y", options={**options, "gap": 0.1})
    kept = run(slices_job, table, label="y", options={**options, "gap": 0.1}, must=False)
    assert kept.outputs["passed"] is False
    with pytest.raises(RunError, match="no option 'depht'"):
        run(slices_job, table, label="y", options={"depht": 1})


def test_fairness_comparison_and_decay_as_runs(table: str) -> None:
    given = {"label": "y", "columns": "c", "options": {"predicted": "new"}}
    with pytest.raises(RunError, match="accuracy_difference of c"):
        run(fairness_job, table, **given, limits={"accuracy_difference": 0.1})
    done = run(fairness_job, table, **given, limits={"accuracy_difference": 0.9})
    assert done.outputs["accuracy_difference"] > 0.4
    done = run(compare_job, table, label="y", first="new", second="old", must="better")
    assert done.outputs["verdict"] == "better" and done.outputs["better_by_low"] > 0
    with pytest.raises(RunError, match="worse: accuracy"):
        run(compare_job, table, label="y", first="old", second="new", must="better")
    quality = table.replace("test.parquet", "quality.csv")
    done = run(decay_job, quality, options={"value": "auc"}, limit=0.5)
    assert done.outputs["verdict"] == "decays"
    assert done.outputs["days_until_limit"] == pytest.approx(31)
    with pytest.raises(RunError, match="is crossed in 31 days"):
        run(decay_job, quality, options={"value": "auc"}, limit=0.5, within=60)
    done = run(decay_job, table, label="y", options={"predicted": "new", "time": "when",
                                                     "window": "7D"})  # fmt: skip
    assert "slope_per_day" in done.outputs


def say(*words: str) -> Any:
    return CliRunner().invoke(app, ["analyse", *words])


def test_the_terminal(table: str, tmp_path: Path) -> None:
    page = str(tmp_path / "page.html")
    said = say("slices", table, "--label", "y", "--predicted", "new", "--by", "c", "--gap", "0.1",
               "--html", page)  # fmt: skip
    assert said.exit_code == 1 and "FAILED" in said.stdout and "c = b" in said.stdout
    assert "c = b" in Path(page).read_text(encoding="utf-8")
    said = say("fairness", table, "--label", "y", "--predicted", "new", "--column", "c",
               "--limit", "disparate_impact=0.1", "--json")  # fmt: skip
    assert said.exit_code == 0 and json.loads(said.stdout)["limits"] == {"disparate_impact": 0.1}
    said = say("compare", table, "--label", "y", "--first", "new", "--second", "old")
    assert said.exit_code == 0 and said.stdout.startswith("better: accuracy")
    quality = table.replace("test.parquet", "quality.csv")
    said = say("decay", quality, "--value", "auc", "--limit", "0.5", "--within", "60")
    assert said.exit_code == 1 and "decays: auc is 0.81 now" in said.stdout
    windows = ["decay", table, "--label", "y", "--predicted", "new", "--time", "when"]
    assert say(*windows, "--window", "7D").exit_code == 0
    for words, text in (
        (["slices", table, "--label", "why"], "no column 'why'"),
        (["fairness", table, "--label", "y", "--predicted", "new", "--column", "c", "--limit",
          "x=1"], "no measure 'x'"),
        (windows, "none of 38 windows of 1D has 30 rows"),
        (["decay", "--endpoint", "none", "--project", "demo"], "no result 'accuracy'"),
        (["slices", "absent.csv", "--label", "y", "--predicted", "p"], "absent.csv"),
    ):  # fmt: skip
        said = say(*words)
        assert said.exit_code == 1 and text in said.output, said.output


@pytest.mark.parametrize("name", ["slices", "fairness", "compare", "decay"])
def test_help_has_an_example(name: str) -> None:
    assert f"mlrun-like analyse {name} " in say(name, "--help").output
