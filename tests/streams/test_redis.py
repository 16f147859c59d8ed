"""Redis Streams: what only a server with several processes can show."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Record
from mlrun_like.streams.opening import open_stream
from mlrun_like.streams.redis import RedisStream
from mlrun_like.streams.redis_scripts import PUSH

pytestmark = pytest.mark.slow


@pytest.fixture
def stream(redis: Any) -> Iterator[RedisStream]:
    opened = open_stream(f"{redis.url}/{new_uid()}", lease=1.0)
    assert isinstance(opened, RedisStream)
    yield opened
    opened.delete()
    opened.close()


def push(stream: RedisStream, *bodies: str, key: str = "") -> None:
    stream.push_records([Record(body.encode(), key) for body in bodies])


def bodies(records: list[Record]) -> list[str]:
    return [record.body.decode() for record in records]


def test_members_share_the_shards_and_take_over_those_of_the_dead(redis: Any) -> None:
    with open_stream(f"{redis.url}/{new_uid()}", shards=4, lease=1.0) as stream:
        stream.push_records([Record(b"%d" % n, f"k{n}") for n in range(100)])
        first = stream.consumer("g", "first")
        assert {record.shard for record in first.read(1000, 1)} == {0, 1, 2, 3}
        first.close()
        first, second = stream.consumer("g", "first"), stream.consumer("g", "second")
        seen: dict[str, set[int]] = {"first": set(), "second": set()}
        done: set[str] = set()
        deadline = time.monotonic() + 10
        while len(done) < 100 and time.monotonic() < deadline:
            for name, consumer in (("first", first), ("second", second)):
                records = consumer.read(10, 0.05)
                seen[name] |= {record.shard for record in records}
                done |= {record.body.decode() for record in records}
                consumer.ack(records)
        assert len(done) == 100
        for _ in range(10):  # until both have noticed each other
            first.read(1, 0.02)
            second.read(1, 0.1)
        stream.push_records([Record(b"%d" % n, f"k{n}") for n in range(100)])
        one = {record.shard for record in first.read(1000, 1)}
        two = {record.shard for record in second.read(1000, 1)}
        assert len(one) == len(two) == 2
        assert one | two == {0, 1, 2, 3}
        second.close()
        found: set[int] = set()
        while found != two and time.monotonic() < deadline:
            found |= {record.shard for record in first.read(1000, 0.1)}
        assert found == two
        first.close()
        stream.delete()


READER = """
import sys, time
from mlrun_like.streams import open_stream
stream = open_stream(sys.argv[1], lease=1.0)
consumer = stream.consumer("g", sys.argv[2])
records = consumer.read(3, 10)
print(len(records), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["same", ""])
def test_a_killed_reader_loses_nothing(redis: Any, stream: RedisStream, name: str) -> None:
    push(stream, "a", "b", "c", "d")
    url = f"{redis.url}/{stream.name}"
    reader = subprocess.Popen([sys.executable, "-c", READER, url, name], stdout=subprocess.PIPE)
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"3\n"
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    reader.stdout.close()
    start = time.monotonic()
    found: list[Record] = []
    with stream.consumer("g", name) as consumer:
        while len(found) < 4 and time.monotonic() - start < 10:
            found += consumer.read(10, 0.2)
        took = time.monotonic() - start
        assert bodies(found) == ["a", "b", "c", "d"]
        assert [record.deliveries for record in found] == [2, 2, 2, 1]
        consumer.ack(found)
    assert took < (0.5 if name else 4)  # under its old name it need not wait for the lease to end
    # the reader that died is not kept among the consumers for ever
    rows = stream.client.call("XINFO", "CONSUMERS", stream.name, "g")
    assert len(rows) == 1


def test_a_process_whose_name_was_taken_is_refused(stream: RedisStream) -> None:
    push(stream, "a")
    old = stream.consumer("g", "same")
    records = old.read(1, 1)
    new = stream.consumer("g", "same")
    assert bodies(new.read(1, 1)) == ["a"]
    with open_stream(stream.url + "-out") as out:
        with pytest.raises(ConflictError, match="another consumer"):
            old.forward(records, [(out, [Record(b"from the old one")])])
        assert out.depth("g") == 0
        out.delete()
    with pytest.raises(ConflictError, match="taken the name"):
        for _ in range(50):
            old.read(1, 0.05)
    old.close()
    assert new.read(1, 0.1) == []
    new.close()


