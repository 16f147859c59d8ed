"""Versions of functions that this process knows to be recorded, and need not record again."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

__all__ = ["forget_versions", "is_known", "now_known"]

_BELIEVED = 2.0
"""Seconds: other processes delete functions, too, and say nothing."""
_known: WeakKeyDictionary[object, dict[tuple[str, str], tuple[str, str, float]]] = (
    WeakKeyDictionary()
)
"""By store, project and name: the last version that a run recorded, its tag, and when."""


def is_known(store: object, place: tuple[str, str], digest: str, tag: str) -> bool:
    """Whether a version is the last one that a run recorded in a store, a moment ago.

    Args:
        store: The store.
        place: The project, and the function's name.
        digest: The version's hash.
        tag: Its tag.
    """
    found = _known.get(store, {}).get(place, ("", "", 0.0))
    return found[:2] == (digest, tag) and time.monotonic() - found[2] < _BELIEVED


def now_known(store: object, place: tuple[str, str], digest: str, tag: str) -> None:
    """A run recorded a version; the arguments are those of `is_known`."""
    _known.setdefault(store, {})[place] = (digest, tag, time.monotonic())


def forget_versions(store: object, project: str, name: str = "") -> None:
    """Versions were deleted, as each store says that does so: what runs next is recorded again.

    Args:
        store: The store; all at its address (other users' of this process) forget them.
        project: The project.
        name: The function; empty: all of the project.
    """
    address = getattr(store, "url", None)
    for reference in _known.keyrefs():
        other = reference()
        if other is not store and (address is None or getattr(other, "url", None) != address):
            continue
        known = _known.get(other, {})
        for place in list(known):
            if place[0] == project and name in ("", place[1]):
                known.pop(place, None)
