"""Several users in one process: each `Client` has its own address, token and work at hand."""

from __future__ import annotations

import contextvars
import copy
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.logins import forget_logins, logged_in
from mlrun_like.tracking.meant import Session, meant_session, using_session

__all__ = ["Client", "Credentials", "forget_logins", "get_active_client"]

_REMOTE = "mlrun_like.tracking.remote."
_TOKEN = "mlt_"
_NOT_IN_NAMES = frozenset(' :"(),/;<=>?@[]{}')


@dataclass(frozen=True)
class Credentials:
    """Who a client is: one of `token`, `username` with `password`, and `use_env`.

    Args:
        token: A token of the service.
        username: A user of the service.
        password: The user's password, for which a token is got once; or a token.
        use_env: As this process is without a client: by settings, addresses, `mlrun-like login`.
        extra_headers: More headers of each request; `Authorization` and ours stay as they are.

    >>> Credentials(token="mlt_1")
    Credentials(username=None, use_env=False)
    """

    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_env: bool = False
    extra_headers: Mapping[str, str] | None = field(
        default=None, compare=False, hash=False, repr=False
    )

    def __post_init__(self) -> None:
        if (self.username is None) != (self.password is None):
            raise InvalidArgumentError(
                "a login needs both a user and a password",
                fix='Credentials(username="ann", password=...)',
            )
        ways = {
            "token": self.token is not None,
            "username": self.username is not None,
            "use_env": bool(self.use_env),
        }
        given = [name for name, found in ways.items() if found]
        if len(given) != 1:
            raise InvalidArgumentError(
                f"credentials need one of {', '.join(ways)}; given: {', '.join(given) or 'none'}",
                fix='Credentials(token="mlt_...")',
            )
        for name in ("token", "password"):
            text = getattr(self, name)
            if text is None:
                continue
            if not isinstance(text, str) or not text.strip() or not text.isprintable():
                raise InvalidArgumentError(
                    f"the {name} is empty or holds characters that none has",
                    fix="copy it once more",
                )
        if self.token is not None and not self.token.isascii():
            raise InvalidArgumentError("the token holds characters that no token has")
        _check_headers(self.extra_headers or {})


class Client:
    """One user of a process that serves several.

    Inside of `with client.session():`, in that thread or asyncio task, all records are read and
    written at the client's address with its token, and the current project is the session's own.
    A later session goes on with it; sessions at the same time do not see each other's.
    Clients with equal credentials share a connection.

    Args:
        credentials: Who it is.
        dbpath: Its store; by default the configured one.

    >>> client = Client(Credentials(token="mlt_1"), "http://127.0.0.1:1")
    >>> with client.session():
    ...     config.dbpath
    'http://127.0.0.1:1'
    >>> config.dbpath
    ''
    """

    def __init__(
        self, credentials: Credentials, dbpath: str | os.PathLike[str] | None = None
    ) -> None:
        if not isinstance(credentials, Credentials):
            raise InvalidArgumentError(
                f"a client needs Credentials, not {type(credentials).__name__}",
                fix='Client(credentials=Credentials(token="mlt_..."))',
            )
        if not isinstance(dbpath, (str, os.PathLike, type(None))):
            raise InvalidArgumentError(
                f"dbpath is the address of a store, and no {type(dbpath).__name__}",
                fix='Client(credentials, "http://host:port")',
            )
        self._credentials = credentials
        self._address = os.fspath(dbpath or config.dbpath)
        self._default = config.default_project
        self._made: Session | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<client {self._credentials!r}>"

    @property
    def store(self) -> FullStore:
        """The user's store."""
        return self._fresh().store

    @contextmanager
    def session(self) -> Iterator[Client]:
        """This block, in this thread or task, is this user's.

        Raises:
            UnauthorizedError: if name and password are not right.
            StoreUnavailableError: if a token is to be got for them, and the service is away.
        """
        made, around = self._fresh(), meant_session()
        with self._lock:
            self._made = memory = self._made or made
            if around is not None and around.owner is self:
                memory = around
            before, own = _copied(memory), _copied(memory)
        own.store = made.store  # another one, if that was closed meanwhile
        if "access_key" in made.settings:
            own.settings["access_key"] = made.settings["access_key"]
        try:
            with using_session(own):
                yield self
        finally:
            with self._lock:
                _keep(memory.settings, before.settings, own.settings)
                _keep(memory.kept, before.kept, own.kept)

    def _fresh(self) -> Session:
        # another user's session may be around
        return contextvars.Context().run(self._make)

    def _make(self) -> Session:
        who, settings = self._credentials, {"default_project": self._default}
        if who.use_env:
            store = open_store(self._address, headers=who.extra_headers)
            return Session(store, {**settings, "dbpath": self._address}, owner=self)
        user, password = who.username or "", who.password or ""
        token = who.token or (password if password.startswith(_TOKEN) else "")
        if not self._address.lower().startswith(("http://", "https://")):
            store = open_store(self._address)  # a database of this machine knows no users
            settings |= {"dbpath": self._address, "access_key": token}
            return Session(store, settings, owner=self)
        address, origin = resolve(f"{_REMOTE}address:parse_address")(self._address), ""
        if token:
            store = open_store(address.url, token, who.extra_headers)
        else:
            # who logs in gets another token now and then, and is still the same user
            login = logged_in(address, user, password)
            token, origin = login.token, address.origin  # who gave it is the one who gets it
            store = open_store(address.url, login, who.extra_headers, user)
        settings |= {"dbpath": address.url, "access_key": token}
        return Session(store, settings, owner=self, origin=origin)


def get_active_client() -> Client | None:
    """The client whose session is around, or None.

    >>> get_active_client()
    """
    session = meant_session()
    found = None if session is None else session.owner
    return found if isinstance(found, Client) else None


def _copied(session: Session) -> Session:
    kept = {name: copy.copy(value) for name, value in session.kept.items()}
    return Session(session.store, dict(session.settings), kept, session.owner, session.origin)


def _keep(memory: dict[str, Any], before: dict[str, Any], now: dict[str, Any]) -> None:
    """Remember what a session changed; what it left alone another one may have changed."""
    for name, value in now.items():
        if name not in before or _parts(before[name]) != _parts(value):
            memory[name] = value


def _parts(value: Any) -> list[int]:
    """What a value consists of: tables and the like cannot be compared in another way."""
    if isinstance(value, Mapping):
        return [*map(id, value), *map(id, value.values())]
    return [*map(id, value)] if isinstance(value, list) else [id(value)]


def _check_headers(headers: object) -> None:
    if not isinstance(headers, Mapping):
        raise InvalidArgumentError(
            f"extra_headers maps names of headers to texts, and is no {type(headers).__name__}",
            fix='extra_headers={"X-Team": "fraud"}',
        )
    for name, text in headers.items():
        good = isinstance(name, str) and isinstance(text, str) and bool(name)
        whole = f"{name}{text}"
        if not (good and whole.isascii() and whole.isprintable()) or set(name) & _NOT_IN_NAMES:
            raise InvalidArgumentError(
                f"{name!r} with its value is no header of a request",
                fix='a name and a text of ASCII characters: extra_headers={"X-Team": "fraud"}',
            )
