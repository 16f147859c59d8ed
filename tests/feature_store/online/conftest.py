"""Stores and feature sets that tests of this folder share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.feature_store.online import OnlineStore, open_online
from tests.servers import Redis, redis_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_of_online() -> Iterator[Redis]:
    """A server for the tests of this folder."""
    with redis_server() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnlineStore]:
    """An empty store of each kind."""
    with open_online(store_url(request, tmp_path)) as made:
        yield made


def store_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of an empty store of the kind that a test asks for."""
    kind = request.param
    if kind == "memory":
        return f"memory://test-{next(_numbers)}"
    if kind == "sqlite":
        return f"sqlite:///{folder}/online.db"
    server: Redis = request.getfixturevalue("redis_of_online")
    return f"{server.url}/{next(_numbers) % 16}"
