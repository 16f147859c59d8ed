"""Tables and queries as sources, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    StoreUnavailableError,
)
from mlrun_like.feature_store.sources.base import Source
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.sources.sql import SQLSource

ROWS = 50
DDL = """CREATE TABLE orders (
    shop VARCHAR(10) NOT NULL, number INTEGER NOT NULL, at TIMESTAMP, price NUMERIC(10, 2),
    paid BOOLEAN, amount INTEGER, PRIMARY KEY (shop, number))"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the tables `orders` (with a key) and `heap` (without)."""
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path}/shop.db"
        own = found
    else:
        found = str(request.getfixturevalue("postgres").new_database())
        own = found.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(own, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(DDL))
        connection.execute(sa.text("CREATE TABLE heap (n INTEGER, t TEXT)"))
        for number in range(ROWS):
            connection.execute(
                sa.text("INSERT INTO orders VALUES (:s, :n, :at, :p, :paid, :a)"),
                {
                    "s": "ab"[number % 2],
                    "n": number,
                    "at": None if number == 7 else f"2024-03-01 00:{number:02d}:00",
                    "p": number / 4,
                    "paid": number % 3 == 0,
                    "a": None if number > 40 else number,
                },
            )
            connection.execute(sa.text(f"INSERT INTO heap VALUES ({number % 5}, 'x{number:02d}')"))
    yield found
    engine.dispose()


def execute(url: str, *statements: str) -> None:
    """Change the database."""
    own = url.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(own, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def joined(source: Source, size: int, after: str = "") -> pd.DataFrame:
    """All rows of a source."""
    frames = [chunk.frame for chunk in source.chunks(size, after=after)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def test_a_table_in_the_order_of_its_key(url: str) -> None:
    source = SQLSource(db_url=url, table_name="orders", time_field="at")
    whole = joined(source, 1000)
    assert whole["number"].tolist() == [*range(0, ROWS, 2), *range(1, ROWS, 2)]
    assert str(whole.dtypes.astype(str).tolist()) == str(
        ["str", "int64", "datetime64[us]", "float64", "boolean", "Int64"]
    )
    done = 0
    for chunk in source.chunks(7):
        assert chunk.frame.dtypes.tolist() == whole.dtypes.tolist()
        done += len(chunk.frame)
        rest = joined(source, 9, chunk.position)
        assert [*rest.get("number", [])] == whole["number"].tolist()[done:]
    assert done == ROWS


def test_rows_that_change_in_between(url: str) -> None:
    source = SQLSource(db_url=url, table_name="orders")
    first = next(iter(source.chunks(10)))
    execute(
        url,
        "DELETE FROM orders WHERE number < 4",  # read, and not read
        "INSERT INTO orders VALUES ('b', 99, NULL, 1, NULL, 1)",
    )
    rest = joined(source, 10, first.position)
    seen = [*first.frame["number"], *rest["number"]]
    assert sorted(seen) == sorted([*range(0, 20, 2), *range(20, ROWS, 2), *range(5, ROWS, 2), 99])
    execute(url, "DROP TABLE orders", "CREATE TABLE orders (other INTEGER)")
    execute(url, "INSERT INTO orders VALUES (1)")
    with pytest.raises((InvalidArgumentError, ConflictError)):
        joined(SQLSource(db_url=url, table_name="orders", time_field="at"), 10, first.position)


def test_a_time_range_is_in_the_sql(url: str) -> None:
    for named in ({"table_name": "orders"}, {"query": "SELECT * FROM orders ORDER BY number;"}):
        source = SQLSource(
            db_url=url,
            time_field="at",
            start_time="2024-03-01T00:10:00",
            end_time="2024-03-01T01:20:00+01:00",
            **named,  # type: ignore[arg-type]
        )
        assert sorted(joined(source, 4)["number"]) == list(range(11, 21))
    mark = source.watermark_of(next(iter(source.chunks(100))))
    assert mark == "2024-03-01T00:20:00+00:00"


def test_queries_and_tables_without_a_key(url: str) -> None:
    query = SQLSource(db_url=url, query="SELECT t, n FROM heap WHERE t <> ':x' ORDER BY t")
    chunks = list(query.chunks(20))
    assert [len(chunk.frame) for chunk in chunks] == [20, 20, 10]
    assert joined(query, 7, chunks[0].position)["t"].tolist() == [f"x{n}" for n in range(20, 50)]
    heap = SQLSource(db_url=url, table_name="heap", chunksize=8)
    parts = list(heap.chunks(1000))
    assert max(len(chunk.frame) for chunk in parts) == 8
    rest = joined(heap, 100, parts[2].position)
    assert len(rest) == ROWS - 24
    assert not set(rest["t"]) & {t for chunk in parts[:3] for t in chunk.frame["t"]}
    execute(url, "DELETE FROM heap WHERE t = 'x19' OR t = 'x00'")
    with pytest.raises(ConflictError, match="not the one any more"):
        joined(query, 7, chunks[0].position)


def test_errors_of_databases(url: str, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"no table 'order'\. Did you mean 'orders'"
    ) as e:
        joined(SQLSource(db_url=url, table_name="order"), 5)
    assert "s3cret" not in str(e.value)
    with pytest.raises((InvalidArgumentError, StoreUnavailableError), match="database says"):
        joined(SQLSource(db_url=url, query="SELECT nothing FROM nowhere"), 5)
    with pytest.raises(InvalidArgumentError, match="no column 'when'"):
        joined(SQLSource(db_url=url, table_name="orders", time_field="when"), 5)
    with pytest.raises(MissingFileError, match=r"no database .*gone\.db"):
        joined(SQLSource(db_url=f"sqlite:///{tmp_path}/gone.db", table_name="t"), 5)
    assert not (tmp_path / "gone.db").exists()
    with pytest.raises(InvalidArgumentError, match="either table_name or query"):
        SQLSource(db_url=url)
    with pytest.raises(InvalidArgumentError, match="no argument 'tabel_name'"):
        SQLSource(db_url=url, tabel_name="orders")
    with pytest.raises(InvalidArgumentError, match="names no database"):
        joined(SQLSource(table_name="t"), 5)
    with pytest.raises(InvalidArgumentError, match="is no address"):
        joined(SQLSource(db_url="nonsense", table_name="t"), 5)


def test_the_address_may_be_a_setting_or_a_url(url: str) -> None:
    config.sql_url = url
    assert len(joined(SQLSource(table_name="orders"), 500)) == ROWS
    assert len(joined(open_source(f"{url}?table=heap"), 500)) == ROWS


def test_texts_and_numbers_in_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/odd.db"
    execute(
        url,
        "CREATE TABLE odd (id INTEGER PRIMARY KEY, at DATETIME, said TEXT, n INTEGER, b BLOB)",
        "INSERT INTO odd VALUES (1, '2024-01-01T00:00:00Z', '2024-01-01', 1, x'00ff')",
        "INSERT INTO odd VALUES (2, '2024-01-01 02:00:00+01:00', NULL, 'many', NULL)",
    )
    source = SQLSource(db_url=url, table_name="odd", time_field="at", parse_dates=["said"])
    found = joined(source, 1)
    assert found["at"].dt.hour.tolist() == [0, 1]
    assert found["said"].isna().tolist() == [False, True]
    assert found["n"].tolist() == [1, "many"]
    assert len(joined(source.since("2024-01-01T00:00:00Z"), 10)) == 1
    (tmp_path / "no.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises((InvalidArgumentError, StoreUnavailableError), match="not a database"):
        joined(SQLSource(db_url=f"sqlite:///{tmp_path}/no.db", table_name="t"), 5)
