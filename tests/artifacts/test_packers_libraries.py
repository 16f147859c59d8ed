"""Arrays, frames, models and figures there and back, in every form they can be logged in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mlrun_like.artifacts.packers import unpack_input
from mlrun_like.errors import InvalidArgumentError
from tests.artifacts.packing_run import Run

mpl.use("agg")

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def run(tmp_path: Path, store_folder: Path) -> Run:
    return Run(tmp_path, store_folder)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right)
        return True
    if isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right)
        return True
    if isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right)
        return True
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


# -- numpy ----------------------------------------------------------------------------------


def test_small_arrays_are_results(run: Run) -> None:
    run.pack(np.arange(9), "nine")
    run.pack(np.array([]), "empty")
    run.pack(np.arange(10), "ten")
    assert run.results == {"nine": list(range(9)), "empty": []}
    assert run.instructions("ten")["instructions"] == {"file_format": "npy"}


ARRAYS = [
    np.arange(12.0).reshape(3, 4), np.arange(12), np.ones((1, 5)), np.ones((5, 1)), np.ones(1),
    np.array(3.5), np.empty((0, 3)), np.array([math.nan, math.inf]), np.array([True, False]),
]  # fmt: skip


@pytest.mark.parametrize("form", ["npy", "txt", "gz", "csv"])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.shape}{array.dtype}")
def test_arrays_as_files(array: Any, form: str, run: Run) -> None:
    run.pack(array, {"key": "it", "artifact_type": "file", "file_format": form})
    for hint in (None, np.ndarray, "numpy.ndarray"):
        back = unpack_input(run.input("it"), hint)
        assert back.shape == array.shape
        np.testing.assert_array_equal(back, array)


def test_arrays_that_text_cannot_hold(run: Run) -> None:
    for array in (np.ones((2, 2, 2)), np.array(["a"]), np.array([1j])):
        with pytest.raises(InvalidArgumentError, match='use file_format "npy"'):
            run.pack(array, {"key": "it", "artifact_type": "file", "file_format": "csv"})
    with pytest.raises(InvalidArgumentError, match="'xyz' is unknown"):
        run.pack(np.ones(3), {"key": "it", "artifact_type": "file", "file_format": "xyz"})


@pytest.mark.parametrize("array", [np.ones((3, 2)), np.ones(4)], ids=["matrix", "vector"])
def test_arrays_as_data_sets(array: Any, run: Run) -> None:
    run.pack(array, "it:dataset")
    assert run.logged["it"].kind == "dataset"
    np.testing.assert_array_equal(unpack_input(run.input("it")), array)


def test_arrays_of_objects_come_back_from_the_store_only(run: Run) -> None:
    array = np.array([{"a": 1}, {"b": 2}])
    for value, hint in ((array, "it:file"), ([array], "list:file"), ({"x": array}, "dict:file")):
        key = hint.partition(":")[0]
        run.pack(value, hint)
        assert run.instructions(key)["instructions"]["allow_pickle"] is True
        assert _same(value, unpack_input(run.input(key)))


@pytest.mark.parametrize("compressed", [True, False])
def test_collections_of_arrays(compressed: bool, run: Run) -> None:
    arrays = {"x": np.arange(3), "y": np.ones((2, 2))}
    kind = {"artifact_type": "file", "is_compressed": compressed}
    run.pack(arrays, {"key": "dict", **kind})
    run.pack(list(arrays.values()), {"key": "list", **kind})
    assert run.instructions("dict")["packager_name"] == "NumPyNDArrayDictPackager"
    assert run.instructions("list")["packager_name"] == "NumPyNDArrayListPackager"
    assert _same(unpack_input(run.input("dict"), dict[str, np.ndarray]), arrays)
    assert _same(unpack_input(run.input("list"), "list[numpy.ndarray]"), list(arrays.values()))
    run.pack(list(arrays.values()), "plain:result")
    assert run.results["plain"] == [[0, 1, 2], [[1.0, 1.0], [1.0, 1.0]]]
    with pytest.raises(InvalidArgumentError, match="cannot name an array"):
        run.pack({1: np.ones(30)}, "it")


def test_numpy_numbers(run: Run) -> None:
    run.pack(np.float64(5.5), "a")
    run.pack(np.int8(5), "b")
    assert run.results == {"a": 5.5, "b": 5}
    assert [type(value) for value in run.results.values()] == [float, int]


# -- pandas ---------------------------------------------------------------------------------

FRAMES = {
    "plain": FRAME,
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int64")}),
    "numbers as columns": pd.DataFrame(np.arange(6).reshape(2, 3)),
    "index": pd.DataFrame({"a": [1, 2]}, index=[5, 7]),
    "named index": pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="i")),
    "index named like a column": pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="a")),
    "two index levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["n", "l"])
    ),
    "two column levels": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["p", None])
    ),
    "odd names": pd.DataFrame([[1, 2, 3]], columns=["a b", "a<b>", ""]),
}
FORMATS = ["parquet", "csv", "json", "feather", "orc"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", FRAMES)
def test_frames_as_files(name: str, form: str, run: Run) -> None:
    frame = FRAMES[name]
    run.pack(frame, {"key": "it", "artifact_type": "file", "file_format": form})
    kept = run.instructions("it")["instructions"]
    assert kept["file_format"] == form
    assert ("unflatten_kwargs" in kept["read_kwargs"]) == (form != "parquet")
    back = unpack_input(run.input("it"))
    assert list(back.columns) == list(frame.columns)
    assert back.columns.names == frame.columns.names
    assert back.index.names == frame.index.names
    pd.testing.assert_frame_equal(
        back, frame, check_dtype=False, check_index_type=False, check_column_type=False
    )


@pytest.mark.parametrize(("form", "package"), [("h5", "tables"), ("xlsx", "openpyxl"),
                                               ("xml", "lxml"), ("html", "lxml")])  # fmt: skip
@pytest.mark.parametrize("name", ["plain", "numbers as columns", "two index levels", "odd names"])
def test_frames_as_files_of_optional_formats(form: str, package: str, name: str, run: Run) -> None:
    pytest.importorskip(package)
    frame = FRAMES[name]
    run.pack(frame, {"key": "it", "artifact_type": "file", "file_format": form})
    back = unpack_input(run.input("it"))
    assert list(back.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(
        back, frame, check_dtype=False, check_index_type=False, check_column_type=False
    )


def test_frame_files_are_csv_when_a_column_is_not_text(run: Run) -> None:
    run.pack(FRAMES["numbers as columns"], "it:file")
    assert run.logged["it"].target_path.endswith(".csv")
    with pytest.raises(InvalidArgumentError, match="parquet, csv"):
        run.pack(FRAME, {"key": "it", "artifact_type": "file", "file_format": "doc"})


def test_a_frame_is_a_data_set(run: Run) -> None:
    for name in ("plain", "no rows", "named index"):
        run.pack(FRAMES[name], "it")
        assert run.logged["it"].kind == "dataset"
        assert _same(unpack_input(run.input("it"), pd.DataFrame), FRAMES[name])


def test_frames_as_results(run: Run) -> None:
    run.pack(FRAME, "list:result")
    run.pack(FRAMES["named index"], "dict:result")
    run.pack(FRAMES["two index levels"], "split:result")
    assert run.results["list"] == {"a": [1, 2], "b": ["x", "y"]}
    assert run.results["dict"] == {"a": {"5": 1, "7": 2}}
    assert run.results["split"]["index"] == [[1, "x"], [2, "y"]]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, 2]), pd.Series([1, 2], name="s"), pd.Series([1.5], index=["x"], name=0),
        FRAMES["two index levels"]["a"], pd.Series([1, 2], name=("a", "b")),
    ],
    ids=["unnamed", "named", "numbered", "levels", "tuple"],
)  # fmt: skip
def test_series(series: Any, run: Run) -> None:
    run.pack(series, "it")
    for hint in (None, pd.Series):
        back = unpack_input(run.input("it"), hint)
        pd.testing.assert_series_equal(back, series, check_dtype=False, check_index_type=False)
    assert run.instructions("it")["artifact_type"] == "file"
    run.pack(series, "it:object")
    assert _same(series, unpack_input(run.input("it")))


# -- models and figures ---------------------------------------------------------------------


def test_models(run: Run) -> None:
    x, y = np.arange(4.0).reshape(4, 1), np.arange(4.0)
    model = Pipeline([("scale", StandardScaler()), ("fit", LinearRegression())]).fit(x, y)
    run.pack(model, {"key": "it", "metrics": {"r2": 1.0}, "parameters": {"deep": 1}})
    spec = run.logged["it"].spec
    assert run.logged["it"].kind == "model"
    assert (spec.framework, spec.algorithm) == ("sklearn", "Pipeline")
    assert spec.metrics == {"r2": 1.0}
    assert spec.parameters == {"deep": 1}
    for hint in (None, Pipeline, "sklearn.base.BaseEstimator"):
        back = unpack_input(run.input("it"), hint)
        assert back.predict(x).tolist() == pytest.approx(y.tolist())
    run.pack(StandardScaler(), "scaler")
    assert run.logged["scaler"].kind == "artifact"
    assert isinstance(unpack_input(run.input("scaler"), StandardScaler), StandardScaler)


def test_figures(run: Run) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2])
    run.pack(figure, "loss")
    run.pack(axes, "axes")
    run.pack(go.Figure(go.Bar(y=[1])), "bar")
    assert [run.logged[key].kind for key in ("loss", "axes", "bar")] == ["plot", "plot", "plotly"]
    assert run.instructions("loss")["artifact_type"] == "plot"
