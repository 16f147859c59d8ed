"""ParquetTarget and TSDBTarget: storey's files and folders, and what a killed process leaves."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets_parquet import ParquetTarget
from mlrun_like.serving.steps.targets_tsdb import TSDBTarget

MOMENT = datetime(2020, 2, 15, 7, 5, 3, tzinfo=timezone.utc)


def write(target: Any, bodies: list[Any], keys: Any = None, moment: Any = MOMENT) -> None:
    for number, body in enumerate(bodies):
        key = keys[number] if keys else f"key{number}"
        event = Event(body, key=key, time=moment)
        assert list(target.process(event)) == [event]
    target.close()


def files(folder: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("*.parquet"))


def read(path: Path | str, columns: list[str] | None = None) -> pd.DataFrame:
    return pd.read_parquet(path, columns=columns)


def test_one_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out.parquet"
    target = ParquetTarget(str(path), columns=["i", "s"], max_events=1, flush_after_seconds=0.01)
    target.process(Event([0, "zero"]))
    time.sleep(0.05)
    assert not path.exists()  # a file is written when it is whole
    write(target, [[1, "one"], {"i": 2, "s": "two"}, {"s": "three"}])
    wanted = pd.DataFrame({"i": [0, 1, 2, None], "s": ["zero", "one", "two", "three"]})
    pd.testing.assert_frame_equal(read(path), wanted)
    assert [item.name for item in path.parent.iterdir()] == ["out.parquet"]


def test_whatever_bodies_hold(tmp_path: Path) -> None:
    target = ParquetTarget(str(tmp_path / "out"), index_cols="$key", partition_cols=[])
    bodies = [{"first": "a", "i": -1}, {"i": 0, "s": "x"}, {"last": "z", "i": 7}]
    write(target, bodies)
    wanted = pd.DataFrame(
        [["key0", "a", -1, None, None], ["key1", None, 0, "x", None], ["key2", None, 7, None, "z"]],
        columns=["key", "first", "i", "s", "last"],
    ).set_index("key")
    pd.testing.assert_frame_equal(read(tmp_path / "out"), wanted)


def test_types_and_index_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    target = ParquetTarget(
        str(path), index_cols=[("my_int", "int")], columns=[("my_string", "str"), ("t", "datetime")]
    )
    write(target, [[1, "a", "2020-02-15T00:00:00"], [2, None, 1581724800], [3, "c", None]])
    metadata = pq.ParquetFile(path).schema_arrow.pandas_metadata
    assert [column["name"] for column in metadata["columns"]] == ["my_string", "t", "my_int"]
    found = read(path)
    assert list(found.index) == [1, 2, 3]
    assert str(found["t"].dtype) == "datetime64[us]"
    assert list(found["t"][:2].astype(str)) == ["2020-02-15", "2020-02-15"]
    small = ParquetTarget(str(tmp_path / "s.pq"), columns=[("i", "int8"), ("f", "float32"), "x"])
    write(small, [{"i": 1, "f": 2, "x": "free"}])
    assert read(tmp_path / "s.pq").dtypes.astype(str).to_dict()["i"] == "int8"
    with pytest.raises(InvalidArgumentError, match="do not fit the columns"):
        write(ParquetTarget(str(tmp_path / "b.pq"), columns=[("i", "int8")]), [{"i": "text"}])


def test_times_are_microseconds(tmp_path: Path) -> None:
    target = ParquetTarget(str(tmp_path / "t.pq"))
    moment = pd.Timestamp("2020-02-15 02:03:04.123456789")
    write(target, [{"t": moment, "u": MOMENT}])
    found = read(tmp_path / "t.pq")
    assert str(found["t"].dtype) == "datetime64[us]"
    assert found["t"][0] == pd.Timestamp("2020-02-15 02:03:04.123456")
    assert found["u"][0] == MOMENT


def test_partitions_of_fields(tmp_path: Path) -> None:
    columns = ["my_int", "my_string", "at"]
    target = ParquetTarget(str(tmp_path) + "/", partition_cols="at", columns=columns, max_events=1)
    write(target, [[n, f"this is {n}", datetime(2020, 2, 15)] for n in range(3)])
    found = read(tmp_path, columns).sort_values("my_int").reset_index(drop=True)
    assert found["at"].astype(str).tolist() == ["2020-02-15 00:00:00"] * 3
    assert found["my_string"].tolist() == ["this is 0", "this is 1", "this is 2"]
    assert files(tmp_path) == ["at=2020-02-15 00:00:00"] * 3


def test_partitions_of_events(tmp_path: Path) -> None:
    target = ParquetTarget(
        str(tmp_path), partition_cols=["$key", ("even", 4), "$date", "$hour", "$minute", "$second"]
    )
    write(target, [{"n": n, "even": n % 2 == 0} for n in range(4)], ["a", "a", ["b", 1], "../x/="])
    assert files(tmp_path) == [
        "key=..%2Fx%2F%3D/hash4_even=1/date=2020-02-15/hour=07/minute=05/second=03",
        "key=a/hash4_even=1/date=2020-02-15/hour=07/minute=05/second=03",
        "key=a/hash4_even=2/date=2020-02-15/hour=07/minute=05/second=03",
        "key=b.1/hash4_even=2/date=2020-02-15/hour=07/minute=05/second=03",
    ]
    found = read(tmp_path)
    assert sorted(found["key"].astype(str)) == ["../x/=", "a", "a", "b.1"]
    assert found.set_index("n")["even"].sort_index().tolist() == [True, False, True, False]


def test_default_partitions(tmp_path: Path) -> None:
    target = ParquetTarget(str(tmp_path), columns=["time", "n"], time_field=0)
    write(target, [[datetime(2021, 3, 1, 5), 1]], [["x"]])
    [folder] = files(tmp_path)
    # sha1("x") in 256 buckets, as storey does it
    assert folder == "hash256_key=114/year=2021/month=03/day=01/hour=05"
    assert read(tmp_path, ["time", "n"])["n"].tolist() == [1]


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({"time_field": "t"}, {"t": "2021-03-01T05:00:00", "n": 1}),
        ({"time_field": "t", "time_format": "%d.%m.%Y"}, {"t": "01.03.2021", "n": 1}),
        ({"time_field": "t"}, {"t": 1614574800, "n": 1}),
        ({"time_field": ""}, {"t": 5, "n": 1}),
        ({"time_field": "t", "columns": ["t=when", "n"]}, {"when": "2021-03-01", "n": 1}),
    ],
)
def test_where_times_come_from(tmp_path: Path, options: dict[str, Any], body: Any) -> None:
    target = ParquetTarget(str(tmp_path), partition_cols=["$year"], **options)
    write(target, [dict(body)])
    assert files(tmp_path) == ["year=2020" if not options["time_field"] else "year=2021"]


def test_one_file_per_partition(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "partition_cols": "id", "columns": ["n", "id"], "single_file": True,
    }  # fmt: skip
    write(ParquetTarget(str(tmp_path), max_events=1, **options), [[n, n % 3] for n in range(10)])
    assert sorted(read(tmp_path)["n"]) == [7, 8, 9]
    write(ParquetTarget(str(tmp_path), max_events=5, **options), [[n, n % 3] for n in range(10)])
    assert sorted(read(tmp_path)["n"]) == list(range(10))
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["target.parquet"] * 3


def test_batches_by_number_and_time(tmp_path: Path) -> None:
    target = ParquetTarget(
        str(tmp_path), partition_cols=["k"], max_events=2, flush_after_seconds=0.05
    )
    for number in range(3):
        target.process(Event({"n": number, "k": "a"}))
    assert files(tmp_path) == ["k=a"]
    limit = time.monotonic() + 5
    while len(files(tmp_path)) < 2:
        assert time.monotonic() < limit
        time.sleep(0.01)
    target.close()
    assert sorted(read(tmp_path)["n"]) == [0, 1, 2]


def test_a_batch_that_the_clock_cannot_write_is_told_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = GraphContext()
    target = ParquetTarget(
        str(tmp_path), columns=[("n", "int")], partition_cols=[], flush_after_seconds=0.01,
        context=context, name="rows",
    )  # fmt: skip
    target.process(Event(["text"]))
    limit = time.monotonic() + 5
    while "Failed to flush batch in step 'rows': events do not fit" not in caplog.text:
        assert time.monotonic() < limit
        time.sleep(0.01)
    with pytest.raises(InvalidArgumentError, match="do not fit"):
        target.close()


def test_other_places_and_callbacks() -> None:
    url = f"memory://{new_uid()}/out.parquet"
    told: list[Any] = []
    target = ParquetTarget(url, update_last_written=lambda *found: told.append(found))
    write(target, [{"n": 1}])
    assert target.place.read()[:4] == b"PAR1"
    assert told == [(url, MOMENT)]
    write(ParquetTarget(url, update_last_written=lambda *found: told.append(found)), [])
    assert told[1] == (url, datetime.min)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"index_cols": "$key", "partition_cols": ["$key"]}, ValueError, "both for partitioning"),
        ({"partition_cols": ["$week"]}, ValueError, "cannot hold '\\$week'"),
        ({"partition_cols": [5]}, TypeError, "cannot hold 5"),
        ({"partition_cols": [("a", -1)]}, TypeError, "cannot hold"),
        ({"columns": [("a", "decimal")]}, ValueError, "unknown type"),
    ],
)
def test_arguments_that_cannot_be(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ParquetTarget("out/", **options)


def test_events_that_cannot_be(tmp_path: Path) -> None:
    target = ParquetTarget(str(tmp_path), partition_cols=["k"])
    with pytest.raises(InvalidArgumentError, match="has no 'k'"):
        target.process(Event({"n": 1}))
    with pytest.raises(TypeError, match="List data type"):
        ParquetTarget(str(tmp_path / "x.pq")).process(Event([1]))
    timed = ParquetTarget(str(tmp_path), partition_cols=["$year"], time_field="t")
    with pytest.raises(InvalidArgumentError, match="not a time"):
        timed.process(Event({"t": "soon"}))
    assert files(tmp_path) == []


WRITER = """
import sys
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets_parquet import ParquetTarget
target = ParquetTarget(sys.argv[1], partition_cols=["p"], max_events=20)
number = 0
while True:
    target.process(Event({"p": 1, "n": number, "text": "x" * 20000}))
    number += 1
    if number % 20 == 0:
        print(number, flush=True)
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = 0
        while seen < 400:
            seen = int(process.stdout.readline())
        process.kill()
        seen = max([seen, *map(int, process.stdout.read().split("\n")[:-1])])
    found = sorted(read(tmp_path)["n"])  # each file is whole
    assert found == list(range(len(found)))
    assert len(found) >= seen


