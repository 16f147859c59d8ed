"""What travels through a graph, and what comes out of it."""

from __future__ import annotations

import datetime
import inspect
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.names import new_uid

__all__ = ["DROP", "Event", "Response", "copy_body", "to_time"]


class _Drop:
    """The type of `DROP`."""

    def __repr__(self) -> str:
        return "DROP"


DROP: Final = _Drop()
"""What a step of kind "maybe" returns to end an event; inside plans: no answer."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


class _Lazy:
    """A value made when it is first read: most events never need it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make()
        return value


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


class Event:
    """One request or message on its way through a graph (MLRun's and storey's fields).

    Attributes that are not set cost nothing: they are the class's. Steps may hang their own
    attributes on an event.

    Args:
        body: The decoded content; what steps without `full_event` receive and return.
        key: What streams partition and windows group by.
        time: When it happened: a datetime, ISO text or seconds since 1970; now by default.
        id: Unique id, shown in errors; a new one by default.
        headers: Header values by lower-case name.
        method: HTTP method in capitals.
        path: URL path.
        content_type: Media type of the original body.

    Raises:
        InvalidArgumentError: if `time` is none of these.

    >>> event = Event({"x": 1}, id="a", time="2024-01-01T00:00:00+00:00")
    >>> event.id, event.time.year
    ('a', 2024)
    """

    id: Any = _Lazy(new_uid)
    time: Any = _Lazy(_now)
    body: Any = None
    key: Any = None
    path: str = "/"
    method: str = "POST"
    headers: Mapping[str, str] = _NOTHING
    query: Mapping[str, str] = _NOTHING
    """Parameters of the URL by name."""
    query_string: bytes = b""
    content_type: str = ""
    error: Any = None
    """What a failed step reported, by step name."""
    origin_state: str = ""
    """The step that failed."""
    terminated: bool = False
    """True: no later step sees the event; it is the answer as it is."""
    responded: bool = False
    """True: a step gave the answer as a Response."""
    trigger: Any = None
    offset: Any = None
    deadline: float | None = None
    """When the caller stops waiting, in seconds of `time.monotonic()`."""

    def __init__(
        self,
        body: Any = None,
        key: Any = None,
        time: Any = None,
        id: Any = None,
        headers: Mapping[str, str] | None = None,
        method: str = "",
        path: str = "",
        content_type: str = "",
    ) -> None:
        self.body = body
        if key is not None:
            self.key = key
        if time is not None:
            self.time = to_time(time)
        if id is not None:
            self.id = id
        if headers:
            self.headers = headers
        if method:
            self.method = method
        if path:
            self.path = path
        if content_type:
            self.content_type = content_type

    @property
    def processing_time(self) -> datetime.datetime:
        """Storey's name of `time`."""
        found: datetime.datetime = self.time
        return found

    @processing_time.setter
    def processing_time(self, value: Any) -> None:
        self.time = to_time(value)

    def branch(self) -> Event:
        """A copy for one branch of a fan-out: its body is independent, its id the same."""
        twin = Event.__new__(type(self))
        self.id  # noqa: B018  both must have the same one
        twin.__dict__.update(self.__dict__)
        twin.body = copy_body(self.body)
        return twin

    def with_body(self, body: Any) -> Event:
        """The same event with another body: id, key, time and the rest are shared."""
        twin = Event.__new__(type(self))
        self.id  # noqa: B018
        twin.__dict__.update(self.__dict__)
        twin.body = body
        return twin

    def remaining(self) -> float | None:
        """Seconds until the caller stops waiting, at least 0; None: it waits for ever."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    def __eq__(self, other: object) -> bool:
        """Storey's rule: equal content, whatever the key and time."""
        if not isinstance(other, Event):
            return NotImplemented
        names = ("body", "id", "headers", "method", "path", "content_type")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        shown = {name: value for name, value in self.__dict__.items() if name != "headers"}
        inside = ", ".join(f"{name}={value!r:.80}" for name, value in shown.items())
        return f"Event({inside})"


def to_time(value: Any) -> datetime.datetime:
    """A datetime, ISO text or seconds since 1970 as a datetime with a time zone (UTC if none).

    >>> to_time(0).isoformat()
    '1970-01-01T00:00:00+00:00'

    Raises:
        InvalidArgumentError: if it is none of these.
    """
    try:
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            value = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidArgumentError(f"{value!r:.80} is not a time: {exc}") from exc
    if not isinstance(value, datetime.datetime):
        raise InvalidArgumentError(
            f"{value!r:.80} is not a time",
            fix="give a datetime, ISO text (2024-01-31T12:00:00+00:00) or seconds since 1970",
        )
    return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)


_ATOMS = frozenset({str, int, float, bool, type(None), bytes})


def copy_body(body: Any) -> Any:
    """An independent copy; JSON-like values are copied ten times faster than by `deepcopy`.

    Raises:
        GraphError: if there is something in it that cannot be copied.

    >>> copy_body({"rows": [[1, 2]]})
    {'rows': [[1, 2]]}
    """
    kind = type(body)
    if kind in _ATOMS:
        return body
    if kind is dict:
        return {key: v if type(v) in _ATOMS else copy_body(v) for key, v in body.items()}
    if kind is list:
        return [v if type(v) in _ATOMS else copy_body(v) for v in body]
    if isinstance(body, Event):
        return body.branch()
    try:
        return deepcopy(body)
    except TypeError as exc:  # generators, locks, connections
        raise GraphError(
            f"a body of type {kind.__name__} cannot be copied for several branches: {exc}",
            fix="let one step use it before the branches, or put plain data in the body",
        ) from exc


@dataclass(slots=True)
class Response:
    """An answer with its status; a step that returns one as its body decides the status.

    >>> Response({"why": "no such user"}, status_code=404).status_code
    404
    """

    body: Any = None
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""

    @property
    def is_stream(self) -> bool:
        """Whether the body is a generator whose values are sent as they come."""
        return inspect.isgenerator(self.body) or inspect.isasyncgen(self.body)
