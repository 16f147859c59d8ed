"""The store that is meant where none is named: the configured one, or another for a while.

A `Session` is more than a store: one user's work in a process that serves several. What layers
above remember of the work at hand (the current project) they keep in it, and not in the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mlrun_like.configuration import config
from mlrun_like.tracking.full import FullStore

__all__ = [
    "Session",
    "in_this_session",
    "meant_address",
    "meant_session",
    "meant_store",
    "using_session",
    "using_store",
]
T = TypeVar("T")


@dataclass(eq=False)
class Session:
    """One user's work.

    Args:
        store: The user's store.
        settings: Settings that hold for this work alone.
        kept: What layers above remember, each under a name of its own.
        owner: What made it.
        origin: The only scheme, host and port that the user's token is for; empty: for all.
    """

    store: FullStore
    settings: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    owner: Any = None
    origin: str = ""

    def sends_to(self, origin: str) -> bool:
        """Whether the user's token may be sent there."""
        return self.origin in ("", origin)


_meant: ContextVar[FullStore | None] = ContextVar("mlrun_like_store", default=None)
_session: ContextVar[Session | None] = ContextVar("mlrun_like_session", default=None)


@contextmanager
def using_store(store: FullStore) -> Iterator[None]:
    """Records of this block, in this thread, are in `store` where no other is named."""
    mark = _meant.set(store)
    try:
        yield
    finally:
        _meant.reset(mark)


@contextmanager
def using_session(session: Session) -> Iterator[None]:
    """This block, in this thread or task, is work of one user."""
    mark = _session.set(session)
    try:
        with using_store(session.store), config.scoped(session.settings):
            yield
    finally:
        _session.reset(mark)


def meant_session() -> Session | None:
    """The session of the `using_session` around; None: the process is one user's."""
    return _session.get()


def in_this_session(call: Callable[..., T]) -> Callable[..., T]:
    """The same call for another thread, in which it is this user's work, too."""
    session = meant_session()
    if session is None:
        return call

    def work(*args: Any) -> T:
        with using_session(session):
            return call(*args)

    return work


def meant_store() -> FullStore | None:
    """The store of the `using_store` around; None: the configured one is meant."""
    return _meant.get()


def meant_address() -> str:
    """The address of the store that is meant; empty: the file in the home folder."""
    store = _meant.get()
    return str(config.dbpath) if store is None else str(store.url)
