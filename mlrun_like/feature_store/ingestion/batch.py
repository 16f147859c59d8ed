"""The loop of an ingestion: chunks through the transformation into all targets, with commits.

Order of a commit: the point (state of the transformation) goes to the feed's folder; the offline
targets commit, one after the other; the online targets and the state of the windows commit last.
Whatever is killed when: each target has committed either this place or the one before, and both
points are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlrun_like.feature_store.ingestion.doubts import Timeless
from mlrun_like.feature_store.ingestion.feeds import Feed, Place, Point
from mlrun_like.feature_store.ingestion.inference import empty_frame
from mlrun_like.feature_store.ingestion.preparing import cleaned

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.ingestion.checking import Checking
    from mlrun_like.feature_store.ingestion.options import IngestOptions
    from mlrun_like.feature_store.ingestion.preparing import Reader
    from mlrun_like.feature_store.ingestion.progress import Reporter
    from mlrun_like.feature_store.ingestion.sinks import Sinks
    from mlrun_like.feature_store.ingestion.statistics import Statistics
    from mlrun_like.feature_store.transform.compile import Transform

__all__ = ["Batch", "Outcome"]

FINAL = ""


@dataclass
class Outcome:
    """What an ingestion did.

    Args:
        feed: Its id.
        rows: Rows of the source, also those before a resume.
        written: Rows of the result, also those before a resume.
        targets: Target -> status.
        frames: The results' frames of this process, if they were asked for.
        at: The source's position behind its last row.
        resumed: Chunk that it went on behind; 0: it began at the start.
    """

    feed: str
    rows: int = 0
    written: int = 0
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    frames: list[pd.DataFrame] = field(default_factory=list)
    resumed: int = 0
    at: str = ""


class Batch:
    """One ingestion, from where it is to its end.

    Args:
        feed: Where it keeps how far it is.
        transform: What is done to the rows.
        sinks: Where they go; open.
        checking: Schema and validators.
        statistics: Are made of what is written.
        options: See `IngestOptions`.
        keep: Whether results are kept for the caller.
    """

    def __init__(
        self,
        feed: Feed,
        transform: Transform,
        sinks: Sinks,
        checking: Checking,
        statistics: Statistics,
        options: IngestOptions,
        keep: bool = True,
    ) -> None:
        self.feed = feed
        self.transform = transform
        self.sinks = sinks
        self.checking = checking
        self.statistics = statistics
        self.options = options
        self.outcome = Outcome(feed.id)
        self._keep = keep
        self._place = Place()

    def run(self, read: Reader, report: Reporter) -> Outcome:
        """Read, transform, write and commit until the source ends; then show everything."""
        self._go_back()
        if not self._place.ended:
            since, timeless = 0, Timeless(self.checking.feature_set)
            for chunk in read(self._place.at):
                if since >= self.options.commit_rows:
                    self._commit(self._place)
                    since = 0
                number, rows = self._place.chunk + 1, self._place.rows + chunk.rows
                frame = cleaned(chunk.frame, self.checking.feature_set, self._place.rows)
                timeless.look(frame, self._place.rows)
                self._write(number, self.transform.run(frame))
                self._place = Place(number, chunk.position, rows)
                since += chunk.rows
                report(number, rows, self.outcome.written, self.checking.total, False)
            self._end()
            timeless.tell()
            place = self._place
            report(place.chunk, place.rows, self.outcome.written, self.checking.total, True)
        self.outcome.rows, self.outcome.at = self._place.rows, self._place.at
        self.outcome.targets = self.sinks.finish()
        return self.outcome

    def _go_back(self) -> None:
        """Be where the sink that is furthest behind was."""
        point = self.feed.point(self.sinks.start)
        self._place = point.place
        if not point.place.chunk:
            return
        self.outcome.resumed = point.place.chunk
        self.outcome.written = int(point.counts.get("written", 0))
        self.checking.load(point.counts.get("checking") or {})
        if point.parts.get("statistics"):
            self.statistics.load(point.parts["statistics"])
        if point.parts.get("transform"):
            self.transform.restore(point.parts["transform"])

    def _write(self, number: int, frames: dict[str, pd.DataFrame]) -> None:
        final = frames.get(FINAL)
        if final is not None and len(final):
            made = final
            frames[FINAL] = final = self.checking.check(made, self.outcome.written)
            self.statistics.add(final)
            self.outcome.written += len(final)
            if self._keep:
                self.outcome.frames.append(_as_wide(final, made))
        self.sinks.write(number, frames)
        self.sinks.write(number, self._logs())

    def _logs(self) -> dict[str, pd.DataFrame]:
        found = self.transform.take_window_log()
        return {f"log:{step}": frame for step, frame in found.items()}

    def _end(self) -> None:
        number = self._place.chunk + 1
        self._write(number, self.transform.finish())
        if not self.outcome.written:
            self._shape()
        self._place = Place(number, self._place.at, self._place.rows, True)
        self._commit(self._place)

    def _shape(self) -> None:
        """No row at all: targets and the caller still get the columns."""
        empty = empty_frame(self.checking.feature_set)
        if len(empty.columns):
            self.sinks.shape(FINAL, empty)
            if self._keep and not self.outcome.frames:
                self.outcome.frames.append(empty)

    def _commit(self, place: Place) -> None:
        counts = {"written": self.outcome.written, "checking": self.checking.dump()}
        parts = {"statistics": self.statistics.dump(place.ended)}
        if not place.ended:
            parts["transform"] = self.transform.state()
        self.feed.keep(Point(place, counts, parts))
        self.sinks.windows(place.chunk, self.transform.changed_windows())
        self.sinks.commit(place)


def _as_wide(stored: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """The stored rows for the caller: numbers are not narrower than the steps made them."""
    wide = {}
    for name in stored.columns:
        old, new = made[name].dtype, stored[name].dtype
        if not isinstance(old, np.dtype) or not isinstance(new, np.dtype):
            continue
        if old.kind in "iuf" and old.kind == new.kind and old.itemsize > new.itemsize:
            wide[name] = made[name]
    return stored.assign(**wide) if wide else stored
