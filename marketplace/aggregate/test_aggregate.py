from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


def _frame(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "who": random.choice(["a", "b", "c"], rows),
            "load": random.normal(size=rows),
            "bad": random.random(rows) < 0.3,
        }
    )


def _run(frame: pd.DataFrame, folder: Path, **params: Any) -> Any:
    file = folder / "in.parquet"
    frame.to_parquet(file)
    fn: Any = ml.import_function("hub://aggregate")
    return fn.run(inputs={"df_artifact": str(file)}, params=params, local=True)


def test_windows_over_all_rows(tmp_path: Path) -> None:
    frame = _frame()
    params = {"metrics": ["load"], "labels": ["bad"], "metric_aggregations": ["mean", "sum"]}
    found = _run(frame, tmp_path, window=4, suffix="now", **params).artifact("aggregate").as_df()
    assert len(found) == 57
    for at in (3, 20, 59):
        window = frame.iloc[at - 3 : at + 1]
        row = found.loc[at]
        assert row["load_mean_now"] == pytest.approx(window["load"].mean())
        assert row["load_sum_now"] == pytest.approx(window["load"].sum())
        assert row["bad_max_now"] == float(window["bad"].max())
    assert list(found.columns[:3]) == ["who", "load", "bad"]


def test_windows_within_groups_keep_the_order_of_rows(tmp_path: Path) -> None:
    frame = _frame()
    run = _run(frame, tmp_path, keys=["who"], metrics=["load"], window=3, drop_na=False)
    found = run.artifact("aggregate").as_df()
    for at in range(60):
        before = frame.iloc[: at + 1]
        same = before[before["who"] == frame["who"][at]]["load"]
        mean = same.iloc[-3:].mean() if len(same) >= 3 else np.nan
        assert found["load_mean"][at] == pytest.approx(mean, nan_ok=True)


def test_an_index_with_equal_values_stays_as_it_is(tmp_path: Path) -> None:
    frame = _frame(12).assign(time=pd.to_datetime(["2024-01-01"] * 12)).set_index(["time", "who"])
    run = _run(frame, tmp_path, keys=["who"], metrics=["load"], window=1, inplace=True)
    found = run.artifact("aggregate").as_df()
    assert found.index.equals(frame.index) and list(found.columns) == ["load_mean"]
    assert np.allclose(found["load_mean"], frame["load"])


def test_center_and_missing_values(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan, 5.0], "other": [None, "b", "c", "d", "e"]})
    found = _run(frame, tmp_path, metrics="x", center=True).artifact("aggregate").as_df()
    assert found["x_mean"].tolist() == [2.0] and found.index.tolist() == [1]


def test_the_latest_files_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(4):
        file = folder / f"{'dbca'[number]}.parquet"
        pd.DataFrame({"x": [float(number)]}).to_parquet(file)
        os.utime(file, (1_000_000 + number, 1_000_000 + number))
    (folder / "note.txt").write_text("no table")
    fn: Any = ml.import_function("hub://aggregate")
    params: dict[str, Any] = {"metrics": ["x"], "window": 1, "files_to_select": 2}
    run = fn.run(inputs={"df_artifact": str(folder)}, params=params, local=True)
    assert run.artifact("aggregate").as_df()["x"].tolist() == [2.0, 3.0]


def test_a_frame_gives_a_frame() -> None:
    fn: Any = ml.import_function("hub://aggregate")
    module = ml.function_to_module(fn)
    with ml.get_or_create_ctx("call") as context:
        found = module.aggregate(context, _frame(9), metrics=["load"])  # type: ignore[union-attr]
    assert len(found) == 7 and "load_mean" in found


def test_where_the_result_goes(tmp_path: Path) -> None:
    run = _run(_frame(9), tmp_path, metrics=["load"], save_to=str(tmp_path / "out" / "a.pq"))
    assert len(pd.read_parquet(tmp_path / "out" / "a.pq")) == run.outputs["rows"] == 7
    run = _run(_frame(9), tmp_path, metrics=["load"], save_to="x/b.pq")
    place = Path(run.artifact("aggregate").url)
    assert place.is_relative_to(tmp_path / "home") and place.parts[-2:] == ("x", "b.pq")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "neither metrics nor labels"),
        ({"metrics": ["laod"]}, "there is no column 'laod'. Did you mean 'load'"),
        ({"metrics": ["who"]}, "column 'who' holds no numbers"),
        ({"metrics": ["load"], "metric_aggregations": ["__init__"]}, "there is no aggregation"),
        ({"metrics": ["load"], "keys": ["whom"]}, "to group by. Did you mean 'who'"),
        ({"metrics": ["load"], "window": 0}, "window is 0"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, params: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=said):
        _run(_frame(), tmp_path, **params)
    (tmp_path / "empty").mkdir()
    fn: Any = ml.import_function("hub://aggregate")
    with pytest.raises(RunError, match="no Parquet files"):
        fn.run(
            inputs={"df_artifact": str(tmp_path / "empty")}, params={"metrics": ["x"]}, local=True
        )
