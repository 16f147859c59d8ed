"""Requests and answers as columns of an Arrow table: one row for each row of a request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from mlrun_like.monitoring.recording.cells import Cells, text_column
from mlrun_like.monitoring.recording.latency import buckets_of
from mlrun_like.monitoring.recording.shapes import columns_of
from mlrun_like.monitoring.recording.times import seconds_of

__all__ = ["LONGEST_ID", "PREDICTING", "Built", "Item", "RawItem", "build", "left_out"]

LONGEST_ID = 200
"""Characters of an event's id that are kept."""
_LONGEST_ERROR = 500
_MOST_KINDS = 20
_OK = "ok"
PREDICTING = frozenset({"infer", "predict", "infer_dict", "predict_dict"})
"""Operations whose answers are predictions."""


class Item(NamedTuple):
    """What a channel keeps of a request: references only.

    Args:
        event_id: The request's id, as the client sees it.
        inputs: Its rows.
        outputs: The predictions; None: it failed.
        microseconds: How long it took.
        time: When it came: seconds since 1970, or a datetime.
        operation: What was asked for.
        error: Its kind and why it failed; None: it did not.
        kept: Whether its rows are recorded; else it only counts.
    """

    event_id: Any
    inputs: Any
    outputs: Any
    microseconds: float
    time: Any
    operation: str = "infer"
    error: tuple[str, str] | None = None
    kept: bool = True


RawItem = tuple[Any, Any, Any, float, Any, str, "tuple[str, str] | None", bool]
"""An `Item` without names."""


class Built(NamedTuple):
    """Rows, which of them are kept, and numbers about the requests."""

    table: pa.Table
    kept: np.ndarray[Any, Any]
    summary: dict[str, Any]
    first: float
    last: float


