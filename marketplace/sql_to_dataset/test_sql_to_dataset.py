from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError

_ROWS = [(at, f"2026-03-{1 + at % 28:02}", at * 0.5 if at % 7 else None) for at in range(1, 1001)]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture
def shop(tmp_path: Path) -> str:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, day TEXT, amount REAL)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", _ROWS)
        database.execute("CREATE TABLE odd (value)")
        odd = [(None,), (1,), (2.5,), ("text",), (b"bytes",)]
        database.executemany("INSERT INTO odd VALUES (?)", odd)
    database.close()
    return f"sqlite:///{file}"


def _run(url: str, query: str, **params: Any) -> Any:
    fn: Any = ml.import_function("hub://sql_to_dataset")
    given = {"sql_query": query, "database_url": url, **params}
    return fn.run(params=given, local=True)


def test_rows_are_those_of_the_database(shop: str) -> None:
    run = _run(shop, "SELECT * FROM orders ORDER BY id", chunksize=64)
    found = run.artifact("query_result").as_df()
    assert found["id"].tolist() == [row[0] for row in _ROWS]
    assert found["day"].tolist() == [row[1] for row in _ROWS]
    assert found["amount"].sum() == pytest.approx(sum(row[2] or 0 for row in _ROWS))
    assert int(found["amount"].isna().sum()) == sum(row[2] is None for row in _ROWS)
    assert run.outputs["rows"] == 1000 and run.outputs["columns"] == 3
    meta = run.artifact("query_result").meta
    assert meta is not None and meta.spec.length == 1000 and "day" in meta.spec.header


def test_values_are_bound(shop: str) -> None:
    query = "SELECT id FROM orders WHERE day = :day"
    run = _run(shop, query, sql_params={"day": "2026-03-05"}, key="one")
    assert run.artifact("one").as_df()["id"].tolist() == [
        row[0] for row in _ROWS if row[1] == "2026-03-05"
    ]
    attack = {"day": "x' OR '1'='1"}
    assert _run(shop, query, sql_params=attack).outputs["rows"] == 0


@pytest.mark.parametrize("size", [1, 2, 100])
def test_columns_whose_values_change_their_type(shop: str, size: int) -> None:
    found = _run(shop, "SELECT value, 1 AS value FROM odd", chunksize=size)
    frame = found.artifact("query_result").as_df()
    assert len(frame) == 5 and list(frame.columns) == ["value", "value_2"]
    assert frame["value"].isna().tolist() == [True, False, False, False, False]
    assert str(frame["value"][3]) in ("text", "b'text'")


def test_nothing_is_written(shop: str) -> None:
    query = "WITH x AS (SELECT 1) INSERT INTO orders SELECT 5000, 'x', 1 FROM x RETURNING id"
    with pytest.raises(RunError, match=r"read-?\s?only"):
        _run(shop, query)
    assert _run(shop, "SELECT * FROM orders").outputs["rows"] == 1000


def test_the_address_may_be_a_secret_and_is_not_shown(
    shop: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", shop)
    fn: Any = ml.import_function("hub://sql_to_dataset")
    assert fn.run(params={"sql_query": "SELECT 1 AS one"}, local=True).outputs["rows"] == 1
    with pytest.raises(RunError, match="no database is named"):
        fn.run(params={"sql_query": "SELECT 1", "url_secret": "OTHER"}, local=True)
    with pytest.raises(RunError) as caught:
        _run("postgresql://ann:hidden7@127.0.0.1:9/none", "SELECT 1")
    assert "hidden7" not in str(caught.value) and "127.0.0.1" in str(caught.value)
    assert "hidden7" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("query", "params", "said"),
    [
        ("DROP TABLE orders", {}, "is no query"),
        ("/* SELECT */ DELETE FROM orders", {}, "is no query"),
        ("SELECT * FROM none_such", {}, "no such table"),
        ("SELECT * FROM orders WHERE id = :id", {}, "needs a value in sql_params"),
        ("SELECT * FROM orders", {"max_rows": 10, "chunksize": 4}, "more than 10 rows"),
        ("SELECT 1", {"chunksize": 0}, "chunksize is 0"),
        ("SELECT 1", {"database_url": "sqlite:////nowhere/x.db"}, "there is no database"),
        ("SELECT 1", {"database_url": "no address"}, "no address of a database"),
    ],
)
def test_mistakes_are_said(shop: str, query: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=said):
        _run(params.pop("database_url", shop), query, **params)
    with sqlite3.connect(shop.removeprefix("sqlite:///")) as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (1000,)
    database.close()


def test_no_rows_and_many(shop: str) -> None:
    run = _run(shop, "SELECT id, day FROM orders WHERE id < 0")
    assert list(run.artifact("query_result").as_df().columns) == ["id", "day"]
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 60000) "
    run = _run(shop, many + "SELECT x, x * 2 AS y FROM n")
    found: pd.DataFrame = run.artifact("query_result").as_df()
    assert run.outputs["rows"] == 60000 and int(found["y"].sum()) == 60000 * 60001
