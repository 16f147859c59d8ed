"""Drivers: one contract over all, then what is particular to each."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from mlrun_like.errors import (
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnknownNameError,
)
from mlrun_like.names import new_uid
from mlrun_like.serving.steps.aggregate_values import Bucket
from mlrun_like.serving.steps.drivers import Change, Driver, NoopDriver, key_text
from mlrun_like.serving.steps.drivers_file import FileDriver
from mlrun_like.serving.steps.drivers_redis import RedisDriver
from mlrun_like.serving.steps.drivers_sql import SQLDriver
from mlrun_like.serving.steps.drivers_text import from_text, state_from_text, to_text
from mlrun_like.serving.steps.tables import open_table

VALUES: list[Any] = [
    0, -5, 2**70, 1.5, 1e300, "red", "", "7", "-1.5e3", "true", "Null", "nan", '"', '"7"', "[1]",
    "{", "_dt:5", "_td:x", "a|b", "ünï\n", True, False, None, math.inf, -math.inf,
    [1, "a", None], {"a": {"b": [1.5]}}, timedelta(hours=1, microseconds=5),
    datetime(2020, 2, 15, 1, 2, 3, 456789, tzinfo=timezone.utc),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_as_text(value: Any) -> None:
    text = to_text(value)
    assert from_text(text) == value
    assert type(from_text(text)) is type(value) or value in (1e300,)
    assert from_text(text.encode()) == value


def test_texts_of_storey() -> None:
    assert [to_text(value) for value in (2.0, 0, "red", True)] == ["2", "0", "red", "true"]
    assert from_text("1234") == 1234
    assert from_text("_dt:1595367600.0") == datetime(2020, 7, 21, 21, 40, tzinfo=timezone.utc)
    assert math.isnan(from_text("-nan"))
    assert math.isnan(from_text(to_text(math.nan)))
    assert to_text(datetime(2020, 7, 21, 21, 40)) == "_dt:1595367600.0"
    assert to_text(pd.NaT) == "null"
    assert from_text(to_text(np.float64(1.5))) == 1.5
    assert from_text(to_text(np.array([1, 2]))) == [1, 2]
    assert from_text(to_text(date(2020, 2, 15))) == "2020-02-15"
    for odd in ("_dt:soon", "_dt:1e300", '"open', "[1", "9" * 5000):
        assert str(from_text(odd)) == odd or len(odd) == 5000
    with pytest.raises(InvalidArgumentError, match="cannot be an attribute"):
        to_text(object())
    with pytest.raises(InvalidArgumentError, match="damaged"):
        state_from_text("[1,")


def test_keys() -> None:
    assert [key_text(key) for key in ("a", 7, ["a"], ["a", "b"], ("a", 1))] == [
        "a",
        "7",
        "a",
        "a.b",
        "a.1",
    ]
    keys = [["x", "ab", "c"], ["x", "a", "bc"], ["x", "abc", ""], ["x.a", "b"], ["x", "a.b"]]
    assert len({key_text(key) for key in keys}) == len(keys)
    assert key_text(["x", "\ud800", "y"])


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
    """What makes drivers of one place."""
    made: list[Driver] = []
    prefix = f"{new_uid()}:"

    def new() -> Driver:
        if request.param == "file":
            made.append(FileDriver(str(tmp_path / "deep" / "tables.db")))
        else:
            url = request.getfixturevalue("redis").url
            made.append(RedisDriver(redis_url=url, key_prefix=prefix))
        return made[-1]

    yield new
    for driver in made:
        driver.close()


def bucket(*values: float) -> list[float]:
    made = Bucket()
    for number, value in enumerate(values):
        made.add(float(number), value)
    return made.to_list()


def taken(head: int, buckets: dict[int, list[float]], dropped: list[int] | None = None) -> Any:
    return {"period": 60_000, "head": head, "buckets": buckets, "dropped": dropped or []}


def test_rows(make: Callable[[], Driver]) -> None:
    driver = make()
    assert driver.load("users", "ann") is None
    values = {f"v{number}": value for number, value in enumerate(VALUES)}
    driver.save("users", [Change("ann", values), Change(["a", "b"], {"x": 1}), Change("none")])
    driver.save("users", [Change("ann", {"v0": 7, "new|er": "x"})])
    driver.close()
    for reader in (driver, make()):
        row = reader.load("users", "ann", aggregates=False)
        assert row is not None
        assert row.attributes == {**values, "v0": 7, "new|er": "x"}
        pair = reader.load("users", ["a", "b"])
        assert pair is not None
        assert pair.attributes == {"x": 1}
        assert reader.load("users", "none") is None
        assert reader.load("other", "ann") is None


def test_aggregates(make: Callable[[], Driver]) -> None:
    driver = make()
    first = taken(6, {5: bucket(1, 2), 6: bucket(math.inf)})
    driver.save("t", [Change("k", {"a": 1}, {"n|x": first, "m": taken(1, {1: bucket(3)})})])
    driver.save("t", [Change("k", {}, {"n|x": taken(7, {6: bucket(4), 7: bucket(5)}, [5])})])
    row = make().load("t", "k")
    assert row is not None
    assert row.attributes == {"a": 1}
    assert row.aggregates == {
        "n|x": {"period": 60_000, "head": 7, "buckets": {6: bucket(4), 7: bucket(5)}},
        "m": {"period": 60_000, "head": 1, "buckets": {1: bucket(3)}},
    }
    without = make().load("t", "k", aggregates=False)
    assert without is not None
    assert without.aggregates == {}


def test_shared_aggregates_add_up(make: Callable[[], Driver]) -> None:
    one, two = make(), make()
    one.save("t", [Change("k", {"a": 1}, {"n": taken(6, {6: bucket(1)})})], shared=True)
    two.save("t", [Change("k", {"b": 1}, {"n": taken(5, {5: bucket(2), 6: bucket(3)})})], True)
    two.save("t", [Change("j", {"c": 1})], shared=True)
    row = one.load("t", "k")
    assert row is not None
    assert row.attributes == {"a": 1, "b": 1}
    assert row.aggregates["n"]["head"] == 6
    found = Bucket.from_list(row.aggregates["n"]["buckets"][6])
    assert (found.count, found.sum, found.min, found.max) == (2, 4, 1, 3)


def test_schemas(make: Callable[[], Driver]) -> None:
    driver = make()
    assert driver.load_schema("t") is None
    driver.save_schema("t", {"n": {"period_millis": 500}})
    driver.save_schema("t", {"n": {"period_millis": 600}})
    assert make().load_schema("t") == {"n": {"period_millis": 600}}
    assert make().load_schema("u") is None


def test_noop_driver() -> None:
    driver = NoopDriver()
    driver.save("t", [Change("k", {"a": 1})])
    driver.save_schema("t", {"n": {}})
    assert driver.load("t", "k") is None
    assert driver.load_schema("t") is None
    assert driver.supports_aggregations()
    driver.close()


def test_file_that_cannot_be_used(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database at all" * 100)
    for path in (broken, tmp_path, Path("/proc/none/tables.db")):
        driver = FileDriver(str(path))
        with pytest.raises(StoreUnavailableError):
            driver.load("t", "k")
        with pytest.raises(StoreUnavailableError):
            driver.save("t", [Change("k", {"a": 1})])
        driver.close()
    with pytest.raises(InvalidArgumentError, match="no file name"):
        FileDriver("")


def test_damaged_aggregates(tmp_path: Path) -> None:
    driver = FileDriver(str(tmp_path / "t.db"))
    driver.save("t", [Change("k", {}, {"n": taken(1, {1: bucket(1)})})])
    with sqlite3.connect(tmp_path / "t.db") as db:
        db.execute("update buckets set body='[1,'")
    db.close()
    with pytest.raises(InvalidArgumentError, match="damaged"):
        driver.load("t", "k")
    driver.close()


KILLED = """
import itertools, sys
from mlrun_like.serving.steps.drivers import Change
from mlrun_like.serving.steps.drivers_file import FileDriver
driver = FileDriver(sys.argv[1])
for number in itertools.count(1):
    rows = [Change(f"k{place}", {"number": number, "text": "x" * 2000}) for place in range(50)]
    driver.save("t", rows)
    print(number, flush=True)
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    path = str(tmp_path / "t.db")
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            seen = 0
            while seen < 20:
                seen = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split("\n")
            seen = max([seen, *(int(line) for line in rest[:-1] if line)])
        driver = FileDriver(path)
        numbers = set()
        for place in range(50):
            row = driver.load("t", f"k{place}")
            assert row is not None
            numbers.add(row.attributes["number"])
        driver.close()
        assert len(numbers) == 1  # all of a batch or none
        assert numbers.pop() >= seen


