"""Databases, online stores, streams, V3IO, classes of the user's own, the log of windows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pandas as pd
import pytest
import sqlalchemy as sa

from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    StoreUnavailableError,
    UnknownNameError,
)
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.keys import prefix_of
from mlrun_like.feature_store.targets import (
    CSVTarget,
    CustomTarget,
    DeltaTarget,
    KafkaTarget,
    NoSqlTarget,
    RedisNoSqlTarget,
    SQLTarget,
    StreamTarget,
    TSDBTarget,
    WindowLog,
    WriteJob,
    get_target_driver,
)
from mlrun_like.feature_store.targets.window_log import window_log_path
from mlrun_like.streams import open_stream
from tests.feature_store.targets.test_contract import ids, ingest, job, rows

# Databases ------------------------------------------------------------------------------------


def sql(path: Path, **options: Any) -> SQLTarget:
    return SQLTarget(db_url=f"sqlite:///{path}/a.db", table_name="t", **options)


def test_tables_are_made_when_wanted(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no table 't'"):
        sql(tmp_path).writer(job("a"))
    ingest(sql(tmp_path, create_table=True), "a", rows(0, 2))
    ingest(sql(tmp_path), "b", rows(2, 2))
    with pytest.raises(ConflictError, match="exists"):
        sql(tmp_path, if_exists="fail").writer(job("c"))
    assert ids(sql(tmp_path)) == [0, 1, 2, 3]


def test_rows_of_a_primary_key_are_replaced(tmp_path: Path) -> None:
    target = sql(tmp_path, create_table=True, primary_key_column="key")
    ingest(target, "a", pd.concat([rows(0, 4), rows(1, 1, hours=5, value=9.0)]))
    ingest(target, "b", rows(2, 3, hours=-9))
    ingest(target, "c", rows(3, 1, hours=9, value=7.0), overwrite=False)
    found = target.as_df().sort_values("key")
    assert found["key"].tolist() == [0, 1, 2, 3, 4]
    assert found["value"].tolist() == [0.0, 9.25, 0.5, 7.75, 1.0]
    with target.writer(job("d")) as writer, pytest.raises(InvalidArgumentError, match="misses"):
        writer.write(rows(0, 2).assign(key=[1, None]))


def test_tables_of_others_are_read_and_kept(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER, at TEXT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, '2024-01-01 10:00:00')")
    engine.dispose()
    found = sql(tmp_path, parse_dates=["at"]).as_df()
    assert found["a"].tolist() == [1] and found["at"].dt.hour.tolist() == [10]
    with pytest.raises(ConflictError, match="no feature set wrote"):
        sql(tmp_path).purge()
    with sql(tmp_path).writer(WriteJob("a", overwrite=True)) as writer:
        writer.write(pd.DataFrame({"a": [2], "at": ["x"]}))
        writer.commit("1")
        with pytest.raises(ConflictError, match="not replaced"):
            writer.finish()
    assert sql(tmp_path).as_df()["a"].tolist() == [1]


def test_a_table_that_somebody_made_keeps_its_form(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER CHECK (a > 0))")
    for number in (1, 2):
        with sql(tmp_path).writer(WriteJob(f"f{number}", overwrite=True)) as writer:
            writer.write_all([pd.DataFrame({"a": [number]})], "1")
        assert sql(tmp_path).as_df()["a"].tolist() == [number]
    sql(tmp_path).purge()
    with engine.begin() as connection:
        found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name='t'").scalar()
        assert "CHECK" in str(found)
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    engine.dispose()


def test_arguments_of_databases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for bad in ({"if_exists": "maybe"}, {"varchar_len": 0}, {"db_url": "nonsense"}):
        with pytest.raises(InvalidArgumentError):
            SQLTarget(**bad)
    with pytest.raises(InvalidArgumentError, match="does not name its database"):
        SQLTarget(table_name="t").as_df()
    with pytest.raises(InvalidArgumentError, match="no name of a table"):
        SQLTarget(db_url="sqlite://").as_df()
    monkeypatch.setenv("MLRUN_SQL__URL", f"sqlite:///{tmp_path}/env.db")
    ingest(SQLTarget(table_name="t", create_table=True), "a", rows(0, 1))
    assert (tmp_path / "env.db").exists()
    with pytest.raises(StoreUnavailableError):
        SQLTarget(db_url=f"sqlite:///{tmp_path}/no/where.db", table_name="t").as_df()


def test_passwords_stay_out_of_documents() -> None:
    target = SQLTarget(db_url="postgresql://me:s3cret@host/db", table_name="t")
    document = target.to_dict()
    assert "s3cret" not in str(document) and "s3cret" not in target.get_target_path()
    again = get_target_driver(document)
    assert isinstance(again, SQLTarget) and "s3cret" in again.db_url  # known in this process


# Online ---------------------------------------------------------------------------------------


def test_online_targets(tmp_path: Path, redis_of_targets: Any) -> None:
    for target, url in (
        (NoSqlTarget(path=f"sqlite:///{tmp_path}/o.db"), f"sqlite:///{tmp_path}/o.db"),
        (RedisNoSqlTarget(path=f"{redis_of_targets.url}/3"), f"{redis_of_targets.url}/3"),
    ):
        target.set_resource(_Set())
        target.columns = ["value"]
        assert not target.exists()
        status = ingest(target, "a", rows(0, 3))
        assert status["path"] == url and status["rows"] == 3
        assert target.exists()
        with open_online(url) as store:
            assert len(list(store.scan(prefix_of("p/s")))) == 3
        target.purge()
        assert not target.exists()


class _Set:
    class metadata:
        project = "p"
        name = "s"


def test_passwords_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("redis://me:secret@host", "http://host", "sqlite:///x"):
        with pytest.raises(InvalidArgumentError) as caught:
            RedisNoSqlTarget(path=bad).writer(job("a"))
        assert "secret" not in str(caught.value)
    monkeypatch.setenv("REDIS_USER", "a:b")
    monkeypatch.setenv("REDIS_PASSWORD", "c/d")
    target = RedisNoSqlTarget(path="redis://host:1/2")
    assert target.address("redis://host:1/2") == "redis://a%3Ab:c%2Fd@host:1/2"
    monkeypatch.setenv("MY_REDIS_PASSWORD", "x")
    other = RedisNoSqlTarget(path="redis://host", credentials_prefix="MY")
    assert other.address("redis://host") == "redis://:x@host"


# Streams --------------------------------------------------------------------------------------


def records(url: str) -> list[Any]:
    with open_stream(url) as stream, stream.consumer("all") as consumer:
        found = consumer.read(max=10_000, wait=0)
        consumer.ack(found)
    return found


def test_streams(redis_of_targets: Any) -> None:
    for url in ("memory://targets-stream", f"{redis_of_targets.url}/target-stream"):
        target = StreamTarget(path=url, attributes={"shards": 2}, columns=["value"])
        open_stream(url, shards=2).create(["all"])
        with target.writer(job("a")) as writer:
            writer.write(rows(0, 3))
            assert records(url) == []
            writer.commit("1")
            writer.write(rows(3, 1))
            writer.close()
        with target.writer(job("a")) as writer:
            assert writer.position() == "1"
            writer.write(rows(3, 2))
            writer.commit("2")
            assert writer.finish()["rows"] == 2
        found = [(record.key, json.loads(record.body)) for record in records(url)]
        assert sorted(key for key, _ in found) == ["0", "1", "2", "3", "4"]
        assert set(found[0][1]) == {"key", "time", "value"}
        target.purge()
    with pytest.raises(InvalidArgumentError, match="requires a path"):
        StreamTarget().writer(job("a"))


def test_two_writers_of_one_feed_into_redis(redis_of_targets: Any) -> None:
    target = StreamTarget(path=f"{redis_of_targets.url}/two-writers")
    one, two = target.writer(job("a")), target.writer(job("a"))
    one.write(rows(0, 1))
    one.commit("1")
    two.write(rows(0, 1))
    with pytest.raises(ConflictError, match="by another process"):
        two.commit("2")
    one.close()
    two.close()


def test_arguments_of_kafka() -> None:
    target = KafkaTarget("k", "topic", brokers=["a:1", "b:2"], producer_options={"acks": "all"})
    again = get_target_driver(target.to_dict())
    assert again.attributes == {"brokers": ["a:1", "b:2"], "producer_options": {"acks": "all"}}
    assert isinstance(again, KafkaTarget)
    stream = again.stream()
    assert stream.url == "kafka://a:1,b:2/topic"
    stream.close()
    with pytest.raises(InvalidArgumentError, match="not both"):
        KafkaTarget(brokers="a", bootstrap_servers="b")
    with pytest.raises(InvalidArgumentError, match="requires a path and brokers"):
        KafkaTarget(path="t").writer(job("a"))


# V3IO -----------------------------------------------------------------------------------------


class Frames:
    """What `v3io_frames.Client` does, played: tables in this process, no server."""

    tables: ClassVar[dict[tuple[str, str], pd.DataFrame]] = {}
    fails: ClassVar[bool] = False

    def __init__(self, address: str, container: str = "", token: str = "") -> None:
        self.place = (address, container, token)

    def write(self, backend: str, table: str, frame: pd.DataFrame) -> None:
        if self.fails:
            raise RuntimeError("no answer")
        old = self.tables.get((backend, table))
        whole = frame if old is None else pd.concat([old, frame])
        self.tables[backend, table] = whole[~whole.index.duplicated(keep="last")]

    def read(self, backend: str, table: str) -> pd.DataFrame:
        if (backend, table) not in self.tables:
            raise RuntimeError("no such table")
        return self.tables[backend, table]

    def delete(self, backend: str, table: str) -> None:
        self.tables.pop((backend, table), None)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Frames]]:
    """The client as an installed package."""
    module = ModuleType("v3io_frames")
    module.Client = Frames  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "v3io_frames", module)
    Frames.tables.clear()
    Frames.fails = False
    yield Frames


def test_v3io_tables(frames: type[Frames], monkeypatch: pytest.MonkeyPatch) -> None:
    target = NoSqlTarget(path="v3io:///projects/fs/table")
    ingest(target, "a", pd.concat([rows(0, 2), rows(0, 1, hours=1, value=5.0)]))
    table = frames.tables["kv", "fs/table"]
    assert table.index.tolist() == [1, 0] and table["value"].tolist() == [0.25, 5.0]
    with target.writer(job("a")) as writer:
        assert writer.position() == "end"
    times = TSDBTarget(path="v3io:///projects/fs/metrics")
    ingest(times, "a", rows(0, 2))
    assert frames.tables["tsdb", "fs/metrics"].index.names == ["time", "key"]
    with times.writer(WriteJob("b")) as writer:
        writer.write(pd.DataFrame({"a": [1]}))
        with pytest.raises(InvalidArgumentError, match="timestamp_key must be specified"):
            writer.commit("1")
        writer.abort()
    monkeypatch.setattr(frames, "fails", True)
    with target.writer(job("b")) as writer:
        writer.write(rows(0, 1))
        with pytest.raises(StoreUnavailableError, match="no answer"):
            writer.commit("1")
    target.purge()
    times.purge()
    assert not [name for name in frames.tables if name[1] in ("fs/table", "fs/metrics")]
    with pytest.raises(InvalidArgumentError, match="names no table"):
        NoSqlTarget(path="v3io:///projects").writer(job("a"))


def test_v3io_without_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "v3io_frames", None)
    with pytest.raises(MissingDependencyError, match="v3io_frames"):
        NoSqlTarget(path="v3io:///projects/fs/table").writer(job("a"))


# Classes of the user's own --------------------------------------------------------------------


class Taken:
    """Takes frames."""

    frames: ClassVar[list[Any]] = []

    def __init__(self, factor: int = 1) -> None:
        self.factor = factor

    def write_dataframe(self, df: Any, key_column: Any = None, timestamp_key: Any = None) -> None:
        self.frames.append((df["number"].tolist(), key_column, timestamp_key, self.factor))


class TakenRows:
    """Takes rows."""

    rows: ClassVar[list[Any]] = []

    def do(self, row: dict[str, Any]) -> None:
        self.rows.append(row["number"])


def test_custom_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "Taken", Taken, raising=False)
    monkeypatch.setattr(main, "TakenRows", TakenRows, raising=False)
    target = CustomTarget("Taken", factor=3)
    ingest(target, "a", rows(0, 2))
    assert Taken.frames == [([0, 1], ["key"], "time", 3)]
    again = get_target_driver(target.to_dict())
    with again.writer(job("a")) as writer:
        assert writer.position() == "end"
    ingest(CustomTarget("TakenRows"), "b", rows(2, 2))
    assert TakenRows.rows == [2, 3]
    with pytest.raises(UnknownNameError, match="no class"):
        CustomTarget("nowhere.Nothing").writer(job("a"))
    with pytest.raises(InvalidArgumentError, match="takes no rows"):
        CustomTarget("collections.OrderedDict").writer(job("a"))


# Others ---------------------------------------------------------------------------------------


def test_csv_files_of_others_and_broken_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("key,time,number,value,group\n1,2024-01-01,100,0.5,x\n")
    target = CSVTarget(path=tmp_path / "a.csv")
    assert ids(target) == [100]
    (tmp_path / "b.csv").write_text("")
    assert len(CSVTarget(path=tmp_path / "b.csv").as_df()) == 0
    ingest(CSVTarget(path=tmp_path / "c.csv"), "a", rows(0, 2))
    (tmp_path / "c.csv").write_text("key,number\n1,abc\n")
    with pytest.raises(IntegrityError, match="not the CSV that was written"):
        CSVTarget(path=tmp_path / "c.csv").as_df()
    with pytest.raises(InvalidArgumentError, match="single file"):
        CSVTarget(path=tmp_path / "folder").writer(job("a"))


def test_csv_is_text_that_others_read(tmp_path: Path) -> None:
    ingest(CSVTarget(path=tmp_path / "a.csv"), "a", rows(0, 3))
    found = pd.read_csv(tmp_path / "a.csv", parse_dates=["time"])
    pd.testing.assert_series_equal(found["value"], rows(0, 3)["value"])
    assert found["time"].tolist() == rows(0, 3)["time"].tolist()


def test_delta_tables(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    target = DeltaTarget(path=tmp_path / "d", partition_cols=["group"])
    ingest(target, "a", rows(0, 3))
    ingest(target, "b", rows(3, 3))
    table = DeltaTable(str(tmp_path / "d"))
    assert table.version() == 1 and table.metadata().partition_columns == ["group"]
    assert table.history(1)[0]["position"] == "end"
    target.purge()
    assert not (tmp_path / "d").exists()
    with pytest.raises(InvalidArgumentError, match="cannot be in memory"):
        DeltaTarget(path="memory://d").writer(job("a"))
    with pytest.raises(InvalidArgumentError, match="by columns only"):
        DeltaTarget(path="d", key_bucketing_number=2)


def test_the_log_of_windows(tmp_path: Path) -> None:
    path = window_log_path(f"{tmp_path}/set", "Aggregates")
    log = WindowLog(path)
    assert not log.exists()
    for feed in ("a", "b"):
        with log.writer(job(feed)) as writer:
            writer.write_all([rows(0, 3)], "1")
    found = log.read(["value"], entities=["key"], times=("time", "2024-02-01", None))
    assert found.column_names == ["key", "value"] and found.num_rows == 0
    found = log.read(["value"], entities=["key"], times=("time", "2024-01-31T22:00", None))
    assert found.to_pydict() == {"key": [1, 2, 1, 2], "value": [0.25, 0.5, 0.25, 0.5]}
    log.purge()
    assert not log.exists()
    with pytest.raises(InvalidArgumentError):
        window_log_path("x", "..")
