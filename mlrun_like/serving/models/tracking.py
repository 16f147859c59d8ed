"""Tracking: a record of each request of a model, for monitoring.

Without a stream, `fn.set_tracking()` lets the recorder of `mlrun_like.monitoring` write requests to
the tracking store, in the background; a server that was deployed without it asks now and then
whether it was switched on.

`fn.set_tracking("kafka://...")` names the stream; its words are parameters of the graph:
`log_stream` (the stream's URL), `log_stream_sample` (one request of so many is recorded),
`sampling_percentage` (so many per cent, at random), `log_stream_batch` (so many requests in one
record, in columns), `stream_args` (options of the stream) and `enable_tracking`.
"""

from __future__ import annotations

import random
import socket
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError, MLRunLikeError
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.pushing import Pusher
from mlrun_like.streams.opening import get_stream_pusher

__all__ = ["COLUMNS", "StreamContext", "Tracker", "stream_of"]

COLUMNS = ("request", "op", "resp", "when", "microsec", "metrics")
"""Headers of a record that holds several requests."""

_LOCK = threading.Lock()
_RECORDING = "mlrun_like.monitoring.recording.model:ModelRecording"


class StreamContext:
    """`context.stream`: where records go, shared by all models of a server.

    Attributes:
        enabled: Whether there is a stream.
        output_stream: The stream, or None.
        hostname: This machine's name, written into records.
        function_uri: The function's URI, written into records.
    """

    def __init__(self, context: GraphContext) -> None:
        url = str(context.get_param("log_stream", "") or "")
        wanted = context.get_param("enable_tracking", True)
        options = dict(context.get_param("stream_args", None) or {})
        self.enabled = bool(url and wanted)
        self.hostname = socket.gethostname()
        self.function_uri = context.function_uri
        self.output_stream = get_stream_pusher(url, **options) if url else None
        self._pusher = Pusher(self.output_stream, context.logger) if self.output_stream else None

    def push(self, record: Mapping[str, Any]) -> None:
        """Give a record to the stream; a remote one is written to in the background."""
        if self._pusher is not None:
            self._pusher.push(record)

    def close(self) -> None:
        """Write what is waiting."""
        if self._pusher is not None:
            self._pusher.close()


def stream_of(context: GraphContext) -> StreamContext:
    """The server's `context.stream`, made by its first model."""
    with _LOCK:
        found = vars(context).get("stream")
        if not isinstance(found, StreamContext):
            found = vars(context)["stream"] = StreamContext(context)
        return found


