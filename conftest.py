"""What runs here keeps its records in a folder of its own, not in the home of whoever runs it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from mlrun_like.configuration import config
from mlrun_like.registry import resolve

__all__ = ["doctest_home"]

# for processes that tests start without naming a home
_HOME = tempfile.TemporaryDirectory(prefix="mlrun-like-tests-")
os.environ["MLRUN_LIKE_HOME"] = _HOME.name


@pytest.fixture(autouse=True)
def doctest_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A home folder for a doctest; tests have their own fixture."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    with config.override(home=str(tmp_path_factory.mktemp("home"))):
        yield
        resolve("mlrun_like.tracking.connect:close_stores")()
