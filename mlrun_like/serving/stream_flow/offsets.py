"""Explicit acknowledgement: a stream's offsets are committed once their events are done."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from mlrun_like.serving.engine.clock import Timer, call_later
from mlrun_like.serving.event import Event

__all__ = ["OffsetCommitter", "QualifiedOffset", "committer_of"]

_logger = logging.getLogger("mlrun_like.serving")


class QualifiedOffset(NamedTuple):
    """Everything in a shard up to an offset is done."""

    topic: str
    partition: Any
    offset: Any


class _Work:
    """Alive as long as anything that came of an event is: copies of events share it."""

    __slots__ = ("__weakref__",)


class OffsetCommitter:
    """Notices when events are done, and commits the offsets up to which all are.

    An event is done when nothing holds it, nor what became of it, any more.

    Args:
        commit: Called with a `QualifiedOffset`; may be `async`.
        max_events: Events after which offsets are committed.
        max_time: Seconds after which they are.
        max_wait: Seconds without events after which they are.
        logger: Is told what cannot be committed.

    >>> done = []
    >>> offsets = OffsetCommitter(done.append, max_events=1)
    >>> event = Event(path="/s")
    >>> event.shard_id, event.offset = 0, 7
    >>> offsets.track(event)
    >>> del event
    >>> offsets.commit_all()
    >>> done
    [QualifiedOffset(topic='/s', partition=0, offset=7)]
    """

    def __init__(
        self,
        commit: Callable[[QualifiedOffset], Any],
        max_events: int = 20_000,
        max_time: float = 45,
        max_wait: float = 5,
        logger: Any = None,
    ) -> None:
        self._logger = logger or _logger
        self._commit = commit
        self._max_events = max_events
        self._max_time = max_time
        self._max_wait = max_wait
        self._open: dict[tuple[str, Any], deque[tuple[Any, Any]]] = {}
        self._count = 0
        self._last_commit = time.monotonic()
        self._lock = threading.Lock()
        self._timer: Timer | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # a loop alone does not keep its tasks

    def track(self, event: Event) -> None:
        """Remember an event that comes from a stream, before it enters the flow."""
        shard = getattr(event, "shard_id", None)
        if shard is None or event.offset is None:
            return
        work = _Work()
        event._work = work  # type: ignore[attr-defined]
        topic = getattr(event, "stream_path", event.path)
        with self._lock:
            self._open.setdefault((topic, shard), deque()).append((weakref.ref(work), event.offset))
            self._count += 1
            due = self._count > self._max_events or (
                time.monotonic() >= self._last_commit + self._max_time
            )
            if self._timer is not None:
                self._timer.cancel()
            self._timer = call_later(self._max_wait, self.commit_done)
        if due:
            self.commit_done()

    def commit_done(self) -> None:
        """Commit what is done by now."""
        self._commit_offsets(False)

    def commit_all(self) -> None:
        """Commit everything: the flow has ended without an error."""
        if self._timer is not None:
            self._timer.cancel()
        self._commit_offsets(True)

    async def settle(self) -> None:
        """Wait for commits that are under way in the running loop."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _commit_offsets(self, everything: bool) -> None:
        with self._lock:
            self._count = 0
            self._last_commit = time.monotonic()
            for (topic, shard), waiting in self._open.items():
                last: Any = None
                taken = []
                while waiting and (everything or waiting[0][0]() is None):
                    taken.append(waiting.popleft())
                    last = taken[-1][1]
                if last is None:
                    continue
                try:
                    self._call(QualifiedOffset(topic, shard, last))
                except Exception as exc:  # noqa: BLE001  the next commit tries again
                    waiting.extendleft(reversed(taken))
                    self._log(exc)

    def _call(self, offset: QualifiedOffset) -> None:
        found = self._commit(offset)
        if not inspect.isawaitable(found):
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(_awaited(found))
            return
        task = loop.create_task(_awaited(found))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log(
                task.exception()
            )  # a later offset of the shard, or its replay, makes up for it

    def _log(self, error: BaseException | None) -> None:
        told = f"{type(error).__name__}: {error}"
        self._logger.error(f"Failed to commit offsets due to error: {told}")


async def _awaited(found: Awaitable[Any]) -> None:
    await found


def committer_of(source: Any) -> OffsetCommitter | None:
    """The committer of a source, if its platform takes explicit acknowledgements."""
    commit = getattr(getattr(source.context, "platform", None), "explicit_ack", None)
    if not source.explicit_ack or commit is None:
        return None
    return OffsetCommitter(
        commit,
        source.max_events_before_commit,
        source.max_time_before_commit,
        source.max_wait_before_commit,
        getattr(source.context, "logger", None),
    )
