"""MockEvent, MockTrigger and Response, with MLRun's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.serving.standing import Standing
from mlrun_like.names import new_uid
from mlrun_like.serving.event import Response as OurResponse

__all__ = ["MockEvent", "MockTrigger", "Response"]


class MockTrigger:
    """What an event says of its trigger.

    Args:
        kind: Such as "http" or "kafka".
        name: Its name.
    """

    def __init__(self, kind: str = "", name: str = "") -> None:
        self.kind = kind
        self.name = name


class MockEvent:
    """An event as Nuclio gives it, for tests.

    Args:
        body: The content.
        content_type: Its media type.
        headers: Header values by name.
        method: HTTP method.
        path: URL path.
        event_id: Its id; by default a new one.
        trigger: What sent it.
        offset: Its place in a stream.
        time: When it happened.

    >>> MockEvent("x", path="/a").path
    '/a'
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        body: Any = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        path: str | None = None,
        event_id: Any = None,
        trigger: Any = None,
        offset: Any = None,
        time: Any = None,
    ) -> None:
        self.id = event_id or new_uid()
        self.key = ""
        self.body = body
        self.time = time
        self.headers = dict(headers or {})
        self.method = method
        self.path = path or "/"
        self.content_type = content_type
        self.error = None
        self.trigger = trigger or MockTrigger()
        self.offset = offset or 0
        self.shard_id = 0

    def __str__(self) -> str:
        error = f", error={self.error}" if self.error else ""
        return (
            f"Event(id={self.id}, body={self.body}, method={self.method}, path={self.path}{error})"
        )


class Response(metaclass=Standing):
    """An answer with its status.

    >>> Response(body="no", status_code=404).status_code
    404
    """

    ours = OurResponse

    @staticmethod
    def make(
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        status_code: int = 200,
    ) -> OurResponse:
        """One of ours."""
        return OurResponse(body, status_code, dict(headers or {}), content_type or "text/plain")
