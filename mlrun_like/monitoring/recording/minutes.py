"""Sketches of each minute beside the recorded rows, so that sampling loses no statistics."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.configuration import config
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.columns import Built
from mlrun_like.names import new_uid
from mlrun_like.registry import resolve
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["Minutes"]

_MINUTE = 60.0
_MOST = 120
"""Minutes that are open at once: late events may belong to earlier ones."""
_log = logging.getLogger("mlrun_like.monitoring")


class Minutes:
    """The sketches of one endpoint's open minutes.

    Args:
        channel: The endpoint's channel.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._open: dict[float, tuple[Any, int]] = {}
        mode = str(config.monitoring_sketches)
        self._on = mode == "always" or (mode != "never" and channel.sampled)

    def add(self, built: Built) -> None:
        """Take all rows, also those that are not kept."""
        if not self._on:
            return
        table = built.table
        ok = np.asarray(table.column("error_kind").is_null())
        names = [name for name in table.column_names if name[:2] in ("f:", "p:")]
        minutes = np.floor(table.column("time").to_numpy() / _MINUTE) * _MINUTE
        for minute in np.unique(minutes[ok]).tolist():
            part = table.filter(pa.array(ok & (minutes == minute))).select(names)
            self._update(minute, part.rename_columns([name[2:] for name in names]))

    def batches(self, moment: float, *, everything: bool) -> list[SeriesBatch]:
        """The minutes that are over, as batches.

        Args:
            moment: The present time, in seconds since 1970.
            everything: Also those that are not.
        """
        over = [
            minute
            for minute in self._open
            if everything or minute + _MINUTE < moment or len(self._open) > _MOST
        ]
        found = []
        for minute in over:
            sketches, rows = self._open.pop(minute)
            found.append(
                SeriesBatch(
                    self._channel.project,
                    self._channel.endpoint,
                    "sketches",
                    new_uid(),
                    minute,
                    minute + _MINUTE - 0.001,
                    rows,
                    sketches.to_bytes(),
                    {},
                )
            )
        return found

    def _update(self, minute: float, table: pa.Table) -> None:
        sketches, rows = self._open.get(minute, (None, 0))
        if sketches is None:
            make = resolve("mlrun_like.statistics.sketches:FeatureSketches")
            sketches = make(table.column_names, self._channel.feature_stats or None)
        sketches.update(table)
        self._open[minute] = (sketches, rows + table.num_rows)
