"""Where a graph reports events that failed."""

from __future__ import annotations

import socket
import threading
import traceback
from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve
from mlrun_like.serving.codec import encode

if TYPE_CHECKING:
    from mlrun_like.serving.context import GraphContext
    from mlrun_like.serving.event import Event

__all__ = ["ErrorStream"]


class ErrorStream:
    """The error stream of a server, opened when the first event fails.

    Args:
        url: A stream's URL (`kafka://…`, `redis://…`, `dummy://`); empty: errors are logged.
        context: Tells which function and worker it was.
    """

    def __init__(self, url: str, context: GraphContext) -> None:
        self.url = url
        self._context = context
        self._stream: Any = None
        self._lock = threading.Lock()

    def push(self, event: Event, message: Any, source: str = "") -> None:
        """Report one event, with MLRun's fields; a stream that cannot be written is logged."""
        logger = self._context.logger
        if not self.url:
            logger.error("event %s failed in %s: %s", event.id, source or "the graph", message)
            return
        error = message if isinstance(message, BaseException) else None
        cause = error.__cause__ or error if error is not None else None
        document = {
            "function_uri": self._context.function_uri,
            "worker": self._context.worker_id,
            "host": socket.gethostname(),
            "source": source,
            "event": {"id": event.id, "body": event.body, "key": event.key, "path": event.path},
            "message": str(message),
            "args": [str(item) for item in cause.args] if cause is not None else [],
        }
        if self._context.verbose and cause is not None:
            document["traceback"] = "".join(traceback.format_exception(cause))
        try:
            data = encode(document)
        except TypeError:  # a body that is no JSON
            data = encode(
                {**document, "event": {"id": event.id, "body": repr(event.body)[:10_000]}}
            )
        try:
            self.stream.push([data])
        except Exception:
            logger.exception("the error stream %s cannot be written: %s", self.url, data[:2000])

    @property
    def stream(self) -> Any:
        """The open stream; tests read the events of `dummy://` here."""
        with self._lock:
            if self._stream is None:
                self._stream = resolve("mlrun_like.streams.opening:open_stream")(self.url)
            return self._stream

    def close(self) -> None:
        """Close the stream; calling it twice is harmless."""
        with self._lock:
            stream, self._stream = self._stream, None
        close = getattr(stream, "close", None)
        if close is not None:
            close()
