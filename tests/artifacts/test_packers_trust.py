"""Pickles: only those that this store logged, and that nobody changed, are opened."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlrun_like.artifacts import pickles
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import PackingWarning, unpack_input
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    UntrustedFormatError,
)
from tests.artifacts.packing_run import Run


class Local:
    """What a foreign pickle claims to be."""


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def run(tmp_path: Path, store_folder: Path) -> Run:
    return Run(tmp_path, store_folder)


def _item(path: Path, data: bytes | str) -> DataItem:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return get_dataitem(str(path), key="it")


class Bomb:
    exploded = False

    def __reduce__(self) -> Any:
        return Bomb._explode, ()

    @staticmethod
    def _explode() -> None:
        Bomb.exploded = True


def test_foreign_pickles_are_not_opened(tmp_path: Path) -> None:
    Bomb.exploded = False
    item = _item(tmp_path / "a.pkl", pickle.dumps(Bomb()))
    np.save(tmp_path / "a.npy", np.array([Bomb()]), allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=np.array([Bomb()]))
    for foreign, hint in (
        (item, Local),
        (get_dataitem(str(tmp_path / "a.npy")), np.ndarray),
        (get_dataitem(str(tmp_path / "a.npz")), "dict[str, numpy.ndarray]"),
    ):
        with pytest.raises(UntrustedFormatError, match="could execute code"):
            unpack_input(foreign, hint)
    assert not Bomb.exploded


def test_foreign_pickles_are_opened_on_request(tmp_path: Path) -> None:
    item = _item(tmp_path / "a.pkl", pickle.dumps(collections.Counter("aa")))
    assert unpack_input(item, collections.Counter, trust=True) == {"a": 2}
    with pytest.raises(InvalidArgumentError, match=r"it holds collections\.Counter"):
        unpack_input(item, Local, trust=True)
    broken = _item(tmp_path / "b.pkl", b"broken")
    with pytest.raises(InvalidArgumentError, match="cannot be opened"):
        unpack_input(broken, Local, trust=True)
    assert not pickles.is_trusting()


def test_logged_pickles_that_changed_are_not_opened(run: Run) -> None:
    Bomb.exploded = False
    run.pack(1 + 2j, "it")
    Path(run.logged["it"].target_path).write_bytes(pickle.dumps(Bomb()))
    for hint in (None, complex):
        with pytest.raises(IntegrityError, match="not the file that was logged"):
            unpack_input(run.input("it"), hint)
    assert not Bomb.exploded


def test_versions_that_differ_are_named(run: Run) -> None:
    run.pack(1j, "it")
    data = Path(run.logged["it"].target_path).read_bytes()
    notes = {
        "pickle_module_name": "cloudpickle",
        "pickle_module_version": "0.1",
        "python_version": "3.0.0",
    }
    with pytest.warns(PackingWarning, match=r"Python 3\.0\.0 .*cloudpickle 0\.1"):
        assert pickles.load(data, notes) == 1j
    for name, message in (("numpy", "`dump`"), ("no_such_module", "cannot be imported")):
        with pytest.raises(InvalidArgumentError, match=message):
            pickles.load(data, {"pickle_module_name": name})
