"""Events of an endpoint for many windows: read once in bulk, cut by binary search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import MLRunLikeError
from mlrun_like.monitoring.applications.histograms import Places, ReferenceHistograms
from mlrun_like.monitoring.applications.view import Window
from mlrun_like.monitoring.recording.reading import counts_of, read_events
from mlrun_like.tracking.monitoring_abilities import SeriesStore

__all__ = ["EventFrames"]

_ROWS = 400_000
"""About so many rows are in memory at a time, unless one window has more."""
_MOST_ROWS = 1_000_000
"""Of a window with more, evenly chosen rows are read."""


class EventFrames:
    """The events of an endpoint between two times, cut into windows.

    Args:
        store: Where they are.
        project: The project.
        endpoint: Its uid.
        span: The first and the last time that will be asked for.
    """

    def __init__(
        self, store: SeriesStore, project: str, endpoint: str, span: tuple[float, float]
    ) -> None:
        self._place = (project, endpoint)
        self._span = span
        self._told = store.read_batches(project, endpoint, "events", *span, bodies=False)
        self._batches = [(one.first, one.last, one.rows) for one in self._told]
        self._every = 1
        self._loaded = (0.0, 0.0)
        self._frame = pd.DataFrame()
        self._times: Any = np.empty(0)
        self._places: tuple[int, int, Places] | None = None
        self._arrays: tuple[int, dict[str, Any]] = (0, {})

    def any(self, start: float, end: float) -> bool:
        """Whether there may be events, without reading any."""
        return any(last >= start and first < end for first, last, _ in self._batches)

    def window(self, start: float, end: float) -> Window | None:
        """The window of the events in [start, end); None: there are none."""
        if not self.any(start, end):
            return None
        if start < self._loaded[0] or end > self._loaded[1]:
            self._load(start, end)
        low, high = (int(one) for one in np.searchsorted(self._times, (start, end), side="left"))
        if low == high:
            return None
        frame = self._frame

        def counts(reference: ReferenceHistograms) -> Mapping[str, Any]:
            return self._placed(frame, reference).counts(low, high)

        def column(name: str) -> Any:
            values = self._column(frame, name)
            return None if values is None else values[low:high]

        told = [one for one in self._told if one.last >= start and one.first < end]
        partly = self._every > 1 or any(one.summary.get("left_out") for one in told)
        return Window(
            start, end, high - low, lambda: frame.iloc[low:high], counts, column,
            (lambda: counts_of(told, start, end)) if partly else None,
        )  # fmt: skip

    def nothing(self) -> pd.DataFrame:
        """No events."""
        return self._frame.iloc[:0]

    def _column(self, frame: pd.DataFrame, name: str) -> Any:
        """A column of all loaded rows as an array, made once."""
        if self._arrays[0] != id(frame):
            self._arrays = id(frame), {}
        made = self._arrays[1]
        if name not in made:
            made[name] = frame[name].to_numpy() if name in frame.columns else None
        return made[name]

    def _placed(self, frame: pd.DataFrame, reference: ReferenceHistograms) -> Places:
        """The bins of all loaded rows, worked out once."""
        if self._places is None or self._places[:2] != (id(frame), id(reference)):
            answered = frame["status"].to_numpy() != "error"
            self._places = id(frame), id(reference), reference.places(frame, answered)
        return self._places[2]

    def _load(self, start: float, end: float) -> None:
        """Read from `start` as far as memory allows, at least up to `end`."""
        stop, rows = self._span[1], 0
        for first, last, count in self._batches:
            if last < start:
                continue
            rows += count
            if rows > _ROWS and first > end:
                stop = first
                break
        stop = max(stop, end)
        inside = (count for first, last, count in self._batches if last >= start and first < stop)
        self._every = -(-max(1, sum(inside)) // _MOST_ROWS)
        try:
            frame = read_events(*self._place, start, stop, every=self._every)
        except (ValueError, OSError, MLRunLikeError):
            if stop == end:
                raise
            # a batch that cannot be read must spoil only the windows that it is in
            stop = end
            frame = read_events(*self._place, start, stop, every=self._every)
        self._times = frame["time"].to_numpy(dtype="float64")
        # pandas copies attributes deeply whenever a column is taken
        frame.attrs = {}
        self._frame = frame.assign(timestamp=pd.to_datetime(self._times, unit="s", utc=True))
        self._loaded = (start, stop)
