"""Streams of every kind over real servers, which start once per session."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Stream
from mlrun_like.streams.opening import open_stream

Open = Callable[..., Stream]


def load_servers() -> Any:
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
def redis() -> Iterator[Any]:
    """One Redis server for the session."""
    with load_servers().redis_server() as server:
        yield server


@pytest.fixture
def durable_redis() -> Iterator[Any]:
    """A Redis server that a test may kill and start again."""
    with load_servers().redis_server(durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Any]:
    """One Kafka broker for the session."""
    with load_servers().kafka_server() as server:
        yield server


@pytest.fixture(
    params=[
        "memory",
        "dummy",
        "file",
        pytest.param("redis", marks=pytest.mark.slow),
        pytest.param("kafka", marks=pytest.mark.slow),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of stream."""
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a stream that does not exist yet."""
    if kind == "file":
        return f"file://{tmp_path}/{new_uid()}"
    server = request.getfixturevalue(kind).url if kind in ("redis", "kafka") else f"{kind}:/"
    return f"{server}/{new_uid()}"


@pytest.fixture
def stream(url: str) -> Iterator[Stream]:
    """A stream with one shard."""
    with open_stream(url) as opened:
        yield opened
        opened.delete()


@pytest.fixture
def join(kind: str) -> Iterator[Callable[..., Consumer]]:
    """Join a group; Kafka's are slow to share partitions out, so there all are assigned."""
    made: list[Consumer] = []

    def call(stream: Stream, group: str = "group", **options: Any) -> Consumer:
        if kind == "kafka":
            options.setdefault("shards", range(stream.shards))
        made.append(stream.consumer(group, **options))
        return made[-1]

    yield call
    for consumer in made:
        consumer.close()
