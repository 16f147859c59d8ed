"""Inputs by type hint: plain files, logged artifacts, unions, collections and hostile files."""

# ruff: noqa: UP007, UP045 - both spellings of a union are tested
from __future__ import annotations

import gzip
import inspect
import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NewType, Optional, TypeVar, Union

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import PackingWarning, unpack_input
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingFileError,
)
from tests.artifacts.packing_run import Run

Score = NewType("Score", float)
Number = TypeVar("Number", int, float)


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def run(tmp_path: Path, store_folder: Path) -> Run:
    return Run(tmp_path, store_folder)


def _item(path: Path, data: bytes | str) -> DataItem:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return get_dataitem(str(path), key="it")


PLAIN: list[tuple[str, str | bytes, Any, Any]] = [
    ("a.txt", " 42\n", int, 42),
    ("a.txt", "0.5", float, 0.5),
    ("a.txt", "5", float, 5.0),
    ("a.txt", "5", "int | float", 5),
    ("a.txt", "5.5", "int | float", 5.5),
    ("a.txt", "5.5", Optional[float], 5.5),
    ("a.txt", "5.5", Score, 5.5),
    ("a.txt", "5", Number, 5),
    ("a.txt", "True", bool, True),
    ("a.txt", "0", bool, False),
    ("a.txt", "5", np.int32, np.int32(5)),
    ("a.txt", "5", np.float32, np.float32(5)),
    ("a.txt", "5.5", np.number, np.float64(5.5)),
    ("a.json", '{"a": 1}', dict, {"a": 1}),
    ("a.json", "\ufeff[1, 2]", list, [1, 2]),
    ("a.json", "[1, 2]", tuple, (1, 2)),
    ("a.json", "[1, 2]", set, {1, 2}),
    ("a.json", "[1, 2]", frozenset, frozenset({1, 2})),
    ("a.json", "[1, 2]", "list[int]", [1, 2]),
    ("a.json", "[1, 2]", Sequence, [1, 2]),
    ("a.json", "[1, 2]", typing.List, [1, 2]),  # noqa: UP006
    ("a.json", '{"a": 1}', Mapping[str, int], {"a": 1}),
    ("a.json", '{"a": 1}', "str | dict", None),
    ("noend", "[1]", list, [1]),
    ("a.jsonl", '{"a": 1}\n{"a": 2}\n', list, [{"a": 1}, {"a": 2}]),
    ("a.jsonl", '{"a": 1}\n', dict, {"a": 1}),
    ("a.yml", "a: [1]", dict, {"a": [1]}),
    ("a.txt", "{'a': (1, 2)}", dict, {"a": (1, 2)}),
    ("a.bin", b"\x00\xff", bytes, b"\x00\xff"),
    ("a.json", "[1, 255]", bytes, b"\x01\xff"),
    ("a.json", '{"a": 1}', bytes, b'{"a": 1}'),
    ("a.txt", "hello", bytearray, bytearray(b"hello")),
]


@pytest.mark.parametrize(("name", "data", "hint", "expected"), PLAIN)
def test_plain_files(
    name: str, data: str | bytes, hint: Any, expected: Any, tmp_path: Path
) -> None:
    value = unpack_input(_item(tmp_path / name, data), hint)
    if expected is None:
        expected = str(tmp_path / name)
    assert value == expected
    assert type(value) is type(expected)
    assert (tmp_path / name).exists()


def test_text_is_a_path(tmp_path: Path) -> None:
    item = _item(tmp_path / "a.txt", "hello")
    assert unpack_input(item, str) == str(tmp_path / "a.txt")
    assert unpack_input(item, Path) == tmp_path / "a.txt"
    assert unpack_input(item, Literal["a", "b"]) == str(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "hint",
    [DataItem, "mlrun.DataItem", "mlrun_like.DataItem", "str | mlrun.DataItem", DataItem | None,
     Union[str, DataItem], None, "", Any, object, inspect.Parameter.empty, TypeVar("T")],
)  # fmt: skip
def test_what_stays_a_data_item(hint: Any, tmp_path: Path) -> None:
    item = _item(tmp_path / "a.txt", "5")
    assert unpack_input(item, hint) is item


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_plain_tables(form: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    path = tmp_path / f"t.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records")
    item = get_dataitem(str(path))
    for hint in (pd.DataFrame, "pandas.DataFrame", "pandas.core.frame.DataFrame | None"):
        pd.testing.assert_frame_equal(unpack_input(item, hint), frame)
    assert unpack_input(item, pd.Series).tolist() == [1, 2]
    if form != "json":
        assert unpack_input(item, np.ndarray).ravel().tolist() == [1, 2]


def test_plain_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        file.write(b"1 2\n3 4\n")
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    assert unpack_input(get_dataitem(str(tmp_path / "a.npy")), np.ndarray).tolist() == [0, 1, 2]
    back = unpack_input(get_dataitem(str(tmp_path / "a.npz")), "dict[str, numpy.ndarray]")
    assert back["x"].tolist() == [0, 1, 2]
    assert unpack_input(get_dataitem(str(tmp_path / "a.gz")), np.ndarray).tolist() == [
        [1, 2],
        [3, 4],
    ]
    assert unpack_input(get_dataitem(str(tmp_path / "a.csv")), np.ndarray).tolist() == [1, 2]