def test_a_silent_process_loses_its_shards_and_gets_others_back(stream: RedisStream) -> None:
    push(stream, "a")
    silent = stream.consumer("g", "silent")
    records = silent.read(1, 1)
    # as if the whole process had stood still: no sign of life, no reads
    stream.client.call("HSET", f"{stream.name}:group:g", "m:silent", "x" * 32 + "|1")
    with stream.consumer("g", "other") as other:
        assert bodies(other.read(1, 3)) == ["a"]
        with pytest.raises(ConflictError):
            silent.forward(records, [])
        with pytest.raises(ConflictError):
            silent.forward(records, [(stream, [Record(b"twice")])])
    silent.close()


def test_a_record_that_kills_its_readers_is_handed_out_alone(stream: RedisStream) -> None:
    push(stream, "a", "poison", "c", "d")
    for expected in (["a", "poison", "c", "d"], ["a", "poison", "c", "d"], ["a"]):
        dying = stream.consumer("g", "same")
        assert bodies(dying.read(10, 1)) == expected
    seen: list[tuple[str, int]] = []
    with stream.consumer("g", "same") as consumer:
        for _ in range(4):
            records = consumer.read(10, 1)
            assert len(records) == 1
            seen.append((records[0].body.decode(), records[0].deliveries))
            consumer.ack(records)
    assert seen == [("a", 4), ("poison", 3), ("c", 3), ("d", 3)]


def test_a_reply_that_is_lost_is_asked_for_again(stream: RedisStream) -> None:
    push(stream, "a", "b")
    with stream.consumer("g", "one") as consumer:
        held = consumer.read(1, 1)
        assert bodies(held) == ["a"]
        # what the server handed out while the connection broke
        stream.client.call("XREADGROUP", "GROUP", "g", "one", "STREAMS", stream.name, ">")
        consumer._looked -= 60
        assert bodies(consumer.read(10, 1)) == ["b"]
        assert consumer.read(10, 0) == []


def test_a_push_that_is_repeated_is_stored_once(stream: RedisStream) -> None:
    keys = [stream.meta, f"{stream.name}:push:someone", stream.name]
    arguments = [1, 7, 3, b"body", "", ""]
    assert stream.client.script(PUSH, keys, arguments) == 1
    assert stream.client.script(PUSH, keys, arguments) == 0
    assert stream.client.script(PUSH, keys, [1, 8, *arguments[2:]]) == 1
    assert stream.depth("g") == 2


def test_forwarding_again_after_a_lost_reply_makes_no_duplicates(stream: RedisStream) -> None:
    push(stream, "a", "b")
    with stream.consumer("g") as consumer, open_stream(stream.url + "-out", shards=2) as out:
        records = consumer.read(2, 1)
        for _ in range(3):
            assert consumer.forward(records, [(out, [Record(b"A", "k"), Record(b"B", "k")])])
        assert out.depth("g") == 2
        out.delete()


def test_what_nobody_needs_is_forgotten_and_nothing_else(redis: Any) -> None:
    def length(stream: RedisStream) -> int:
        stream._trimmed = 0
        stream.trim()
        return int(stream.client.call("XLEN", stream.name))

    url = f"{redis.url}/{new_uid()}"
    body = "x" * 100  # entries are forgotten by blocks of about 4 kB
    with open_stream(url) as plain, open_stream(url, max_length=500) as keeping:
        assert isinstance(plain, RedisStream)
        assert isinstance(keeping, RedisStream)
        push(plain, *[body] * 3000)
        assert length(plain) == 3000  # no group yet: it may still come
        plain.create(["slow", "quick"])
        with plain.consumer("quick") as quick, plain.consumer("slow") as slow:
            while records := quick.read(1000, 0):
                quick.ack(records)
            assert length(plain) == 3000  # the slow group has read nothing
            held = slow.read(1000, 1)
            slow.ack(held[1:])
            assert length(plain) == 3000  # the first one is not acknowledged
            assert length(keeping) == 3000
            slow.ack(held)
            assert 2000 <= length(plain) <= 2100
            while records := slow.read(1000, 0):
                slow.ack(records)
            assert 500 <= length(keeping) <= 600
            assert length(plain) < 100
        assert plain.depth("slow") == 0
        plain.delete()
    with open_stream(url, max_length=500) as bounded:
        push_bounded = [Record(body.encode())] * 3000
        bounded.push_records(push_bounded)
        assert isinstance(bounded, RedisStream)
        assert 500 <= length(bounded) <= 600  # no group, but a limit
        bounded.delete()
    with open_stream(url, retention_in_hours=1e-9) as short:
        short.push_records(push_bounded)
        time.sleep(0.01)
        assert isinstance(short, RedisStream)
        assert length(short) < 100
        short.delete()


