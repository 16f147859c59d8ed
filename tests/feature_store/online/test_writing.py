"""OnlineWriter: newest rows, positions, staging, windows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.online import OnlineStore
from mlrun_like.feature_store.online.codec import decode_row, row_time
from mlrun_like.feature_store.online.writing import OnlineWriter
from mlrun_like.feature_store.targets.writing import WriteJob

NOON = pd.Timestamp("2024-05-06 12:00")


def job(feed: str = "f", **options: object) -> WriteJob:
    given: dict[str, object] = {
        "entities": ("user",), "timestamp_key": "at", "types": {"user": "str"}, "project": "p",
        "name": "users",
    }  # fmt: skip
    return WriteJob(feed, **{**given, **options})  # type: ignore[arg-type]


def frame(users: list[object], values: list[object], minutes: list[int]) -> pd.DataFrame:
    at = [NOON + pd.Timedelta(minutes=minute) for minute in minutes]
    return pd.DataFrame({"user": users, "v": values, "at": at})


def stored(store: OnlineStore, *users: str) -> list[object]:
    blobs = store.read([f"v1:p/users:{user}".encode() for user in users])
    return [None if blob is None else decode_row(blob)["v"] for blob in blobs]


def write(store: OnlineStore, frame: pd.DataFrame, feed: str = "f", **options: object) -> None:
    with OnlineWriter(store, job(feed, **options)) as writer:
        writer.write_all([frame], "end")


def test_the_newest_row_of_each_entity(store: OnlineStore) -> None:
    store.purge(b"")
    writer = OnlineWriter(store, job())
    writer.write(frame(["a", "b", "a", None, "a"], [1, 2, 3, 4, 5], [0, 0, 9, 9, 5]))
    writer.write(frame(["b", "a"], [6, 7], [1, 1]))
    assert stored(store, "a") == [None]
    writer.commit("one")
    assert (stored(store, "a", "b"), writer.position()) == ([3, 6], "one")
    status = writer.finish()
    assert (status["rows"], writer.missing_entities) == (7, 1)
    assert status["last_written"] == dt.datetime(2024, 5, 6, 12, 9, tzinfo=dt.timezone.utc)
    (blob,) = store.read([b"v1:p/users:a"])
    assert blob is not None and row_time(blob) == 1714997340000000
    assert decode_row(blob) == {"v": 3, "at": dt.datetime(2024, 5, 6, 12, 9)}


def test_rows_of_events(store: OnlineStore) -> None:
    store.purge(b"")
    writer = OnlineWriter(store, job(live=True), columns=["v", "w"])
    writer.write_row({"user": "a", "v": 0, "at": "2024-05-06T12:00:00Z", "more": 1})
    writer.write_row({"user": None, "v": 1})
    writer.write_row({"user": "a", "v": 9}, 5)
    writer.commit("1")
    (blob,) = store.read([b"v1:p/users:a"])
    assert blob is not None and decode_row(blob) == {"v": 0, "w": None}


def test_no_time_is_the_time_of_writing(store: OnlineStore) -> None:
    store.purge(b"")
    for value in (1, 2):
        write(store, pd.DataFrame({"user": ["a"], "v": [value]}), f"f{value}", timestamp_key="")
    assert stored(store, "a") == [2]


def test_overwriting_shows_all_at_the_end(store: OnlineStore) -> None:
    store.purge(b"")
    write(store, frame(["a", "b"], [1, 1], [50, 50]), "first", overwrite=True)
    writer = OnlineWriter(store, job("second", overwrite=True))
    assert writer.position() == ""
    writer.write(frame(["b", "c"], [2, 2], [0, 0]))
    writer.commit("half")
    writer.close()
    assert stored(store, "a", "b", "c") == [1, 1, None]
    again = OnlineWriter(store, job("second", overwrite=True))  # the process was killed
    assert again.position() == "half"
    again.write(frame(["d"], [2], [0]))
    again.commit("whole")
    again.finish()
    assert stored(store, "a", "b", "c", "d") == [None, 2, 2, 2]
    again.finish()
    assert (stored(store, "d"), again.position()) == ([2], "whole")


def test_overwriting_with_nothing_empties(store: OnlineStore) -> None:
    store.purge(b"")
    write(store, frame(["a"], [1], [0]))
    OnlineWriter(store, job("empty", overwrite=True)).finish()
    assert stored(store, "a") == [None]


def test_adding_merges_by_time_at_the_end(store: OnlineStore) -> None:
    store.purge(b"")
    write(store, frame(["a", "b"], [1, 1], [5, 5]))
    writer = OnlineWriter(store, job("more"))
    writer.write(frame(["a", "b"], [2, 2], [4, 6]))
    writer.commit("x")
    assert stored(store, "a", "b") == [1, 1]
    writer.finish()
    assert stored(store, "a", "b") == [1, 2]


def test_giving_up_leaves_what_was_before(store: OnlineStore) -> None:
    store.purge(b"")
    first = OnlineWriter(store, job("first"))
    first.write(frame(["a"], [0], [0]))
    first.commit("x")
    first.abort()
    assert (stored(store, "a"), first.position()) == ([None], "")
    write(store, frame(["a"], [1], [0]))
    for overwrite in (True, False):
        writer = OnlineWriter(store, job(f"g{overwrite}", overwrite=overwrite))
        writer.write(frame(["a"], [2], [9]))
        writer.commit("x")
        writer.abort()
        assert (stored(store, "a"), writer.position()) == ([1], "")
    assert list(store.scan(b"s1:")) == []


def test_windows_go_with_the_rows(store: OnlineStore) -> None:
    store.purge(b"")
    writer = OnlineWriter(store, job())
    writer.write_windows({("a",): b"W1", (None,): b"lost"})
    assert writer.read_windows([("a",), ("b",), (None,)]) == [b"W1", None, None]
    assert store.read([b"w1:p/users:a"]) == [None]
    writer.write(frame(["a"], [1], [0]))
    writer.commit("1")
    assert store.read([b"w1:p/users:a"]) == [b"W1"]
    staged = OnlineWriter(store, job("next"))
    staged.write_windows({("a",): b"W2"})
    staged.commit("2")
    assert staged.read_windows([("a",)]) == [b"W2"]
    assert store.read([b"w1:p/users:a"]) == [b"W1"]
    assert OnlineWriter(store, job("new", overwrite=True)).read_windows([("a",)]) == [None]
    staged.finish()
    assert store.read([b"w1:p/users:a"]) == [b"W2"]


def test_values_of_all_columns(store: OnlineStore) -> None:
    store.purge(b"")
    made = frame(["a", "b"], [1.5, np.inf], [0, 0])
    made["n"] = [np.nan, 2.0]
    made["i"] = pd.array([None, 3], dtype="Int64")
    made["s"] = pd.array(["x", None], dtype="string")
    made["c"] = pd.Categorical(["x", None])
    made["t"] = pd.Series(["2024-01-01", None], dtype="datetime64[ns, UTC]")
    made["l"] = pd.Series([[1, np.nan], None])
    made["at"] = made["at"].dt.tz_localize("Europe/Berlin")
    write(store, made.set_index("user"))
    a, b = (decode_row(blob or b"") for blob in store.read([b"v1:p/users:a", b"v1:p/users:b"]))
    assert [a[name] for name in "vniscl"] == [1.5, None, None, "x", "x", [1, None]]
    assert [b[name] for name in "vniscl"] == [np.inf, 2.0, 3, None, None, None]
    assert (a["t"], b["t"]) == (dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), None)


def test_ttl_counts_from_the_event(store: OnlineStore) -> None:
    store.purge(b"")
    now = pd.Timestamp.now("UTC")
    made = pd.DataFrame({"user": ["a", "b"], "v": [1, 2], "at": [now, now - pd.Timedelta("1h")]})
    write(store, made, ttl_millis=600_000)
    assert stored(store, "a", "b") == [1, None]


def test_mistakes_are_named(store: OnlineStore) -> None:
    with pytest.raises(InvalidArgumentError, match="needs entities"):
        OnlineWriter(store, job(entities=()))
    writer = OnlineWriter(store, job())
    with pytest.raises(NotFoundError, match=r"'user'.*Did you mean 'users'"):
        writer.write(pd.DataFrame({"users": [1], "at": [NOON]}))
    writer.write(pd.DataFrame({"user": [], "v": [], "at": []}))
    writer.commit("empty")
    assert writer.finish()["last_written"] is None
