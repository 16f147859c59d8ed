"""Targets of an ingestion side by side: each has a thread of its own, and a place it is at."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError
from mlrun_like.feature_store.ingestion.feeds import Place
from mlrun_like.feature_store.ingestion.results import joined

if TYPE_CHECKING:
    from mlrun_like.feature_store.targets.writing import TargetWriter

__all__ = ["Sink", "Sinks"]

_WAITING = 2


class Sink:
    """One target, or the window log of one step.

    Args:
        name: The target's name.
        step: The output of the transformation that it takes; empty: the final one.
        online: Commits after the others.
        make: Opens the writer; called in the sink's thread, as all its methods are.
    """

    def __init__(
        self, name: str, step: str, online: bool, make: Callable[[], TargetWriter]
    ) -> None:
        self.name = name
        self.step = step
        self.online = online
        self.done = Place()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"ingest-{name}")
        self._waiting: deque[Future[Any]] = deque()
        self._newest: list[Any] = []
        self._writer: TargetWriter | None = None
        self._make = make

    def open(self) -> None:
        """Open the writer and ask it where it is."""
        self._writer = self._call(self._make)
        self.done = Place.read(self._call(self._writer.position))

    def write(self, chunk: int, frame: Any) -> None:
        """Rows of a chunk; those it has committed before are passed over. Does not wait."""
        if chunk > self.done.chunk and self._writer is not None and len(frame):
            if self.online:
                self._newest.append(frame)
            else:
                self._send(self._writer.write, frame)

    def shape(self, frame: Any) -> None:
        """The columns of a target that gets no rows. Does not wait."""
        if self._writer is not None and not self.online and not self.done.ended:
            self._send(self._writer.write, frame)

    def flush(self) -> None:
        """Give an online target what it shall commit: of each entity only the newest row counts,
        so rows of several chunks are given at once. Does not wait."""
        frames, self._newest = self._newest, []
        if frames and self._writer is not None:
            self._send(_write_joined, self._writer, frames)

    def commit(self, place: Place) -> None:
        """Commit up to a place, unless it is there already. Waits.

        Raises:
            ConflictError: if the source gave other chunks the first time.
        """
        if place.chunk > self.done.chunk and self._writer is not None:
            self.drain()
            self._call(self._writer.commit, str(place))
            self.done = place
        elif place.chunk == self.done.chunk and place.at != self.done.at:
            raise ConflictError(
                f"the source's chunk {place.chunk} ended elsewhere before: it has changed since",
                where=f"target {self.name!r}",
                fix="ingest anew, with overwrite=True",
            )

    def windows(self, chunk: int, changed: Mapping[tuple[Any, ...], bytes]) -> None:
        """The state of windows that changed up to a chunk, if the target keeps such."""
        write = getattr(self._writer, "write_windows", None)
        if write is not None and chunk > self.done.chunk and changed:
            self._send(write, changed)

    def read_windows(self, keys: Sequence[tuple[Any, ...]]) -> list[bytes | None]:
        """The states of windows as they are in the target. Waits."""
        read = getattr(self._writer, "read_windows", None)
        found: list[bytes | None] = [None] * len(keys) if read is None else self._call(read, keys)
        return found

    @property
    def keeps_windows(self) -> bool:
        """Whether the target keeps states of windows."""
        return hasattr(self._writer, "read_windows")

    def finish(self) -> dict[str, Any]:
        """Show what was written; gives the target's status. Waits."""
        assert self._writer is not None
        self.drain()
        status: dict[str, Any] = self._call(self._writer.finish)
        return status

    def abort(self) -> None:
        """Give up what was written. Waits."""
        self._forget()
        if self._writer is not None:
            self._call(self._writer.abort)

    def close(self) -> None:
        """End the thread."""
        self._forget()
        if self._writer is not None:
            self._call(self._writer.close)
        self._pool.shutdown()

    def drain(self) -> None:
        """Wait until all rows are written; raises what went wrong."""
        while self._waiting:
            self._waiting.popleft().result()

    def _send(self, work: Callable[..., Any], *args: Any) -> None:
        while len(self._waiting) >= _WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(contextvars.copy_context().run, work, *args))

    def _call(self, work: Callable[..., Any], *args: Any) -> Any:
        return self._pool.submit(contextvars.copy_context().run, work, *args).result()

    def _forget(self) -> None:
        self._newest = []
        for future in self._waiting:
            future.cancel()
        for future in self._waiting:
            if not future.cancelled():
                future.exception()
        self._waiting.clear()


def _write_joined(writer: TargetWriter, frames: list[Any]) -> None:
    writer.write(joined(frames))


class Sinks:
    """All sinks of an ingestion; a `with` block opens and closes them.

    Args:
        sinks: In any order; online ones commit last.
    """

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self.all = sorted(sinks, key=lambda sink: sink.online)
        self._keeper: Sink | None = None

    def __enter__(self) -> Sinks:
        try:
            for sink in self.all:
                sink.open()
            # who keeps windows commits last: their states are never ahead of a target
            self.all.sort(key=lambda sink: sink.keeps_windows)
            keepers = [sink for sink in self.all if sink.keeps_windows]
            self._keeper = min(keepers, key=lambda sink: sink.done.chunk, default=None)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def start(self) -> int:
        """The chunk that the sink furthest behind has committed."""
        return min((sink.done.chunk for sink in self.all), default=0)

    @property
    def ended(self) -> bool:
        """Whether all have committed the end."""
        return bool(self.all) and all(sink.done.ended for sink in self.all)

    @property
    def touched(self) -> bool:
        """Whether any has committed something."""
        return any(sink.done.chunk for sink in self.all)

    def write(self, chunk: int, frames: dict[str, Any]) -> None:
        """Give each sink the frame of its step."""
        for sink in self.all:
            frame = frames.get(sink.step)
            if frame is not None:
                sink.write(chunk, frame)

    def shape(self, step: str, frame: Any) -> None:
        """Give the sinks of a step that got no rows its columns."""
        for sink in self.all:
            if sink.step == step:
                sink.shape(frame)

    def windows(self, chunk: int, changed: Mapping[tuple[Any, ...], bytes]) -> None:
        """Give the state of windows to the sinks that keep it."""
        for sink in self.all:
            sink.windows(chunk, changed)

    @property
    def reader(self) -> Callable[[Sequence[tuple[Any, ...]]], list[bytes | None]] | None:
        """What reads the states of windows as they were at `start`; None: no sink keeps them."""
        return None if self._keeper is None else self._keeper.read_windows

    def commit(self, place: Place) -> None:
        """Commit, one after the other, offline ones first."""
        for sink in self.all:
            sink.flush()  # online ones prepare their rows while offline ones commit
        for sink in self.all:
            sink.commit(place)

    def finish(self) -> dict[str, dict[str, Any]]:
        """Show everything; sink -> status."""
        return {sink.name: sink.finish() for sink in self.all}

    def abort(self) -> list[BaseException]:
        """Give everything up; what could not be given up is returned, not raised."""
        failed: list[BaseException] = []
        for sink in self.all:
            try:
                sink.abort()
            except Exception as exc:  # noqa: BLE001 - the others must be given up as well
                failed.append(exc)
        return failed

    def close(self) -> None:
        """End all."""
        for sink in self.all:
            sink.close()
