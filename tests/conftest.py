"""Fixtures for all tests: every test has its own home folder and therefore its own store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh home folder; settings made in a test are forgotten after it."""
    path = tmp_path_factory.mktemp("home")
    main = sys.modules["__main__"]
    current = sys.modules.get("mlrun_like.projects.current")
    if current is not None:
        current.set_current_project(None)
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
