"""Python's own types there and back, in every form it can be logged in."""

from __future__ import annotations

import collections
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.artifacts.archives import ARCHIVE_FORMATS
from mlrun_like.artifacts.packers import unpack_input, workspace
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


VALUES: list[Any] = [
    7, 0.5, True, None, "text", "", {"a": {"b": [1, 2]}}, [1, {"a": 2}], (1, 2), {1, 2},
    frozenset({1}), b"bytes", b"", bytearray(b"ab"), np.arange(12.0).reshape(3, 4), np.float32(0.5),
    FRAME, pd.Series([1.5, 2.5], name="s"), collections.OrderedDict(a=1),
    [np.arange(3), np.ones((2, 2))], {"x": np.arange(3), "y": np.ones((2, 2))},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_as_object(value: Any, run: Run) -> None:
    run.pack(value, "it:object")
    back = unpack_input(run.input("it"))
    assert type(back) is type(value)
    assert _same(value, back)
    notes = run.instructions("it")["instructions"]
    assert notes["pickle_module_name"] == "cloudpickle"
    assert notes["pickle_module_version"] == cloudpickle.__version__
    assert notes["python_version"] == platform.python_version()


STRUCTURED: list[Any] = [
    {"a": {"b": [1, 2.5, None, "ü"]}}, {}, [1, {"a": "b"}], [], [[1]], (1, 2), (), {1, 2}, set(),
    frozenset({"a"}), b"bytes\x00\xff", b"", bytearray(b"\x01"),
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "txt"])
@pytest.mark.parametrize("value", STRUCTURED, ids=repr)
def test_as_file(value: Any, form: str, run: Run) -> None:
    run.pack(value, {"key": "it", "artifact_type": "file", "file_format": form})
    assert run.instructions("it")["instructions"] == {"file_format": form}
    assert run.logged["it"].target_path.endswith(f".{form}")
    for hint in (None, type(value), type(value).__name__, type(value) | None):
        back = unpack_input(run.input("it"), hint)
        assert type(back) is type(value)
        assert back == value


@pytest.mark.parametrize("value", [{1: "a"}, {"a": (1, 2)}, [{1, 2}], [b"a"]], ids=repr)
def test_files_keep_what_json_would_change(value: Any, run: Run) -> None:
    run.pack(value, "it:file")
    assert unpack_input(run.input("it")) == value


def test_files_refuse_what_they_cannot_hold(run: Run) -> None:
    for value in ([object()], {"a": np.ones(3), "b": 1}, [float("nan"), (1,)]):
        with pytest.raises(InvalidArgumentError, match="cannot be written as"):
            run.pack(value, "it:file")
    with pytest.raises(InvalidArgumentError, match="'toml' is unknown"):
        run.pack([1], {"key": "it", "artifact_type": "file", "file_format": "toml"})


def test_large_collections_become_files(run: Run) -> None:
    value = list(range(100_000))
    run.pack(value, "it")
    assert run.results == {}
    assert unpack_input(run.input("it")) == value


def test_bytes_as_results_and_files(run: Run) -> None:
    run.pack(b"ab", "short")
    run.pack(bytearray(b"ab"), "short2")
    assert run.results == {"short": "b'ab'", "short2": "b'ab'"}
    run.pack(bytes(5000), "long")
    assert Path(run.logged["long"].target_path).read_bytes() == bytes(5000)
    assert unpack_input(run.input("long")) == bytes(5000)


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "txt", ""])
@given(value=st.lists(DATA, max_size=4) | st.dictionaries(st.text("abc"), DATA, max_size=4))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nested_data_survives_every_format(form: str, value: Any, tmp_path: Path) -> None:
    from mlrun_like.artifacts.packers_python import DictPackager, ListPackager

    packer = DictPackager() if isinstance(value, dict) else ListPackager()
    infinite = "inf" in repr(value) and form == "txt"
    with workspace():
        try:
            packed, notes = packer.pack_file(value, "it", form)
        except InvalidArgumentError:
            assert infinite
            return

        class Item:
            key = url = "it"
            suffix, meta = "", None

            def local(self) -> str:
                return str(packed.arguments["local_path"])

        item: Any = Item()
        assert packer.unpack_file(item, **notes) == value


# -- text and paths -------------------------------------------------------------------------


def test_text_as_result_and_file(run: Run) -> None:
    run.pack("text", "it")
    assert run.results == {"it": "text"}
    run.pack("a\r\nü\n", "page:file")
    assert unpack_input(run.input("page")) == "a\r\nü\n"


@pytest.mark.parametrize("kind", [str, Path])
def test_path_of_a_file(kind: Callable[[Path], Any], run: Run, tmp_path: Path) -> None:
    file = tmp_path / "my.txt"
    file.write_text("content")
    run.pack(kind(file), "it:path")
    assert run.instructions("it")["instructions"] == {"is_directory": False}
    for hint in (None, str, Path, "pathlib.Path"):
        back = unpack_input(run.input("it"), hint)
        assert Path(back).read_text() == "content"
    assert isinstance(unpack_input(run.input("it")), type(kind(file)))
    assert file.exists()


@pytest.mark.parametrize("form", ARCHIVE_FORMATS)
def test_path_of_a_folder(form: str, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.txt").write_text("content")
    run.pack(str(folder), {"key": "it", "artifact_type": "path", "archive_format": form})
    assert run.instructions("it")["instructions"] == {"is_directory": True, "archive_format": form}
    with workspace():
        for hint in (None, str, Path):
            back = unpack_input(run.input("it"), hint)
            assert (Path(back) / "in" / "a.txt").read_text() == "content"
    assert not Path(back).exists()


def test_a_path_is_a_path_by_default_and_must_exist(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    run.pack(tmp_path / "d", "it")
    assert run.logged["it"].target_path.endswith(".zip")
    for hint in ("none", "none:path"):
        with pytest.raises(InvalidArgumentError, match="not a file nor a directory"):
            run.pack(tmp_path / "none", hint)
    run.pack(tmp_path / "none", "none:result")
    assert run.results["none"] == str(tmp_path / "none")
