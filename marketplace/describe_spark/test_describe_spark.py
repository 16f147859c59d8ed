from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    made = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield made
    made.stop()


def _run(file: Path, **params: Any) -> Any:
    fn: Any = ml.import_function("hub://describe_spark")
    return fn.run(inputs={"dataset": str(file)}, params=params, local=True)


def test_numbers_are_those_of_pandas(session: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    value = random.normal(size=400)
    frame = pd.DataFrame(
        {
            "id": [f"key {at}" for at in range(400)],
            "value": value,
            "twice": 2 * value + 1,
            "gap.e": np.where(random.random(400) < 0.2, np.nan, random.normal(size=400)),
            "plan": [["a", "b", None][at % 3] for at in range(400)],
            "same": 7,
            "day": pd.date_range("2024-01-01", periods=400).astype("datetime64[us]"),
            "yes": random.random(400) < 0.5,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    run = _run(tmp_path / "t.parquet", bins=10)
    told = run.artifact("summary_stats").as_df().set_index("index")
    for name in ("value", "twice", "gap.e"):
        theirs: Any = frame[name]
        assert told.loc[name, "count"] == theirs.count()
        for key, one in (
            ("mean", theirs.mean()), ("std", theirs.std()), ("min", theirs.min()),
            ("max", theirs.max()), ("sum", theirs.sum()),
            ("mad", (theirs - theirs.mean()).abs().mean()),
        ):  # fmt: skip
            assert float(told.loc[name, key]) == pytest.approx(one, rel=1e-9), key
        assert float(told.loc[name, "50%"]) == pytest.approx(theirs.median(), abs=0.05)
    assert told.loc["gap.e", "n_missing"] == frame["gap.e"].isna().sum()
    counts = json.loads(told.loc["plan", "value_counts"])
    assert counts == frame["plan"].value_counts().to_dict()
    kinds = ["UNIQUE", "NUM", "NUM", "NUM", "CAT", "CONST", "DATE", "CAT"]
    assert told["type"].tolist() == kinds
    said = {key: run.outputs[key] for key in ("n", "nvar", "NUM", "CORR", "CONST", "REJECTED")}
    assert said == {"n": 400, "nvar": 8, "NUM": 2, "CORR": 1, "CONST": 1, "REJECTED": 2}
    missing = frame.isna().to_numpy().mean()
    assert run.outputs["total_missing"] == pytest.approx(missing)
    page = run.artifact("report").get(encoding="utf-8")
    assert "gap.e" in page and "twice" in page
    # the session of others stays
    assert session.range(3).count() == 3


def test_odd_values_and_short_form(session: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"a": [1.0, float("inf"), None, 2.0], "`b`": ["<b>x</b>", None, "", "x"], "c": [None] * 4}
    )
    frame.astype({"c": "float64"}).to_parquet(tmp_path / "t.parquet")
    run = _run(tmp_path / "t.parquet")
    told = run.artifact("summary_stats").as_df().set_index("index")
    assert told.loc["a", "mean"] == 1.5 and told.loc["a", "n_infinite"] == 1
    assert told.loc["c", "count"] == 0
    assert "<b>x" not in run.artifact("report").get(encoding="utf-8")
    (tmp_path / "t.csv").write_text("x,y\n1,a\n3,b\n")
    short = _run(tmp_path / "t.csv", describe_extended=False).artifact("summary_stats").as_df()
    assert float(short.set_index("column").loc["x", "mean"]) == 2.0


def test_mistakes_are_said(session: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(RunError, match="the table is empty"):
        _run(tmp_path / "empty.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(RunError, match=r"broken\.parquet"):
        _run(tmp_path / "broken.parquet")
    with pytest.raises(RunError, match="bins is 0"):
        _run(tmp_path / "empty.csv", bins=0)
