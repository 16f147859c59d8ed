"""Merge: the branches of an event, or events with one key, become one event again."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.structure import handler_names
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, reader, writer
from mlrun_like.serving.steps.checks import check_count

__all__ = ["Merge"]

_logger = logging.getLogger("mlrun_like.serving")

_MAX_BEHIND = 64
_LATE_KEYS = 1024


class _Entry:
    """What arrived so far for one key."""

    __slots__ = ("elements", "events", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.events: list[Event] = []
        self.elements: list[Any] = []


class Merge(FlowStep):
    """Waits for all parts of an event and passes on one event with the list of their bodies.

    Parts belong together if they have the same event id, or the same key. Bodies are in the order
    in which the parts arrive. Subclasses may define `get_join_key(event)` and
    `merge_function(last_event, events)`.

    A key whose parts are not complete when `max_behind` newer keys have begun is given up, and so
    is what is incomplete when the flow ends: each event that had arrived, and each part that comes
    later, is logged and pushed to the error stream.

    Args:
        full_event: Whether the two methods receive events; always so without `key_path`.
        key_path: Expression of the join key, such as `'event["doc_id"]'`; by default the event's
            id.
        max_behind: How many newer keys may begin before an incomplete one is given up; 64 by
            default.
        expected_num_events: Parts per key; by default the number of steps before this one.
        graph_step: The step's definition; given by the graph.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if a number is less than 1, or `key_path` is not an expression.

    >>> merge = Merge(expected_num_events=2)
    >>> [e.body for part in (1, 2) for e in merge.process(Event(part, id="a"))]
    [[1, 2]]
    """

    kind: ClassVar[Kind] = "many"
    merges: ClassVar[bool] = True
    """For the engine: an event that reaches it on several ways leaves it once."""

    def __init__(
        self,
        full_event: bool | None = None,
        key_path: str | None = None,
        max_behind: int | None = None,
        expected_num_events: int | None = None,
        graph_step: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(full_event=bool(full_event) or not key_path, **options)
        if max_behind is not None:
            check_count(max_behind, "max_behind", "Merge")
        if expected_num_events is not None:
            check_count(expected_num_events, "expected_num_events", "Merge")
        self.key_path = key_path
        self.max_behind = max_behind
        self.expected_num_events = expected_num_events
        self.uplinks = expected_num_events or _parts(graph_step)
        self._key = _key_function(key_path or "event.id")
        self._read = reader(self.full_event, self.input_path)
        self._write = writer(self.full_event, self.result_path)
        self._behind = max_behind or _MAX_BEHIND
        self._most_late = max(_LATE_KEYS, 16 * self._behind)
        self.begin()

    def begin(self) -> None:
        self._open: OrderedDict[Any, _Entry] = OrderedDict()
        self._late: OrderedDict[Any, int] = OrderedDict()  # parts still to come, by given-up key
        self._number = 0

    @property
    def holds(self) -> bool:
        """The branches of one event never wait for another event."""
        return bool(self.key_path) or type(self).get_join_key is not Merge.get_join_key

    def get_join_key(self, event: Any) -> Any:
        """What parts that belong together have in common."""
        return self._key(event)

    def merge_function(self, last_event: Any, events: Sequence[Any]) -> Any:
        """The merged event (or body) of all parts; None drops it."""
        if not self.full_event:
            return list(events)
        last_event.body = [event.body for event in events]
        return last_event

    def process(self, event: Event) -> Iterable[Event]:
        if self.uplinks <= 1:
            return (event,)
        element = self._read(event)
        key = self.get_join_key(element)
        entry = self._open.get(key)
        if entry is None:
            if key in self._late:
                self._arrived_late(key, event)
                return ()
            entry = self._start(key)
        entry.events.append(event)
        entry.elements.append(element)
        if len(entry.events) < self.uplinks:
            return ()
        del self._open[key]
        merged = self.merge_function(element, entry.elements)
        return () if merged is None else (self._write(event, merged),)

    def _start(self, key: Any) -> _Entry:
        self._number += 1
        while self._open:
            oldest, waiting = next(iter(self._open.items()))
            if waiting.number + self._behind > self._number:
                break
            self._give_up(oldest, f"after {self._behind} newer keys")
        entry = self._open[key] = _Entry(self._number)
        return entry

    def _give_up(self, key: Any, when: str) -> None:
        entry = self._open.pop(key)
        missing = self.uplinks - len(entry.events)
        self._late[key] = missing
        while len(self._late) > self._most_late:
            self._late.popitem(last=False)
        self._report(
            f"{missing} of {self.uplinks} parts for event key {key!r:.80} are missing {when}; "
            "dropping the others",
            entry.events,
        )

    def _arrived_late(self, key: Any, event: Event) -> None:
        self._report(f"a part for event key {key!r:.80} arrived late, dropping it", [event])
        self._late[key] -= 1
        if not self._late[key]:
            del self._late[key]

    def _report(self, message: str, events: Sequence[Event]) -> None:
        logger = getattr(self.context, "logger", None) or _logger
        logger.warning(f"{self.name}: {message}")
        push_error = getattr(self.context, "push_error", None)
        if push_error is not None:
            for event in events:
                push_error(event, message, source=self.name)

    def flush(self) -> Iterable[Event]:
        for key in list(self._open):
            self._give_up(key, "at the end of the flow")
        return ()


def _key_function(path: str) -> Callable[[Any], Any]:
    try:
        code = compile(f"lambda event: {path}", "<key_path of Merge>", "eval")
    except (SyntaxError, ValueError, TypeError) as exc:
        raise InvalidArgumentError(
            f"key_path={path!r:.120} is not an expression: {exc}",
            where="step class Merge",
            fix="such as key_path='event[\"doc_id\"]'",
        ) from exc
    found: Callable[[Any], Any] = eval(code, {}, {})  # the graph's author wrote it
    return found


def _parts(graph_step: Any) -> int:
    """How many steps before a step give it a part of each event.

    An error handler stands in for the step that failed, so it gives no part of its own.
    """
    graph = getattr(graph_step, "graph", None)
    handlers = handler_names(graph) if graph is not None else set()
    return len([name for name in getattr(graph_step, "earlier", ()) if name not in handlers])
