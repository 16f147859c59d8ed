"""ParquetTarget: folders, what others read, foreign files, journals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    InvalidTypeError,
    StateError,
)
from mlrun_like.feature_store.targets import ParquetTarget, WriteJob
from mlrun_like.feature_store.targets.files import Files
from mlrun_like.feature_store.targets.partitions import Partitioning, segments, span_of
from mlrun_like.feature_store.targets.reading import data_files
from mlrun_like.feature_store.targets.state import Site, State
from tests.feature_store.targets.test_contract import ids, ingest, job, rows


def folders(path: Path) -> list[str]:
    found = {str(file.parent.relative_to(path)) for file in path.rglob("*.parquet")}
    return sorted(found)


def test_folders_by_time(tmp_path: Path) -> None:
    for finest, expected in (
        ("year", ["year=2024"]),
        ("month", ["year=2024/month=01", "year=2024/month=02"]),
        ("day", ["year=2024/month=01/day=31", "year=2024/month=02/day=01"]),
        (None, [f"year=2024/month={m}/day={d}/hour={h}" for m, d, h in
                (("01", 31, 22), ("01", 31, 23), ("02", "01", "00"), ("02", "01", "01"))]),
        ("second", [f"year=2024/month={m}/day={d}/hour={h}/minute=00/second=00" for m, d, h in
                    (("01", 31, 22), ("01", 31, 23), ("02", "01", "00"), ("02", "01", "01"))]),
    ):  # fmt: skip
        path = tmp_path / str(finest)
        target = ParquetTarget(path=path, time_partitioning_granularity=finest)
        assert target.partitioned
        ingest(target, "a", rows(0, 4))
        assert folders(path) == expected
        assert set(target.as_df().columns) == set(rows(0, 1).columns)  # no year, month...
        assert len(pd.read_parquet(path)) == 4


def test_folders_by_key_and_column(tmp_path: Path) -> None:
    by_key = ParquetTarget(path=tmp_path / "key", key_bucketing_number=0)
    with by_key.writer(WriteJob("a", entities=("group", "number"))) as writer:
        writer.write_all([rows(0, 3).drop(columns="key")], "1")
    assert folders(tmp_path / "key") == ["key=g0.0", "key=g1.1", "key=g2.2"]
    with pytest.raises(InvalidArgumentError, match="name of a folder"):
        ingest(ParquetTarget(path=tmp_path / "k", key_bucketing_number=0), "a", rows(0, 3))
    hashed = ParquetTarget(path=tmp_path / "hash", key_bucketing_number=2)
    ingest(hashed, "a", rows(0, 30))
    assert folders(tmp_path / "hash") == ["hash2_key=0", "hash2_key=1"]
    both = ParquetTarget(
        path=tmp_path / "both", partition_cols=["group"], time_partitioning_granularity="year"
    )
    ingest(both, "a", rows(0, 3).assign(group=["x", None, "y/z"]))
    null = "__HIVE_DEFAULT_PARTITION__"
    assert folders(tmp_path / "both") == [
        f"year=2024/group={null}", "year=2024/group=x", "year=2024/group=y%2Fz",
    ]  # fmt: skip
    assert both.as_df(additional_filters=[("group", "=", "y/z")])["number"].tolist() == [2]


def test_more_folders_than_others_can(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "many")
    ingest(target, "a", rows(0, 1_100))
    assert len(folders(tmp_path / "many")) == 1_100
    found = target.as_df(
        columns=["number"], time_column="time", start_time="2024-02-01", end_time="2024-02-01T03:00"
    )
    assert sorted(found["number"]) == [3, 4, 5]


def test_only_folders_of_the_time_are_opened(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "t", time_partitioning_granularity="day")
    ingest(target, "a", rows(0, 100))
    for file in (tmp_path / "t" / "year=2024" / "month=02" / "day=03").iterdir():
        file.write_bytes(b"broken")
    found = target.as_df(time_column="time", end_time="2024-02-02T00:00:00Z")
    assert len(found) == 27
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        target.as_df()


def test_arguments() -> None:
    for bad in (
        {"path": "a.parquet", "partitioned": True}, {"path": "a.pq", "partition_cols": ["x"]},
        {"time_partitioning_granularity": "week"}, {"key_bucketing_number": -1},
        {"key_bucketing_number": True}, {"columns": "abc"}, {"partition_cols": [1]},
    ):  # fmt: skip
        with pytest.raises(InvalidArgumentError):
            ParquetTarget(**bad)
    with pytest.raises(InvalidTypeError):
        ParquetTarget(columns="abc")
    target = ParquetTarget("n", "d", key_bucketing_number=0, columns=["a"], after_step="x")
    again = ParquetTarget.from_dict(target.to_dict())
    assert again.to_dict() == target.to_dict() and again.key_bucketing_number == 0


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], Any, str]] = [
        ({}, rows(0, 1).assign(year=1), "name of a folder"),
        ({}, rows(0, 1).assign(time="now"), "not a time"),
        ({"partition_cols": ["nope"]}, rows(0, 1), "which is no column"),
        ({"partition_cols": ["group"]}, rows(0, 1).assign(group="x" * 300), "name of a folder"),
        ({"partition_cols": ["group"]}, rows(0, 1).assign(group=""), "name of a folder"),
    ]
    for options, frame, message in cases:
        with ParquetTarget(path=tmp_path / "t", **options).writer(job("a")) as writer:
            with pytest.raises(InvalidArgumentError, match=message):
                writer.write(frame)
            writer.abort()


def test_a_failed_write_is_not_committed(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "t", partition_cols=["group"])
    with target.writer(job("a")) as writer:
        with pytest.raises(InvalidArgumentError):
            writer.write(rows(0, 1).assign(group=""))
        with pytest.raises(StateError, match="could not be written"):
            writer.commit("1")
        writer.abort()


@pytest.mark.parametrize("many", [1, 12])
def test_a_failed_commit_is_not_tried_again(tmp_path: Path, many: int) -> None:
    # the folders' files are made by the commit; what could not be written must not be forgotten
    target = ParquetTarget(path=tmp_path / "t", partition_cols=["group"])
    with target.writer(job("a")) as writer:
        writer.write(rows(0, many).assign(group=[f"g{n}" for n in range(many)]))
        lock = next((tmp_path / "t" / "_mlrun_like").glob("*?.lock"))
        folder = lock.with_suffix("")
        folder.write_text("a file where the folder of staged files should be")
        with pytest.raises(InvalidArgumentError, match="cannot be used"):
            writer.commit("1")
        folder.unlink()
        with pytest.raises(StateError, match="could not be written"):
            writer.commit("1")
        assert writer.position() == ""
        writer.abort()
    ingest(target, "a", rows(0, 20).assign(group=[f"g{n}" for n in range(20)]))
    assert ids(target) == list(range(20))  # twenty files, some by each thread


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    # Spark makes such folders; MLRun fails with IsADirectoryError
    (tmp_path / "x.parquet").mkdir()
    rows(0, 2).to_parquet(tmp_path / "x.parquet" / "part-0.parquet")
    target = ParquetTarget(path=tmp_path / "x.parquet")
    ingest(target, "a", rows(2, 2))
    assert ids(target) == [0, 1, 2, 3]
    assert sorted(pd.read_parquet(tmp_path / "x.parquet")["number"]) == [0, 1, 2, 3]
    target.purge()
    assert ids(target) == [0, 1]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "y").write_text("a file")
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        ParquetTarget(path=tmp_path / "y").writer(job("a"))


def test_files_of_others(tmp_path: Path) -> None:
    frame = rows(0, 4)
    frame.to_parquet(tmp_path / "there", partition_cols=["group"])
    target = ParquetTarget(path=tmp_path / "there", partitioned=False)
    assert ids(target) == [0, 1, 2, 3]
    assert set(target.as_df()["group"]) == {"g0", "g1", "g2"}
    with pytest.raises(ConflictError, match="no feature set wrote"):
        target.writer(job("a", overwrite=True))
    with pytest.raises(ConflictError, match="not written by a feature set"):
        target.purge()
    frame.to_parquet(tmp_path / "x.parquet")
    one = ParquetTarget(path=tmp_path / "x.parquet")
    ingest(one, "a", rows(4, 2))
    assert ids(one) == [0, 1, 2, 3, 4, 5]
    ingest(one, "b", rows(6, 1), overwrite=True)
    assert ids(one) == [6]


def test_a_journal_is_carried_out_by_whoever_comes(tmp_path: Path) -> None:
    path = tmp_path / "t"
    target = ParquetTarget(path=path, partitioned=False)
    ingest(target, "a", rows(0, 2))
    site = Site(Files(str(path)))
    state = State.load(site)
    assert state is not None
    pq.write_table(pa.Table.from_pandas(rows(2, 2)), path / "_mlrun_like" / "b.staged")
    state.publish = {
        "feed": "b", "moves": [["_mlrun_like/b.staged", "new.parquet"],
                               ["_mlrun_like/moved-before.staged", "x.parquet"]],
        "removes": ["removed-before.parquet"], "files": {**state.files, "new.parquet": 2},
        "schema": "", "newest": "", "done": True, "trash": [],
    }  # fmt: skip
    state.save(site)
    assert ids(target) == [0, 1, 2, 3]
    again = State.load(site)
    assert again is not None and again.publish is None and len(data_files(site, again)) == 2


def test_a_broken_state_is_said(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "t")
    ingest(target, "a", rows(0, 2))
    for broken in (b"", b"{", b"[]", b'{"version": 9, "schema": ""}', b'{"version": 1}', b"\xff"):
        (tmp_path / "t" / "_mlrun_like" / "state.json").write_bytes(broken)
        with pytest.raises(IntegrityError, match="state of the target"):
            target.as_df()


def test_run_ids_and_the_place_before(tmp_path: Path) -> None:
    target = ParquetTarget(path=f"{tmp_path}/{{run_id}}/rows", partitioned=False)
    with pytest.raises(InvalidArgumentError, match="id of a run"):
        target.get_target_path()
    ingest(target, "a", rows(0, 2), run_id="r1", overwrite=True)
    before = target.get_target_path("r1")
    status = ingest(
        target, "b", rows(2, 2), run_id="r2", overwrite=True, previous_path=before
    )  # fmt: skip
    assert status["path"] == f"{tmp_path}/r2/rows"
    assert not Path(before).exists()
    target.run_id = "r2"
    assert ids(target) == [2, 3]
    with pytest.raises(InvalidArgumentError):
        target.get_target_path("../..")


def test_spans_and_segments() -> None:
    assert span_of({"year": "x"}) is None and span_of({"year": "2024", "month": "13"}) is None
    assert segments("a=b=c/d/e=%2F/f") == {"a": "b=c", "e": "%2F"}
    assert not Partitioning()


def test_one_row_group_after_the_other(tmp_path: Path) -> None:
    target = ParquetTarget(path=tmp_path / "x.parquet")
    with target.writer(WriteJob("a")) as writer:
        for number in range(4):
            writer.write(pd.DataFrame({"a": range(number * 100_000, (number + 1) * 100_000)}))
        writer.commit("1")
        writer.finish()
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == 2
    assert target.as_df()["a"].tolist() == list(range(400_000))


def test_two_writers_where_there_are_no_locks_are_noticed(tmp_path: Path) -> None:
    target = ParquetTarget(path=f"local://{tmp_path}/t", partitioned=False)
    ingest(target, "a", rows(0, 1))
    site = target.site()
    one, two = State.load(site), State.load(site)
    assert one is not None and two is not None
    one.save(site)
    with pytest.raises(ConflictError, match="two processes write"):
        two.save(site)
