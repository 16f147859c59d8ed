"""Streams as sources: what they hold now, by position; triggers of live services."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.kafka import KafkaSource
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.sources.streams import HttpSource, StreamSource
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Record
from mlrun_like.streams.opening import open_stream


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.slow),
        pytest.param("kafka", marks=pytest.mark.slow),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """The address of a stream that does not exist yet."""
    kind = request.param
    server = "memory:/" if kind == "memory" else request.getfixturevalue(kind).url
    return f"{server}/{new_uid()}"


def opened(url: str) -> Any:
    """The source that reads a stream; `memory://` alone could be a file too."""
    return StreamSource(path=url) if url.startswith("memory") else open_source(url)


def numbers(source: Any, size: int, after: str = "") -> list[int]:
    """The field `n` of all rows."""
    return [n for chunk in source.chunks(size, after=after) for n in chunk.frame["n"].tolist()]


def test_a_stream_is_read_once_by_position(url: str) -> None:
    with open_stream(url, shards=2) as stream:
        bodies = [f'{{"n": {number}, "at": "2024-01-01"}}'.encode() for number in range(20)]
        stream.push_records([Record(body, f"k{n}") for n, body in enumerate(bodies)])
        source = opened(url)
        whole = numbers(source, 100)
        assert sorted(whole) == list(range(20))
        chunks = list(source.chunks(3))
        for place, chunk in list(enumerate(chunks))[::3]:
            rest = numbers(source, 4, chunk.position)
            assert len(rest) == 20 - sum(c.rows for c in chunks[: place + 1])
        last = chunks[-1].position
        assert numbers(source, 5, last) == []
        stream.push([{"n": 100}, {"n": None}])
        new = [row for c in source.chunks(5, after=last) for row in c.frame["n"].tolist()]
        assert len(new) == 2 and sum(pd.isna(n) for n in new) == 1
        stream.delete()


def test_records_that_are_no_json(url: str) -> None:
    with open_stream(url) as stream:
        stream.push([b'{"n": 1}', b"\xff\x00", b"[1]", b'[{"n": 2}, {"n": 3}]'])
        with pytest.raises(InvalidArgumentError, match="cannot be read as JSON"):
            numbers(opened(url), 10)
        made = KafkaSource if url.startswith("kafka") else StreamSource
        source = made(path=url, attributes={"invalid_records": "skip"})
        assert numbers(source, 10) == [1, 2, 3]
        late = (
            made(path=url, initial_offset="latest")
            if made is KafkaSource
            else made(path=url, seek_to="latest")
        )
        assert list(late.chunks(10)) == []
        stream.delete()


def test_triggers() -> None:
    kafka = KafkaSource(["h:9092"], "t", "g", partitions=[0], sasl_user="u", sasl_pass="p")
    assert kafka.stream_url() == "kafka://h:9092/t"
    assert kafka.trigger() == {
        "kind": "kafka-cluster",
        "maxWorkers": 1,
        "attributes": {
            "sasl": {"enable": True, "user": "u", "password": "p"},
            "brokers": ["h:9092"],
            "topics": ["t"],
            "consumerGroup": "g",
            "initialOffset": "earliest",
            "partitions": [0],
        },
    }
    stream = StreamSource(path="redis://h/e", group="g", seek_to="latest", workers=2)
    assert stream.trigger()["attributes"] == {"consumerGroup": "g", "initialOffset": "latest"}
    assert stream.trigger()["kind"] == "redis"
    with pytest.raises(InvalidArgumentError, match="brokers and topics"):
        KafkaSource("h:9092")
    with pytest.raises(InvalidArgumentError, match="needs a path"):
        list(StreamSource().chunks(1))
    with pytest.raises(InvalidArgumentError, match="arrive as requests"):
        list(HttpSource().chunks(1))
    with pytest.raises(InvalidArgumentError, match="cannot be read by position"):
        list(StreamSource(path="mqtt://127.0.0.1:1/x").chunks(1))
