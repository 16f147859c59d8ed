"""Stores over real databases."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]


def _servers() -> Any:
    """The module `tests/servers.py`, wherever pytest was started."""
    if "tests_servers" not in sys.modules:
        path = Path(__file__).parents[1] / "servers.py"
        spec = importlib.util.spec_from_file_location("tests_servers", path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["tests_servers"] = module
        spec.loader.exec_module(module)
    return sys.modules["tests_servers"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for the session."""
    with _servers().postgres_server() as server:
        yield server


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, home: Path) -> str:
    """The address of an empty store, for each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{home / 'store.db'}"
    return str(request.getfixturevalue("postgres").new_database())


@pytest.fixture
def store(url: str) -> SqlStore:
    """An empty store."""
    return open_store(url)


@pytest.fixture
def sqlite_store(home: Path) -> SqlStore:
    """An empty store in a SQLite file."""
    return open_store(f"sqlite:///{home / 'store.db'}")


@pytest.fixture
def make_run() -> MakeRun:
    """Make run documents."""

    def make(uid: str = "u1", state: str = "running", **parts: Any) -> dict[str, Any]:
        labels = parts.pop("labels", {"owner": "me"})
        metadata = {
            "name": parts.pop("name", "train"),
            "uid": uid,
            "project": parts.pop("project", "p"),
            "labels": labels,
            "iteration": parts.pop("iteration", 0),
        }
        return {
            "kind": "run",
            "metadata": metadata,
            "spec": {"parameters": {"a": 1}},
            "status": {"state": state, **parts},
        }

    return make
