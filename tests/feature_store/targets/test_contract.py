"""What every offline target does, whatever its kind."""

from __future__ import annotations

import decimal
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    StateError,
)
from mlrun_like.feature_store.targets import WriteJob
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from tests.feature_store.targets.conftest import OFFLINE, MakeTarget

START = pd.Timestamp("2024-01-31T22:00:00Z")


def rows(first: int, count: int, *, keys: int = 0, hours: int = 0, value: float = 0.0) -> Any:
    """Rows `first`..., an hour apart."""
    numbers = range(first, first + count)
    return pd.DataFrame(
        {
            "key": [number % keys if keys else number for number in numbers],
            "time": [START + pd.Timedelta(hours=number + hours) for number in numbers],
            "group": [f"g{number % 3}" for number in numbers],
            "number": list(numbers),
            "value": [value + number / 4 for number in numbers],
        }
    )


def job(feed: str, **options: Any) -> WriteJob:
    return WriteJob(feed, entities=("key",), timestamp_key="time", project="p", name="s", **options)


def ids(target: BaseStoreTarget) -> list[int]:
    if not target.exists():
        return []
    return sorted(target.as_df(columns=["number"])["number"].tolist())


def ingest(target: BaseStoreTarget, feed: str, frame: Any, **options: Any) -> dict[str, Any]:
    with target.writer(job(feed, **options)) as writer:
        return writer.write_all([frame], "end")


@pytest.fixture(params=OFFLINE)
def target(request: pytest.FixtureRequest, make: MakeTarget) -> Any:
    """A way to open one target, of each kind, as a new process would."""
    return lambda: make(request.param)


def test_nothing_is_there_before(target: Any) -> None:
    assert not target().exists()
    with pytest.raises(MissingFileError, match="holds nothing yet"):
        target().as_df()
    target().purge()


def test_rows_are_shown_by_finish_with_status(target: Any) -> None:
    with target().writer(job("a", run_id="r1")) as writer:
        assert writer.position() == ""
        writer.write(rows(0, 3))
        assert ids(target()) == []
        writer.commit("one")
        assert (writer.position(), ids(target())) == ("one", [])
        writer.write(rows(3, 2))
        writer.commit("two")
        status = writer.finish()
        assert writer.finish() == status
    assert ids(target()) == [0, 1, 2, 3, 4]
    assert status["rows"] == 5 and status["run_id"] == "r1"
    assert set(status) == {"size", "path", "last_written", "rows", "run_id"}
    found = target().as_df().sort_values("number").reset_index(drop=True)
    expected = rows(0, 5)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected, check_like=True)


def test_rows_are_added(target: Any) -> None:
    ingest(target(), "a", rows(0, 3))
    ingest(target(), "b", rows(3, 3))
    assert ids(target()) == [0, 1, 2, 3, 4, 5]


def test_old_rows_are_seen_until_the_new_ones_replace_them(target: Any) -> None:
    ingest(target(), "a", rows(0, 5))
    with target().writer(job("b", overwrite=True)) as writer:
        writer.write(rows(10, 2))
        writer.commit("1")
        assert ids(target()) == [0, 1, 2, 3, 4]
        writer.write(rows(12, 1))
        writer.commit("2")
        writer.finish()
    assert ids(target()) == [10, 11, 12]


def test_abort_leaves_the_target_as_before(target: Any) -> None:
    first = target().writer(job("x"))
    first.write(rows(0, 2))
    first.commit("1")
    first.abort()
    assert ids(target()) == []
    with target().writer(job("x")) as again:
        assert again.position() == ""
    ingest(target(), "a", rows(0, 2))
    for overwrite in (False, True):
        writer = target().writer(job("b", overwrite=overwrite))
        writer.write(rows(5, 2))
        writer.commit("1")
        writer.write(rows(7, 2))
        writer.abort()
        assert ids(target()) == [0, 1]
    ingest(target(), "b", rows(5, 2))
    assert ids(target()) == [0, 1, 5, 6]


def test_a_feed_goes_on_behind_its_position(target: Any) -> None:
    ingest(target(), "before", rows(100, 1))
    writer = target().writer(job("a"))
    writer.write(rows(0, 3))
    writer.commit("3")
    writer.write(rows(3, 3))  # lost with the process
    writer.close()
    with target().writer(job("a")) as again:
        assert again.position() == "3"
        again.write(rows(3, 2))
        again.commit("5")
        again.finish()
    assert ids(target()) == [0, 1, 2, 3, 4, 100]
    with target().writer(job("a")) as done:
        assert done.position() == "5"
        assert done.finish()["rows"] == 5
    assert ids(target()) == [0, 1, 2, 3, 4, 100]


