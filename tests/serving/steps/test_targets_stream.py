"""NoSqlTarget, StreamTarget and KafkaTarget: what reaches tables and streams."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.serving import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.drivers_file import FileDriver
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.targets_stream import KafkaTarget, StreamTarget
from mlrun_like.serving.steps.targets_table import NoSqlTarget
from mlrun_like.streams import open_stream


def send(target: Any, *events: Event) -> None:
    for event in events:
        assert list(target.process(event)) == [event]


def pushed(url: str, count: int = 100) -> list[tuple[str, Any]]:
    with open_stream(url) as stream, stream.consumer("readers") as consumer:
        return [(record.key, json.loads(record.body)) for record in consumer.read(count, wait=5)]


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return f"memory://{new_uid()}"
    return f"{request.getfixturevalue('redis').url}/{new_uid()}"


@pytest.mark.parametrize(
    ("options", "records"),
    [
        ({}, [("a", {"n": 1, "u": "x"}), ("b.1", {"n": 2, "u": "y"}), ("", {"n": 3})]),
        (
            {"columns": ["n", "who=$key"], "sharding_func": "u"},
            [("x", {"n": 1, "who": "a"}), ("y", {"n": 2, "who": ["b", 1]}),
             ("", {"n": 3, "who": None})],
        ),
        (
            {"columns": ["n"], "sharding_func": lambda event: event.body["n"] % 2},
            [("1", {"n": 1}), ("0", {"n": 2}), ("1", {"n": 3})],
        ),
        ({"columns": ["n"], "sharding_func": 7}, [("7", {"n": n}) for n in (1, 2, 3)]),
        (
            {"columns": ["n"], "full_event": True},
            [("a", {"full_event_wrapper": True, "body": {"n": 1}, "key": "a", "id": "i1"}),
             ("b.1", {"full_event_wrapper": True, "body": {"n": 2}, "key": ["b", 1], "id": "i2"}),
             ("", {"full_event_wrapper": True, "body": {"n": 3}, "id": "i3"})],
        ),
    ],
)  # fmt: skip
def test_streams(url: str, options: dict[str, Any], records: list[Any]) -> None:
    target = StreamTarget(None, url, **options)
    send(
        target,
        Event({"n": 1, "u": "x"}, key="a", id="i1"),
        Event({"n": 2, "u": "y"}, key=["b", 1], id="i2"),
        Event({"n": 3}, id="i3"),
    )
    target.close()
    assert pushed(url) == records


def test_batches_by_number_and_time() -> None:
    url = f"memory://{new_uid()}"
    target = StreamTarget(open_stream(url), batch_size=2, flush_after_seconds=0.05)
    send(target, Event(1), Event(2), Event("text"))
    with open_stream(url) as stream, stream.consumer("readers") as consumer:
        assert [record.body for record in consumer.read(wait=0)] == [b"1", b"2"]
        assert [record.body for record in consumer.read(wait=5)] == [b"text"]
    target.close()


@pytest.mark.slow
def test_kafka(request: pytest.FixtureRequest) -> None:
    servers = request.getfixturevalue("kafka_broker")
    topic = new_uid()
    target = KafkaTarget(f"127.0.0.1:{servers.port}", topic, columns=["n"])
    send(target, Event({"n": 1}, key="a"), Event({"n": 2}, key="a"))
    target.close()
    stream = open_stream(f"{servers.url}/{topic}")
    consumer = stream.consumer("readers", shards=range(stream.shards))
    found: list[Any] = []
    limit = time.monotonic() + 20
    while len(found) < 2 and time.monotonic() < limit:
        found += [(record.key, record.body) for record in consumer.read(wait=1)]
    consumer.close()
    stream.close()
    assert found == [("a", b'{"n":1}'), ("a", b'{"n":2}')]


def test_targets_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="brokers must be defined"):
        KafkaTarget([], "topic")
    with pytest.raises(ValueError, match="topic must be defined"):
        KafkaTarget("host:1")
    assert KafkaTarget(bootstrap_servers=["a:1", "b:2"], topic="t").brokers == "a:1,b:2"
    with pytest.raises(InvalidArgumentError, match="not the address of a stream"):
        StreamTarget(None, "events")
    with pytest.raises(TypeError, match="Expected an int, string, or callable"):
        StreamTarget(None, "memory://x", sharding_func=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is no stream"):
        StreamTarget("driver", "memory://x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size"):
        StreamTarget(None, "memory://x", batch_size=0)


def test_rows_of_a_table(tmp_path: Path) -> None:
    table = Table("users", FileDriver(str(tmp_path / "t.db")))
    target = NoSqlTarget(table, columns=["age", "town=city", "seen=$id"])
    send(target, Event({"age": 31, "city": "Oslo", "x": 1}, key="ann", id="i1"))
    send(target, Event({"age": None, "city": "Bergen"}, key="ann", id="i2"))
    assert list(target.flush()) == []
    found = Table("users", FileDriver(str(tmp_path / "t.db")))
    assert found["ann"] == {"age": 31, "town": "Bergen", "seen": "i2"}
    found.close()
    send(NoSqlTarget(table, infer_columns_from_data=True), Event({"b": 1, "a": 2}, key=["x", 1]))
    assert table[["x", 1]] == {"a": 2, "b": 1}
    send(NoSqlTarget(table, columns=["a", "b"]), Event([5, 6], key="list"))
    assert table["list"] == {"a": 5, "b": 6}
    with pytest.raises(ValueError, match="has no key"):
        target.process(Event({"age": 5}))
    with pytest.raises(ValueError, match="cannot be a row"):
        NoSqlTarget(table).process(Event([1], key="k"))
    target.close()


def test_in_a_graph() -> None:
    url = f"memory://{new_uid()}"
    graph = flow()
    graph.to("storey.NoSqlTarget", "rows", table="memory://graph-rows", columns=["n"]).to(
        "storey.StreamTarget", "push", stream_path=url
    ).respond()
    server = graph.to_mock_server()
    assert server.run(Event({"n": 5, "m": 6}, key="k")).body == {"n": 5, "m": 6}
    server.wait_for_completion()
    assert pushed(url) == [("k", {"n": 5, "m": 6})]
    assert server.context.get_table("memory://graph-rows")["k"] == {"n": 5}
