"""From entities to feature vectors: one round trip for all sets whose keys are known.

`Reader` is made of `SetPart`s once; what a request needs is then tuples and functions. Sets whose
entities are columns of other sets are read in a further round, with the keys those rows give.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import IntegrityError
from mlrun_like.feature_store.online.codec import decode_row, row_time
from mlrun_like.feature_store.online.keys import STATES, key_builder, prefix_of
from mlrun_like.feature_store.online.parts import SetPart, Values, levels_of, picker, taker
from mlrun_like.registry import resolve

__all__ = ["Damage", "Reader", "extras_or_row"]


@dataclass(frozen=True)
class Damage:
    """A blob that could not be read: others of the request can."""

    error: IntegrityError


class Reader:
    """Reads the rows of several sets for entities.

    Args:
        parts: The sets; a set whose keys come from another one stands behind it.
        closed: Fixed windows: those that ended last, not those under way.
    """

    def __init__(self, parts: Sequence[SetPart], closed: bool = True) -> None:
        self.parts = tuple(parts)
        self._closed = closed
        self._nothing = [(None,) * len(part.columns) for part in self.parts]
        self._takers = [taker(part) for part in self.parts]
        self._levels = levels_of(self.parts)
        self._builders = [key_builder(part.namespace, part.types) for part in self.parts]
        self._states = [key_builder(part.namespace, part.types, STATES) for part in self.parts]
        self._answers = list(zip(self._takers, self._nothing, strict=True))
        self._keys = self._one_key() if self._one_round() else None
        """What makes the keys of all sets of a row, if one read of one store gives them."""
        if self.parts:
            self._read = self.parts[0].store.read

    def _one_round(self) -> bool:
        return (
            len(self._levels) == 1
            and len({id(part.store) for part in self.parts}) == 1
            and not any(part.needs or part.ttl_millis is not None for part in self.parts)
        )

    def _one_key(self) -> Callable[[Mapping[str, Any]], list[Any]]:
        """As `_keys`; what sets of the same entities have in common is made once."""
        first = self.parts[0]
        prefixes = [prefix_of(part.namespace) for part in self.parts]
        pick = picker([name for _, name in first.keys])
        if all((part.keys, part.types) == (first.keys, first.types) for part in self.parts):
            skipped = len(prefixes[0])
            build = self._builders[0]

            def common(row: Mapping[str, Any]) -> list[Any]:
                key = build(pick(row))
                if key is None:
                    return [None]
                tail = key[skipped:]
                return [prefix + tail for prefix in prefixes]

            return common
        picks = [picker([name for _, name in part.keys]) for part in self.parts]
        steps = list(zip(picks, self._builders, strict=True))
        return lambda row: [build(pick(row)) for pick, build in steps]

    def one(self, row: Mapping[str, Any], millis: float | None) -> Values | Damage | None:
        """The values of one request, set after set; None: no set has a row.

        Args:
            row: The request's fields.
            millis: The moment, in milliseconds since 1970; None: now.

        Raises:
            StoreUnavailableError: if a store cannot be reached.
        """
        if self._keys is None:
            return self._rounds([row], millis)[0]
        keys = self._keys(row)
        if None in keys:
            return self._rounds([row], millis)[0]
        return self._decoded(self._read(keys), row)

    def _decoded(
        self, blobs: Sequence[bytes | None], row: Mapping[str, Any]
    ) -> Values | Damage | None:
        found: Values = ()
        missing = 0
        for blob, (take, nothing) in zip(blobs, self._answers, strict=True):
            if blob is None:
                missing += 1
                found += nothing
            else:
                try:
                    found += take(blob)
                except IntegrityError as exc:
                    return self._damage(exc, len(found), row)
        return found if missing < len(blobs) else None

    def many(
        self, rows: Sequence[Mapping[str, Any]], millis: float | None
    ) -> list[Values | Damage | None]:
        """The values of many requests; as `one`, with one round trip for each level of sets."""
        if self._keys is not None:
            make = self._keys
            keys = [key for row in rows for key in make(row)]
            width = len(self.parts)
            if len(keys) == width * len(rows) and None not in keys:
                blobs = iter(self._read(keys))
                each = zip(*[blobs] * width, strict=True)
                return [self._decoded(some, row) for some, row in zip(each, rows, strict=True)]
        return self._rounds(rows, millis)

    def _rounds(
        self, rows: Sequence[Mapping[str, Any]], millis: float | None
    ) -> list[Values | Damage | None]:
        at = time.time() * 1000 if millis is None else millis
        count = len(self.parts)
        held: list[list[Values | None]] = [[None] * count for _ in rows]
        extras: list[list[dict[str, Any] | None]] = [[None] * count for _ in rows]
        damaged: dict[int, Damage] = {}
        for level in self._levels:
            wanted = self._wanted(level, rows, extras)
            for (index, number), blob, state in self._fetched(wanted):
                if blob is None and state is None:
                    continue
                part = self.parts[number]
                try:
                    held[index][number], extras[index][number] = self._take(number, blob, state, at)
                except IntegrityError as exc:
                    values = [extras_or_row(rows[index], extras[index], key) for key in part.keys]
                    damaged[index] = Damage(_named(exc, part, values))
        return [
            damaged[index] if index in damaged else self._joined(found)
            for index, found in enumerate(held)
        ]

    def _wanted(
        self,
        level: Sequence[int],
        rows: Sequence[Mapping[str, Any]],
        extras: Sequence[Sequence[Mapping[str, Any] | None]],
    ) -> Iterable[tuple[tuple[int, int], bytes, bytes | None]]:
        for number in level:
            part = self.parts[number]
            build, states = self._builders[number], self._states[number]
            for index, row in enumerate(rows):
                values = [extras_or_row(row, extras[index], key) for key in part.keys]
                key = build(values)
                if key is not None:
                    yield (index, number), key, states(values) if part.needs else None

    def _fetched(
        self, wanted: Iterable[tuple[tuple[int, int], bytes, bytes | None]]
    ) -> Iterable[tuple[tuple[int, int], bytes | None, bytes | None]]:
        by_store: dict[int, list[tuple[tuple[int, int], bytes, bytes | None]]] = {}
        for item in wanted:
            by_store.setdefault(id(self.parts[item[0][1]].store), []).append(item)
        for items in by_store.values():
            store = self.parts[items[0][0][1]].store
            keys = dict.fromkeys(key for _, *two in items for key in two if key is not None)
            blobs = dict(zip(keys, store.read(list(keys)), strict=True))
            for place, key, state in items:
                yield place, blobs[key], None if state is None else blobs[state]

    def _take(
        self, number: int, blob: bytes | None, state: bytes | None, at: float
    ) -> tuple[Values | None, dict[str, Any] | None]:
        part = self.parts[number]
        if blob is None:
            row: dict[str, Any] = {}
        elif part.ttl_millis is not None and row_time(blob) / 1000 + part.ttl_millis <= at:
            return None, None
        else:
            row = decode_row(blob)
        if state is not None:
            rolled = resolve("mlrun_like.feature_store.windows.states:read_at")(
                state, part.layouts, at, self._closed
            )
            for name in part.needs:
                value = rolled.get(name)
                row[name] = None if value != value else value
        get = row.get
        return tuple([get(name) for name in part.columns]), row

    def _joined(self, found: Sequence[Values | None]) -> Values | None:
        made: Values = ()
        missing = 0
        for values, nothing in zip(found, self._nothing, strict=True):
            if values is None:
                missing += 1
                made += nothing
            else:
                made += values
        return made if missing < len(found) else None

    def _damage(self, exc: IntegrityError, done: int, row: Mapping[str, Any]) -> Damage:
        for part in self.parts:
            if done < len(part.columns) or not part.columns:
                return Damage(_named(exc, part, [row[name] for _, name in part.keys]))
            done -= len(part.columns)
        return Damage(exc)


def extras_or_row(
    row: Mapping[str, Any], extras: Sequence[Mapping[str, Any] | None], key: tuple[int, str]
) -> Any:
    """An entity's value: the request's, or that of a column of a set that was read before."""
    number, name = key
    if number < 0:
        return row[name]
    found = extras[number]
    return None if found is None else found.get(name)


def _named(exc: IntegrityError, part: SetPart, values: Sequence[Any]) -> IntegrityError:
    shown = ", ".join(
        f"{name}={value!r:.60}" for (_, name), value in zip(part.keys, values, strict=True)
    )
    return IntegrityError(exc.what, where=f"feature set {part.name!r}, {shown}", fix=exc.fix)