def test_a_live_feed_is_seen_from_each_commit_on(make: MakeTarget) -> None:
    for kind in OFFLINE:
        if kind in ("file", "memory file"):
            with (
                make(kind).writer(job("a", live=True)) as writer,
                pytest.raises(InvalidArgumentError, match="one Parquet file"),
            ):
                writer.write(rows(0, 1))
            continue
        with make(kind).writer(job("a", live=True)) as writer:
            writer.write(rows(0, 2))
            writer.commit("1")
            assert ids(make(kind)) == [0, 1], kind
            writer.write(rows(2, 2))
            writer.commit("2")
        with make(kind).writer(job("a", live=True)) as writer:
            assert writer.position() == "2"
            writer.write(rows(4, 1))
            writer.commit("3")
            assert ids(make(kind)) == [0, 1, 2, 3, 4], kind
            writer.finish()
        assert ids(make(kind)) == [0, 1, 2, 3, 4], kind


def test_merge_keeps_the_newest_of_each_key(target: Any) -> None:
    merge = {"merge": ("key",)}
    ingest(target(), "a", rows(0, 6, keys=6), **merge)
    late = rows(6, 2, keys=6, hours=-20, value=100.0)  # keys 0 and 1, older than what is there
    newer = rows(8, 2, keys=6, value=200.0)  # keys 2 and 3
    twice = pd.concat([newer.assign(number=-1), newer, rows(12, 1, keys=7, value=300.0)])
    ingest(target(), "b", pd.concat([late, twice]), **merge)
    found = target().as_df().sort_values("key")
    assert found["key"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found["number"].tolist() == [0, 1, 8, 9, 4, 12]


def test_nothing_written_is_nothing_changed(target: Any) -> None:
    with target().writer(job("a")) as writer:
        writer.commit("0")
        writer.finish()
    ingest(target(), "b", rows(0, 2))
    with target().writer(job("c")) as writer:
        writer.write(rows(0, 0))
        writer.commit("0")
        writer.finish()
    assert ids(target()) == [0, 1]


def test_an_empty_frame_replaces_rows_by_none(target: Any) -> None:
    ingest(target(), "a", rows(0, 2))
    with target().writer(job("b", overwrite=True)) as writer:
        writer.write(rows(0, 2).iloc[:0])
        writer.commit("0")
        writer.finish()
    found = target().as_df()
    assert len(found) == 0 and set(found.columns) == set(rows(0, 1).columns)


def test_columns_are_added(target: Any) -> None:
    ingest(target(), "a", rows(0, 2))
    ingest(target(), "b", rows(2, 2).assign(more=["x", "y"]))
    with target().writer(job("c")) as writer:
        writer.write(rows(4, 1))
        writer.write(rows(5, 1).assign(other=1.5))
        writer.commit("1")
        writer.finish()
    found = target().as_df().sort_values("number")
    assert found["number"].tolist() == [0, 1, 2, 3, 4, 5]
    assert [item if isinstance(item, str) else None for item in found["more"]] == [
        None, None, "x", "y", None, None,
    ]  # fmt: skip
    assert found["other"].tolist()[-1] == 1.5 and found["other"].isna().sum() == 5


def test_types_that_do_not_agree_are_refused(make: MakeTarget) -> None:
    for kind in ("file", "folder", "by time", "csv", "sqlite"):
        ingest(make(kind), "a", rows(0, 2))
        with (
            make(kind).writer(job("b")) as writer,
            pytest.raises(InvalidArgumentError, match="'value' holds double and cannot take"),
        ):
            writer.write(rows(2, 2).assign(value=["a", "b"]))
            writer.commit("1")
            writer.finish()
        assert ids(make(kind)) == [0, 1], kind


def test_types_are_exact(target: Any) -> None:
    frame = rows(0, 3).assign(
        nullable=pd.array([1, None, 3], "Int64"),
        small=pd.array([1, 2, 3], "int8"),
        flag=pd.array([True, None, False], "boolean"),
        category=pd.Categorical(["a", None, "b"]),
        zone=pd.DatetimeIndex(["2024-03-31T00:30Z", None, "2024-03-31T03:00Z"]).tz_convert(
            "Europe/Berlin"
        ),
        naive=pd.DatetimeIndex(["2024-01-01", "2024-01-02", None]),
        listed=[[1, 2], [], None],
        money=[decimal.Decimal("1.50"), None, decimal.Decimal("-3.25")],
        text=["", None, 'a"b,\n\\c'],
        data=[b"\x00\xff", b"", None],
        huge=[float("inf"), 1e308, None],
    )
    ingest(target(), "a", frame)
    found = target().as_df().sort_values("number").reset_index(drop=True)[list(frame.columns)]
    pd.testing.assert_frame_equal(found, frame)


def test_columns_times_and_filters_are_read(target: Any) -> None:
    ingest(target(), "a", rows(0, 60))
    day = target().as_df(
        columns=["number"], time_column="time", start_time="2024-02-01T00:00:00",
        end_time="2024-02-02T00:00:00+02:00",
    )  # fmt: skip
    assert list(day.columns) == ["number"]
    assert sorted(day["number"]) == list(range(3, 25))  # after the start, the end included
    some = target().as_df(additional_filters=[("group", "=", "g1"), ("number", ">", 50)])
    assert sorted(some["number"]) == [52, 55, 58]
    either = target().as_df(
        columns=["number"], additional_filters=[[("number", "<", 1)], [("number", "in", [7, 8])]]
    )
    assert sorted(either["number"]) == [0, 7, 8]
    indexed = target().as_df(entities=["key"], additional_filters=[("number", "==", 3)])
    assert indexed.index.names == ["key"] and indexed.index.tolist() == [3]
    for bad in ({"columns": ["numbr"]}, {"additional_filters": [("nope", "=", 1)]},
                {"additional_filters": [("number", "~", 1)]}, {"additional_filters": ["number"]},
                {"start_time": "2024-01-01"}, {"start_time": "soon", "time_column": "time"},
                {"start_time": "2024-01-01", "time_column": "group"}):  # fmt: skip
        with pytest.raises(InvalidArgumentError):
            target().as_df(**bad)


HOSTILE = ("../../x", "a/b", "a\\b", "it's \"quoted\"", "ünïcode ☃", "select", "%41", "a b=c", "..",
           "drop table rows; --", "{run_id}", "__HIVE_DEFAULT_PARTITION__", " ")  # fmt: skip


def test_hostile_names_and_values(target: Any) -> None:
    frame = rows(0, len(HOSTILE)).assign(
        group=list(HOSTILE), **{"se'l\"ect %(x)s": 1, "order": list(HOSTILE), "ü": 2.0}
    )
    ingest(target(), "fe'ed/../\"x", frame)
    found = target().as_df().sort_values("number").reset_index(drop=True)[list(frame.columns)]
    pd.testing.assert_frame_equal(found, frame)


def test_a_feed_has_one_writer(make: MakeTarget) -> None:
    for kind in ("file", "folder", "by time", "memory folder", "csv", "delta"):
        one = make(kind).writer(job("a"))
        with pytest.raises(ConflictError, match="being written already"):
            make(kind).writer(job("a"))
        one.abort()
        make(kind).writer(job("a")).abort()
    for kind in ("sqlite", "postgres"):
        one, two = make(kind).writer(job("a")), make(kind).writer(job("a"))
        one.write(rows(0, 1))
        one.commit("1")
        with pytest.raises(ConflictError, match="by another process"):
            two.commit("1")
        two.close()
        one.finish()
        assert ids(make(kind)) == [0]


def test_two_feeds_at_once_both_arrive(target: Any) -> None:
    one, two = target().writer(job("a")), target().writer(job("b"))
    one.write(rows(0, 2))
    one.commit("1")
    two.write(rows(2, 2))
    two.commit("1")
    two.finish()
    one.finish()
    assert ids(target()) == [0, 1, 2, 3]


def test_what_was_not_committed_is_not_finished(target: Any) -> None:
    with target().writer(job("a")) as writer:
        writer.write(rows(0, 2))
        with pytest.raises(StateError, match="not committed"):
            writer.finish()


def test_purge_deletes_what_was_written(target: Any) -> None:
    ingest(target(), "a", rows(0, 5))
    target().purge()
    assert not target().exists()
    ingest(target(), "a", rows(5, 1))
    assert ids(target()) == [5]


def test_arguments_of_frames(target: Any) -> None:
    with target().writer(job("a")) as writer:
        with pytest.raises(InvalidArgumentError):
            writer.write({"number": [1]})
        with pytest.raises(InvalidArgumentError, match="no column 'time'"):
            writer.write(rows(0, 1).drop(columns="time"))
        with pytest.raises(InvalidArgumentError, match="two columns"):
            writer.write(pd.concat([rows(0, 1), rows(0, 1)], axis=1))
        writer.abort()


def test_columns_of_the_target(make: MakeTarget) -> None:
    for kind in OFFLINE:
        target = make(kind)
        target.columns = ["group", "number"]
        ingest(target, "a", rows(0, 2))
        assert set(target.as_df().columns) == {"key", "time", "group", "number"}, kind


def test_write_dataframe_alone(target: Any) -> None:
    made = target()
    made.write_dataframe(rows(0, 2), key_column="key", timestamp_key="time")
    made.write_dataframe(rows(5, 2), key_column=["key"], timestamp_key="time")
    made.write_dataframe(rows(7, 1), key_column=["key"], timestamp_key="time", chunk_id=1)
    assert ids(made) == [5, 6, 7]
