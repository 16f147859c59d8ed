"""Event with storey's arguments: without an id or method until something gives it one."""

from __future__ import annotations

from typing import Any

from mlrun_like.serving.event import Event as OurEvent
from mlrun_like.serving.event import to_time

__all__ = ["Event"]

_COMPARED = ("body", "id", "headers", "method", "content_type")


class _AnyEvent(type):
    """Every event of ours is an Event, whoever made it."""

    def __instancecheck__(cls, instance: object) -> bool:
        return type.__instancecheck__(OurEvent if cls is Event else cls, instance)


class Event(OurEvent, metaclass=_AnyEvent):
    """An event as storey makes it.

    Args:
        body: The content.
        key: What windows group by.
        processing_time: When it happened: a datetime, ISO text or seconds since 1970; else now.
        id: Its id.
        headers: Header values by name.
        method: HTTP method.
        path: URL path.
        content_type: Media type of the content.
        awaitable_result: What waits for its result.
        time: Another name of `processing_time`.

    >>> str(Event("b", "k"))
    "Event(id=None, key='k', body='b')"
    """

    id: Any = None
    method: Any = None
    headers: Any = None
    content_type: Any = None
    _awaitable_result: Any = None

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        body: Any = None,
        key: Any = None,
        processing_time: Any = None,
        id: Any = None,
        headers: Any = None,
        method: Any = None,
        path: str | None = "/",
        content_type: Any = None,
        awaitable_result: Any = None,
        time: Any = None,
    ) -> None:
        super().__init__(body)
        self.key = key
        moment = processing_time if processing_time is not None else time
        if moment is not None:
            self.time = to_time(moment)
        for name, value in (
            ("id", id),
            ("headers", headers),
            ("method", method),
            ("path", path),
            ("content_type", content_type),
            ("_awaitable_result", awaitable_result),
        ):
            if value is not None:
                setattr(self, name, value)

    def __str__(self) -> str:
        return f"Event(id={self.id!r}, key={str(self.key)!r}, body={self.body!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OurEvent):
            return NotImplemented
        return all(_content(self, name) == _content(other, name) for name in _COMPARED)

    __hash__ = OurEvent.__hash__


def _content(event: OurEvent, name: str) -> Any:
    """A value that the event was given, or None."""
    return vars(event).get(name) or None
