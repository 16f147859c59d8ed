"""Ask every query of the dashboards, and say which are wrong and which find nothing."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring.dashboards.board import Board
from mlrun_like.monitoring.dashboards.macros import promql, sql
from mlrun_like.registry import require

__all__ = ["Answer", "ask_prometheus", "check_postgres", "check_prometheus"]

_LABELS = re.compile(r"label_values\((.+), *(\w+)\)")
_TIMEOUT = 30


class Answer(NamedTuple):
    """What a query gave: so many series or rows, or an error."""

    board: str
    panel: str
    query: str
    rows: int
    error: str


def check_prometheus(url: str, boards: Iterable[Board]) -> list[Answer]:
    """Ask a Prometheus every query, over all projects and endpoints.

    Args:
        url: Such as `http://localhost:9090`.
        boards: Dashboards over Prometheus.

    Raises:
        InvalidArgumentError: if the address is none.
        StoreUnavailableError: if it does not answer.
    """
    ask_prometheus(url, "vector(1)")
    return [_asked(url, board, panel, query) for board in boards for panel, query in _texts(board)]


def _texts(board: Board) -> Iterator[tuple[str, str]]:
    values = {one.name: ".*" for one in board.variables}
    for one in board.variables:
        found = _LABELS.fullmatch(one.query)
        yield f"${one.name}", f"group by ({found[2]}) ({promql(found[1], values)})" if found else ""
    for panel, query in board.queries():
        yield panel, promql(query.text, values)


def _asked(url: str, board: Board, panel: str, query: str) -> Answer:
    try:
        rows = len(ask_prometheus(url, query))
    except InvalidArgumentError as exc:
        return Answer(board.uid, panel, query, 0, exc.what)
    return Answer(board.uid, panel, query, rows, "")


def ask_prometheus(url: str, query: str) -> list[Any]:
    """The series that a query gives now.

    Raises:
        InvalidArgumentError: if Prometheus does not accept it.
        StoreUnavailableError: if it does not answer.
    """
    body = urllib.parse.urlencode({"query": query}).encode()
    if not url.startswith(("http://", "https://")):
        raise InvalidArgumentError(f"{url!r} is no address", fix="http://localhost:9090")
    address = url.rstrip("/") + "/api/v1/query"
    try:
        with urllib.request.urlopen(address, body, timeout=_TIMEOUT) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as exc:
        with exc:
            told = exc.read().decode("utf-8", "replace")[:500]
        if exc.code >= 500:
            raise StoreUnavailableError(f"Prometheus at {url} says: {told}") from exc
        raise InvalidArgumentError(f"Prometheus does not accept {query!r}: {told}") from exc
    except (OSError, ValueError) as exc:
        raise StoreUnavailableError(
            f"Prometheus does not answer at {url}: {exc}", fix="start it, or name another address"
        ) from exc
    rows: list[Any] = found["data"]["result"]
    return rows


def check_postgres(url: str, boards: Iterable[Board], hours: float = 24.0) -> list[Answer]:
    """Ask a PostgreSQL every query, over all projects and endpoints of the last hours.

    Nothing can be written: all is asked in one transaction that only reads.

    Args:
        url: `postgresql://user:password@host/name`.
        boards: Dashboards over PostgreSQL.
        hours: How far back.

    Raises:
        InvalidArgumentError: if the address is none.
        StoreUnavailableError: if it does not answer.
    """
    if not url.startswith(("postgres://", "postgresql://")):
        raise InvalidArgumentError(
            "the address is no PostgreSQL", fix="postgresql://user:password@host/name"
        )
    require("psycopg", feature="checking SQL dashboards", extra="postgres")
    engine = create_engine(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            return [found for board in boards for found in _check_board(connection, board, hours)]
    except SQLAlchemyError as exc:
        raise StoreUnavailableError(f"PostgreSQL does not answer: {exc}"[:500]) from exc
    finally:
        engine.dispose()


def _check_board(connection: Connection, board: Board, hours: float) -> Iterator[Answer]:
    end = time.time() + 60
    values: dict[str, list[str]] = {}
    for one in board.variables:
        query = sql(one.query, values, end - hours * 3600, end)
        answer, rows = _rows(connection, board, f"${one.name}", query)
        values[one.name] = [str(row[-1]) for row in rows]
        yield answer
    for panel, asked in board.queries():
        yield _rows(connection, board, panel, sql(asked.text, values, end - hours * 3600, end))[0]


def _rows(connection: Connection, board: Board, panel: str, query: str) -> tuple[Answer, list[Any]]:
    try:
        with connection.begin_nested():
            rows = list(connection.exec_driver_sql(query.replace("%", "%%")).all())
    except SQLAlchemyError as exc:
        return Answer(board.uid, panel, query, 0, str(exc.__cause__ or exc)[:500]), []
    return Answer(board.uid, panel, query, len(rows), ""), rows
