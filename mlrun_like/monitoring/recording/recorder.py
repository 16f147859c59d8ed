"""The recorder of a process: one thread that takes, builds and writes what channels hold.

It looks at the queues twice a second while requests come, turns what should not wait into columns
(so that requests and answers can be freed), and writes the columns of each endpoint as one batch
every `monitoring_flush_interval` seconds. Memory is bounded by the queues and by what is written at
once; what does not fit is counted, and the counts reach the store with the next batch.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.monitoring.beside import keep_alive
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.delivering import Delivery
from mlrun_like.registry import resolve
from mlrun_like.serving.observe.numbers import GAUGE, Key
from mlrun_like.serving.observe.sources import add_source
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

if TYPE_CHECKING:
    from mlrun_like.monitoring.recording.chunks import Chunks

__all__ = ["Recorder", "flush_recorders", "recorder_of_process"]

_log = logging.getLogger("mlrun_like.monitoring")
_TICK = 0.5
_MOST_ROWS = 20_000
"""Rows after which a batch is written before its time."""


class Recorder:
    """Records the requests of all endpoints of a process.

    Args:
        store: Where to; None: the configured store.
    """

    def __init__(self, store: FullStore | None = None) -> None:
        self._channels: dict[tuple[str, str], Channel] = {}
        self._chunks: dict[tuple[str, str], Chunks] = {}
        self._delivery = Delivery(self._lose, store)
        self._lock = threading.RLock()
        self._event = threading.Event()
        self._thread: threading.Thread | None = None
        self._flush_at = 0.0
        self._poll_at = 0.0
        self._closed = False

    def channel(self, project: str, endpoint: str, **options: Any) -> Channel:
        """The channel of an endpoint, made on first use; options as `Channel`'s."""
        key = (project, endpoint)
        with self._lock:
            found = self._channels.get(key)
            if found is None:
                found = self._channels[key] = Channel(project, endpoint, self.wake, **options)
            return found

    def remove(self, channel: Channel) -> None:
        """Write what a channel holds, and forget it."""
        with self._lock:
            self.flush()
            key = (channel.project, channel.endpoint)
            if self._channels.get(key) is channel:
                del self._channels[key]
                self._chunks.pop(key, None)

    def wake(self) -> None:
        """Let the thread look at the queues; it is started by the first request."""
        for channel in list(self._channels.values()):
            channel.awake = True
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    self._flush_at = self._poll_at = 0.0
                    self._thread = threading.Thread(
                        target=self._run, name="monitoring", daemon=True
                    )
                    self._thread.start()
        self._event.set()

    def flush(self) -> None:
        """Write everything that was taken so far; to disk, if the store is away."""
        with self._lock:
            self._build()
            self._write(all_sketches=False)

    def close(self) -> None:
        """Write everything, and end the thread."""
        self._closed = True
        self._event.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(10.0)
        with self._lock:
            self._thread = None
            self._build()
            self._write(all_sketches=True)
            self._closed = False

    def totals(self) -> dict[tuple[str, str], dict[str, int]]:
        """By project and endpoint: requests `recorded`, `dropped` and `waiting`."""
        found = {}
        for key, channel in list(self._channels.items()):  # no lock: a write may hold it for long
            chunks = self._chunks.get(key)
            found[key] = {
                "recorded": channel.taken,
                "dropped": channel.dropped,
                "waiting": channel.waiting() + (chunks.requests if chunks is not None else 0),
            }
        return found

    def forget(self) -> None:
        """In a forked child: threads and what waits are the parent's."""
        self._lock = threading.RLock()
        self._event = threading.Event()
        self._thread = None
        self._delivery.forget()
        self._chunks.clear()
        for channel in self._channels.values():
            channel.forget()

    # the thread

    def _run(self) -> None:
        quiet = 0
        while not self._closed:
            try:
                with self._lock:
                    clock = time.monotonic()
                    due = clock >= self._flush_at
                    busy = self._build(everything=due)
                    rows = sum(chunks.rows for chunks in self._chunks.values())
                    if due or rows > _MOST_ROWS:
                        self._flush_at = clock + float(config.monitoring_flush_interval)
                        self._write(all_sketches=False)
                if clock >= self._poll_at:
                    self._poll_at = clock + float(config.monitoring_poll_interval)
                    self._poll()
            except Exception:  # noqa: BLE001  one thread serves all endpoints, and must go on
                _log.exception("recording of requests failed")
                busy = False
            quiet = 0 if busy else quiet + 1
            with self._lock:
                if not self._channels:
                    self._thread = None
                    return
            self._pause(quiet)

    def _pause(self, quiet: int) -> None:
        if quiet < 8:
            time.sleep(_TICK)
            return
        self._event.clear()
        for channel in list(self._channels.values()):
            channel.awake = False
        if any(channel.waiting() for channel in list(self._channels.values())):
            return  # it came between the look and the nap
        pending = any(chunks.pending() for chunks in list(self._chunks.values()))
        span = float(config.monitoring_flush_interval if pending or self._delivery.away
                     else config.monitoring_poll_interval)  # fmt: skip
        self._event.wait(span)

    def _build(self, *, everything: bool = True) -> bool:
        busy = False
        for key, channel in self._channels.items():
            if not everything and not channel.pressing():
                busy |= channel.waiting() > 0  # packed ones cost nothing while they wait
                continue
            chunks = self._chunks.get(key)
            if chunks is None:
                # made here, not with the channel: numpy's threads would keep a server that loads
                # its models once from being forked
                chunks = resolve("mlrun_like.monitoring.recording.chunks:Chunks")(channel)
                self._chunks[key] = chunks
            busy |= chunks.add(channel.take(), channel.take_labels())
        return busy

    def _write(self, *, all_sketches: bool) -> None:
        moment = now()
        batches: list[SeriesBatch] = []
        for chunks in self._chunks.values():
            batches += chunks.batches(moment, all_sketches=all_sketches)
        if batches or self._delivery.away:
            self._delivery.deliver(batches)

    def _poll(self) -> None:
        """Look whether monitoring was switched on or off, and that its service runs."""
        keep_alive()
        by_project: dict[str, list[str]] = {}
        for (project, uid), channel in list(self._channels.items()):
            if channel.register is not None and channel.register():
                channel.register = None
            by_project.setdefault(project, []).append(uid)
        for project, uids in by_project.items():
            with contextlib.suppress(MLRunLikeError):  # a store that is away: as before
                modes = self._delivery.store().endpoint_modes(project, uids)
                for uid in uids:
                    found = self._channels.get((project, uid))
                    if found is None:
                        continue
                    if uid in modes:
                        found.on = modes[uid] == "enabled"
                    elif found.taken > found.polled:
                        found.register = found.renew
                    found.polled = found.taken

    def _lose(self, batch: SeriesBatch) -> None:
        channel = self._channels.get((batch.project, batch.endpoint))
        if channel is not None and batch.kind == "events":
            told = batch.summary
            before = int(told.get("dropped", 0))
            channel.lose(int(told.get("requests", batch.rows)) - before, before)


_recorder: Recorder | None = None
_lock = threading.Lock()


def recorder_of_process() -> Recorder:
    """The recorder that all models of this process share."""
    global _recorder
    with _lock:
        if _recorder is None:
            _recorder = Recorder()
            add_source(_numbers)
            atexit.register(_recorder.close)
        return _recorder


def flush_recorders() -> None:
    """Write what this process has recorded so far, so that readers see it."""
    if _recorder is not None:
        _recorder.flush()


def _numbers() -> Iterator[tuple[Key, float]]:
    """The recorder's totals for the metrics of servers."""
    if _recorder is None:
        return
    for who, counts in _recorder.totals().items():
        yield ("recorded", *who), float(counts["recorded"])
        yield ("recorder_dropped", *who), float(counts["dropped"])
        yield (GAUGE, "recorder_waiting", *who), float(counts["waiting"])


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    if _recorder is not None:
        _recorder.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
