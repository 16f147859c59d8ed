"""The names of `mlrun_like.feature_store`: all there, none loaded before it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import mlrun_like.feature_store as fstore
from mlrun_like.feature_store import sources, targets


@pytest.mark.parametrize("name", fstore.__all__)
def test_a_name_resolves(name: str) -> None:
    assert getattr(fstore, name) is not None


@pytest.mark.parametrize("module", [sources, targets], ids=lambda module: str(module.__name__))
def test_the_names_of_a_folder_resolve(module: object) -> None:
    for name in getattr(module, "__all__"):  # noqa: B009 - two modules, one test
        assert getattr(module, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    for module in (fstore, sources, targets):
        with pytest.raises(AttributeError, match="nothing_like_it"):
            module.nothing_like_it  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, mlrun_like.feature_store\n"
        "print([n for n in ('pandas', 'numpy', 'pyarrow', 'sqlalchemy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_documented_name_is_there() -> None:
    text = importlib.import_module("mlrun_like.feature_store").__doc__ or ""
    for name in ("FeatureSet", "FeatureVector", "get_offline_features"):
        assert name in text and name in fstore.__all__
