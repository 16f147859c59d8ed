"""Files of sets that stay open while they are read, within what the system allows."""

from __future__ import annotations

import threading
import weakref

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["take_handles"]

_LOCK = threading.Lock()
_taken = 0
_ELSEWHERE = 512
"""Open files that the process is allowed where the system does not say."""


def take_handles(owner: object, wanted: int) -> int:
    """How many files an object may keep open; they are free again when it is gone.

    All objects together get half of what the process may have, and one at most half of the rest.

    Args:
        owner: What keeps the files open.
        wanted: How many it would like.

    >>> class Reader: ...
    >>> take_handles(Reader(), 3)
    3
    """
    global _taken
    allowed = _ELSEWHERE if resource is None else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed < 0:  # no limit
        return wanted
    with _LOCK:
        given = max(0, min(wanted, (allowed // 2 - _taken + 1) // 2))
        _taken += given
    weakref.finalize(owner, _give_back, given)
    return given


def _give_back(count: int) -> None:
    global _taken
    with _LOCK:
        _taken -= count