def test_entries_of_other_programs_are_read(stream: RedisStream) -> None:
    stream.client.call("XADD", stream.name, "*", "user", "ann", "amount", "3")
    stream.client.call("XADD", stream.name, "*", "key", "k", "body", "b", "headers", "no json")
    stream.client.call("XADD", stream.name, "*", "body", "b", "key", b"\xff", "headers", "[1]")
    with stream.consumer("g") as consumer:
        first, second, third = consumer.read(10, 1)
    assert json.loads(first.body) == {"user": "ann", "amount": "3"}
    assert (second.body, second.key, dict(second.headers)) == (b"b", "k", {})
    assert (third.body, dict(third.headers)) == (b"b", {})


def test_a_group_that_another_program_left_behind_is_taken_over(stream: RedisStream) -> None:
    push(stream, "a", "b", "c")
    stream.client.call("XGROUP", "CREATE", stream.name, "g", "0")
    command = ["XREADGROUP", "GROUP", "g", "foreign", "COUNT", 2, "STREAMS", stream.name, ">"]
    stream.client.call(*command)
    with stream.consumer("g") as consumer:
        assert bodies(consumer.read(10, 1) + consumer.read(10, 1)) == ["a", "b", "c"]


def test_an_emptied_server_is_started_anew(redis: Any, stream: RedisStream) -> None:
    push(stream, "a")
    with stream.consumer("g") as consumer:
        consumer.ack(consumer.read(1, 1))
        stream.client.call("DEL", stream.name, stream.meta, f"{stream.name}:group:g")
        push(stream, "b")
        found: list[Record] = []
        for _ in range(30):
            found += consumer.read(1, 0.1)
            if found:
                break
        assert bodies(found) == ["b"]


def test_a_server_that_is_restarted_loses_nothing(durable_redis: Any) -> None:
    url = f"{durable_redis.url}/restarted"
    with open_stream(url, timeout=10) as stream, stream.consumer("g", "one") as consumer:
        push_from(stream, range(10))
        held = consumer.read(4, 1)
        consumer.ack(held[:2])
        durable_redis.kill()
        start = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            consumer.read(10, 1)
        assert time.monotonic() - start < 5
        starting = threading.Timer(0.5, durable_redis.start)
        starting.start()
        push_from(stream, range(10, 12))  # waits for it
        consumer.ack(held[2:3])
        found: list[Record] = []
        while len(found) < 8:
            found += consumer.read(10, 1)
        assert [int(record.body) for record in found] == list(range(4, 12))
        starting.join()
    with open_stream(url) as stream, stream.consumer("g", "one") as consumer:
        assert int(consumer.read(1, 1)[0].body) == 3


def push_from(stream: Any, numbers: range) -> None:
    stream.push_records([Record(b"%d" % n) for n in numbers])


def test_a_server_that_is_not_there_is_an_error_after_the_timeout() -> None:
    stream = open_stream("redis://127.0.0.1:1/nowhere", timeout=0.3)
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="Redis cannot be reached"):
        stream.push("x")
    assert 0.1 < time.monotonic() - start < 2
    stream.close()


def test_a_key_that_is_no_stream_is_refused(redis: Any, stream: RedisStream) -> None:
    stream.client.call("SET", stream.name, "text")
    with pytest.raises(InvalidArgumentError, match="WRONGTYPE"):
        stream.push("x")
    stream.client.call("DEL", stream.name)


def test_a_full_server_is_waited_for(redis: Any, stream: RedisStream) -> None:
    push(stream, "a")
    stream.client.timeout = 0.3
    stream.client.call("CONFIG SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailableError, match="maxmemory"):
            push(stream, "b", "c")
        stream.client.timeout = 10
        threading.Timer(0.2, stream.client.call, ["CONFIG SET", "maxmemory", "0"]).start()
        push(stream, "d")
    finally:
        stream.client.call("CONFIG SET", "maxmemory", "0")
    with stream.consumer("g") as consumer:
        assert bodies(consumer.read(10, 1)) == ["a", "d"]


def test_scripts_that_the_server_forgot_are_sent_again(stream: RedisStream) -> None:
    push(stream, "a")
    stream.client.call("SCRIPT FLUSH")
    push(stream, "b")
    assert stream.depth("g") == 2


def test_options_of_the_client_are_checked() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        open_stream("redis://127.0.0.1:1/x", client_options={"no_such_option": 1}).push("x")
