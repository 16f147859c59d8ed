"""One push for the records of many callers.

A push costs a round trip whether it carries one record or a hundred. Callers hand in their record
and wait; while one push is under way, the records of the others gather for the next.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

from mlrun_like.streams.base import Record, Stream

__all__ = ["Pusher"]

_MOST = 1000


class Pusher:
    """Pushes records of several threads to one stream.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: list[tuple[Record, Future[None]]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def push(self, record: Record) -> Future[None]:
        """Hand in a record; the future is done when the stream has stored it."""
        future: Future[None] = Future()
        with self._changed:
            self._waiting.append((record, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stream-push", daemon=True)
                self._thread.start()
            self._changed.notify()
        return future

    def close(self) -> None:
        """Push what was handed in, and end; a later push begins anew."""
        with self._changed:
            thread, self._closed = self._thread, True
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    self._closed, self._thread = False, None
                    return
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            failure: BaseException | None = None
            try:
                self._stream.push_records([record for record, _ in batch])
            except Exception as exc:  # noqa: BLE001  each caller gets it
                failure = exc
            for _, future in batch:
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)
