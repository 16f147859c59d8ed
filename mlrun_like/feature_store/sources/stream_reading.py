"""Records of a stream by their places, up to where its end was: no group, nothing is taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.kafka import KafkaStream
from mlrun_like.streams.kafka_messages import record_of
from mlrun_like.streams.memory import MemoryStream
from mlrun_like.streams.redis import RedisStream
from mlrun_like.streams.redis_consumer import record_of_entry

__all__ = ["read_records"]

_END = -191
"""librdkafka's code of the end of a partition."""


def read_records(
    stream: Stream, places: Mapping[int, str], count: int, first: str = "earliest"
) -> Iterator[list[Record]]:
    """The records behind these places, shard by shard, up to what is there now.

    Args:
        stream: A stream of Redis, Kafka or memory.
        places: Shard -> id of the last record that was read.
        count: The most records of a list.
        first: Where shards without a place begin: `earliest` or `latest`.

    Raises:
        InvalidArgumentError: if its records have no places.
        ConflictError: if records behind a place have been deleted.
        StoreUnavailableError: if the stream cannot be reached.
    """
    if isinstance(stream, KafkaStream):
        return _kafka(stream, places, count, first)
    if isinstance(stream, RedisStream):
        return _redis(stream, places, count, first)
    if isinstance(stream, MemoryStream):
        return _memory(stream, places, count, first)
    raise InvalidArgumentError(
        f"a {type(stream).__name__} cannot be read by position",
        where=stream.url,
        fix="use deploy_ingestion_service, which reads it as a member of a group",
    )


def _redis(
    stream: RedisStream, places: Mapping[int, str], count: int, first: str
) -> Iterator[list[Record]]:
    call = stream.client.call_until
    for shard, key in enumerate(stream.keys()):
        newest = call("XREVRANGE", key, "+", "-", "COUNT", 1)
        if not newest or (shard not in places and first == "latest"):
            continue
        end = newest[0][0].decode()
        at = places.get(shard, "")
        while entries := call("XRANGE", key, f"({at}" if at else "-", end, "COUNT", count):
            at = entries[-1][0].decode()
            yield [record_of_entry(fields, id.decode(), shard) for id, fields in entries]


def _kafka(
    stream: KafkaStream, places: Mapping[int, str], count: int, first: str
) -> Iterator[list[Record]]:
    kafka: Any = require("confluent_kafka", feature="a KafkaSource", extra="kafka")
    settings = {
        "group.id": "mlrun-like-sources",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,  # the end of a partition is told that soon
    }
    consumer = stream.make(kafka.Consumer, {**settings, **stream.consumer_options})
    try:
        for shard in range(stream.shards):
            place = kafka.TopicPartition(stream.name, shard)
            low, high = consumer.get_watermark_offsets(place, timeout=stream.timeout)
            at = int(places[shard]) + 1 if shard in places else low
            if shard not in places and first == "latest":
                continue
            if at < low:
                raise ConflictError(
                    f"records {at:,} to {low - 1:,} of partition {shard} have been deleted",
                    where=stream.url,
                    fix="ingest again without resuming, and keep records for longer",
                )
            consumer.assign([kafka.TopicPartition(stream.name, shard, at)])
            yield from _partition(consumer, stream, (at, high), count)
    except kafka.KafkaException as exc:
        raise stream.unavailable(exc) from exc
    finally:
        consumer.close()


def _partition(
    consumer: Any, stream: KafkaStream, span: tuple[int, int], count: int
) -> Iterator[list[Record]]:
    """Up to the end of a partition, or to a record that came after the start.

    The broker's word on the end only tells how long to wait for it: brokers differ by some
    records, and marks of transactions are no records.
    """
    at, high = span
    start = time.time()
    deadline = time.monotonic() + stream.timeout
    while True:
        first = consumer.poll(1.0)
        messages = [] if first is None else [first]
        if first is not None and first.error() is None and count > 1:
            messages += consumer.consume(count - 1, 0.05)  # what has come too
        found = [record_of(message, 1) for message in messages if message.error() is None]
        ended = any(message.error() and message.error().code() == _END for message in messages)
        if found:
            at = int(found[-1].id) + 1
            deadline = time.monotonic() + stream.timeout
            yield found
        if ended or (found and found[-1].time > start) or (not messages and at >= high):
            return
        if time.monotonic() > deadline:
            raise stream.unavailable("no records come although there are some")


def _memory(
    stream: MemoryStream, places: Mapping[int, str], count: int, first: str
) -> Iterator[list[Record]]:
    for shard in range(stream.shards):
        records = list(stream.log.records[shard])
        start = int(places[shard]) + 1 if shard in places else 0
        if shard not in places and first == "latest":
            continue
        kept = [record for record in records if int(record.id) >= start]
        for begin in range(0, len(kept), count):
            yield kept[begin : begin + count]
