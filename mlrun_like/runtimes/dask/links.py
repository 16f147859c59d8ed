"""Connections to clusters: opened once for a function, kept warm, closed when this process ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.dask.link import Link
from mlrun_like.specs.function import FunctionDoc

__all__ = ["close_all", "close_link", "is_open", "link_of", "open_link"]

_links: dict[tuple[str, str], Link] = {}
_opening: dict[tuple[str, str], threading.Lock] = {}
_inherited: list[dict[tuple[str, str], Link]] = []
_lock = threading.RLock()
_registered = False


def _key(doc: FunctionDoc) -> tuple[str, str]:
    return doc.metadata.project or config.default_project, doc.metadata.name


def link_of(doc: FunctionDoc) -> Link:
    """The function's connection, opened if there is none that fits and still works.

    Raises:
        EngineError: if it cannot be opened.
    """
    global _registered
    key = _key(doc)
    with _lock:
        opening = _opening.setdefault(key, threading.Lock())
    with opening:  # another function's cluster may be made at the same time
        with _lock:
            link = _links.get(key)
            if link is not None and link.usable(doc):
                return link
            if link is not None:
                _retire(_links.pop(key))
        link = Link(doc)
        with _lock:
            _links[key] = link
            if not _registered:  # only now: what is registered last runs first; Dask has done so
                _registered = True
                atexit.register(close_all)
        return link


@contextlib.contextmanager
def open_link(doc: FunctionDoc) -> Iterator[Link]:
    """The function's connection, which is not closed while the block lasts.

    Raises:
        EngineError: if it cannot be opened.
    """
    while True:
        link = link_of(doc)
        with _lock:
            if not link.retired:  # somebody may just have closed it
                link.users += 1
                break
    try:
        yield link
    finally:
        with _lock:
            link.users -= 1
            if link.retired and not link.users:
                link.close()


def _retire(link: Link) -> None:
    link.retired = True
    if not link.users:
        link.close()


def is_open(doc: FunctionDoc) -> bool:
    """Whether the function has a connection that works."""
    with _lock:
        link = _links.get(_key(doc))
        return link is not None and link.usable(doc)


def close_link(doc: FunctionDoc) -> None:
    """Close the function's connection and cluster; runs that use it end first."""
    with _lock:
        link = _links.pop(_key(doc), None)
        if link is not None:
            _retire(link)


def close_all() -> None:
    """Close everything; also happens when this process ends."""
    with _lock:
        links = list(_links.values())
        for link in links:
            link.retired = True
        _links.clear()
    for link in links:
        with contextlib.suppress(MLRunLikeError):
            link.close()


def _forget() -> None:
    """In a forked process: the connections are its parent's."""
    global _lock
    _lock = threading.RLock()
    _inherited.append(dict(_links))  # not released either: that would close them
    _links.clear()
    _opening.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
