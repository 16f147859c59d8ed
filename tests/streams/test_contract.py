"""What every kind of stream promises, checked on every kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.streams.base import Consumer, Forwarding, Record, Stream
from mlrun_like.streams.opening import open_stream

Join = Callable[..., Consumer]


def records(*bodies: str, key: str = "") -> list[Record]:
    return [Record(body.encode(), key) for body in bodies]


def read(consumer: Consumer, count: int, max: int = 100) -> list[Record]:
    """Read until there are `count` records, and acknowledge nothing."""
    found: list[Record] = []
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.read(max, 0.2)
    return found


def bodies(found: list[Record]) -> list[str]:
    return [record.body.decode() for record in found]


def test_a_record_comes_out_as_it_went_in(stream: Stream, join: Join) -> None:
    body = bytes(range(256))
    stream.push_records([Record(body, "kéy", {"trace": "1", "näme": "ü"})])
    (record,) = read(join(stream), 1)
    assert (record.body, record.key, dict(record.headers)) == (
        body,
        "kéy",
        {"trace": "1", "näme": "ü"},
    )
    assert (record.shard, record.deliveries) == (0, 1)
    assert abs(record.time - time.time()) < 60
    assert record.id


def test_push_takes_values_as_mlrun_does(stream: Stream, join: Join) -> None:
    stream.push({"x": 1})
    stream.push(["text", b"bytes", [1, 2]], partition_key="k")
    found = read(join(stream), 4)
    assert bodies(found) == ['{"x":1}', "text", "bytes", "[1,2]"]
    assert [record.key for record in found] == ["", "k", "k", "k"]
    with pytest.raises(InvalidArgumentError, match="cannot be pushed"):
        stream.push({"x": {object(): 1}})


def test_empty_and_large_bodies(stream: Stream, join: Join) -> None:
    large = b"x" * 900_000
    stream.push_records([])
    stream.push_records([Record(b""), Record(large), Record(b"")])
    assert [len(record.body) for record in read(join(stream), 3)] == [0, len(large), 0]


def test_many_records_keep_their_order(stream: Stream, join: Join) -> None:
    count = 5000
    stream.push_records([Record(b"%d" % n, f"k{n % 7}") for n in range(count)])
    consumer = join(stream)
    found: list[Record] = []
    while len(found) < count:
        page = consumer.read(300, 5)
        assert 0 < len(page) <= 300
        consumer.ack(page)
        found += page
    assert [int(record.body) for record in found] == list(range(count))
    assert len({record.id for record in found}) == count


def test_reading_waits_for_the_first_record_and_no_longer(stream: Stream, join: Join) -> None:
    stream.push_records(records("first"))
    consumer = join(stream)
    consumer.ack(read(consumer, 1))
    start = time.monotonic()
    assert consumer.read(10, 0.3) == []
    assert 0.2 < time.monotonic() - start < 1.5
    threading.Timer(0.2, stream.push_records, [records("late")]).start()
    start = time.monotonic()
    assert bodies(consumer.read(10, 5)) == ["late"]
    assert time.monotonic() - start < 2


def test_a_new_group_starts_at_the_oldest_record(stream: Stream, join: Join) -> None:
    stream.push_records(records("a", "b"))
    for group in ("one", "two"):
        consumer = join(stream, group)
        assert bodies(read(consumer, 2)) == ["a", "b"]
        consumer.ack([])


def test_groups_do_not_know_of_each_other(stream: Stream, join: Join) -> None:
    stream.create(["one", "two"])
    stream.push_records(records("a", "b", "c"))
    one = join(stream, "one")
    one.ack(read(one, 3))
    assert one.read(10, 0.1) == []
    assert bodies(read(join(stream, "two"), 3)) == ["a", "b", "c"]


def test_what_was_not_acknowledged_comes_again(stream: Stream, join: Join) -> None:
    stream.push_records(records("a", "b", "c", "d"))
    consumer = join(stream)
    found = read(consumer, 4)
    consumer.ack(found[:2])
    consumer.close()
    again = join(stream)
    found = read(again, 2)
    assert bodies(found) == ["c", "d"]
    assert {record.deliveries for record in found} <= {1, 2}
    again.ack(found)
    stream.push_records(records("e"))
    assert bodies(read(again, 1)) == ["e"]


def test_what_was_not_acknowledged_comes_before_what_is_new(stream: Stream, join: Join) -> None:
    stream.push_records(records("a", "b"))
    consumer = join(stream)
    read(consumer, 2)
    consumer.close()
    stream.push_records(records("c"))
    assert bodies(read(join(stream), 3)) == ["a", "b", "c"]


def test_acknowledging_out_of_order_loses_nothing(stream: Stream, join: Join) -> None:
    stream.push_records(records("a", "b", "c", "d"))
    consumer = join(stream)
    found = read(consumer, 4)
    consumer.ack([found[3], found[1]])
    consumer.close()
    again = bodies(read(join(stream), 2))
    assert {"a", "c"} <= set(again)
    assert again == sorted(again)


def test_acknowledging_twice_is_harmless(stream: Stream, join: Join) -> None:
    stream.push_records(records("a", "b"))
    consumer = join(stream)
    found = read(consumer, 2)
    consumer.ack(found[:1])
    consumer.ack(found)
    consumer.ack(found)
    consumer.close()
    assert join(stream).read(10, 0.3) == []


def test_depth_counts_what_is_not_acknowledged(stream: Stream, join: Join) -> None:
    assert stream.depth("group") == 0
    for body in "abc":  # the broker of these tests counts a batch as one
        stream.push_records(records(body))
    assert stream.depth("group") == 3
    consumer = join(stream)
    found = read(consumer, 3)
    assert stream.depth("group") == 3
    consumer.ack(found[:2])
    assert stream.depth("group") == 1
    assert stream.depth("another") >= 1


def test_records_with_one_key_are_in_one_shard_in_order(url: str, join: Join) -> None:
    with open_stream(url, shards=3) as stream:
        assert stream.shards == 3
        stream.push_records([Record(b"%d" % n, f"k{n % 10}") for n in range(200)])
        stream.push_records([Record(b"-1") for _ in range(30)])
        found = read(join(stream), 230, max=40)
        shards: dict[str, set[int]] = {}
        for record in found:
            shards.setdefault(record.key, set()).add(record.shard)
        free = shards.pop("")
        assert len(found) == 230
        assert all(len(used) == 1 for used in shards.values())
        assert set().union(*shards.values()) == {0, 1, 2} or len(free) > 1
        for n in range(10):
            own = [int(record.body) for record in found if record.key == f"k{n}"]
            assert own == sorted(own)
            assert len(own) == 20
        stream.delete()


def test_a_consumer_of_given_shards_reads_no_other(url: str) -> None:
    with open_stream(url, shards=2) as stream:
        stream.push_records([Record(b"%d" % n, f"k{n}") for n in range(50)])
        found: list[int] = []
        for shard in (0, 1):
            with stream.consumer("group", shards=[shard]) as consumer:
                page = read(consumer, 1) + consumer.read(100, 0.5)
                assert {record.shard for record in page} == {shard}
                consumer.ack(page)
                found += [int(record.body) for record in page]
        assert sorted(found) == list(range(50))
        with pytest.raises(InvalidArgumentError, match="shards"):
            stream.consumer("group", shards=[2])
        stream.delete()


def test_an_existing_stream_keeps_its_shards(url: str, kind: str) -> None:
    if kind == "dummy":
        pytest.skip("a dummy stream is its object's own")
    with open_stream(url, shards=3) as first, open_stream(url) as second:
        first.create()
        assert second.shards == 3
        first.delete()


def test_a_closed_consumer_says_so(stream: Stream, join: Join) -> None:
    stream.push_records(records("a"))
    consumer = join(stream)
    consumer.close()
    consumer.close()
    with pytest.raises(ConflictError, match="closed"):
        consumer.read(1, 0)


def test_deleting_and_making_again(stream: Stream, join: Join, kind: str) -> None:
    stream.push_records(records("a"))
    join(stream).close()
    stream.delete()
    stream.delete()
    stream.push_records(records("b"))
    assert bodies(read(join(stream), 1)) == ["b"]


def test_several_threads_may_push(stream: Stream, join: Join) -> None:
    def push(start: int) -> None:
        for n in range(start, start + 50):
            stream.push_records(records(str(n), key="k"))

    threads = [threading.Thread(target=push, args=(start,)) for start in range(0, 200, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [int(record.body) for record in read(join(stream), 200)]
    assert sorted(found) == list(range(200))
    for start in range(0, 200, 50):
        own = [n for n in found if start <= n < start + 50]
        assert own == sorted(own)


def test_forwarding_pushes_and_acknowledges_at_once(stream: Stream, join: Join) -> None:
    consumer = join(stream)
    if not isinstance(consumer, Forwarding):
        pytest.skip("cannot forward")
    with open_stream(stream.url + "-out") as out:
        stream.push_records(records("a", "b", "c"))
        found = read(consumer, 3)
        assert consumer.forward(found[:2], [(out, records("A", "B", key="k"))])
        assert stream.depth("group") == 1
        assert bodies(read(join(out), 2)) == ["A", "B"]
        assert not consumer.forward(found[2:], [(_Elsewhere("elsewhere"), records("C"))])
        assert stream.depth("group") == 1
        out.delete()


class _Elsewhere(Stream):
    """A stream that no other one can forward to."""

    def __init__(self, name: str) -> None:
        self.url = self.name = name

    shards = 1

    def push_records(self, records: object) -> None:
        raise NotImplementedError

    def consumer(self, group: str, name: str = "", shards: object = None) -> Consumer:
        raise NotImplementedError

    def depth(self, group: str) -> int:
        return 0

    def create(self, groups: object = ()) -> None:
        """Nothing to make."""

    def delete(self) -> None:
        """Nothing to remove."""

    def close(self) -> None:
        """Nothing to release."""
