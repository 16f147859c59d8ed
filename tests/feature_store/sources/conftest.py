"""Real servers for sources, started once per session."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def load_servers() -> Any:
    """The module `tests/servers.py`, wherever pytest was started."""
    if "tests_servers" not in sys.modules:
        path = Path(__file__).parents[2] / "servers.py"
        spec = importlib.util.spec_from_file_location("tests_servers", path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["tests_servers"] = module
        spec.loader.exec_module(module)
    return sys.modules["tests_servers"]


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    """One Redis server for the session."""
    with load_servers().redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Any]:
    """One Kafka broker for the session."""
    with load_servers().kafka_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for the session."""
    with load_servers().postgres_server() as server:
        yield server
