"""Steps that move fields: Rename, DropColumns, ReifyMetadata, SetEventMetadata, Partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidTypeError
from mlrun_like.names import new_uid
from mlrun_like.serving.event import Event
from mlrun_like.serving.paths import get_path
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_callable, check_strings

__all__ = [
    "DropColumns",
    "Partition",
    "Partitioned",
    "ReifyMetadata",
    "Rename",
    "SetEventMetadata",
]


class Rename(FlowStep):
    """Gives fields of the body other names, one after the other; missing fields are left out.

    Args:
        mapping: New name by old name.
        options: The arguments that all steps share; see `FlowStep`.

    >>> Rename({"a": "b", "x": "y"}).do({"a": 1, "c": 2})
    {'c': 2, 'b': 1}
    """

    def __init__(self, mapping: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(mapping, Mapping):
            raise InvalidTypeError(
                f"mapping={mapping!r:.80} is not a dictionary",
                where="step class Rename",
                fix='Rename({"old": "new"})',
            )
        self.mapping = dict(mapping)

    def do(self, body: Any) -> Any:
        for old, new in self.mapping.items():
            if old in body:
                body[new] = body.pop(old)
        return body


class DropColumns(FlowStep):
    """Removes fields from the body; missing ones are ignored.

    Args:
        columns: The name of a field, or several.
        options: The arguments that all steps share; see `FlowStep`.

    >>> DropColumns(["a", "z"]).do({"a": 1, "b": 2})
    {'b': 2}
    """

    def __init__(self, columns: Any, **options: Any) -> None:
        super().__init__(**options)
        self.columns = check_strings(columns, "columns", "DropColumns")

    def do(self, body: Any) -> Any:
        kept = body.copy()
        for column in self.columns:
            kept.pop(column, None)
        return kept


class ReifyMetadata(FlowStep):
    """Writes attributes of the event, such as its key, into the body.

    Args:
        mapping: Name in the body by attribute (`key`, `id`, `time`, `path` ...), or attributes that
            keep their names.
        options: The arguments that all steps share; see `FlowStep`.

    >>> ReifyMetadata({"key": "who"}).do_event(Event({"a": 1}, key="k")).body
    {'a': 1, 'who': 'k'}
    """

    def __init__(self, mapping: Mapping[str, str] | Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        if isinstance(mapping, str) or not isinstance(mapping, Iterable):
            raise InvalidTypeError(
                f"mapping={mapping!r:.80} is neither a dictionary nor a list of attributes",
                where="step class ReifyMetadata",
                fix='ReifyMetadata(["key"]) or ReifyMetadata({"key": "customer"})',
            )
        self.mapping = dict(mapping) if isinstance(mapping, Mapping) else list(mapping)
        self._pairs = list(
            mapping.items() if isinstance(mapping, Mapping) else ((n, n) for n in self.mapping)
        )

    def do_event(self, event: Event) -> Event:
        body = event.body
        for attribute, name in self._pairs:
            body[name] = getattr(event, attribute)
        return event


class SetEventMetadata(FlowStep):
    """Sets the event's id and key from its body (MLRun's step).

    Args:
        id_path: Dotted path of the id in the body.
        key_path: Dotted path of the key in the body.
        random_id: Whether the event gets a new id.
        options: The arguments that all steps share; see `FlowStep`.

    >>> SetEventMetadata(key_path="user.id").do_event(Event({"user": {"id": 7}})).key
    '7'
    """

    def __init__(
        self,
        id_path: str | None = None,
        key_path: str | None = None,
        random_id: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.id_path = id_path
        self.key_path = key_path
        self.random_id = random_id

    def do_event(self, event: Event) -> Event:
        if self.id_path:
            event.id = str(get_path(event.body, self.id_path))
        if self.key_path:
            event.key = str(get_path(event.body, self.key_path))
        if self.random_id:
            event.id = new_uid()
        return event


class Partitioned(NamedTuple):
    """The body on the side that the predicate chose; the other side is None."""

    left: Any = None
    right: Any = None


class Partition(FlowStep):
    """Puts the body on the left if a predicate of the event holds, else on the right.

    Args:
        predicate: Called with the event, not the body.
        options: The arguments that all steps share; see `FlowStep`.

    >>> Partition(lambda event: event.body > 1).do_event(Event(1)).body
    Partitioned(left=None, right=1)
    """

    def __init__(self, predicate: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(**options)
        self.predicate = check_callable(predicate, "predicate", "Partition")

    def do_event(self, event: Event) -> Event:
        body = event.body
        event.body = Partitioned(body) if self.predicate(event) else Partitioned(None, body)
        return event
