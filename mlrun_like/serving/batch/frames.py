"""Rows through steps that take frames: one conversion to a frame and one back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.serving.batch.halving import Failure, by_halves
from mlrun_like.serving.engine.binding import BoundStep

__all__ = ["table_through_frames", "takes_frames", "through_frames"]

_FEW = 8  # rows of a failing part that are no longer halved


def takes_frames(bound: BoundStep) -> bool:
    """Whether a step has a method `do_batch` and nothing that needs each event."""
    own = callable(getattr(bound.made, "do_batch", None))
    return own and bound.kind == "map" and not bound.whole


def table_through_frames(steps: Sequence[BoundStep], table: pa.Table) -> dict[str, pa.Array] | None:
    """The columns that these steps make of a table; None: rows must be looked at one by one."""
    frame = _all_at_once(steps, table.to_pandas(ignore_metadata=True))
    if frame is None:
        return None
    columns = {}
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_float_dtype(values.dtype) and isinstance(values.dtype, np.dtype):
            numbers = values.to_numpy()
            missing = np.isnan(numbers)
            if name in table.schema.names:  # a missing number is still missing, a NaN is a NaN
                missing &= table.column(name).is_null().to_numpy()
            else:
                missing = np.zeros(len(numbers), dtype=bool)
            columns[str(name)] = pa.array(numbers, mask=missing)
        else:
            try:
                made = pa.array(values, from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError):
                return None
            text = pa.types.is_large_string(made.type)  # what rows give is plain text
            columns[str(name)] = made.cast(pa.string()) if text else made
    return columns


def _all_at_once(steps: Sequence[BoundStep], frame: pd.DataFrame) -> pd.DataFrame | None:
    """The frame after all steps; None if a step failed or did not answer with a frame."""
    count = len(frame)
    for bound in steps:
        try:
            frame = bound.made.do_batch(frame)
        except Exception:  # noqa: BLE001  users' code; the rows are tried apart
            return None
        if not isinstance(frame, pd.DataFrame) or len(frame) != count:
            return None
    return frame


def through_frames(steps: Sequence[BoundStep], values: Sequence[Any]) -> list[Any]:
    """The bodies that these steps make of bodies, or a `Failure` for each that fails."""
    if _alike(values) and len(values) > 1:
        frame = _all_at_once(steps, pd.DataFrame(list(values)))
        if frame is not None:
            return _records(frame, values)
    found = list(values)
    alive = list(range(len(found)))
    for bound in steps:
        results = _one_step(bound, [found[place] for place in alive])
        for place, result in zip(alive, results, strict=True):
            failed = isinstance(result, Failure)
            found[place] = Failure(result.error, bound.name) if failed else result
        alive = [place for place in alive if not isinstance(found[place], Failure)]
    return found


def _alike(values: Sequence[Any]) -> bool:
    first = values[0] if len(values) else None
    return isinstance(first, dict) and all(
        isinstance(value, dict) and value.keys() == first.keys() for value in values
    )


def _one_step(bound: BoundStep, values: Sequence[Any]) -> list[Any]:
    call: Any = bound.call

    def many(rows: Sequence[Any]) -> list[Any]:
        if not _alike(rows):
            raise TypeError("these rows have no columns in common")
        return _listed(bound.made.do_batch(pd.DataFrame(list(rows))), rows)

    return by_halves(values, many, call, _FEW)


def _listed(result: Any, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """What `do_batch` gave, as one value per row."""
    if isinstance(result, pd.DataFrame):
        return _records(result, rows)
    tolist = getattr(result, "tolist", None)
    return list(tolist() if tolist is not None else result)


def _records(frame: pd.DataFrame, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """The rows of a frame as dictionaries.

    A frame has NaN where rows have None: in columns of text, and where the row had None in the
    same column, it becomes None again.
    """
    records: list[Any] = frame.to_dict(orient="records")
    for column in frame.columns:
        missing = frame[column].isna().to_numpy().nonzero()[0].tolist()
        text = not pd.api.types.is_numeric_dtype(frame[column].dtype)
        for place in missing if len(records) == len(rows) else ():
            if text or (column in rows[place] and rows[place][column] is None):
                records[place][column] = None
    return records
