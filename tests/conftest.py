"""Fixtures for all tests: every test has its own home folder and therefore its own store."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config

_NUMBERS = itertools.count()
# servers that tests start leave no service behind; tests of the service switch it on
os.environ.setdefault("MLRUN_LIKE_MONITORING_SERVICE", "false")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files that take long begin first."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.scheduling import LongestFirst  # only a run over several workers has the plugin

    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Hundreds of thousands of objects are made and all stay: to look through them again and again
    for garbage, now or later, is a good part of the time that collecting takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _fresh(factory: pytest.TempPathFactory, kind: str, name: str = "") -> Path:
    """A new folder. pytest's own numbering lists all earlier ones each time, which thousands of
    tests pay for with minutes."""
    path = factory.getbasetemp() / kind / f"{next(_NUMBERS)}{name}"
    path.mkdir(parents=True, mode=0o700)
    return path


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of this test."""
    name = re.sub(r"\W", "_", request.node.name)[:18]
    return _fresh(tmp_path_factory, "tests", f"-{name}")


@contextlib.contextmanager
def _process_as_before() -> Iterator[None]:
    """What the process has and its children inherit: code that runs in this process adds folders
    to `sys.path`, packages set variables while they are imported."""
    variables, folder, path = dict(os.environ), os.getcwd(), list(sys.path)
    try:
        yield
    finally:
        if os.environ.copy() != variables:
            os.environ.clear()
            os.environ.update(variables)
        os.chdir(folder)
        sys.path[:] = path


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh home folder; settings made in a test are forgotten after it."""
    path = _fresh(tmp_path_factory, "homes")
    main = sys.modules["__main__"]
    current = sys.modules.get("mlrun_like.projects.current")
    if current is not None:
        current.set_current_project(None)
    before = dict(config._set)
    config._set.clear()
    config.home = str(path)
    try:
        with _process_as_before():
            yield path
    finally:
        config._set.clear()
        config._set.update(before)
    # code of a process of its own may have taken this place in a test of it
    sys.modules["__main__"] = main
