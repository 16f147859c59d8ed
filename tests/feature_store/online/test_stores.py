"""What every online store promises."""

from __future__ import annotations

import threading
import time

import pytest

from mlrun_like.errors import InvalidArgumentError, UnknownNameError
from mlrun_like.feature_store.online import OnlineStore, open_online
from mlrun_like.feature_store.online.codec import decode_row, encode_row
from mlrun_like.feature_store.online.store import place_of

HOSTILE = [
    b"'; DROP TABLE rows; --",
    b"\x00",
    b"",
    b"a\x00b",
    "nöß \N{SNOWMAN}".encode(),
    b"*?[a]\\",
    b"\xff\xff",
    b"%d%s",
    b"k" * 1_000_000,
]


def row(key: bytes, value: object, micros: int) -> tuple[bytes, bytes, int]:
    return key, encode_row(micros, {"v": value}), micros


def values(store: OnlineStore, *keys: bytes) -> list[object]:
    return [None if blob is None else decode_row(blob)["v"] for blob in store.read(keys)]


def test_newest_event_time_wins(store: OnlineStore) -> None:
    store.purge(b"")
    store.write([row(b"v1:a", 1, 10), row(b"v1:b", 1, -5)])
    store.write([row(b"v1:a", 2, 9), row(b"v1:b", 2, -4)])
    assert values(store, b"v1:a", b"v1:b", b"v1:c") == [1, 2, None]
    store.write([row(b"v1:a", 3, 10), row(b"v1:a", 4, 11), row(b"v1:a", 5, 10)])
    assert values(store, b"v1:a") == [4]
    far = 2**60
    store.write([row(b"v1:far", 1, far + 1)])
    store.write([row(b"v1:far", 2, far)])
    assert values(store, b"v1:far", b"v1:far") == [1, 1]


def test_at_equal_times_the_later_write_wins(store: OnlineStore) -> None:
    store.write([row(b"v1:eq", 1, 7)])
    store.write([row(b"v1:eq", 2, 7), row(b"v1:eq", 3, 7)])
    assert values(store, b"v1:eq") == [3]


def test_hostile_keys(store: OnlineStore) -> None:
    store.purge(b"")
    keys = [b"v1:" + key for key in HOSTILE]
    store.write([row(key, number, 0) for number, key in enumerate(keys)])
    assert values(store, *keys) == list(range(len(keys)))
    assert store.purge(b"v1:*?[a]\\") == 1
    assert store.purge(b"v1:\xff") == 1
    assert dict(store.scan(b"v1:")).keys() == set(keys) - {b"v1:*?[a]\\", b"v1:\xff\xff"}
    store.delete([keys[0], b"v1:nobody"])
    assert values(store, keys[0]) == [None]


def test_a_huge_value(store: OnlineStore) -> None:
    text = "x" * 5_000_000
    store.write([row(b"v1:huge", text, 0)])
    assert values(store, b"v1:huge") == [text]


def test_reads_of_any_size(store: OnlineStore) -> None:
    keys = [b"v1:%d" % number for number in range(1203)]
    store.write([row(key, number, 5) for number, key in enumerate(keys)])
    assert store.read([]) == []
    for count in (1, 2, 16, 17, 500, 501, 1203):
        assert values(store, *keys[:count]) == list(range(count))
    assert values(store, *reversed(keys[:40]), keys[3]) == [*reversed(range(40)), 3]


def test_positions_and_states_go_together(store: OnlineStore) -> None:
    assert store.position("feed") == ""
    store.write([row(b"v1:a", 1, 5)], position=("feed", "one"), states=[(b"w1:a", b"first")])
    store.write([], position=("féed", '{"p": 2}'), states=[(b"w1:a", b"W")])
    assert store.position("feed") == "one"
    assert store.position("féed") == '{"p": 2}'
    assert store.read([b"w1:a"]) == [b"W"]