class Tracker:
    """Writes what one model did.

    Args:
        model: The model: its class, `name`, `version`, `labels` and `metrics` are recorded.
        context: The server's context.

    Raises:
        InvalidArgumentError: if a parameter of tracking cannot be used.
    """

    def __init__(self, model: Any, context: GraphContext) -> None:
        self._model = model
        self._context = context
        self._stream = stream_of(context)
        self._every = _whole(context, "log_stream_sample")
        self._size = _whole(context, "log_stream_batch")
        self._percentage = _percentage(context)
        self._lock = threading.Lock()
        self._seen = 0
        self._rows: list[list[Any]] = []
        self.recording: Any = None
        """What records to the store; None: nothing does."""
        wanted = context.get_param("enable_tracking", True) is not False
        if context.function_uri and wanted and (context.tracked or not context.is_mock):
            self.recording = resolve(_RECORDING)(model, context, self._every, self._percentage)

    @property
    def enabled(self) -> bool:
        """Whether anything is recorded, or may be switched on."""
        return self._stream.enabled or self.recording is not None

    @property
    def active(self) -> bool:
        """Whether the next request is recorded."""
        return self._stream.enabled or (self.recording is not None and self.recording.active)

    def ready(self) -> None:
        """The model is loaded: tell the store what is served here."""
        if self.recording is not None:
            self.recording.ready()

    def feedback(self, body: Any) -> dict[str, Any]:
        """Take labels that came later; see `mlrun_like.monitoring.recording.feedback`.

        Raises:
            ConflictError: if requests are not recorded to the store.
        """
        if self.recording is None:
            raise ConflictError(
                "requests are not recorded, so labels have nothing to belong to",
                where=f"model {self._model.name!r}",
                fix="fn.set_tracking()",
            )
        told: dict[str, Any] = self.recording.feedback(body)
        return told

    def push(
        self,
        when: str,
        seconds: float,
        request: Any,
        resp: Any,
        op: str,
        event: Event | None = None,
    ) -> None:
        """Record a request that was answered.

        Args:
            when: When it came, as ISO text.
            seconds: How long it took.
            request: The request as the model saw it.
            resp: The answer.
            op: The operation.
            event: The event, which may tell its own time.
        """
        if self.recording is not None:
            self.recording.push(seconds, request, resp, op, event)
        if not self._stream.enabled:
            return
        with self._lock:
            self._seen += 1
            if (self._seen - 1) % self._every:
                return
        if self._percentage < 100 and random.uniform(0, 100) >= self._percentage:
            return
        model = self._model
        row = [request, op, resp, _text(when), round(seconds * 1e6), dict(model.metrics)]
        if self._size == 1:
            record = {**self._base(), **dict(zip(COLUMNS, row, strict=True))}
            if not record["metrics"]:
                del record["metrics"]
            self._stream.push(record)
            return
        with self._lock:
            self._rows.append(row)
            full = self._rows if len(self._rows) >= self._size else []
            if full:
                self._rows = []
        self._push_rows(full)

    def push_error(
        self,
        when: str,
        seconds: float,
        request: Any,
        op: str,
        error: Exception,
        event: Event | None = None,
    ) -> None:
        """Record a request that failed; these are neither sampled nor collected."""
        if self.recording is not None:
            self.recording.push_error(seconds, request, op, error, event)
        if not self._stream.enabled:
            return
        text = error.what if isinstance(error, MLRunLikeError) else str(error)
        text = text or type(error).__name__
        if self._context.verbose:
            text += "\n" + "".join(traceback.format_exception(error))
        record = {
            **self._base(),
            "request": request,
            "op": op,
            "when": _text(when),
            "microsec": round(seconds * 1e6),
            "error": text,
        }
        self._stream.push(record)

    def flush(self) -> None:
        """Write the requests that wait for their record to be full."""
        with self._lock:
            rows, self._rows = self._rows, []
        self._push_rows(rows)

    def close(self) -> None:
        """Write everything that waits."""
        self.flush()
        self._stream.close()
        if self.recording is not None:
            self.recording.close()

    def _push_rows(self, rows: list[list[Any]]) -> None:
        if rows:
            self._stream.push({**self._base(), "headers": list(COLUMNS), "values": rows})

    def _base(self) -> dict[str, Any]:
        model = self._model
        found = {
            "class": type(model).__name__,
            "worker": self._context.worker_id,
            "model": model.name,
            "version": model.version,
            "host": self._stream.hostname,
            "function_uri": self._stream.function_uri,
        }
        uid = getattr(model, "model_endpoint_uid", None)
        if uid:
            found["endpoint_id"] = uid
        if model.labels:
            found["labels"] = dict(model.labels)
        return found


def _text(when: str) -> str:
    return when.replace("T", " ", 1)


def _whole(context: GraphContext, name: str) -> int:
    value = context.get_param(name, 1) or 1
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgumentError(
            f"{name} must be a whole number from 1, not {value!r}",
            fix="fn.set_tracking(stream, batch=20, sample=10)",
        )
    return value


def _percentage(context: GraphContext) -> float:
    value = context.get_param("sampling_percentage", 100)
    value = 100 if value is None else value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 100:
        raise InvalidArgumentError(
            f"sampling_percentage must be above 0 and at most 100, not {value!r}"
        )
    return float(value)
