"""Servers and targets that tests of this folder share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.feature_store.targets import get_target_driver
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from tests.servers import Redis, postgres_server, redis_server

_numbers = itertools.count()
MakeTarget = Callable[[str], BaseStoreTarget]


@pytest.fixture(scope="session")
def redis_of_targets() -> Iterator[Redis]:
    """A server for the tests of this folder."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_of_targets() -> Iterator[str]:
    """The address of a database for the tests of this folder."""
    with postgres_server() as server:
        yield server.new_database()


def document(kind: str, folder: str, database: str = "") -> dict[str, Any]:
    """A target as plain data."""
    sql: dict[str, Any] = {"table_name": f"rows{next(_numbers)}", "create_table": True}
    made: dict[str, dict[str, Any]] = {
        "file": {"kind": "parquet", "path": f"{folder}/rows.parquet"},
        "folder": {"kind": "parquet", "path": f"{folder}/rows"},
        "by time": {"kind": "parquet", "path": f"{folder}/rows", "partitioned": True},
        "by key": {"kind": "parquet", "path": f"{folder}/rows", "key_bucketing_number": 3},
        "by column": {"kind": "parquet", "path": f"{folder}/rows", "partition_cols": ["group"]},
        "memory file": {"kind": "parquet", "path": f"memory://{folder}/rows.parquet"},
        "memory folder": {"kind": "parquet", "path": f"memory://{folder}/rows"},
        "remote": {"kind": "parquet", "path": f"local://{folder}/rows", "partitioned": True},
        "csv": {"kind": "csv", "path": f"{folder}/rows.csv"},
        "memory csv": {"kind": "csv", "path": f"memory://{folder}/rows.csv"},
        "delta": {"kind": "delta", "path": f"{folder}/rows"},
        "sqlite": {
            "kind": "sql", "attributes": {**sql, "db_path": f"sqlite:///{folder}/rows.db"},
        },
        "postgres": {"kind": "sql", "attributes": {**sql, "db_path": database}},
        "dataframe": {"kind": "dataframe"},
    }  # fmt: skip
    return made[kind]


OFFLINE = (
    "file", "folder", "by time", "by key", "by column", "memory file", "memory folder", "remote",
    "csv", "memory csv", "delta", "sqlite", "postgres", "dataframe",
)  # fmt: skip


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeTarget:
    """Makes an empty target of a kind; the same one each time in one test."""
    made: dict[str, dict[str, Any]] = {}
    frames: dict[str, BaseStoreTarget] = {}

    def target(kind: str) -> BaseStoreTarget:
        if kind not in made:
            database = ""
            if kind == "postgres":
                database = request.getfixturevalue("postgres_of_targets")
            made[kind] = document(kind, f"{tmp_path}/{next(_numbers)}/t", database)
            if kind == "sqlite":
                path = Path(made[kind]["attributes"]["db_path"].removeprefix("sqlite:///"))
                path.parent.mkdir(parents=True)
        if kind == "dataframe":
            return frames.setdefault(kind, get_target_driver(made[kind]))
        return get_target_driver(made[kind])

    return target
