"""Versions of functions that this process knows to be recorded, and need not record again."""

from __future__ import annotations

from weakref import WeakKeyDictionary

__all__ = ["forget_versions", "known_versions"]

_known: WeakKeyDictionary[object, dict[tuple[str, str], tuple[str, str]]] = WeakKeyDictionary()


def known_versions(store: object) -> dict[tuple[str, str], tuple[str, str]]:
    """The last versions that runs recorded in a store: hash and tag, by project and name."""
    return _known.setdefault(store, {})


def forget_versions(store: object, project: str, name: str = "") -> None:
    """Versions were deleted, as each store says that does so: what runs next is recorded again.

    Args:
        store: The store.
        project: The project.
        name: The function; empty: all of the project.
    """
    known = _known.get(store, {})
    for place in list(known):
        if place[0] == project and name in ("", place[1]):
            known.pop(place, None)