@pytest.mark.slow
def test_redis_layout_is_storeys(redis: Any) -> None:
    client = pytest.importorskip("redis").Redis.from_url(redis.url)
    driver = RedisDriver(client)
    name = new_uid()
    driver.save(name, [Change("key", {"col1": 0, "name": "red"})])
    hash_key = RedisDriver.make_key("storey:", f"{name}/", "key") + ":static"
    assert client.hgetall(hash_key) == {b"col1": b"0", b"name": b"red"}
    client.hset(hash_key, mapping={"number": "1234", "\x01_mtime_": "5"})
    row = driver.load(name, "key")
    assert row is not None
    assert row.attributes == {"col1": 0, "name": "red", "number": 1234}
    driver.close()
    assert client.ping()  # a client that was given stays open
    client.close()


@pytest.mark.slow
def test_redis_that_refuses(redis: Any) -> None:
    name = new_uid()
    driver = RedisDriver(redis_url=redis.url)
    driver.redis.set(RedisDriver.make_key("storey:", f"{name}/", "k") + ":static", "text")
    with pytest.raises(InvalidArgumentError, match="Redis refused"):
        driver.load(name, "k")
    driver.close()
    lost = RedisDriver(redis_url="redis://127.0.0.1:1", timeout=0.5)
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        lost.load("t", "k")
    lost.close()
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        RedisDriver(redis_url="http://x").load("t", "k")
    with pytest.raises(InvalidArgumentError, match="redis_client or redis_url"):
        RedisDriver()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A database with a table."""
    url = f"sqlite:///{tmp_path}/shop.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "create table users (first text, last text, age int, at text, "
                "primary key (first, last))"
            )
        )
        connection.execute(
            sa.text("insert into users values ('ann', 'lee', 31, '2020-02-15T01:02:03')")
        )
    engine.dispose()
    return url


def test_sql_rows(shop: str) -> None:
    driver = SQLDriver(["first", "last"], shop, time_fields=["at"])
    row = driver.load("some/users", ["ann", "lee"])
    assert row is not None
    assert row.attributes == {
        "first": "ann",
        "last": "lee",
        "age": 31,
        "at": datetime(2020, 2, 15, 1, 2, 3),
    }
    assert driver.load("users", "bob.ray") is None
    driver.save("users", [Change("bob.ray", {"age": 5}), Change("ann.lee", {"age": 32})])
    driver.save("users", [Change("bob.ray", {})])
    ages = []
    for key in ("ann.lee", "bob.ray"):
        found = driver.load("users", key)
        assert found is not None
        ages.append(found.attributes["age"])
    assert ages == [32, 5]
    assert not driver.supports_aggregations()
    driver.save_schema("users", {})
    assert driver.load_schema("users") is None
    driver.close()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d: d.load("nowhere", "a.b"), NotFoundError, "no table 'nowhere'"),
        (lambda d: d.load("users", "a"), InvalidArgumentError, "has 1 parts"),
        (
            lambda d: d.save("users", [Change("a.b", {"height": 5})]),
            InvalidArgumentError,
            "no column 'height'",
        ),
    ],
)
def test_sql_that_cannot_be(
    shop: str, call: Callable[[Driver], Any], error: type[Exception], words: str
) -> None:
    driver = SQLDriver("first.last", shop)
    with pytest.raises(error, match=words):
        call(driver)
    driver.close()


def test_sql_drivers_that_cannot_be(shop: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no column 'id'"):
        SQLDriver("id", shop).load("users", "a")
    with pytest.raises(InvalidArgumentError, match="names no columns"):
        SQLDriver([], shop)
    with pytest.raises(InvalidArgumentError, match="not the URL"):
        SQLDriver("id", "nothing")
    with pytest.raises(InvalidArgumentError, match="no package"):
        SQLDriver("id", "nothing://host/db").load("t", "a")
    with pytest.raises(StoreUnavailableError):
        SQLDriver("id", f"sqlite:///{tmp_path}/no/such/folder.db").load("t", "a")


def test_opening_tables(tmp_path: Path) -> None:
    table = open_table("memory://opened")
    assert table is open_table("memory://#opened")
    file = open_table(f"sqlite:///{tmp_path}/t.db?flush_interval_secs=2.5#users")
    assert isinstance(file.storage, FileDriver)
    assert file.storage.path == str(tmp_path / "t.db")
    assert (file.path, file.flush_interval_secs) == ("users", 2.5)
    assert isinstance(open_table("sqlite:///t.db#u").storage, FileDriver)
    redis = open_table("redis://me:pw@host:1/3/users?key_prefix=x:&partitioned_by_key=false")
    assert isinstance(redis.storage, RedisDriver)
    assert (redis.storage.url, redis.path) == ("redis://me:pw@host:1/3", "users")
    assert (redis.storage.key_prefix, redis.partitioned_by_key) == ("x:", False)
    assert open_table("rediss://host/users").path == "users"
    sql = open_table("postgresql+psycopg://host/db?primary_key=a.b#users", flush_interval_secs=None)
    assert isinstance(sql.storage, SQLDriver)
    assert (sql.storage.primary_key, sql.flush_interval_secs) == (["a", "b"], None)
    assert isinstance(open_table("sqlite:///t.db?primary_key=id#u").storage, SQLDriver)
    assert not os.path.exists("t.db")


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("users", InvalidArgumentError, "not the address of a table"),
        (5, InvalidArgumentError, "not the address of a table"),
        ("redi://host/users", UnknownNameError, "Did you mean 'redis'"),
        ("memory://", InvalidArgumentError, "names no table"),
        ("memory://a?color=red", InvalidArgumentError, "no option 'color'"),
        ("redis://host/3", InvalidArgumentError, "names no table"),
        ("redis://me:pw@host/t?color=red", InvalidArgumentError, "color"),
        ("sqlite://host/t.db#u", InvalidArgumentError, "has a host"),
        ("sqlite:///t.db", InvalidArgumentError, "names no table"),
        ("postgresql://host/db#u", InvalidArgumentError, "primary_key"),
        ("memory://b?max_updates_in_flight=0", InvalidArgumentError, "at least 1"),
    ],
)
def test_addresses_that_cannot_be(url: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        open_table(url)
    assert "pw" not in str(caught.value)
