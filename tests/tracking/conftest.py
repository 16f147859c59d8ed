"""Stores over real databases."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]


def _module(name: str) -> Any:
    """A module of `tests/`, wherever pytest was started."""
    if f"tests_{name}" not in sys.modules:
        path = Path(__file__).parents[1] / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"tests_{name}", path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[f"tests_{name}"] = module
        spec.loader.exec_module(module)
    return sys.modules[f"tests_{name}"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for the session."""
    with _module("servers").postgres_server() as server:
        yield server


@pytest.fixture(autouse=True)
def closed(home: Path) -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


@pytest.fixture(scope="session")
def services() -> Iterator[Any]:
    """One server for all services of the session."""
    with _module("services").services() as found:
        yield found


def _database(request: pytest.FixtureRequest, home: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").new_database())
    return f"sqlite:///{home / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql", "remote"])
def url(request: pytest.FixtureRequest, home: Path) -> str:
    """The address of an empty store, for each kind of store."""
    database = _database(request, home)
    if request.param == "remote":
        return str(request.getfixturevalue("services").new(database))
    return database


@pytest.fixture
def store(url: str) -> FullStore:
    """An empty store."""
    return open_store(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request: pytest.FixtureRequest, home: Path) -> str:
    """The address of an empty store, for each kind of database."""
    return _database(request, home)


@pytest.fixture
def sql_store(sql_url: str) -> SqlStore:
    """An empty store in a database, for tests that look inside."""
    return _opened(sql_url)


@pytest.fixture
def sqlite_store(home: Path) -> SqlStore:
    """An empty store in a SQLite file."""
    return _opened(f"sqlite:///{home / 'store.db'}")


def _opened(url: str) -> SqlStore:
    found = open_store(url)
    assert isinstance(found, SqlStore)
    return found


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
