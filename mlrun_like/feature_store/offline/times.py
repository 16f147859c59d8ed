"""Times of any unit, zone or notation as microseconds of UTC: what joins compare."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["instant", "instants", "is_time"]

_UNITS = {"d": "D", "h": "h", "t": "min", "m": "min", "s": "s", "w": "W"}
_SPAN = re.compile(r"(\d)\s*([A-Za-z]+)")
_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}


def is_time(kind: Any) -> bool:
    """Whether an Arrow type is a time or a date."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def instants(
    values: pa.ChunkedArray, *, name: str, where: str
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """A column of times as microseconds since 1970 in UTC, and a mask of those that are there.

    Times without a zone are UTC. Parts of a microsecond are cut off. Texts are read as pandas
    reads them; whole numbers stay what they are: both sides of a join then count the same unit.

    Args:
        values: The column.
        name: Its name, for messages.
        where: The feature set or the entity rows that it is of, for messages.

    Returns:
        The numbers, and True where there is a time; None instead of the mask: everywhere.

    Raises:
        InvalidTypeError: for columns that are neither times nor dates, texts or whole numbers.
        InvalidArgumentError: for texts that are no times.

    Example:
        >>> instants(pa.chunked_array([["2026-01-01T01:00:00+01:00"]]), name="t", where="rows")
        (array([1767225600000000]), None)
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if _is_text(kind):
        values = _read(values, name, where)
        kind = values.type
    if pa.types.is_date(kind):
        values = values.cast(pa.timestamp("us"))
    elif pa.types.is_timestamp(kind):
        pass
    elif not (pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise InvalidTypeError(
            f"the column {name!r} is {kind}, which is no time",
            where=where,
            fix=f"make {name!r} datetimes with pandas.to_datetime",
        )
    valid = None
    if values.null_count:
        valid = pc.is_valid(values).to_numpy()
    unit = getattr(values.type, "unit", "us")
    numbers = values.cast(pa.int64())
    if numbers.null_count:
        numbers = pc.fill_null(numbers, 0)
    found = numbers.to_numpy()
    if unit == "ns":
        found = found // 1_000
    elif unit != "us":
        found = found * _PER_UNIT[unit]
    return found, valid


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read(values: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    try:
        found = pd.to_datetime(
            pd.Series(values.to_pandas(), dtype=object), utc=True, format="ISO8601"
        )
    except (ValueError, TypeError) as exc:
        raise InvalidArgumentError(
            f"the column {name!r} has a value that is no time: {exc}",
            where=where,
            fix="write times as 2026-01-31T13:45:00+00:00",
        ) from exc
    return pa.chunked_array([pa.Array.from_pandas(found.dt.as_unit("us"))])


def instant(value: object, *, name: str) -> int | None:
    """One moment as microseconds since 1970 in UTC; None stays None.

    Args:
        value: A datetime, a Timestamp, a text such as `"2026-01-31"`, or relative to now:
            `"now"`, `"now - 1d2h"`, `"now - 1d floor 1h"` as in MLRun.
        name: The argument, for messages.

    Raises:
        InvalidArgumentError: if it is no time.

    Example:
        >>> instant("1970-01-01 00:00:01", name="start_time")
        1000000
    """
    if value is None or value == "":
        return None
    try:
        found = _moment(value)
        if pd.isna(found):
            return None
        zoned = found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")
        return int(zoned.as_unit("us").asm8.astype(np.int64))
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"{name} is {value!r}, which is no time",
            where="get_offline_features",
            fix='write a datetime, "2026-01-31T12:00:00" or "now - 1d2h"',
        ) from exc


def _moment(value: Any) -> pd.Timestamp:
    if not isinstance(value, str) or not value.strip().startswith("now"):
        return pd.Timestamp(value)
    rest, _, floor = value.strip()[3:].partition("floor")
    found = pd.Timestamp.now("UTC")
    rest = rest.replace(" ", "")
    if rest:
        if rest[0] not in "+-":
            raise ValueError(rest)
        span = pd.Timedelta(_units(rest[1:]))
        found = found + span if rest[0] == "+" else found - span
    return found.floor(_units(floor.strip())) if floor else found


def _units(text: str) -> str:
    """Spans with the units' names that pandas knows now: MLRun's users write 1d, 1H and 5T."""
    return _SPAN.sub(lambda m: m[1] + _UNITS.get(m[2].lower(), m[2]), text)
