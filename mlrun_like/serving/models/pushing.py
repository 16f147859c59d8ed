"""Pushes to a stream that must not hold up the caller."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mlrun_like.streams.base import Stream, to_body
from mlrun_like.streams.memory import MemoryStream

__all__ = ["Pusher"]

WAITING = 10_000
"""Records that may wait; further ones are dropped and counted."""
_PATIENCE = 10.0


class Pusher:
    """Sends records to a stream from a thread of its own; to a stream in memory, at once.

    Args:
        stream: Where they go.
        logger: Told of records that were lost.

    Attributes:
        dropped: Records that were lost, because too many waited or the stream refused them.

    >>> from mlrun_like.streams import open_stream
    >>> stream = open_stream("dummy://")
    >>> Pusher(stream, logging.getLogger()).push({"x": 1})
    >>> stream.event_list
    [{'x': 1}]
    """

    def __init__(self, stream: Stream, logger: logging.Logger) -> None:
        self._stream = stream
        self._logger = logger
        self._direct = isinstance(stream, MemoryStream)
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.dropped = 0

    def push(self, record: Mapping[str, Any]) -> None:
        """Take a record; what it holds may change afterwards."""
        try:
            if self._direct:
                self._stream.push([_plain(record)])
                return
            self._waiting.put_nowait(to_body(record))
        except queue.Full:
            self._lost(1, "too many records wait")
            return
        except Exception as exc:  # noqa: BLE001  tracking must not fail the request it records
            self._lost(1, exc)
            return
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Wait, at most 10 seconds, until what was pushed is written."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join(_PATIENCE)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        over = False
        while not over:
            found = [self._waiting.get()]
            while len(found) < 100 and not self._waiting.empty():
                found.append(self._waiting.get())
            over = None in found
            records = [item for item in found if item is not None]
            try:
                if records:
                    self._stream.push(records)
            except Exception as exc:  # noqa: BLE001  the stream is elsewhere and may be gone
                self._lost(len(records), exc)

    def _lost(self, count: int, why: object) -> None:
        self.dropped += count
        self._logger.warning("%d tracking records were lost: %s", count, why)


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with arrays as lists."""
    return {key: _value(item) for key, item in record.items()}


def _value(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _value(inner) for key, inner in item.items()}
    if isinstance(item, (list, tuple)):
        return [_value(inner) for inner in item]
    tolist = getattr(item, "tolist", None)
    return deepcopy(item) if tolist is None else tolist()
