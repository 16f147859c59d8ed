"""From URLs to streams."""

from __future__ import annotations

import sys

import pytest

from mlrun_like.errors import InvalidArgumentError, MissingDependencyError, UnknownNameError
from mlrun_like.streams.base import Record, shard_of, to_body
from mlrun_like.streams.dummy import DummyStream
from mlrun_like.streams.memory import MemoryStream
from mlrun_like.streams.opening import get_stream_pusher, open_stream, without_password
from mlrun_like.streams.redis import RedisStream


def test_options_stand_in_the_url_or_beside_it() -> None:
    stream = open_stream("redis://host:1/2/a/b?shards=3&max_length=10&timeout=0.5", shards="4")
    assert isinstance(stream, RedisStream)
    assert (stream.name, stream.client.url) == ("a/b", "redis://host:1/2")
    assert (stream._wanted, stream.client.timeout) == (4, 0.5)
    assert open_stream(stream) is stream


@pytest.mark.parametrize(
    ("url", "server", "name"),
    [
        ("redis://h/events", "redis://h/0", "events"),
        ("redis://h/3", "redis://h/0", "3"),
        ("redis://h/3/4", "redis://h/3", "4"),
        ("rediss://u:p@h:5/1/x", "rediss://u:p@h:5/1", "x"),
    ],
)
def test_addresses_of_redis(url: str, server: str, name: str) -> None:
    stream = open_stream(url)
    assert isinstance(stream, RedisStream)
    assert (stream.server, stream.name) == (server, name)
    assert "p@" not in stream.url


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "not the address of a stream"),
        ("events", "not the address"),
        ("v3io:///container/stream", "Iguazio"),
        ("https://host/x", "HTTP is not a stream"),
        ("redis://", "does not name a Redis stream"),
        ("redis://host", "does not name"),
        ("redis://host:99999/x", "does not name"),
        ("redis://host:port/x", "does not name"),
        ("memory://x?shards=0", "shards='0'"),
        ("memory://x?shards=many", "shards='many'"),
        ("memory://x?shards=1e99", "shards"),
        ("memory://x?retention_in_hours=nan", "retention_in_hours"),
        ("memory://x?shard=2", "Did you mean 'shards'?"),
        ("redis://u:secret@h/x?nothing=1", "no option 'nothing'"),
    ],
)
def test_wrong_addresses_say_what_is_wrong(url: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError) as info:
        open_stream(url)
    assert text in str(info.value)
    assert "secret" not in str(info.value)


def test_an_unknown_kind_lists_those_that_exist() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'redis'") as info:
        open_stream("rediz://host/x")
    assert "kafka" in str(info.value)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(MissingDependencyError, match=r"mlrun-like\[kafka\]"):
        open_stream("kafka://host:1/topic")
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingDependencyError, match=r"mlrun-like\[redis\]"):
        open_stream("redis://host:1/name")


def test_mlruns_options_that_mean_nothing_here_are_ignored() -> None:
    stream = get_stream_pusher("memory://x", create=True, endpoint="e", access_key="a", shards=2)
    assert isinstance(stream, MemoryStream)
    stream.delete()


def test_the_dummy_keeps_values_as_they_were_pushed() -> None:
    events: list[object] = []
    stream = open_stream("dummy://", event_list=events, retention_in_hours=3)
    assert isinstance(stream, DummyStream)
    value = {"x": (1, 2)}
    stream.push(value)
    stream.push([b"a", "b"])
    assert events == [value, b"a", "b"]
    assert events[0] is value
    with stream.consumer("g") as consumer:
        assert [record.body for record in consumer.read(5, 0)] == [b'{"x":[1,2]}', b"a", b"b"]


def test_one_name_one_stream_no_name_one_each() -> None:
    with open_stream("memory://shared-name") as one, open_stream("memory://shared-name") as two:
        one.push("x")
        assert two.depth("g") == 1
        one.delete()
        assert two.depth("g") == 0
        two.delete()
    one, two = open_stream("memory://"), open_stream("memory://")
    one.push("x")
    assert (one.depth("g"), two.depth("g")) == (1, 0)


@pytest.mark.parametrize("value", [{1, 2}, {"t": b"\xff"}, {3: "x"}, 2**70, float("nan")])
def test_unusual_values_become_bytes(value: object) -> None:
    try:
        assert isinstance(to_body(value), bytes)
    except InvalidArgumentError as exc:
        assert value == 2**70, exc


def test_memory_forgets_what_everybody_has() -> None:
    with open_stream("memory://", max_length=10) as stream:
        stream.push([{"n": n} for n in range(100)])
        assert isinstance(stream, MemoryStream)
        assert len(stream.log.records[0]) == 10
    with open_stream("memory://") as stream:
        stream.create(["a", "b"])
        stream.push([{"n": n} for n in range(100)])
        with stream.consumer("a") as a, stream.consumer("b") as b:
            a.ack(a.read(100, 0))
            b.ack(b.read(60, 0)[1:])
            assert isinstance(stream, MemoryStream)
            assert len(stream.log.records[0]) == 100
        with stream.consumer("b") as b:
            b.ack(b.read(1, 0))
            assert len(stream.log.records[0]) == 40


def test_keys_and_records_show_themselves() -> None:
    assert 0 <= shard_of("k", 7) < 7
    assert shard_of("k", 1) == 0
    assert "key='k'" in repr(Record(b"x" * 1000, "k"))
    assert len(repr(Record(b"x" * 1000))) < 200
    assert without_password("kafka://h1,h2/t") == "kafka://h1,h2/t"
    assert repr(open_stream("redis://u:secret@h/x")) == "RedisStream('redis://***@h/x')"
