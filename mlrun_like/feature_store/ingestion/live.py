"""A live ingestion: events are accepted on disk, and written to the targets in small batches.

`accept` returns when the events are in a file and the file is on the disk; whoever sent them may
forget them then. One thread takes accepted events, in their order, through the steps into all
targets, and commits when `max_events` wait or the oldest waits for `seconds`. A commit is as that
of a batch ingestion (see `batch`): the place in every target is the number of the last event in
it, so that after a kill each target goes on behind its own last event. The states of windows are
written with the online rows in one transaction.

An event that a step fails on is kept in `rejected.jsonl` with the reason, and the others go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.ingestion.feeds import Feed, Place, Point
from mlrun_like.feature_store.ingestion.intake import Intake, Taken
from mlrun_like.feature_store.ingestion.live_rows import LiveRows

if TYPE_CHECKING:
    from mlrun_like.feature_store.ingestion.checking import Checking
    from mlrun_like.feature_store.ingestion.sinks import Sinks
    from mlrun_like.feature_store.transform.base import Transform

__all__ = ["LiveIngestion"]

_LOG = logging.getLogger(__name__)
_AGAIN = 0.5
_LONGEST_PAUSE = 30.0


class LiveIngestion:
    """Takes events of one feature set in; for many threads.

    Args:
        feed: Its folder; held by this process.
        make: Opens the steps and the targets; called again after a failure.
        checking: Schema and validators.
        max_events: Events of a batch at most.
        seconds: How long an event waits at most for others.
    """

    def __init__(
        self,
        feed: Feed,
        make: Callable[[], tuple[Transform, Sinks]],
        checking: Checking,
        max_events: int = 10_000,
        seconds: float = 1.0,
    ) -> None:
        self.feed = feed
        self.rejected = 0
        self.committed = Place()
        self.error: BaseException | None = None
        self._make = make
        self._checking = checking
        self._max = max_events
        self._seconds = seconds
        self._pending: deque[Taken] = deque()
        self._changed = threading.Condition()
        self._since = 0.0
        self._flushing = self._closed = False
        self._places: dict[str, str] = {}
        self._open()
        self._intake = Intake(feed.folder / "intake", self._places, int(self.committed.at or 0))
        first = self._recovered(self._intake.waiting())
        self._thread = threading.Thread(
            target=self._work, args=(first,), name=f"live-{feed.id}", daemon=True
        )
        self._thread.start()

    # Accepting --------------------------------------------------------------------------------

    def accept(self, events: Sequence[tuple[Any, str, str, str, str]]) -> int:
        """Accept events, durably: body, origin, place there, time, key; see `Intake`.

        Returns:
            How many are new; those that came again from a stream are not.

        Raises:
            InvalidArgumentError: if a body is no mapping with the entities; none is accepted.
            OSError: if they cannot be written; none is accepted.
        """
        if self._closed:
            raise InvalidArgumentError("the ingestion is closed")
        for body, *_ in events:
            self.check(body)
        with self._changed:
            taken = self._intake.accept(events)
            if taken and not self._pending:
                self._since = time.monotonic()
            self._pending.extend(taken)
            self._changed.notify_all()
        return len(taken)

    def check(self, body: Any) -> None:
        """Raise InvalidArgumentError if this cannot be an event of the feature set."""
        where = f"feature set {self._checking.feature_set.name!r}"
        if not isinstance(body, Mapping):
            raise InvalidArgumentError(
                f"an event is a mapping of columns, not {body!r:.80}", where=where
            )
        problems = self._checking.problems(body)
        if problems:
            raise InvalidArgumentError(f"an event was refused: {'; '.join(problems)}", where=where)

    def wait_for_room(self) -> None:
        """Wait while very many events are accepted and not written yet."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._pending) < 8 * self._max or self._closed)

    @property
    def waiting(self) -> int:
        """Accepted events that are not in the targets yet."""
        return self._intake.number - int(self.committed.at or 0)

    def flush(self, timeout: float | None = None) -> bool:
        """Write what was accepted up to now; False: not in time.

        Args:
            timeout: Seconds; None: as long as it takes.
        """
        with self._changed:
            number = self._intake.number
            self._flushing = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: int(self.committed.at or 0) >= number or self._closed, timeout
            )

    def close(self) -> None:
        """Write what was accepted, and end; may be repeated."""
        with self._changed:
            if self._closed:
                return
            self._flushing = self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._intake.close()
        self._shut()

    # Writing ----------------------------------------------------------------------------------

    def _open(self) -> None:
        """Open steps and targets, and be where the target that is furthest behind is."""
        self._transform, self._sinks = self._make()
        try:
            point = self.feed.point(self._sinks.start)
            if point.parts.get("transform"):
                self._transform.restore(point.parts["transform"])
            self.rejected = int(point.counts.get("rejected", 0))
            self._places = dict(point.counts.get("places") or {})
            if self._sinks.reader is not None:
                self._transform.load_windows(self._sinks.reader)
            self._rows = LiveRows(self._transform, self._checking, self._sinks.reader is None)
        except BaseException:
            self._shut()
            raise
        self.committed = point.place

    def _shut(self) -> None:
        self._sinks.close()
        self._transform.close()

    def _recovered(self, waiting: list[Taken]) -> list[Taken]:
        """The batch that some targets have and others do not; the rest waits for its turn."""
        ahead = max((sink.done for sink in self._sinks.all), key=lambda place: place.chunk)
        first: list[Taken] = []
        if ahead.chunk > self.committed.chunk:
            last = int(ahead.at)
            first = [event for event in waiting if event.number <= last]
            waiting = [event for event in waiting if event.number > last]
        self._pending.extend(waiting)
        return first

    def _work(self, batch: list[Taken]) -> None:
        pause = _AGAIN
        while True:
            batch = batch or self._take()
            if not batch:
                return
            try:
                self._batch(batch)
            except Exception as exc:  # noqa: BLE001 - a store may be away; events are kept
                self.error = exc
                _LOG.warning("live ingestion %s waits: %s", self.feed.id, exc)
                with self._changed:
                    if self._changed.wait_for(lambda: self._closed, pause):
                        return
                pause = min(2 * pause, _LONGEST_PAUSE)
                batch = self._again(batch)
                continue
            self.error, batch, pause = None, [], _AGAIN

    def _again(self, batch: list[Taken]) -> list[Taken]:
        """After a failure: as after a restart; gives what of the batch is still to be written."""
        try:
            self._shut()
            self._open()
        except Exception as exc:  # noqa: BLE001 - still away
            self.error = exc
            return batch
        last = int(self.committed.at or 0)
        return [event for event in batch if event.number > last]

    def _take(self) -> list[Taken]:
        """The next batch; empty: closed, and nothing is left."""
        with self._changed:
            while True:
                left = self._since + self._seconds - time.monotonic()
                full = self._flushing or self._closed or len(self._pending) >= self._max
                if self._pending and (full or left <= 0):
                    break
                if not self._pending:
                    self._flushing = False
                    if self._closed:
                        return []
                self._changed.wait(left if self._pending else None)
            number = min(len(self._pending), self._max)
            batch = [self._pending.popleft() for _ in range(number)]
            self._since = time.monotonic()
            self._changed.notify_all()
            return batch

    def _batch(self, events: list[Taken]) -> None:
        last, rows = events[-1].number, self.committed.rows
        place = Place(self.committed.chunk + 1, str(last), rows + len(events))
        rejected: list[dict[str, Any]] = []
        frames = self._rows.results(events, rejected, rows)
        self._sinks.write(place.chunk, frames)
        logs = self._transform.take_window_log()
        self._sinks.write(place.chunk, {f"log:{step}": frame for step, frame in logs.items()})
        places = {**self._places, **{e.origin: e.place for e in events if e.origin}}
        counts = {"places": places, "rejected": self.rejected + len(rejected)}
        # the windows that changed are committed with the online rows, if a target keeps them
        state = self._transform.state(windows=self._sinks.reader is None)
        self.feed.keep(Point(place, counts, {"transform": state}))
        self._sinks.windows(place.chunk, self._transform.changed_windows())
        self._sinks.commit(place)
        if rejected:
            with (self.feed.folder / "rejected.jsonl").open("ab") as file:
                file.writelines(orjson.dumps(row) + b"\n" for row in rejected)
        self.rejected += len(rejected)
        self._places, self._rows.state = places, state
        with self._changed:
            self.committed = place
            self._changed.notify_all()
        self._intake.forget(last)
