"""The part of a table that was asked for: columns, times, filters. Loads pandas."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from mlrun_like.artifacts.formats import FrameRequest
from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import InvalidArgumentError

__all__ = ["narrow", "needed"]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "=": operator.eq,
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "in": lambda column, values: column.isin(list(values)),
        "not in": lambda column, values: ~column.isin(list(values)),
    }
)


def needed(request: FrameRequest) -> list[str] | None:
    """The columns to read: those asked for and those that filters look at."""
    if not request.columns:
        return None
    looked_at = [request.time_column] if request.time_column else []
    return list(dict.fromkeys([*request.columns, *looked_at, *(f[0] for f in request.filters)]))


def narrow(frame: pd.DataFrame, request: FrameRequest, url: str) -> pd.DataFrame:
    """Apply the time range, the filters and the choice of columns."""
    absent = [name for name in needed(request) or _looked_at(request) if name not in frame.columns]
    if absent:
        raise InvalidArgumentError(
            f"{redact(url)!r} has no column {', '.join(map(repr, absent))}",
            fix=f"columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    try:
        frame = _in_time(frame, request)
        for column, sign, value in request.filters:
            if sign not in _OPERATORS:
                raise InvalidArgumentError(
                    f"filter operator {sign!r} is unknown", fix=f"use {', '.join(_OPERATORS)}"
                )
            frame = frame[_OPERATORS[sign](frame[column], value)]
    except TypeError as exc:
        raise InvalidArgumentError(
            f"a filter cannot be compared with {redact(url)!r}: {exc}",
            fix="give values of the column's type; times with the same time zone as the column",
        ) from exc
    return frame[list(request.columns)] if request.columns else frame


def _looked_at(request: FrameRequest) -> list[str]:
    named = [request.time_column] if request.time_column else []
    return [*named, *(column for column, _, _ in request.filters)]


def _in_time(frame: pd.DataFrame, request: FrameRequest) -> pd.DataFrame:
    if not request.time_column:
        return frame
    times = frame[request.time_column]
    if not pd.api.types.is_datetime64_any_dtype(times):
        try:
            times = pd.to_datetime(times, format="ISO8601")
        except (ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"column {request.time_column!r} does not hold times: {exc}"
            ) from exc
    keep = pd.Series(True, index=frame.index)
    if request.start_time is not None:
        keep &= times > pd.Timestamp(request.start_time)
    if request.end_time is not None:
        keep &= times <= pd.Timestamp(request.end_time)
    return frame[keep]
