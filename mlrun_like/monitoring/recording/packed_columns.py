"""Packed requests as columns: all of a second in one step, without a list of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.monitoring.recording.cells import text_column
from mlrun_like.monitoring.recording.columns import LONGEST_ID, PREDICTING, Built, left_out
from mlrun_like.monitoring.recording.latency import buckets_of
from mlrun_like.monitoring.recording.packed import PackedItem
from mlrun_like.monitoring.recording.shapes import names_of

__all__ = ["build_packed"]


def build_packed(
    items: Sequence[PackedItem],
    feature_names: Sequence[str],
    label_names: Sequence[str],
    most_columns: int,
) -> Built | None:
    """The table that `build` makes of the same requests; None if they are not all alike.

    Args:
        items: The requests.
        feature_names: Names of inputs; used if there are as many as a row has values.
        label_names: Names of predictions.
        most_columns: Columns that inputs, or predictions, may have.
    """
    ids, bodies, layouts, spans, moments, operations, is_kept = zip(*items, strict=True)
    width, answers = abs(layouts[0][0]), abs(layouts[0][1])
    if (
        len(set(layouts)) > 1
        or max(width, answers) > most_columns
        or set(map(type, ids)) != {str}
        or set(map(type, moments)) != {float}
        or max(map(len, ids)) > LONGEST_ID
        or not set(operations) <= PREDICTING
    ):
        return None
    count = len(items)
    values = np.frombuffer(b"".join(bodies)).reshape(count, width + answers)
    matrix = np.ascontiguousarray(values.T)
    latency = np.array(spans, dtype=np.float64)
    kept = np.array(is_kept, dtype=bool)
    nothing = pa.nulls(count, pa.string())
    columns: dict[str, Any] = {
        "event_id": text_column(ids),
        "row": pa.array(np.zeros(count, dtype=np.int32)),
        "time": pa.array(np.array(moments, dtype=np.float64)),
        "latency_us": pa.array(latency.astype(np.int64)),
        "operation": text_column(operations),
        "status": pa.repeat("ok", count),
        "error_kind": nothing,
        "error": nothing,
        "extra": nothing,
    }
    names = [*names_of(feature_names, width, "f"), *names_of(label_names, answers, "p")]
    columns.update((name, pa.array(matrix[i])) for i, name in enumerate(names))
    summary: dict[str, Any] = {
        "requests": count,
        "errors": 0,
        "truncated": 0,
        "latency": buckets_of(latency),
    }
    if not kept.all():
        summary["left_out"] = left_out(ids, is_kept)
    return Built(pa.table(columns), kept, summary, min(moments), max(moments))
