from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

dd = pytest.importorskip("dask.dataframe", reason="dask is not installed")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _frame(rows: int = 3000) -> pd.DataFrame:
    random = np.random.default_rng(3)
    age = random.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "age": age,
            "income": age * 100 + random.normal(0, 300, rows),
            "gap": np.where(random.random(rows) < 0.25, np.nan, random.normal(size=rows)),
            "plan": random.choice(["basic", "plus"], rows),
            "label": random.choice([0, 1], rows, p=[0.9, 0.1]),
        }
    )


def _run(inputs: dict[str, str], **params: Any) -> Any:
    fn: Any = ml.import_function("hub://describe_dask")
    return fn.run(inputs=inputs, params=params, local=True)


def test_numbers_are_those_of_pandas(tmp_path: Path) -> None:
    frame = _frame()
    (tmp_path / "parts").mkdir()
    for number in range(3):
        part = frame.iloc[number * 1000 : (number + 1) * 1000]
        part.to_parquet(tmp_path / "parts" / f"{number}.parquet")
    run = _run({"dataset": str(tmp_path / "parts")})
    told = run.artifact("describe-csv").as_df().set_index("statistic")
    for name in ("age", "income", "gap"):
        theirs: Any = frame[name].describe()
        for key in ("count", "mean", "std", "min", "max"):
            assert float(told.loc[key, name]) == pytest.approx(theirs[key], rel=1e-9)
        assert float(told.loc["50%", name]) == pytest.approx(theirs["50%"], abs=theirs["std"] / 10)
    matrix = run.artifact("correlation-matrix").as_df().set_index("column")
    assert np.allclose(matrix.to_numpy(float), frame[["age", "income", "gap"]].corr(), atol=1e-9)
    weights = run.artifact("imbalance-weights-vec").as_df()["weights"].tolist()
    shares: Any = frame["label"].value_counts(normalize=True).sort_index()
    assert weights == pytest.approx(shares.tolist())
    assert run.outputs["rows"] == 3000
    for key in ("report", "histograms", "violin", "imbalance", "correlation", "scatter-2d"):
        assert "<html" in run.artifact(key).get(encoding="utf-8")


def test_without_plotly_charts_are_svg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.monitoring.description.charts.find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "plotly", None)
    _frame(200).to_csv(tmp_path / "people.csv", index=False)
    run = _run({"dataset": str(tmp_path / "people.csv")})
    assert "<svg" in run.artifact("histograms").get(encoding="utf-8")


@pytest.mark.slow
def test_a_published_data_set_on_a_cluster() -> None:
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    cluster = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
    with cluster, distributed.Client(cluster) as client:
        client.publish_dataset(people=dd.from_pandas(_frame(200), npartitions=2))
        run = _run({}, dask_key="people", dask_client=client)
        assert run.outputs["rows"] == 200 and "imbalance" in run.outputs
        with pytest.raises(RunError, match="Did you mean 'people'"):
            _run({}, dask_key="poeple", dask_client=client)


def test_odd_tables(tmp_path: Path) -> None:
    odd = {
        "infinite": pd.DataFrame({"a": [1.0, np.inf, None] * 5, "b": [True, False, None] * 5}),
        "empty": pd.DataFrame({"a": pd.Series([], dtype="float64")}),
        "texts": pd.DataFrame({"a": [f"<b>{at}</b>" for at in range(30)]}),
        "times": pd.DataFrame({"a": pd.date_range("2024-01-01", periods=9), "label": [1.5] * 9}),
    }
    for name, frame in odd.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        run = _run({"dataset": str(tmp_path / f"{name}.parquet")})
        assert run.outputs["rows"] == len(frame), name
        assert "<b>1" not in run.artifact("report").get(encoding="utf-8")


def test_mistakes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match="there is no table"):
        _run({})
    _frame(20).to_csv(tmp_path / "t.csv", index=False)
    _run({"dataset": str(tmp_path / "t.csv")}, label_column="lable")
    assert "there is no label column 'lable'. Did you mean 'label'" in capsys.readouterr().out