def test_values_expire(store: OnlineStore) -> None:
    now = time.time_ns() // 1000
    store.write([row(b"v1:t", 1, now), row(b"v1:old", 1, now - 3_600_000_000)], ttl_millis=60_000)
    assert values(store, b"v1:t", b"v1:old") == [1, None]
    store.write([row(b"v1:soon", 1, now)], ttl_millis=300)
    until = time.monotonic() + 30
    while values(store, b"v1:soon") != [None] and time.monotonic() < until:
        time.sleep(0.05)
    assert values(store, b"v1:soon", b"v1:t") == [None, 1]
    store.write([row(b"v1:t", 2, now + 1)])
    assert values(store, b"v1:t") == [2]


def test_swap_replaces_a_prefix(store: OnlineStore) -> None:
    store.purge(b"")
    old = [row(b"v1:p/s:%d" % number, "old", 100) for number in range(2500)]
    store.write([*old, row(b"v1:p/other:1", "other", 1)], states=[(b"w1:p/s:1", b"old")])
    staged = [row(b"s1:4:feed:v1:p/s:%d" % number, "new", 5) for number in range(2000, 4000)]
    store.write(staged, states=[(b"s1:4:feed:w1:p/s:7", b"new")], position=("feed!", "x"))
    assert values(store, b"v1:p/s:2100") == ["old"]
    store.swap(b"s1:4:feed:", [b"v1:p/s:", b"w1:p/s:"], ("feed", "x"))
    assert values(store, b"v1:p/s:1", b"v1:p/s:2100", b"v1:p/s:3999") == [None, "new", "new"]
    assert len(list(store.scan(b"v1:p/s:"))) == 2000
    assert store.read([b"w1:p/s:1", b"w1:p/s:7"]) == [None, b"new"]
    assert values(store, b"v1:p/other:1") == ["other"]
    assert (list(store.scan(b"s1:")), store.position("feed")) == ([], "x")


def test_swap_without_prefixes_merges(store: OnlineStore) -> None:
    store.purge(b"")
    store.write([row(b"v1:m:1", "old", 10), row(b"v1:m:2", "old", 10)])
    store.write([row(b"s:v1:m:1", "late", 9), row(b"s:v1:m:2", "new", 11)])
    store.swap(b"s:", [], ("f", "end"))
    assert values(store, b"v1:m:1", b"v1:m:2") == ["old", "new"]
    assert list(store.scan(b"s:")) == []


def test_a_closed_store_opens_again(store: OnlineStore) -> None:
    store.write([row(b"v1:c", 1, 1)])
    store.close()
    assert values(store, b"v1:c") == [1]


def test_readers_see_whole_rows_while_others_write(store: OnlineStore) -> None:
    keys = [b"v1:w:%d" % number for number in range(3)]
    store.write([row(key, [0] * 20, 0) for key in keys])
    stop, problems, seen = threading.Event(), list[object](), list[int]()

    def read() -> None:
        try:
            newest = 0
            while not stop.is_set():
                found = values(store, *keys)
                for value in found:
                    assert isinstance(value, list)
                    assert len(set(value)) == 1 and len(value) == 20
                # a read sees all three as of one moment
                assert len({value[0] for value in found if isinstance(value, list)}) == 1
                assert isinstance(found[0], list) and found[0][0] >= newest
                newest = found[0][0]
            seen.append(newest)
        except BaseException as exc:  # noqa: BLE001 - told to the test
            problems.append(exc)

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 151):
            store.write([row(key, [number] * 20, number) for key in keys])
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert problems == []
    assert len(seen) == 16
    assert values(store, keys[0]) == [[150] * 20]


@pytest.mark.parametrize("url", ["", 5, "sqlite://host/x.db", "sqlite:///"])
def test_bad_addresses(url: str) -> None:
    with pytest.raises(InvalidArgumentError):
        open_online(url)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownNameError, match="redis"):
        open_online("reddis://host")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("redis://h:1", ("redis://h:1", "")),
        ("redis://h:1/3/a/b", ("redis://h:1/3", "a/b")),
        ("redis://h:1/projects/p/s?timeout=3", ("redis://h:1?timeout=3", "projects/p/s")),
        ("/data/online.db#p/s", ("/data/online.db", "p/s")),
    ],
)
def test_places(path: str, place: tuple[str, str]) -> None:
    assert place_of(path) == place
