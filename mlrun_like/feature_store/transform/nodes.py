"""What each step does to a chunk: at once, or row after row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import MLRunLikeError, StepError
from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.transform.aggregating import SetAggregates
from mlrun_like.feature_store.transform.chunks import Chunk
from mlrun_like.feature_store.transform.origin import micros_of
from mlrun_like.serving.definition.options import StepOptions
from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.engine.choosing import outlets
from mlrun_like.serving.engine.codegen import Node
from mlrun_like.serving.engine.failures import error_text
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.steps.fields import DropColumns

__all__ = ["Runner", "failed_row", "runner_of"]

Routes = dict[str, Chunk]
Runner = Callable[[Chunk], Chunk | Routes]
"""What a step makes of a chunk: a chunk for all following steps, or one for each by name."""

_PLAIN = StepOptions()


def runner_of(node: Node, options: StepOptions, like: Callable[[], Any]) -> Runner | None:
    """How a step runs over chunks; None: it needs single events in the serving engine.

    Args:
        node: The step among its neighbours.
        options: How the step is called.
        like: Gives the dtypes of the source by column.
    """
    bound = node.bound
    made = bound.made
    own_clock = isinstance(made, Step) and getattr(made, "flush_after_seconds", None) is not None
    if (
        options != _PLAIN
        or node.on_error
        or bound.call is None
        or bound.acall is not None
        or bound.streams
        or bound.gathers
        or bound.selects is not None
        or node.most
        or own_clock
        or getattr(made, "_pace", None) is not None
        or getattr(made, "merges", False)
    ):
        return None
    if isinstance(made, SetAggregates) and made.in_frames:
        return _Aggregating(bound, made, like)
    if _is_vectorised(made):
        return _Vectorised(bound, made._do_pandas, like)
    if type(made) is DropColumns:
        return _Vectorised(bound, _dropping(made), like)
    if bound.kind == "many":
        return _Many(bound)
    if bound.kind == "choice":
        return _Choosing(bound, node.children)
    if bound.whole:
        return _Whole(bound)
    return _Filtering(bound) if bound.kind == "filter" else _Mapping(bound)


def _is_vectorised(made: Any) -> bool:
    """Whether the class that defines the row form also says that its frame form is the same."""
    for owner in type(made).__mro__:
        own = vars(owner)
        if "_do_storey" in own or "_do_pandas" in own or "do" in own or "do_event" in own:
            return issubclass(owner, MLRunStep) and own.get("vectorised") is True
    return False


def _dropping(step: DropColumns) -> Callable[[pd.DataFrame], pd.DataFrame]:
    gone = set(step.columns)
    return lambda frame: frame[[name for name in frame.columns if name not in gone]]


class _Vectorised:
    """A step that takes the whole frame."""

    def __init__(self, bound: BoundStep, do: Callable[[Any], Any], like: Callable[[], Any]) -> None:
        self.bound = bound
        self.do = do
        self.like = like

    def __call__(self, chunk: Chunk) -> Chunk:
        if not len(chunk) and chunk.frame is None:
            return chunk  # no rows, so nobody knows the columns
        frame = chunk.as_frame(self.like(), self.bound.name)
        if chunk.frame is None:
            events = chunk.events() if chunk.has_events else None
            chunk = Chunk(chunk.origin, chunk.rows, frame, events=events)
        try:
            return chunk.with_frame(self.do(frame))
        except Exception as exc:
            raise self._located(exc, chunk) from exc

    def _located(self, exc: Exception, chunk: Chunk) -> Exception:
        """The error with the row it is about: the last one of the shortest part that fails."""
        low, high = 0, len(chunk)
        while low < high and chunk.frame is not None:
            middle = (low + high) // 2
            try:
                self.do(chunk.frame.iloc[:middle])
            except Exception as own:  # noqa: BLE001  users' data; told below
                exc, high = own, middle
            else:
                low = middle + 1
        if not high:  # even without rows: the columns are wrong
            return failed_row(exc, self.bound.name, chunk, None)
        return failed_row(exc, self.bound.name, chunk, high - 1)


class _Aggregating:
    """The aggregates of the feature set, all rows at once."""

    def __init__(self, bound: BoundStep, made: SetAggregates, like: Callable[[], Any]) -> None:
        self.bound = bound
        self.made = made
        self.like = like

    def __call__(self, chunk: Chunk) -> Chunk:
        if not len(chunk) and chunk.frame is None:
            return chunk
        made, name = self.made, self.bound.name
        frame = chunk.as_frame(self.like(), name)
        events = chunk.events() if chunk.has_events else None
        try:
            found = made.aggregate(
                frame, self._keys(frame, chunk, events), self._times(frame, chunk, events)
            )
        except Exception as exc:
            raise failed_row(exc, name, chunk, None) from exc
        return Chunk(chunk.origin, chunk.rows, found, events=events)

    def _keys(self, frame: pd.DataFrame, chunk: Chunk, events: list[Event] | None) -> list[Any]:
        if self.made.key_fields:
            return [frame.get(name, [None] * len(frame)) for name in self.made.key_fields]
        if events is None:
            return chunk.origin.key_columns(_places(chunk))
        keys = [event.key for event in events]
        if any(isinstance(key, list) for key in keys):
            return [list(column) for column in zip(*keys, strict=True)]
        return [keys]

    def _times(self, frame: pd.DataFrame, chunk: Chunk, events: list[Event] | None) -> Any:
        if events is None and not self.made.time_field:
            return chunk.origin.micros(_places(chunk))
        if self.made.time_field:
            return np.array([micros_of(value) for value in frame[self.made.time_field]], np.int64)
        return np.array([micros_of(event.time) for event in events or ()], np.int64)


def _places(chunk: Chunk) -> Any:
    return None if isinstance(chunk.rows, range) else np.array(chunk.rows, dtype=np.int64)


class _Rows:
    """Base of steps that are called for each row."""

    def __init__(self, bound: BoundStep) -> None:
        self.bound = bound
        self.call: Any = bound.call

    def __call__(self, chunk: Chunk) -> Chunk:
        raise NotImplementedError

    def called(self, chunk: Chunk, rows: Sequence[Any]) -> list[Any]:
        """What the step gives for each row."""
        found: list[Any] = []
        try:
            found.extend(map(self.call, rows))  # keeps what came before an error
        except Exception as exc:
            raise failed_row(exc, self.bound.name, chunk, len(found)) from exc
        return found


class _Mapping(_Rows):
    def __call__(self, chunk: Chunk) -> Chunk:
        found = self.called(chunk, chunk.bodies())
        if self.bound.kind == "maybe" and any(body is DROP for body in found):
            keep = [body is not DROP for body in found]
            left = [body for body in found if body is not DROP]
            return chunk.only(keep).with_bodies(left)
        return chunk.with_bodies(found)


class _Filtering(_Rows):
    def __call__(self, chunk: Chunk) -> Chunk:
        return chunk.only(self.called(chunk, chunk.bodies()))


class _Whole(_Rows):
    def __call__(self, chunk: Chunk) -> Chunk:
        found = self.called(chunk, chunk.events())
        kept = [(e, row) for e, row in zip(found, chunk.rows, strict=True) if e is not DROP]
        return chunk.with_events([event for event, _ in kept], [row for _, row in kept])


class _Many(_Rows):
    def __call__(self, chunk: Chunk) -> Chunk:
        events: list[Event] = []
        rows: list[int] = []
        found = self.called(chunk, chunk.events())
        for several, row in zip(found, chunk.rows, strict=True):
            for event in several:
                events.append(event)
                rows.append(row)
        return chunk.with_events(events, rows)


class _Choosing(_Rows):
    def __init__(self, bound: BoundStep, children: Sequence[str]) -> None:
        super().__init__(bound)
        self.children = children
        self.ways = outlets(bound.name, children)

    def __call__(self, chunk: Chunk) -> Routes:  # type: ignore[override]
        found = self.called(chunk, chunk.bodies())
        places: dict[str, list[int]] = {name: [] for name in self.children}
        for place, names in enumerate(found):
            for name in self._chosen(names, chunk, place):
                places[name].append(place)
        chosen = {name: chunk.take(rows) for name, rows in places.items()}
        return {name: part.twin() if part is not chunk else part for name, part in chosen.items()}

    def _chosen(self, names: Any, chunk: Chunk, place: int) -> Iterator[str]:
        listed = [names] if isinstance(names, str) else list(names or ())
        for name in listed:
            if name not in self.ways:
                told = StepError(
                    f"the choice {self.bound.name!r} named {name!r:.120}",
                    fix=f"answer one or several of the steps after it: {', '.join(self.ways)}",
                )
                raise failed_row(told, self.bound.name, chunk, place)
            yield from self.ways[name]


def failed_row(exc: BaseException, step: str, chunk: Chunk, place: int | None) -> Exception:
    """The error of a step, with the row that it failed for, counted from 0 in the source.

    Args:
        exc: What the step raised.
        step: The step.
        chunk: The rows that it was given.
        place: The place of the row among them; None: it is not one of them alone.
    """
    first = chunk.origin.first
    if place is None:
        last = first + max(chunk.rows, default=0)
        where = f"step {step!r}, rows {first + min(chunk.rows, default=0)} to {last}"
    else:
        where = f"step {step!r}, row {first + chunk.rows[place]}"
    named = exc if isinstance(exc, MLRunLikeError) else None
    if named is not None and named.where and named.where != f"step {step!r}":
        where += f" ({named.where})"
    return StepError(
        named.what if named else error_text(exc),
        where=where,
        fix=named.fix if named else "",
        step=step,
    )
