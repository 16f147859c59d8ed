"""Modules of the old names: how Python's tools see them, and what they say of what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pickle
import sys
import threading
from types import ModuleType
from unittest import mock

import pytest

from mlrun_like.errors import MissingImportError, MissingSymbolError


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_names_are_ours(compat: ModuleType) -> None:
    root = _module("mlrun")
    assert root.get_current_project.__module__ == "mlrun_like.projects.current"
    assert root.__version__ and root.get_version() == root.__version__
    assert _module("mlrun.errors").MLRunNotFoundError.__name__ == "NotFoundError"
    assert root.errors is _module("mlrun.errors") and root.config is _module("mlrun.config")
    assert root.mlconf is root.config.config


def test_a_name_that_was_only_imported_there(compat: ModuleType) -> None:
    assert _module("mlrun.projects.project").new_function is _module("mlrun").new_function


def test_missing_names_say_why(compat: ModuleType) -> None:
    here = __file__
    with pytest.raises(MissingSymbolError) as caught:
        _ = _module("mlrun.runtimes").DatabricksRuntime
    text = str(caught.value)
    assert "mlrun.runtimes.DatabricksRuntime" in text and "it was for" in text
    assert "fix:" in text and here in text
    with pytest.raises(ImportError, match=r"mlrun\.runtimes\.DatabricksRuntime"):
        exec("from mlrun.runtimes import DatabricksRuntime")
    with pytest.raises(AttributeError, match=r"MLRun neither\. Did you mean 'new_project'"):
        _ = _module("mlrun").new_projekt
    with pytest.raises(ModuleNotFoundError, match=r"mlrun\.nowhere"):
        _module("mlrun.nowhere")
    with pytest.raises(MissingImportError, match="Did you mean"):
        exec("from mlrun.errors import MLRunNotFoundErorr")
    runtimes = _module("mlrun.runtimes")
    assert not hasattr(runtimes, "DatabricksRuntime") and hasattr(runtimes, "BaseRuntime")
    assert getattr(runtimes, "DatabricksRuntime", None) is None


def test_a_default_for_a_whole_module(compat: ModuleType) -> None:
    with pytest.raises(MissingSymbolError, match="tokens of the commercial platform"):
        _ = _module("mlrun.auth").IGTokenProvider


def test_star_imports_and_dir(compat: ModuleType) -> None:
    names: dict[str, object] = {}
    exec("from mlrun.errors import *", names)
    assert names["MLRunConflictError"] is _module("mlrun.errors").MLRunConflictError
    assert "get_or_create_project" in dir(_module("mlrun"))
    assert "DatabricksRuntime" not in dir(_module("mlrun.runtimes"))


def test_reload_forgets_what_was_kept(compat: ModuleType) -> None:
    root = _module("mlrun")
    setattr(root, "get_version", "mine")  # noqa: B010 - mypy knows no such name
    assert importlib.reload(root) is root and root.get_version != "mine"


def test_patches(compat: ModuleType) -> None:
    with mock.patch("mlrun.utils.normalize_name", return_value="x"):
        assert _module("mlrun.utils").normalize_name("y") == "x"
    assert _module("mlrun.utils").normalize_name("A_b") == "a-b"
    with mock.patch.object(_module("mlrun"), "get_run_db", create=False):
        pass


def test_inspection_and_pickles(compat: ModuleType) -> None:
    root = _module("mlrun")
    assert "context" in inspect.signature(root.new_project).parameters
    assert inspect.getsource(root.get_sample_path)
    made = _module("mlrun.model").HyperParamOptions(strategy="grid")
    assert pickle.loads(pickle.dumps(made)) == made
    assert pickle.loads(pickle.dumps(root.errors.MLRunNotFoundError("a"))).what == "a"
    assert importlib.util.find_spec("mlrun.serving") is not None


def test_threads_get_the_same_names(compat: ModuleType) -> None:
    found: list[object] = []
    start = threading.Barrier(8)

    def look() -> None:
        start.wait(10)
        found.append(importlib.import_module("mlrun.serving").V2ModelServer)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8 and len({id(item) for item in found}) == 1


def test_other_packages_are_let_be(compat: ModuleType) -> None:
    assert importlib.util.find_spec("mlrun_like") is not None
    assert importlib.util.find_spec("mlrunner") is None
    assert "nuclio_sdk_of_somebody" not in sys.modules
