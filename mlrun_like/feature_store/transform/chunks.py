"""Chunk: rows on their way through steps, as a frame, as bodies or as events."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.steps.columns import (
    column_of,
    columns_of,
    frame_of,
    values_of,
)
from mlrun_like.feature_store.transform.origin import Origin
from mlrun_like.serving.event import Event, copy_body

__all__ = ["Chunk"]

Dtypes = Mapping[Any, Any]


class Chunk:
    """Rows in one of three forms; another one is made when a step needs it.

    Args:
        origin: The chunk of the source that they come from.
        rows: For each row, the place in the source's chunk of the row that it was made of.
        frame: The rows as a frame, with an index of 0, 1, 2...
        bodies: The rows as bodies.
        events: The rows as events; beside a frame, the events whose bodies are its rows.
    """

    def __init__(
        self,
        origin: Origin,
        rows: Sequence[int],
        frame: pd.DataFrame | None = None,
        bodies: list[Any] | None = None,
        events: list[Event] | None = None,
    ) -> None:
        self.origin = origin
        self.rows = rows
        self.frame = frame
        self._bodies = bodies
        self._events = events
        self._source: tuple[pd.DataFrame, dict[Any, list[Any]]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    # Forms ------------------------------------------------------------------------------------

    def bodies(self) -> list[Any]:
        """The rows as bodies; they may be changed."""
        if self._events is not None and self.frame is None:
            return [event.body for event in self._events]
        if self._bodies is None:
            frame = self.frame
            if frame is None or not len(frame.columns):
                return [{} for _ in self.rows]
            columns = {name: values_of(frame[name]) for name in frame.columns}
            self._bodies = _maker(tuple(columns))(zip(*columns.values(), strict=True))
            self._source = frame, columns
            self.frame = None
        return self._bodies

    def events(self) -> list[Event]:
        """The rows as events; they may be changed."""
        known = self._events
        if known is not None and self.frame is None:
            return known
        bodies = self.bodies()
        if known is not None:
            for event, body in zip(known, bodies, strict=True):
                event.body = body
        else:
            make = self.origin.event
            known = [make(body, row) for body, row in zip(bodies, self.rows, strict=True)]
        self._events, self._bodies = known, None
        return known

    @property
    def has_events(self) -> bool:
        """Whether the rows have keys and times of their own."""
        return self._events is not None

    def as_frame(self, like: Dtypes, step: str) -> pd.DataFrame:
        """The rows as a frame.

        Args:
            like: Dtypes by column, for columns that do not say more themselves.
            step: The step whose result they are, for errors.

        Raises:
            InvalidTypeError: if a body is no dictionary.
        """
        if self.frame is not None:
            return self.frame
        bodies = self.bodies()
        kinds = set(map(type, bodies))
        for place, body in enumerate(bodies) if kinds - {dict} else ():
            if not isinstance(body, dict):
                raise InvalidTypeError(
                    f"a row must be a dictionary of columns, not {type(body).__name__}: "
                    f"{body!r:.80}",
                    where=f"row {self.origin.first + self.rows[place]}, result of step {step!r}",
                    fix="return the event at the end of the step",
                )
        if not bodies or self._source is None:
            return frame_of(bodies, like)
        source, values = self._source
        same = len(bodies) == len(source)
        made = {}
        for name, column in columns_of(bodies).items():
            before = values.get(name)
            if same and before is not None and all(map(is_, before, column)):
                made[name] = source[name].array
            else:
                known = source[name].dtype if before is not None else None
                made[name] = column_of(column, like.get(name, known)).array
        return pd.DataFrame(made, index=pd.RangeIndex(len(bodies)))

    # New chunks -------------------------------------------------------------------------------

    def with_frame(self, frame: pd.DataFrame) -> Chunk:
        """The rows that a step made of the frame; its index says which of these they are."""
        if len(frame) == len(self.rows) and isinstance(frame.index, pd.RangeIndex):
            return Chunk(self.origin, self.rows, frame, events=self._events)
        places = frame.index.tolist()
        events = None
        if self._events is not None:
            events = [self._events[place] for place in places]
        rows = [self.rows[place] for place in places]
        return Chunk(self.origin, rows, frame.reset_index(drop=True), events=events)

    def with_bodies(self, bodies: list[Any]) -> Chunk:
        """The same rows with other bodies."""
        if self._events is not None and self.frame is None:
            for event, body in zip(self._events, bodies, strict=True):
                event.body = body
            return self
        made = Chunk(self.origin, self.rows, bodies=bodies)
        made._source = self._source
        return made

    def only(self, keep: Sequence[Any]) -> Chunk:
        """The rows for which `keep` has something true."""
        places = [place for place, kept in enumerate(keep) if kept]
        return self if len(places) == len(self.rows) else self.take(places)

    def take(self, places: Sequence[int]) -> Chunk:
        """The rows at these places."""
        rows = [self.rows[place] for place in places]
        if self.frame is not None:
            events = self._events
            chosen = None if events is None else [events[place] for place in places]
            frame = self.frame.take(list(places)).reset_index(drop=True)
            return Chunk(self.origin, rows, frame, events=chosen)
        if self._events is not None:
            return Chunk(self.origin, rows, events=[self._events[place] for place in places])
        bodies = self.bodies()
        made = Chunk(self.origin, rows, bodies=[bodies[place] for place in places])
        if self._source is not None:
            frame, columns = self._source
            made._source = (
                frame.take(list(places)),
                {name: [values[p] for p in places] for name, values in columns.items()},
            )
        return made

    def with_events(self, events: list[Event], rows: Sequence[int]) -> Chunk:
        """Events that a step made of these rows."""
        return Chunk(self.origin, rows, events=events)

    def twin(self) -> Chunk:
        """An independent copy, for another branch."""
        if self.frame is not None:
            frame = self.frame.copy(deep=False)
            events = self._events
            copies = None if events is None else [event.branch() for event in events]
            return Chunk(self.origin, self.rows, frame, events=copies)
        if self._events is not None:
            return Chunk(self.origin, self.rows, events=[e.branch() for e in self._events])
        made = Chunk(self.origin, self.rows, bodies=[copy_body(body) for body in self.bodies()])
        made._source = self._source
        return made

    @staticmethod
    def joined(chunks: Sequence[Chunk], like: Dtypes, step: str) -> Chunk:
        """The rows of several branches, in the order in which single events would come."""
        if len(chunks) == 1:
            return chunks[0]
        first = chunks[0]
        rows = [row for chunk in chunks for row in chunk.rows]
        order = np.argsort(np.array(rows, dtype=np.int64), kind="stable").tolist()
        placed = [rows[place] for place in order]
        if any(chunk.has_events for chunk in chunks):
            events = [event for chunk in chunks for event in chunk.events()]
            return Chunk(first.origin, placed, events=[events[place] for place in order])
        bodies = [body for chunk in chunks for body in chunk.bodies()]
        return Chunk(first.origin, placed, bodies=[bodies[place] for place in order])


@functools.lru_cache(64)
def _maker(names: tuple[Any, ...]) -> Callable[[Iterable[Any]], list[Any]]:
    """A function that makes bodies from the rows' values; generated code is twice as fast."""
    if not all(type(name) is str for name in names) or len(names) > 200:
        return lambda rows: [dict(zip(names, values, strict=True)) for values in rows]
    targets = " ".join(f"v{place}," for place in range(len(names)))
    body = ", ".join(f"{name!r}: v{place}" for place, name in enumerate(names))
    # nothing of the names is code: they are written as literals
    made: Callable[[Iterable[Any]], list[Any]] = eval(
        f"lambda rows: [{{{body}}} for {targets} in rows]", {}
    )
    return made
