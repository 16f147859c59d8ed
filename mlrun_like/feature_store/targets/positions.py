"""Positions of feeds in places that cannot keep them: a file of this machine, or this process."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

from mlrun_like.artifacts.local import LocalStore
from mlrun_like.configuration import config
from mlrun_like.errors import MissingFileError

__all__ = ["Positions"]

_HERE: dict[tuple[str, str], tuple[str, int]] = {}


class Positions:
    """How far a feed is in one place.

    Args:
        place: What is written to, such as a URL.
        feed: The feed.
        last: Whether it is kept when this process ends.

    >>> positions = Positions("memory://doc-positions", "f", last=False)
    >>> positions.put("5", 2)
    >>> positions.get()
    ('5', 2)
    """

    def __init__(self, place: str, feed: str, *, last: bool = True) -> None:
        self._key = (place, feed)
        self._store = LocalStore("")
        digest = hashlib.sha256(f"{place}\0{feed}".encode("utf-8", "surrogatepass")).hexdigest()
        self._path = ""
        if last:
            folder = Path(config.home) / "feature-store" / "positions"
            self._path = str(folder / f"{digest[:32]}.json")

    def get(self) -> tuple[str, int]:
        """The position, and how many rows behind it are there already."""
        if not self._path:
            return _HERE.get(self._key, ("", 0))
        try:
            position, more = orjson.loads(self._store.read(self._path))
        except MissingFileError:
            return "", 0
        return str(position), int(more)

    def put(self, position: str, more: int = 0) -> None:
        """Keep it."""
        if not self._path:
            _HERE[self._key] = (position, more)
            return
        self._store.write(self._path, [orjson.dumps([position, more])])

    def drop(self) -> None:
        """Forget it."""
        _HERE.pop(self._key, None)
        if self._path:
            self._store.delete(self._path)
