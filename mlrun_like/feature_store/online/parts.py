"""SetPart: what a vector takes from one feature set, and functions made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from mlrun_like.feature_store.online.codec import HEAD, decode_columns
from mlrun_like.feature_store.online.store import OnlineStore

__all__ = ["SetPart", "Values", "levels_of", "picker", "taker"]

Values = tuple[Any, ...]


@dataclass(frozen=True)
class SetPart:
    """What a vector takes from one feature set.

    Args:
        name: The feature set, for messages.
        store: Where its rows are.
        namespace: What its keys start with.
        keys: For each entity: the set's index among the parts that has it as a column (-1: the
            request has it), and the field or column there.
        types: Value types of the entities.
        columns: The columns that are wanted.
        ttl_millis: How long values hold after their event time; None: for ever.
        layouts: Windows of aggregated columns.
        needs: Names of the aggregated columns among `columns`.
    """

    name: str
    store: OnlineStore
    namespace: str
    keys: Sequence[tuple[int, str]]
    types: Sequence[str | None]
    columns: Sequence[str]
    ttl_millis: int | None = None
    layouts: Sequence[Any] = ()
    needs: Sequence[str] = ()


def picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """What takes the values of some fields."""
    if len(names) == 1:
        (name,) = names
        return lambda row: (row[name],)
    return itemgetter(*names)


def taker(part: SetPart) -> Callable[[bytes], Values]:
    """What takes a set's columns out of a blob."""
    columns, loads = tuple(part.columns), orjson.loads
    if len(columns) > 1:
        pick: Callable[[Any], Values] = itemgetter(*columns)

        def take(blob: bytes) -> Values:
            if blob[:1] == b"\x01":
                try:
                    return pick(loads(blob[HEAD:]))
                except (KeyError, ValueError, TypeError):
                    pass  # a column is missing, or it is not a row
            get = decode_columns(blob, columns).get
            return tuple([get(name) for name in columns])

        return take

    def take_few(blob: bytes) -> Values:
        get = decode_columns(blob, columns).get
        return tuple([get(name) for name in columns])

    return take_few


def levels_of(parts: Sequence[SetPart]) -> list[list[int]]:
    """Which sets are read in which round."""
    depth: list[int] = []
    for part in parts:
        sources = [number for number, _ in part.keys if number >= 0]
        depth.append(1 + max((depth[number] for number in sources), default=-1))
    return [
        [number for number, found in enumerate(depth) if found == level]
        for level in range(max(depth, default=-1) + 1)
    ]
