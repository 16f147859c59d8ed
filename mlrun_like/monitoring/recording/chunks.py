"""Columns of one endpoint that wait to be written, and the batches that they become."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mlrun_like.configuration import config
from mlrun_like.monitoring.recording.cells import Cells, text_column
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.columns import Built, RawItem, build
from mlrun_like.monitoring.recording.latency import merge_buckets
from mlrun_like.monitoring.recording.minutes import Minutes
from mlrun_like.monitoring.recording.packed import PACKED, PackedItem, unpack
from mlrun_like.monitoring.recording.packed_columns import build_packed
from mlrun_like.monitoring.recording.tables import join_tables
from mlrun_like.names import new_uid
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["Chunks", "encode_table", "label_batch"]

_log = logging.getLogger("mlrun_like.monitoring")
# without threads: the processors are the models'
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
_COUNTED = ("requests", "errors", "truncated")


class Chunks:
    """What waits of one endpoint.

    Args:
        channel: The endpoint's channel.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tables: list[pa.Table] = []
        self._summaries: list[dict[str, Any]] = []
        self._labels: list[tuple[Any, Any, int, float]] = []
        self._first = float("inf")
        self._last = float("-inf")
        self._minutes = Minutes(channel)
        self.rows = 0
        self.requests = 0

    def add(
        self,
        items: Sequence[RawItem | PackedItem],
        labels: Sequence[tuple[Any, Any, int, float]],
    ) -> bool:
        """Turn requests into columns; whether there were any."""
        self._labels += labels
        packed = [item for item in items if len(item) == PACKED]
        others: list[RawItem] = [item for item in items if len(item) != PACKED]
        numbers: Sequence[str] = ()
        if packed:
            built = None
            if len(packed) >= len(others):
                channel = self._channel
                most = int(config.monitoring_columns)
                built = build_packed(packed, channel.feature_names, channel.label_names, most)
            if built is None:
                others = [unpack(item) if len(item) == PACKED else item for item in items]
            else:
                self._take(built)
                # most values of these columns are numbers, whatever the other requests hold
                numbers = built.table.column_names
        if others:
            self._add(others, numbers)
        return bool(items or labels)

    def pending(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._summaries or self._labels)

    def batches(self, moment: float, *, all_sketches: bool) -> list[SeriesBatch]:
        """What waits, as batches; it does not wait any more.

        Args:
            moment: The present time, in seconds since 1970.
            all_sketches: Also the minute that is not over yet.
        """
        found = []
        dropped = self._channel.take_dropped()
        if self._summaries or dropped:
            found.append(self._events(moment, dropped))
        if self._labels:
            labels, self._labels = self._labels, []
            found.append(label_batch(self._channel.project, self._channel.endpoint, labels))
        return [*found, *self._minutes.batches(moment, everything=all_sketches)]

    def _add(self, items: Sequence[RawItem], numbers: Sequence[str]) -> None:
        channel = self._channel
        try:
            built = build(
                items,
                channel.feature_names,
                channel.label_names,
                text_limit=int(config.monitoring_text_limit),
                most_columns=int(config.monitoring_columns),
                numbers=numbers,
            )
        except Exception as exc:  # noqa: BLE001  values may be objects of any class
            if len(items) > 1:
                middle = len(items) // 2
                self._add(items[:middle], numbers)
                self._add(items[middle:], numbers)
                return
            _log.warning("a request cannot be recorded: %s: %s", type(exc).__name__, exc)
            channel.lose(1)
            return
        self._take(built)

    def _take(self, built: Built) -> None:
        self._minutes.add(built)
        table = built.table
        if not built.kept.all():
            table = table.filter(pa.array(built.kept))
        if table.num_rows:
            self._tables.append(table)
        self._summaries.append(built.summary)
        self._first, self._last = min(self._first, built.first), max(self._last, built.last)
        self.rows += table.num_rows
        self.requests += built.summary["requests"]

    def _events(self, moment: float, dropped: int) -> SeriesBatch:
        told = self._summaries
        summary: dict[str, Any] = {name: sum(part[name] for part in told) for name in _COUNTED}
        summary["requests"] += dropped
        left_out = dropped + sum(part.get("left_out", 0) for part in told)
        if left_out:
            summary["left_out"] = left_out
        summary["latency"] = merge_buckets(part["latency"] for part in told)
        kinds = merge_buckets(part.get("error_kinds") or {} for part in told)
        if kinds:
            summary["error_kinds"] = kinds
        if dropped:
            summary["dropped"] = dropped
        table = join_tables(self._tables)
        batch = SeriesBatch(
            self._channel.project,
            self._channel.endpoint,
            "events",
            new_uid(),
            self._first if told else moment,
            self._last if told else moment,
            0 if table is None else table.num_rows,
            b"" if table is None else encode_table(table),
            summary,
        )
        self._tables, self._summaries = [], []
        self._first, self._last = float("inf"), float("-inf")
        self.rows = self.requests = 0
        return batch


def encode_table(table: pa.Table) -> bytes:
    """A table as a compressed Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def label_batch(
    project: str, endpoint: str, labels: Sequence[tuple[Any, Any, int, float]]
) -> SeriesBatch:
    """Labels as a batch.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        labels: Event id, label, number of the row in the request, and the time the label came (in
            seconds since 1970). A label that is a mapping has a value for each prediction's name.
    """
    cells = Cells(int(config.monitoring_text_limit))
    times = [float(item[3]) for item in labels]
    columns = {
        "event_id": text_column([str(item[0]) for item in labels]),
        "row": pa.array([int(item[2]) for item in labels], pa.int32()),
        "time": pa.array(times, pa.float64()),
        # as JSON: labels of one endpoint may be numbers now and texts later
        "label": text_column([_json(item[1], cells) for item in labels]),
    }
    return SeriesBatch(
        project,
        endpoint,
        "labels",
        new_uid(),
        min(times),
        max(times),
        len(labels),
        encode_table(pa.table(columns)),
        {},
    )


def _json(value: Any, cells: Cells) -> str:
    tolist = getattr(value, "tolist", None)
    plain = value if tolist is None else tolist()
    try:
        return json.dumps(plain)
    except (TypeError, ValueError):
        return json.dumps(cells.text(plain))
