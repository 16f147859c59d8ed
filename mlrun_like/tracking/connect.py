"""From an address to a store, opened once per process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import meant_session, meant_store
from mlrun_like.tracking.store import SqlStore

__all__ = ["close_stores", "open_database", "open_store", "store_of", "store_url"]

_FILE = "store.db"
_FORMS = "a folder, sqlite:///file, postgresql://user:password@host/name or http://host:port"
_REMOTE = "mlrun_like.tracking.remote."
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_Token = str | Callable[[], str]
_Key = tuple[str, str, _Token, tuple[tuple[str, str], ...], str]
"""Address, home folder, a user's own token, headers and name: what two users never share."""
_stores: dict[_Key, FullStore] = {}
_homes: dict[str, _Key] = {}
"""Home folders -> their stores' keys, which a run would else work out several times."""
_lock = threading.Lock()


def store_url(address: str = "") -> str:
    """The full URL of a store's address.

    Args:
        address: A folder, a SQLite file, `sqlite:///file`, `postgresql://…`, or `http(s)://…` of a
            service, whose token may be in it and is not in the result; empty: the setting
            `dbpath`, else the file `store.db` in the home folder. The process uses that token
            from now on, unless this is work of one user (`using_session`).

    Raises:
        InvalidArgumentError: if there is no store of that kind.

    >>> store_url("sqlite:////tmp/x.db")
    'sqlite:////tmp/x.db'
    """
    if not isinstance(address, (str, os.PathLike)):
        raise InvalidArgumentError(f"{address!r} is no address of a store", fix=f"use {_FORMS}")
    text = os.fspath(address or config.dbpath)
    if not text:
        return f"sqlite:///{config.path(_FILE)}"
    scheme, found, rest = text.partition("://")
    scheme = scheme.lower()
    if not found:
        path = Path(text).expanduser().absolute()
        is_file = path.is_file() or (path.suffix in (".db", ".sqlite") and not path.is_dir())
        return f"sqlite:///{path if is_file else path / _FILE}"
    if scheme == "sqlite":
        name = rest[1:] if rest.startswith("/") else ""
        if not name or name.startswith(":memory:"):
            raise InvalidArgumentError(
                f"{text!r} names no file", fix="write sqlite:///folder/store.db"
            )
        return f"sqlite:///{Path(name).expanduser().absolute()}"
    if scheme in _POSTGRESQL:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            # the cause would show parts of the address, maybe of the password
            raise InvalidArgumentError(
                "the tracking store's address cannot be read",
                fix="write postgresql://user:password@host:port/name",
            ) from None
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    if scheme in ("http", "https"):
        found = resolve(f"{_REMOTE}address:parse_address")(text)
        if meant_session() is None:
            resolve(f"{_REMOTE}credentials:remember_token")(found)
        return str(found.url)
    raise InvalidArgumentError(
        f"there is no tracking store of kind {scheme!r}",
        where="setting 'dbpath'",
        fix=f"use {_FORMS}",
    )


def open_store(
    url: str = "",
    token: str | Callable[[], str] = "",
    headers: Mapping[str, str] | None = None,
    whose: str = "",
) -> FullStore:
    """The store at an address; the same object for the same address in this process.

    A store that cannot be reached now is returned all the same: reading from it raises, what is
    written waits in the spool.

    Args:
        url: See `store_url`; empty: the store that is meant (`using_store`), else the configured.
        token: A service's token, for a connection of its own: who gives none, or another, gets
            another store. By default this process's is looked up for each request; one in `url`
            becomes that. In a user's session it is the one in `url`, else the user's, and none if
            the user has none, or got it from another service for name and password. What gives
            the token is asked for each request.
        headers: More headers of each request to a service.
        whose: Whose token it is, if that user gets another one now and then: what waits for the
            service is then kept for the user.

    Raises:
        InvalidArgumentError: if there is no store of that kind.
        ConflictError: if a newer version of this package made the store.
        MissingDependencyError: if its driver is not installed.
    """
    own = token or headers
    meant = None if url or own else meant_store()
    if meant is not None:
        return meant
    session = None if own else meant_session()
    if session is not None:
        address = store_url(url)
        token, origin = _parts_of(url) if address.startswith("http") else ("", "")
        if not token and address == session.store.url:
            return session.store  # named by its address, it is still this user's
        if address.startswith("http"):
            mine = session.settings.get("access_key")  # it is there, unless this is the process's
            mine = mine if mine is None or session.sends_to(origin) else ""
            token = token or (mine if mine is None else str(mine) or _no_token) or ""
            own = token
    # the home folder holds the spool, so it is part of a store's identity
    home = "" if url or own or config.dbpath else str(config.home)
    key = _homes.get(home)
    if key is None:
        more = tuple(sorted((headers or {}).items()))
        key = (store_url(url), str(config.path()), token, more, whose)
        if home.startswith("/"):
            _homes[home] = key
    with _lock:
        store = _stores.get(key)
        if store is None:
            store = _stores[key] = _opened(*key)
        return store


def store_of(given: Any) -> FullStore:
    """The store at an address, or the one that is given: itself, or inside what has it.

    Args:
        given: An address, a store, a client around one (its `store`); empty: the configured store.

    Raises:
        InvalidArgumentError: if it is something else.
    """
    if given is None or isinstance(given, (str, os.PathLike)):
        return open_store(os.fspath(given or ""))
    for found in (given, getattr(given, "store", None)):
        if isinstance(found, FullStore):
            return found
    raise InvalidArgumentError(
        f"a {type(given).__name__} is neither a store nor the address of one",
        fix="get_run_db(...), or " + _FORMS,
    )


def open_database(url: str = "") -> SqlStore:
    """The same, for what needs the database itself.

    Args:
        url: See `store_url`; empty: the configured store.

    Raises:
        InvalidArgumentError: if the store is a service, or of no known kind.
    """
    store = open_store(url)
    if not isinstance(store, SqlStore):
        raise InvalidArgumentError(
            f"{store.shown} is a service, and not a database",
            where="setting 'dbpath'",
            fix="do this where the service runs, or name the database itself",
        )
    return store


def _no_token() -> str:
    """What a user without a token sends to services: not the token of the process."""
    return ""


def _parts_of(url: str) -> tuple[str, str]:
    """The token in an address, and its origin."""
    found = resolve(f"{_REMOTE}address:parse_address")(url)
    return str(found.token), str(found.origin)


def _opened(
    url: str, home: str, token: _Token, headers: tuple[tuple[str, str], ...], whose: str
) -> FullStore:
    del home
    # what reaches a service costs nothing until one is named
    if url.startswith("http"):
        store: FullStore = resolve(f"{_REMOTE}store:RemoteStore").at(
            url, token, dict(headers), whose
        )
    else:
        store = SqlStore(url)
    with suppress(StoreUnavailableError):
        store.connect()
    return store


def close_stores() -> None:
    """Flush and close all stores of this process; the next `open_store` opens anew."""
    with _lock:
        stores = list(_stores.values())
        _stores.clear()
    for store in stores:
        store.close()