class Frames:
    """A client that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def create(self, backend: str, table: str, **options: Any) -> None:
        self.calls.append(("create", {"backend": backend, "table": table, **options}))

    def write(self, backend: str, table: str, dfs: pd.DataFrame) -> None:
        self.calls.append((backend, table, dfs))


@pytest.mark.parametrize(
    ("options", "bodies"),
    [
        ({"index_cols": "node", "columns": ["cpu", "disk"]}, [[MOMENT, n, 1, 2] for n in range(2)]),
        (
            {"index_cols": "node", "infer_columns_from_data": True},
            [{"time": MOMENT, "node": n, "cpu": 1, "disk": 2} for n in range(2)],
        ),
        ({"index_cols": "node=$key", "columns": ["cpu", "disk"]}, [[MOMENT, 1, 2]] * 2),
    ],
)
def test_tsdb_of_a_client(options: dict[str, Any], bodies: list[Any]) -> None:
    client = Frames()
    target = TSDBTarget(
        "container/some/path", "time", rate="1/h", max_events=1, frames_client=client, **options
    )
    write(target, bodies, [0, 1])
    created = {"if_exists": 1, "rate": "1/h", "aggregates": "", "aggregation_granularity": ""}
    assert client.calls[0] == ("create", {"backend": "tsdb", "table": "/some/path", **created})
    for node, (backend, table, frame) in enumerate(client.calls[1:]):
        assert (backend, table) == ("tsdb", "/some/path")
        wanted = pd.DataFrame([[MOMENT, node, 1, 2]], columns=["time", "node", "cpu", "disk"])
        pd.testing.assert_frame_equal(frame, wanted.set_index(["time", "node"]), check_dtype=False)


def test_tsdb_in_files_and_databases(tmp_path: Path) -> None:
    bodies = [{"t": f"2020-02-{day}T01:00:00+00:00", "node": "a", "cpu": 1.5} for day in (15, 16)]
    options: dict[str, Any] = {"time_col": "t", "index_cols": ["node"], "columns": ["cpu"]}
    write(TSDBTarget(str(tmp_path / "m"), **options), bodies)
    assert files(tmp_path / "m") == ["date=2020-02-15", "date=2020-02-16"]
    assert read(tmp_path / "m")["cpu"].tolist() == [1.5, 1.5]
    url = f"sqlite:///{tmp_path}/m.db"
    for _ in range(2):
        write(TSDBTarget(f"{url}#metrics", **options), bodies)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from metrics")).scalar() == 4
    engine.dispose()
    with pytest.raises(StoreUnavailableError):
        write(TSDBTarget(f"sqlite:///{tmp_path}/no/m.db#metrics", **options), bodies)
    with pytest.raises(InvalidArgumentError, match="names no table"):
        TSDBTarget(url, **options)
    with pytest.raises(ValueError, match="columns of values are not known"):
        TSDBTarget(str(tmp_path), "t")
    with pytest.raises(InvalidArgumentError, match="is no time"):
        write(TSDBTarget(str(tmp_path), **options), [{"t": "soon", "node": 1, "cpu": 1}])