BAD: list[tuple[str, str | bytes, Any, str]] = [
    ("a.txt", "many", int, "invalid literal"),
    ("a.txt", "", float, "could not convert"),
    ("a.txt", "maybe", bool, "neither true nor false"),
    ("a.txt", "x" * 5000, int, "longer than"),
    ("a.txt", "5.5", np.int32, "numpy.float64"),
    ("a.json", "[1", list, "cannot be read as json"),
    ("a.json", "[" * 100_000, list, "cannot be read as json"),
    ("a.json", "[1]", dict, "it holds list"),
    ("a.json", '"text"', list, "it holds str"),
    ("a.jsonl", "{}\n{}", dict, "one line expected, 2 found"),
    ("a.yaml", "a: [", dict, "cannot be read as yaml"),
    ("a.yaml", "!!python/object/apply:os.system ['true']", dict, "cannot be read as yaml"),
    ("a.txt", "__import__('os')", dict, "cannot be read as txt"),
    ("a.json", b"\xff\xfe\x00", list, "cannot be read as json"),
    ("a.npy", b"", np.ndarray, "no numpy file"),
    ("a.npy", b"hello", np.ndarray, "no numpy file"),
    ("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, "
              b"'shape': (99999999999999,), }" + b" " * 50 + b"\n", np.ndarray, "no numpy file"),
    ("a.npz", b"PK\x03\x04broken", "list[numpy.ndarray]", "no numpy file"),
    ("a.csv", "a,b\nx,y\n", np.ndarray, "no table of numbers"),
    ("a.gz", b"\x1f\x8bbroken", np.ndarray, "no table of numbers"),
    ("a.xyz", "1", np.ndarray, "unknown for arrays"),
    ("a.parquet", b"PAR1broken", pd.DataFrame, "parquet"),
    ("a.csv", "a,b\n1,2\n", pd.Series, "2 columns"),
    ("a.txt", "x", "int | float", "invalid literal.*could not convert"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "hint", "message"), BAD)
def test_what_cannot_be_read(
    name: str, data: str | bytes, hint: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        unpack_input(_item(tmp_path / name, data), hint)
    assert caught.value.what.startswith("input 'it' cannot be read as ")
    assert name in caught.value.where
    assert caught.value.fix


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for hint in (int, dict, pd.DataFrame):
        with pytest.raises(MissingFileError):
            unpack_input(get_dataitem(str(tmp_path / "none.csv")), hint)


def test_logged_values_become_what_the_hint_asks(run: Run) -> None:
    run.pack([1, 2], "it:object")
    assert unpack_input(run.input("it"), tuple) == (1, 2)
    assert unpack_input(run.input("it"), "set | None") == {1, 2}
    run.pack(5, "five:object")
    assert unpack_input(run.input("five"), float) == 5.0
    assert unpack_input(run.input("five"), "str | int") == 5
    with pytest.raises(InvalidArgumentError, match="it holds int"):
        unpack_input(run.input("five"), dict)
    run.pack([1, 2], "list:file")
    with pytest.warns(PackingWarning, match="was logged as list and is read as set"):
        assert unpack_input(run.input("list"), set) == {1, 2}
    assert json.loads(Path(unpack_input(run.input("list"), str)).read_text()) == [1, 2]
    assert unpack_input(run.input("list"), Sequence) == [1, 2]
    assert unpack_input(run.input("list"), DataItem).get(encoding="utf-8") == "[1, 2]"


def test_artifacts_without_instructions_stay_items(run: Run) -> None:
    run.log_artifact("plain", body="[1]", format="json")
    assert isinstance(unpack_input(run.input("plain")), DataItem)
    assert unpack_input(run.input("plain"), list) == [1]


def test_collections_of_inputs(tmp_path: Path, run: Run) -> None:
    items = [_item(tmp_path / f"{n}.json", f"[{n}]") for n in range(3)]
    assert unpack_input(items, "list[list]") == [[0], [1], [2]]
    assert unpack_input(items, tuple[tuple[int, ...], ...]) == ((0,), (1,), (2,))
    assert unpack_input(items, set[frozenset[int]]) == {frozenset({n}) for n in range(3)}
    assert unpack_input({"a": items[0]}, dict[str, list[int]]) == {"a": [0]}
    assert unpack_input(items, list) == items
    assert unpack_input(items) == items
    run.pack(np.arange(20), "array")
    back = unpack_input({"a": run.input("array")}, "dict")
    assert back["a"].tolist() == list(range(20))
    with pytest.raises(InvalidArgumentError, match="list of 3 inputs cannot be read as int"):
        unpack_input(items, int)


@given(
    data=st.binary(max_size=60), hint=st.sampled_from([int, bool, dict, list, bytes, np.ndarray])
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("suffix", ["json", "yaml", "txt", "npy", "csv"])
def test_any_bytes_are_read_or_refused(data: bytes, hint: Any, suffix: str, tmp_path: Path) -> None:
    try:
        value = unpack_input(_item(tmp_path / f"a.{suffix}", data), hint)
    except InvalidArgumentError:
        return
    assert isinstance(value, hint)
