from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError
from mlrun_like.monitoring.description import charts

_CHARTS = ("histograms", "scatter-2d", "violin", "correlation", "missing-values")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _frame(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(3)
    age = random.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "age": age,
            "income": age * 100 + random.normal(0, 300, rows),
            "gap": np.where(random.random(rows) < 0.25, np.nan, random.normal(size=rows)),
            "plan": random.choice(["basic", "plus", "<b>pro</b>"], rows),
            "since": pd.date_range("2024-01-01", periods=rows, freq="h"),
            "churned": random.choice([0, 1], rows, p=[0.9, 0.1]),
        }
    )


def _run(frame: pd.DataFrame, path: Path, **params: Any) -> Any:
    file = path / "people.parquet"
    frame.to_parquet(file)
    fn: Any = ml.import_function("hub://describe")
    return fn.run(inputs={"table": str(file)}, params=params, local=True)


def test_numbers_are_those_of_pandas(tmp_path: Path) -> None:
    frame = _frame()
    run = _run(frame, tmp_path, label_column="churned")
    told = run.artifact("describe-csv").as_df().set_index("statistic")
    for name in ("age", "income", "gap"):
        theirs: Any = frame[name].describe()
        for key in ("count", "mean", "std", "min", "25%", "50%", "75%", "max"):
            assert float(told.loc[key, name]) == pytest.approx(theirs[key], rel=1e-9)
    matrix = run.artifact("correlation-matrix-csv").as_df().set_index("column")
    matched = frame[["age", "income", "gap"]].corr()
    assert np.allclose(matrix.to_numpy(float), matched.to_numpy(), atol=1e-12)
    weights = run.artifact("imbalance-weights-vec").as_df().set_index("churned")["count"]
    shares = frame["churned"].value_counts(normalize=True)
    assert weights.to_dict() == pytest.approx(shares.to_dict())
    assert run.outputs["rows"] == 400 and run.outputs["columns"] == 6
    missing = frame.isna().to_numpy().mean()
    assert run.outputs["missing_share"] == pytest.approx(missing, abs=1e-6)
    assert run.outputs["duplicate_rows"] == 0 and run.outputs["number_columns"] == 4


def test_all_charts_are_there_and_the_data_set_leads_to_them(tmp_path: Path) -> None:
    run = _run(_frame(), tmp_path, label_column="churned", name="people")
    for key in (*_CHARTS, "imbalance", "hist", "report"):
        page = run.artifact(key).get(encoding="utf-8")
        assert page.lstrip().lower().startswith(("<!doctype html", "<html")), key
        assert "<b>pro</b>" not in page, key
    report = run.artifact("report").get(encoding="utf-8")
    assert "income" in report and "&lt;b&gt;pro&lt;/b&gt;" in report
    item = ml.get_dataitem("store://datasets/default/people")
    assert item.meta is not None and "histograms" in item.meta.spec.extra_data
    assert len(item.as_df()) == 400


def test_a_stored_data_set_is_not_stored_again(tmp_path: Path) -> None:
    making = ml.new_function(
        "making", kind="local", handler=lambda context: context.log_dataset("raw", _frame())
    )
    known = making.run(local=True).outputs["raw"]
    fn: Any = ml.import_function("hub://describe")
    run = fn.run(inputs={"table": known}, local=True)
    assert "dataset" not in run.outputs
    again = ml.get_dataitem(known).meta
    assert again is not None and "violin" in again.spec.extra_data


def test_it_runs_where_the_product_has_no_extras() -> None:
    assert not ml.import_function("hub://describe").spec.build.requirements


def test_without_plotly_charts_are_svg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    run = _run(_frame(), tmp_path, label_column="churned")
    for key in (*_CHARTS, "imbalance"):
        page = run.artifact(key).get(encoding="utf-8")
        assert "<script" not in page and ("<svg" in page), key


