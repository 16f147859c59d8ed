"""The items' tests: each has a home folder of its own; items and examples are not imported.

An item may need a package that is not installed, and an example does its work when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config

__all__ = ["home", "pytest_ignore_collect"]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what is no file of tests."""
    is_code = collection_path.suffix == ".py" and collection_path.name != "conftest.py"
    return True if is_code and not collection_path.name.startswith("test_") else None


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh home folder; settings made in a test are forgotten after it."""
    path = tmp_path_factory.mktemp("home")
    current = sys.modules.get("mlrun_like.projects.current")
    if current is not None:
        current.set_current_project(None)
    main = sys.modules["__main__"]
    before = dict(config._set)
    config._set.clear()
    config.home = str(path)
    try:
        yield path
    finally:
        config._set.clear()
        config._set.update(before)
    # code of a process of its own may have taken this place in a test of it
    sys.modules["__main__"] = main
