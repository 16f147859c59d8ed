"""The tester against a model that is really served over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml


def rounded(inputs: list[list[float]]) -> list[float]:
    """The model: the sum of each row, which it refuses to give for 99."""
    if inputs[0][0] == 99:
        raise ValueError("no such row")
    return [round(sum(value or 0 for value in row)) for row in inputs]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    fn: Any = ml.new_function("sums", kind="serving")
    fn.set_topology("router")
    fn.add_model("sum", ".", class_name="FunctionModelServer", _predict=rounded)
    with ml.serving.serve(fn) as server:
        yield server.url


def run(folder: Path, frame: pd.DataFrame, addr: str, **params: Any) -> Any:
    frame.to_csv(folder / "rows.csv", index=False)
    params = {"addr": addr, "model": "sum", **params}
    fn = ml.import_function("hub://v2_model_tester")
    return fn.run(inputs={"table": str(folder / "rows.csv")}, params=params, local=True)


def frame_of(rows: int) -> pd.DataFrame:
    values = np.arange(rows * 2, dtype=float).reshape(rows, 2)
    return pd.DataFrame(values, columns=["a", "b"]).assign(label=values.sum(axis=1).astype(int))


def test_answers_are_compared_with_the_labels_of_the_same_rows(url: str, tmp_path: Path) -> None:
    frame = frame_of(40)
    done = run(tmp_path, frame, url, rows=15, match_err=True, random_state=1)
    out = done.outputs
    assert (out["total_tests"], out["errors"], out["match"]) == (15, 0, 15)
    answers = done.artifact("answers").as_df()
    times = answers["latency"]
    assert out["avg_latency"] == int(times.mean())
    assert (out["min_latency"], out["max_latency"]) == (times.min(), times.max())
    assert out["p50_latency"] == int(np.percentile(times, 50))
    drawn = frame.sample(15, random_state=1)["label"].tolist()
    assert answers["expected"].tolist() == answers["answer"].tolist() == drawn
    assert "<svg" in done.artifact("latency").get().decode()


def test_wrong_answers_fail_only_if_they_must_match(url: str, tmp_path: Path) -> None:
    frame = frame_of(10)
    frame.loc[:2, "label"] += 1
    assert run(tmp_path, frame, url, rows=0).outputs["match"] == 7
    assert run(tmp_path, frame, url, rows=0, tolerance=1.0).outputs["match"] == 10
    with pytest.raises(ml.errors.RunError, match="7 of 10 answers are the label"):
        run(tmp_path, frame, url, rows=0, match_err=True)


def test_failed_requests_fail_the_run_after_the_others(url: str, tmp_path: Path) -> None:
    frame = frame_of(5)
    frame.loc[3, "a"] = 99
    with pytest.raises(
        ml.errors.RunError, match=r"1 of 5 requests failed: 1 x status 500.*no such"
    ):
        run(tmp_path, frame, url)
    with pytest.raises(ml.errors.RunError, match="5 of 5 requests failed: 5 x not reached"):
        run(tmp_path, frame, "http://127.0.0.1:9")
    with pytest.raises(ml.errors.RunError, match="status 404"):
        run(tmp_path, frame, url, model="other")


def test_missing_values_texts_and_no_labels(url: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, None], "b": [2.0, 5.0], "answer": [3, 5]})
    assert run(tmp_path, frame, url, label_column="answer").outputs["match"] == 2
    out = run(tmp_path, frame[["a", "b"]], url, label_column="", match_err=True).outputs
    assert (out["total_tests"], out["match"]) == (2, 0)


def test_tables_that_cannot_be_used(url: str, tmp_path: Path) -> None:
    with pytest.raises(ml.errors.RunError, match="no column 'label'"):
        run(tmp_path, pd.DataFrame({"a": [1]}), url)
    with pytest.raises(ml.errors.RunError, match="no rows"):
        run(tmp_path, pd.DataFrame({"a": [], "label": []}), url)