class _Rows:
    """Lists that grow with each row."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.numbers: list[int] = []
        self.times: list[float] = []
        self.latency: list[float] = []
        self.operations: list[str] = []
        self.kinds: list[str | None] = []
        self.errors: list[str | None] = []
        self.extra: list[Any] = []
        self.kept: list[bool] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []


def build(
    items: Sequence[RawItem],
    feature_names: Sequence[str],
    label_names: Sequence[str],
    *,
    text_limit: int,
    most_columns: int,
    numbers: Collection[str] = (),
) -> Built:
    """The rows of requests as one table.

    Args:
        items: The requests.
        feature_names: Names of inputs; used if there are as many as a row has values.
        label_names: Names of predictions.
        text_limit: Characters that a text may have.
        most_columns: Columns that inputs, or predictions, may have.
        numbers: Columns that hold numbers in the rest of the batch.

    >>> built = build([Item("a", [[1, 2], [3, 4]], [0, 1], 10.0, 5.0)], ["x", "y"], ["label"],
    ...               text_limit=100, most_columns=10)
    >>> built.table.select(["event_id", "row", "f:x", "p:label"]).to_pylist()[1]
    {'event_id': 'a', 'row': 1, 'f:x': 3.0, 'p:label': 1.0}
    """
    rows, cells = _Rows(), Cells(text_limit, numbers)
    kinds: dict[str, int] = {}
    found = _plain_rows(items)
    if found is not None:
        rows = found
        spans, moments = rows.latency, rows.times
    else:
        spans, moments = [], []
        for raw in items:
            item = Item._make(raw)
            kind = None
            if item.error is not None:
                kind = item.error[0]
                kind = kind if kind in kinds or len(kinds) < _MOST_KINDS else "other"
                kinds[kind] = kinds.get(kind, 0) + 1
            spans.append(item.microseconds)
            time = item.time if type(item.time) is float else _time(item.time)
            moments.append(time)
            _add(rows, item, time, kind)
    features = columns_of(rows.inputs, feature_names, "f", cells, most_columns)
    predictions = columns_of(rows.outputs, label_names, "p", cells, most_columns)
    for row, odd in cells.odd.items():
        told = {} if rows.extra[row] is None else {"outputs": rows.extra[row]}
        rows.extra[row] = {"odd": odd, **told}
    columns: dict[str, Any] = {
        "event_id": text_column(rows.ids),
        "row": pa.array(rows.numbers, pa.int32()),
        "time": pa.array(rows.times, pa.float64()),
        "latency_us": pa.array(np.asarray(rows.latency, dtype=np.float64).astype(np.int64)),
        "operation": text_column(rows.operations),
        "status": text_column([_OK if kind is None else "error" for kind in rows.kinds]),
        "error_kind": text_column(rows.kinds),
        "error": text_column(rows.errors),
        "extra": text_column(
            [None if value is None else cells.text(value) for value in rows.extra]
        ),
        **features,
        **predictions,
    }
    errors = sum(kinds.values())
    summary: dict[str, Any] = {
        "requests": len(items),
        "errors": errors,
        "truncated": cells.truncated,
        "latency": buckets_of(spans),
    }
    if kinds:
        summary["error_kinds"] = kinds
    kept = np.array(rows.kept, dtype=bool)
    if not kept.all():
        summary["left_out"] = left_out(rows.ids, rows.kept)
    return Built(pa.table(columns), kept, summary, min(moments), max(moments))


def left_out(ids: Sequence[str], kept: Sequence[bool]) -> int:
    """How many requests have rows that are not kept."""
    return len({one for one, is_kept in zip(ids, kept, strict=True) if not is_kept})


def _plain_rows(items: Sequence[RawItem]) -> _Rows | None:
    """The usual case, column by column: one row and one prediction each, and no errors."""
    ids, inputs, outputs, spans, moments, operations, errors, kept = zip(*items, strict=True)
    if (
        set(map(type, ids)) != {str}
        or set(map(type, inputs)) != {list}
        or set(map(type, outputs)) != {list}
        or set(map(type, moments)) != {float}
        or set(map(len, inputs)) != {1}
        or set(map(len, outputs)) != {1}
        or max(map(len, ids)) > LONGEST_ID
        or any(errors)
        or not set(operations) <= PREDICTING
    ):
        return None
    rows, count = _Rows(), len(items)
    rows.ids, rows.times, rows.latency = list(ids), list(moments), list(spans)
    rows.numbers, rows.operations, rows.kept = [0] * count, list(operations), list(kept)
    rows.kinds, rows.errors, rows.extra = [None] * count, [None] * count, [None] * count
    rows.inputs = list(chain.from_iterable(inputs))
    rows.outputs = list(chain.from_iterable(outputs))
    return rows


def _add(rows: _Rows, item: Item, time: float, kind: str | None) -> None:
    inputs = item.inputs
    given = inputs if type(inputs) is list else _rows_of(inputs)
    count = len(given) or 1
    predicted: Sequence[Any]
    extra = None
    outputs = item.outputs
    if type(outputs) is list and len(outputs) == count and item.operation != "explain":
        predicted = outputs
    else:
        predicted, extra = _predicted(outputs, count, item.operation)
    event_id = item.event_id
    if type(event_id) is not str or len(event_id) > LONGEST_ID:
        event_id = str(event_id)[:LONGEST_ID]
    took = item.microseconds
    error = None if item.error is None else item.error[1][:_LONGEST_ERROR]
    operation = str(item.operation)[:50]
    if count == 1:
        rows.ids.append(event_id)
        rows.numbers.append(0)
        rows.times.append(time)
        rows.latency.append(took)
        rows.operations.append(operation)
        rows.kinds.append(kind)
        rows.errors.append(error)
        rows.extra.append(extra)
        rows.kept.append(item.kept)
        rows.inputs.append(given[0] if given else None)
        rows.outputs.append(predicted[0])
        return
    rows.ids += [event_id] * count
    rows.numbers += range(count)
    rows.times += [time] * count
    rows.latency += [took] * count
    rows.operations += [operation] * count
    rows.kinds += [kind] * count
    rows.errors += [error] * count
    rows.extra += [extra, *[None] * (count - 1)]
    rows.kept += [item.kept] * count
    rows.inputs += given
    rows.outputs += predicted


def _rows_of(inputs: Any) -> Sequence[Any]:
    if inputs is None:
        return []
    if isinstance(inputs, (list, tuple)):
        return inputs
    if isinstance(inputs, np.ndarray) and inputs.ndim:
        return list(inputs)
    return [inputs]


def _predicted(outputs: Any, count: int, operation: str) -> tuple[Sequence[Any], Any]:
    """Predictions by row, and what cannot be told to rows."""
    nothing = [None] * count
    if outputs is None:
        return nothing, None
    if operation == "explain":
        return nothing, outputs
    if isinstance(outputs, np.ndarray) and outputs.ndim:
        outputs = outputs.tolist()
    if isinstance(outputs, dict):
        values = list(outputs.values())
        if outputs and all(isinstance(value, list) and len(value) == count for value in values):
            return [dict(zip(outputs, row, strict=True)) for row in zip(*values, strict=True)], None
        return ([outputs], None) if count == 1 else (nothing, outputs)
    if isinstance(outputs, (list, tuple)):
        return (outputs, None) if len(outputs) == count else (nothing, outputs)
    return ([outputs], None) if count == 1 else (nothing, outputs)


def _time(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else seconds_of(moment)
