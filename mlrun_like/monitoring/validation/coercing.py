"""Values as the type that a schema wants, and which of them are not."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.monitoring.validation.columns import kind_of

__all__ = ["ISO", "as_type", "moment"]

ISO = (
    r"^\s*\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?\s*$"
)
"""The texts that are times (RE2)."""
_NUMBER = r"^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*$|^\s*[+-]?(?:nan|inf|infinity)\s*$"
_WHOLE = r"^\s*[+-]?\d{1,18}(?:\.0*)?\s*$"
_TRUTH = r"^(?:true|false|True|False|TRUE|FALSE|0|1)$"
_FIT = {"integer": _WHOLE, "number": _NUMBER, "boolean": _TRUTH, "datetime": ISO}


def moment(value: Any) -> datetime:
    """A time as a datetime without a zone, in UTC.

    >>> moment("2024-01-02T03:00:00+01:00")
    datetime.datetime(2024, 1, 2, 2, 0)

    Raises:
        ValueError: if it is no ISO time.
    """
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    else:
        found = datetime.fromisoformat(str(value).strip().replace("Z", "+00:00"))
    return found if found.tzinfo is None else found.astimezone(timezone.utc).replace(tzinfo=None)


def as_type(
    values: Any, wanted: str, *, typed: bool = True, mixed: list[str | None] | None = None
) -> tuple[Any, Any]:
    """Values as a type of schemas, null where they cannot be, and which of them cannot.

    Args:
        values: An Arrow array.
        wanted: A type of schemas; "any" takes all as they are.
        typed: Whether types are the data's own. If not (CSV), text that reads as a number is one.
        mixed: The kind of each value of a column without a common type.

    >>> as_type(pa.array(["1", "x", None]), "integer", typed=False)[1].to_pylist()
    [False, True, False]
    """
    good = pa.array([True] * len(values)) if len(values) else pa.array([], pa.bool_())
    if mixed is not None:
        fits = {"integer": ("integer",), "number": ("integer", "number")}.get(wanted, (wanted,))
        some = pa.array([wanted == "any" or kind is None or kind in fits for kind in mixed])
        kept = pc.if_else(some, values, pa.scalar(None, pa.string()))
        return _cast(kept, wanted), pc.invert(some) if len(values) else good
    have = kind_of(values.type)
    none = pc.invert(good)
    if wanted == "any" or have == "empty" or have == wanted:
        return _zone_free(values) if have == "datetime" else values, none
    if wanted == "number" and have == "integer":
        return values, none
    if wanted == "integer" and have == "number":
        numbers = values.cast(pa.float64())
        broken = pc.fill_null(
            pc.and_(pc.is_finite(numbers), pc.not_equal(numbers, pc.floor(numbers))), False
        )
        return numbers, broken
    if wanted == "text" and not typed and have in ("integer", "number", "boolean"):
        return values.cast(pa.string()), none
    if have == "text" and wanted in _FIT and (not typed or wanted == "datetime"):
        fits_all = pc.fill_null(pc.match_substring_regex(values, _FIT[wanted]), True)
        kept = pc.if_else(fits_all, values, pa.scalar(None, values.type))
        return _cast(kept, wanted), pc.invert(fits_all)
    if wanted == "boolean" and have == "integer" and not typed:
        truth = pc.fill_null(pc.is_in(values, pa.array([0, 1], values.type)), True)
        return pc.equal(values, 1), pc.invert(pc.or_(truth, pc.is_null(values)))
    empty = pa.nulls(len(values), pa.string())
    return empty, pc.is_valid(values)


def _cast(texts: Any, wanted: str) -> Any:
    if wanted in ("integer", "number"):
        return pc.utf8_trim_whitespace(texts).cast(pa.float64(), safe=False)
    if wanted == "boolean":
        return pc.is_in(texts, pa.array(["true", "True", "TRUE", "1"]))
    if wanted == "datetime":
        return pa.array([_moment_or_none(text) for text in texts.to_pylist()], pa.timestamp("us"))
    return texts


def _moment_or_none(text: str | None) -> datetime | None:
    try:
        return None if text is None else moment(text)
    except (ValueError, OverflowError):
        return None


def _zone_free(values: Any) -> Any:
    if pa.types.is_date(values.type):
        return values.cast(pa.timestamp("us"), safe=False)
    # the same moments, counted in UTC
    return values.cast(pa.timestamp("us", getattr(values.type, "tz", None)), safe=False).cast(
        pa.timestamp("us"), safe=False
    )
