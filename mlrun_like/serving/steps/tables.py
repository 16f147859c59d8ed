"""From a URL to a table.

    memory://NAME                        in this process; the same name is the same table
    redis://HOST:PORT/DB/NAME            in Redis (rediss: over TLS); DB may be left out
    sqlite:///FILE.db#NAME               in a file on this machine
    postgresql://HOST/DB?primary_key=ID#NAME
                                         rows of an existing table of a SQL database
    store://feature-sets/PROJECT/NAME    the online rows of a feature set, which are only read

`#NAME` may stand at the end of any of them. Options of `Table` and the driver may stand in the
query, such as `?flush_interval_secs=5`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError, UnknownNameError, nearest
from mlrun_like.registry import resolve
from mlrun_like.serving.steps.drivers import Driver, NoopDriver
from mlrun_like.serving.steps.tables_table import Table

__all__ = ["Table", "open_table"]

_SQL = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
_SCHEMES = ("memory", "redis", "rediss", *_SQL)
_HERE: dict[str, Table] = {}  # tables in memory, by name
_lock = threading.Lock()


def open_table(url: str, **options: Any) -> Table:
    """The table that a URL means; nothing is connected before the first use.

    Args:
        url: Its address, options in the query.
        options: Arguments of `Table` (`partitioned_by_key`, `flush_interval_secs`,
            `max_updates_in_flight`) and of the driver (`key_prefix`, `primary_key`,
            `time_fields`); they win over the query.

    Raises:
        InvalidArgumentError: if the URL or an option is wrong.
        UnknownNameError: if there is no such kind of table; the message lists those that exist.
        MissingDependencyError: if a package is missing; the message says which extra brings it.

    >>> table = open_table("memory://doc-users")
    >>> table["ann"] = {"age": 31}
    >>> open_table("memory://doc-users")["ann"]
    {'age': 31}
    """
    if isinstance(url, str) and url.startswith("store://feature-sets/"):
        table: Table = resolve("mlrun_like.feature_store.online.table:feature_table")(url)
        return table
    scheme, mark, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    if not mark:
        raise InvalidArgumentError(
            f"{url!r:.120} is not the address of a table",
            fix="use memory://NAME, sqlite:///FILE.db#NAME or redis://HOST:PORT/NAME, or put a "
            "Table under this name into context.tables",
        )
    kind = scheme.partition("+")[0].lower()
    if kind not in _SCHEMES:
        raise UnknownNameError(
            f"there is no kind of table {scheme!r}.{nearest(kind, _SCHEMES)}",
            fix=f"use one of: {', '.join(_SCHEMES)}",
        )
    parts = urlsplit(url)
    named = {name: _value(text) for name, text in parse_qsl(parts.query)} | options
    own = {name: named.pop(name) for name in _TABLE_OPTIONS if name in named}
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"  # geturl() drops slashes
    name = unquote(parts.fragment)
    if kind == "memory":
        _no_more(named, url)
        return _in_memory(name or unquote(f"{parts.netloc}{parts.path}").strip("/"), own)
    if kind in ("redis", "rediss"):
        place, name = _redis_place(place, name)
        driver = _made("drivers_redis:RedisDriver", {"redis_url": place, **named}, url)
    elif kind == "sqlite" and "primary_key" not in named:
        driver = _made("drivers_file:FileDriver", {"path": _file_of(place), **named}, url)
    else:
        driver = _made("drivers_sql:SQLDriver", {"db_path": place, **named}, url)
    if not name:
        raise InvalidArgumentError(
            "the address names no table", where=_shown(url), fix="write #NAME at its end"
        )
    return Table(name, driver, **own)


_TABLE_OPTIONS = ("partitioned_by_key", "flush_interval_secs", "max_updates_in_flight")


def _in_memory(name: str, options: Mapping[str, Any]) -> Table:
    if not name:
        raise InvalidArgumentError("the address names no table", fix="such as memory://users")
    with _lock:
        if name not in _HERE:
            _HERE[name] = Table(name, NoopDriver(), **options)
        return _HERE[name]


def _made(path: str, arguments: dict[str, Any], url: str) -> Driver:
    made = resolve(f"mlrun_like.serving.steps.{path}")
    try:
        driver: Driver = made(**arguments)
    except TypeError as exc:
        raise InvalidArgumentError(
            f"the options of a table do not fit: {exc}", where=_shown(url)
        ) from exc
    return driver


def _redis_place(place: str, name: str) -> tuple[str, str]:
    parts = urlsplit(place)
    first, _, rest = parts.path.strip("/").partition("/")
    number, path = (first, rest) if first.isdigit() else ("", parts.path.strip("/"))
    return parts._replace(path=f"/{number}" if number else "").geturl(), name or unquote(path)


def _file_of(place: str) -> str:
    path = place.partition("://")[2]
    if not path.startswith("/"):
        raise InvalidArgumentError(
            f"{place!r} has a host, but a file is on this machine",
            fix="write three slashes: sqlite:///tables.db, or four for a path from the root",
        )
    return unquote(path[1:])


def _no_more(named: Mapping[str, Any], url: str) -> None:
    if named:
        raise InvalidArgumentError(
            f"a table in memory has no option {next(iter(named))!r}", where=_shown(url)
        )


def _value(text: str) -> Any:
    if text.lower() in ("true", "false", "none", ""):
        return {"true": True, "false": False}.get(text.lower())
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _shown(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://***@{tail}" if at else url
