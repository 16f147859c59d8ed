"""Doctests keep their records in a folder of their own, not in the home of whoever runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlrun_like.configuration import config
from mlrun_like.registry import resolve

__all__ = ["doctest_home"]


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
