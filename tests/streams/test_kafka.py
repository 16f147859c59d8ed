"""Kafka: offsets, groups, rebalances, readers that die."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Record, Stream
from mlrun_like.streams.kafka import KafkaStream
from mlrun_like.streams.kafka_offsets import Offsets, Partition
from mlrun_like.streams.opening import open_stream

slow = pytest.mark.slow


@pytest.fixture
def stream(kafka: Any) -> Iterator[Stream]:
    with open_stream(f"{kafka.url}/{new_uid()}") as opened:
        yield opened
        opened.delete()


@pytest.fixture(scope="module")
def broker() -> Iterator[Callable[[], str]]:
    """New topics of librdkafka's own broker.

    It is quick with groups, and keeps the metadata of commits; it makes topics, with four
    partitions, when it is asked for them.
    """
    from confluent_kafka import Producer

    producer = Producer(
        {
            "bootstrap.servers": "none:1",
            "test.mock.num.brokers": 1,
            "log_level": 2,
        }
    )
    found = next(iter(producer.list_topics(timeout=5).brokers.values()))

    def new_topic() -> str:
        name = new_uid()
        producer.list_topics(name, timeout=5)
        return f"kafka://{found.host}:{found.port}/{name}"

    yield new_topic
    producer.flush(1)


def push(stream: Stream, *bodies: str, key: str = "k") -> None:
    stream.push_records([Record(body.encode(), key) for body in bodies])


def read(consumer: Consumer, count: int, seconds: float = 20.0) -> list[Record]:
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.read(100, 0.2)
    return found


def bodies(records: list[Record]) -> list[str]:
    return [record.body.decode() for record in records]


def test_only_what_is_done_without_a_gap_counts() -> None:
    offsets = Offsets()
    for offset in range(10, 20):
        offsets.handed(offset)
    assert [offsets.done(offset) for offset in (12, 11, 13)] == [None, None, None]
    assert offsets.done(10) == 14
    assert offsets.done(10) is None
    assert offsets.done(3) is None
    for offset in range(19, 14, -1):
        assert offsets.done(offset) is None
    assert offsets.done(14) == 20
    assert offsets.done(99) is None


@given(st.integers(1, 30).flatmap(lambda count: st.permutations(range(count))), st.integers(1, 3))
def test_in_any_order_the_longest_beginning_counts(order: list[int], step: int) -> None:
    offsets, done = Offsets(), set()
    for number in range(len(order)):
        offsets.handed(number * step)
    committed = 0
    for number in order:
        done.add(number)
        found = offsets.done(number * step)
        first = next(n for n in range(len(order) + 1) if n not in done)
        expected = (first - 1) * step + 1 if first else 0
        assert found == (expected if expected > committed else None)
        committed = max(committed, expected)


@pytest.mark.parametrize("note", ["", None, "begun=x alone=1", "begun=1", "alone=1 begun=1", "[]"])
def test_notes_of_others_mean_nothing(note: str | None) -> None:
    assert Partition.read(note).note() == "begun=0 alone=0"


def test_after_two_deaths_records_come_alone() -> None:
    partition = Partition()
    for begun in (1, 2):
        partition.begin()
        assert (partition.begun, partition.alone) == (begun, 0)
    partition.begin()
    assert partition.alone > 100
    partition.offsets.handed(5)
    partition.done(5)
    assert partition.begun == 3
    again = Partition.read(partition.note())
    again.begin()
    assert (again.begun, again.alone) == (4, partition.alone)
    while partition.alone:
        partition.offsets.handed(9)
        partition.done(9)
    assert partition.note() == "begun=1 alone=0"


@slow
def test_a_gap_is_not_committed_over(stream: Stream) -> None:
    push(stream, *"abcdef")
    first = stream.consumer("g", shards=[0])
    found = read(first, 6)
    first.ack([found[0], found[2], found[3], found[5]])
    first.close()
    second = stream.consumer("g", shards=[0])
    found = read(second, 5)
    assert bodies(found) == list("bcdef")
    second.ack(found)
    second.close()
    assert stream.consumer("g", shards=[0]).read(1, 0.3) == []


@slow
def test_a_commit_that_fails_is_made_with_the_next(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(stream, "a", "b")
    consumer: Any = stream.consumer("g", shards=[0])
    found = read(consumer, 2)
    made, consumer._consumer = consumer._consumer, _Broken()
    with pytest.raises(StoreUnavailableError):
        consumer.ack(found)
    consumer._consumer = made
    consumer.ack(found)
    assert stream.depth("g") <= 0
    consumer.close()


class _Broken:
    """A client whose broker has gone."""

    def commit(self, **arguments: Any) -> None:
        from confluent_kafka import KafkaError, KafkaException

        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


@slow
def test_a_large_record_is_refused_for_good(stream: Stream) -> None:
    with pytest.raises(InvalidArgumentError, match="refused"):
        stream.push_records([Record(b"x" * 2_000_000)])


@slow
def test_a_broker_that_is_not_there_is_an_error_after_the_timeout() -> None:
    stream = open_stream("kafka://127.0.0.1:1/topic", timeout=0.5)
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="Kafka cannot be reached"):
        stream.push("x")
    assert time.monotonic() - start < 5
    stream.close()


def test_addresses_as_mlrun_writes_them() -> None:
    for url, options in (
        ("kafka://h1:1,h2:2/topic", {}),
        ("kafka://h1:1?topic=topic", {"kafka_brokers": ["h2:2"]}),
        ("topic", {"kafka_brokers": "h1:1,h2:2"}),
        ("kafka:///topic", {"kafka_brokers": ["h1:1", "h2:2", "h1:1"]}),
    ):
        stream = open_stream(url, **options)
        assert isinstance(stream, KafkaStream)
        assert (stream.brokers, stream.name) == ("h1:1,h2:2", "topic")
    for wrong in ("kafka://host", "kafka:///topic", "kafka://me:pw@host/topic"):
        with pytest.raises(InvalidArgumentError, match="does not name"):
            open_stream(wrong)


def test_options_reach_the_client() -> None:
    stream: Any = open_stream(
        "kafka://h:1/t",
        kafka_producer_options={"sasl.username": "me", "compression.type": "lz4"},
    )
    settings = stream.settings({"group.id": "g"})
    assert settings["sasl.username"] == "me"
    assert "compression.type" not in settings
    bad = open_stream("kafka://h:1/t", timeout=0.1, kafka_producer_options={"no.such": 1})
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        bad.push("x")


QUICK = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 200}


@slow
def test_members_share_partitions_and_nothing_is_lost_when_one_leaves(
    broker: Callable[[], str],
) -> None:
    pushed: list[str] = []
    done: set[str] = set()
    held: list[str] = []

    def push_some(stream: Stream) -> None:
        bodies = [str(len(pushed) + n) for n in range(5)]
        stream.push_records([Record(body.encode(), f"k{body}") for body in bodies])
        pushed.extend(bodies)

    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_stream(broker(), kafka_consumer_options=QUICK))
        assert stream.shards == 4
        first = stack.enter_context(stream.consumer("sharing"))
        push_some(stream)
        done |= set(bodies(_all(first, 5)))
        with pytest.raises(ConflictError, match="another group"):
            stream.consumer("sharing", shards=[0])
        second = stack.enter_context(stream.consumer("sharing"))
        deadline = time.monotonic() + 30
        while len(held) < 4 and time.monotonic() < deadline:
            push_some(stream)
            done |= set(bodies(_all(first, 1, 0.1)))
            records = second.read(10, 0.05)
            second.ack(records[1:])
            done |= set(bodies(records[1:]))
            held += bodies(records[:1])
        assert len(held) >= 4, "the second member got no partition"
        second.close()  # what it held is read again by the first
        while done != set(pushed) and time.monotonic() < deadline:
            done |= set(bodies(_all(first, 1, 0.2)))
        assert done == set(pushed)


def _all(consumer: Consumer, count: int, seconds: float = 20.0) -> list[Record]:
    found = read(consumer, count, seconds)
    consumer.ack(found)
    return found


@slow
def test_a_record_that_kills_its_readers_comes_alone(broker: Callable[[], str]) -> None:
    with open_stream(broker()) as stream:
        push(stream, "a", "poison", "c")
        counts = []
        for _ in range(3):
            dying: Any = stream.consumer("given", shards=range(stream.shards))
            found = read(dying, 1)
            counts.append((len(found), found[0].deliveries))
            dying._consumer.close()  # as a process that is killed: nothing is taken back
        assert counts == [(3, 1), (3, 2), (1, 3)]
        consumer = stream.consumer("given", shards=range(stream.shards))
        for expected in (("a", 4), ("poison", 3), ("c", 3)):
            (record,) = read(consumer, 1)
            assert (record.body.decode(), record.deliveries) == expected
            consumer.ack([record])
        consumer.close()


@slow
def test_closing_is_no_death(broker: Callable[[], str]) -> None:
    with open_stream(broker()) as stream:
        push(stream, "a", "b")
        for _ in range(5):
            with stream.consumer("given", shards=range(stream.shards)) as consumer:
                assert [record.deliveries for record in read(consumer, 2)] == [1, 1]


@slow
def test_a_group_of_the_real_broker(stream: Stream) -> None:
    """This broker takes some 20 seconds to share partitions out, so this is the only test of it."""
    push(stream, *"abc")
    consumer = stream.consumer("g")
    found = read(consumer, 3, seconds=60)
    assert bodies(found) == list("abc")
    consumer.ack(found[:2])
    consumer.close()
    again = stream.consumer("g", shards=[0])
    assert bodies(read(again, 1)) == ["c"]
    again.close()
