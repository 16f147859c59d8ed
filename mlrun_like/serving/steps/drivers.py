"""Where tables are kept: the interface of drivers, and the one that keeps nothing.

A table has rows by key. A row has attributes (any values) and the windows of aggregated features
(see `aggregate_state`), which drivers that can keep them store bucket by bucket.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

__all__ = ["Change", "Driver", "NoopDriver", "Row", "key_parts", "key_text"]

Key = Any  # a value, or a list of them


@dataclass(slots=True)
class Row:
    """What a table holds of one key.

    Args:
        attributes: Values by name.
        aggregates: The windows of each feature: drivers give them as plain data, tables as the
            `WindowState` that is in use.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    aggregates: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What is to be written of one key.

    Args:
        key: The key.
        attributes: Values that replace those of the same names; others stay.
        aggregates: What `WindowState.take` gave, by feature.
    """

    key: Key
    attributes: Mapping[str, Any] = field(default_factory=dict)
    aggregates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Driver(ABC):
    """A place for tables. Used by one thread at a time; connects on first use and after `close`."""

    blocking: ClassVar[bool] = True
    """Whether calls wait for a disk or network."""
    keeps: ClassVar[bool] = True
    """Whether what is saved can be loaded again."""

    def supports_aggregations(self) -> bool:
        """Whether rows may have aggregates."""
        return True

    @abstractmethod
    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        """The row of a key; None: there is none.

        Args:
            table: The table's name.
            key: The key.
            aggregates: Whether they are wanted as well.

        Raises:
            StoreUnavailableError: if the place cannot be reached.
        """

    @abstractmethod
    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        """Write changes of different keys.

        Args:
            table: The table's name.
            changes: What to write.
            shared: Buckets of aggregates are added to stored ones instead of replacing them.

        Raises:
            StoreUnavailableError: if the place cannot be reached; nothing or part is written.
        """

    def load_schema(self, table: str) -> dict[str, Any] | None:
        """Which features the table aggregates; None: none is known."""
        del table
        return None

    @abstractmethod
    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        """Remember which features the table aggregates."""

    @abstractmethod
    def close(self) -> None:
        """Release connections; the next call opens them again."""


class NoopDriver(Driver):
    """Keeps nothing: a table with it lives in this process only.

    >>> NoopDriver().load("table", "key") is None
    True
    """

    blocking = False
    keeps = False

    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        return None

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        return None

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        return None

    def close(self) -> None:
        return None


def key_parts(key: Key) -> list[Any]:
    """A key as the list of its parts.

    >>> key_parts("a"), key_parts(["a", 1])
    (['a'], ['a', 1])
    """
    return list(key) if isinstance(key, (list, tuple)) else [key]


def key_text(key: Key) -> str:
    """The name of a key in tables, as storey writes keys of one and two parts.

    Keys of more parts, and parts with a dot in keys of two, are told apart by a digest, which is
    another one than storey's: that is the same for `["a", "bc", "d"]` and `["a", "b", "cd"]`.

    >>> key_text(7), key_text(["ann", "lee"])
    ('7', 'ann.lee')
    """
    if not isinstance(key, (list, tuple)):
        return str(key)
    parts = [str(part) for part in key]
    if len(parts) < 3 and not (len(parts) == 2 and any("." in part for part in parts)):
        return ".".join(parts)
    digest = hashlib.sha1(usedforsecurity=False)
    for part in parts[1:]:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return f"{parts[0]}.{digest.hexdigest()}"