def test_a_numeric_label(tmp_path: Path) -> None:
    run = _run(_frame(), tmp_path, label_column="income", problem_type="regression")
    bars = run.artifact("imbalance-weights-vec").as_df()
    assert bars["count"].sum() == 400 and list(bars.columns) == ["min_val", "count"]
    matrix = run.artifact("correlation-matrix-csv").as_df()
    assert "income" not in matrix.columns


_ODD: dict[str, Any] = {
    "empty": pd.DataFrame({"a": pd.Series([], dtype="float64"), "b": pd.Series([], dtype="str")}),
    "one row": pd.DataFrame({"a": [1.5], "b": ["x"]}),
    "constant": pd.DataFrame({"a": [7] * 50, "b": [np.nan] * 50, "c": ["x"] * 50}),
    "infinite": pd.DataFrame({"a": [1.0, np.inf, -np.inf, 2.0, np.nan] * 9}),
    "huge numbers": pd.DataFrame(
        {"a": [1e308, -1e308, 0.0, 5e-324] * 9, "b": [2**62, 1, 2, 3] * 9}
    ),
    "lists": pd.DataFrame({"a": [[1], [2, 3], None] * 9, "b": [{"k": 1}, None, {"k": 2}] * 9}),
    "truth": pd.DataFrame({"a": pd.array([True, None, False] * 9, dtype="boolean")}),
    "times": pd.DataFrame(
        {"a": pd.to_datetime(pd.Series(["2024-01-01", None, "2999-12-31"] * 9), utc=True)}
    ),
    "spans": pd.DataFrame({"a": pd.to_timedelta([1, 2, 400] * 9, unit="D")}),
    "words": pd.DataFrame({"a": [f"person {number}" for number in range(300)]}),
    "classes": pd.DataFrame({"a": pd.Categorical(["x", "y", None] * 9)}),
}


@pytest.mark.parametrize("kind", _ODD)
def test_odd_tables_are_described(tmp_path: Path, kind: str) -> None:
    frame = _ODD[kind]
    run = _run(frame, tmp_path, label_column="a")
    assert run.outputs["rows"] == len(frame)
    assert "report" in run.outputs and "histograms" in run.outputs


def test_columns_that_pandas_keeps_apart_only(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, "x", 2.0], ["y", 3, None]], columns=["a", "b", "c"])
    frame.to_csv(tmp_path / "m.csv", index=False)
    fn: Any = ml.import_function("hub://describe")
    run = fn.run(inputs={"table": str(tmp_path / "m.csv")}, local=True)
    assert run.outputs["rows"] == 2 and run.outputs["columns"] == 3


def test_many_columns_take_seconds_and_small_pages(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, 600)))
    frame.columns = [f"c{number}" for number in range(600)]
    run = _run(frame, tmp_path)
    assert run.outputs["columns"] == 600
    assert len(run.artifact("report").get()) < 3_000_000


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"problem_type": "clasification"}, "problem_type is 'clasification'"),
        ({"dask_function": "db://default/nothing"}, "nothing"),
    ],
)
def test_what_cannot_be_described_is_said(
    tmp_path: Path, params: dict[str, str], said: str
) -> None:
    with pytest.raises(RunError, match=said):
        _run(_frame(20), tmp_path, **params)


def test_no_table_a_broken_one_and_a_wrong_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fn: Any = ml.import_function("hub://describe")
    with pytest.raises(RunError, match="no table to describe"):
        fn.run(local=True)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(RunError, match=r"broken\.parquet"):
        fn.run(inputs={"table": str(tmp_path / "broken.parquet")}, local=True)
    run = _run(_frame(20), tmp_path, label_column="churn")
    assert "imbalance" not in run.outputs
    assert "there is no label column 'churn'" in capsys.readouterr().out


def test_without_a_cluster_a_process_stands_in(tmp_path: Path) -> None:
    _frame(50).to_parquet(tmp_path / "t.parquet")
    fn: Any = ml.import_function("hub://describe")
    run = fn.run(inputs={"table": str(tmp_path / "t.parquet")})
    assert run.state() == "completed" and run.outputs["rows"] == 50
