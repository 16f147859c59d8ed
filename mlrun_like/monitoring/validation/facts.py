"""What columns hold: types, missing values, ranges, values, lengths, order; in one pass."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.monitoring.validation.columns import kind_of

__all__ = ["MOST_VALUES", "ColumnFacts", "Uniqueness", "missing_of", "plain"]

MOST_VALUES = 1000
"""Different values of a column that are counted one by one."""

_MOST_HASHES = 4_000_000
_MOST_SHAPES = 4
_LONGEST = 200
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"


def missing_of(values: Any) -> Any:
    """Which values are missing: null, and NaN of numbers; an Arrow array of booleans."""
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))


def plain(value: Any) -> Any:
    """A value as JSON and YAML know it.

    >>> plain(pd.Timestamp("2024-01-02")), plain(np.int64(3))
    ('2024-01-02T00:00:00', 3)
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value if not isinstance(value, str) else value[:_LONGEST]
    if isinstance(value, float):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    item = getattr(value, "item", None)
    if callable(item):
        return plain(item())
    if isinstance(value, bytes):
        return value[:_LONGEST].decode("utf-8", "backslashreplace")
    try:
        return float(value)  # a decimal
    except (TypeError, ValueError):
        return str(value)[:_LONGEST]


class Uniqueness:
    """Counts values that occurred before, by 64-bit hashes: 8 bytes of memory for each value.

    Args:
        early: Whether to stop, and forget, at the first double.
    """

    def __init__(self, early: bool = True) -> None:
        self.early = early
        self.known: bool = True
        self.doubles = 0
        self.examples: list[Any] = []
        self._seen: list[Any] = []
        self._size = 0

    def update(self, values: Any) -> None:
        """Take in an array without missing values."""
        if not self.known or (self.early and self.doubles):
            return
        if self._size + len(values) > _MOST_HASHES * (1 if self.early else 16):
            self.known, self._seen = False, []
            return
        hashes = _hashes(values)
        new, first = np.unique(hashes, return_index=True)
        again = np.ones(len(hashes), dtype=bool)
        again[first] = False
        for seen in self._seen:
            old = np.isin(new, seen, assume_unique=True)
            again[first[old]] = True
            new, first = new[~old], first[~old]
        self.doubles += int(again.sum())
        for place in np.nonzero(again)[0][: 3 - len(self.examples)]:
            self.examples.append(plain(values[int(place)].as_py()))
        if self.early and self.doubles:
            self._seen = []
            return
        self._size += len(new)
        self._seen.append(new)
        if len(self._seen) > 8:
            self._seen = [np.unique(np.concatenate(self._seen))]


def _hashes(values: Any) -> Any:
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        if pa.types.is_temporal(kind):
            values = values.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
        return pd.util.hash_array(values.to_numpy(zero_copy_only=False))
    if not pa.types.is_string(kind):
        values = pa.array([repr(value) for value in values.to_pylist()], pa.string())
    return pd.util.hash_array(values.to_numpy(zero_copy_only=False), categorize=False)


class ColumnFacts:
    """What one column holds; `update` for each chunk.

    Args:
        name: The column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.kinds: Counter[str] = Counter()
        self.whole = True  # all numbers are whole ones
        self.infinite = 0
        self.low: Any = None
        self.high: Any = None
        self.shortest: int | None = None
        self.longest: int | None = None
        self.dates = 0  # texts that are ISO dates
        self.counts: dict[Any, int] | None = {}
        self.unique = Uniqueness()
        self.shapes: set[str] | None = set()
        self.increasing = True
        self.strictly = True
        self._last: Any = None

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def kind(self) -> str:
        """The type that holds all values: as in a schema; "any" for mixed ones."""
        kinds = set(self.kinds) - {"empty"}
        if kinds <= {"integer", "number"} and kinds:
            return (
                "integer"
                if kinds == {"integer"} or (self.whole and self.low is not None)
                else "number"
            )
        if kinds == {"text"} and self.dates == self.present and self.dates:
            return "datetime"
        return next(iter(kinds)) if len(kinds) == 1 else "any"

    @property
    def distinct(self) -> int | None:
        """Number of different values, if there are not many."""
        return None if self.counts is None else len(self.counts)

    @property
    def is_unique(self) -> bool:
        """Whether no value occurs twice, as far as was looked."""
        return self.unique.known and not self.unique.doubles and self.present > 1

    def to_dict(self) -> dict[str, Any]:
        """As plain data; `values` are the 20 most frequent."""
        top = Counter(self.counts or {}).most_common(20)
        return {
            "type": self.kind,
            "rows": self.rows,
            "missing": self.missing,
            "missing_share": round(self.missing_share, 6),
            "min": plain(self.low),
            "max": plain(self.high),
            "min_length": self.shortest,
            "max_length": self.longest,
            "distinct": self.distinct,
            "unique": self.is_unique,
            "infinite": self.infinite,
            "values": [[plain(value), count] for value, count in top],
        }

    def update(self, values: Any, mixed: list[str | None] | None = None) -> None:
        """Take in a chunk: an Arrow array, with the kinds of its values if they are mixed."""
        self.rows += len(values)
        given = values.filter(pc.invert(missing_of(values)))
        self.missing += len(values) - len(given)
        if mixed is not None:
            self.kinds.update(kind for kind in mixed if kind is not None)
            self.counts, self.shapes, self.increasing = None, None, False
            return
        if not len(given):
            return
        kind = kind_of(values.type)
        self.kinds[kind] += len(given)
        if kind in ("integer", "number"):
            given = self._numbers(given, kind)
        elif kind == "text":
            self._lengths(pc.utf8_length(given))
            self.dates += pc.sum(pc.match_substring_regex(given, _ISO)).as_py() or 0
            self._shapes(given)
        elif kind == "datetime":
            self._range(given)
        elif kind == "list":
            self._lengths(pc.list_value_length(given))
        if kind in ("list", "object", "bytes", "other"):
            self.counts, self.increasing = None, False
            return
        self._order(given)
        if kind != "number" or self.whole:
            self._count(given)
            self.unique.update(given)
        else:
            self.counts = None
            self.unique.known = False

    def _numbers(self, given: Any, kind: str) -> Any:
        if kind == "number":
            if not pa.types.is_float64(given.type):
                given = given.cast(pa.float64())
            finite = pc.is_finite(given)
            self.infinite += len(given) - (pc.sum(finite).as_py() or 0)
            given = given.filter(finite)
            if self.whole and len(given):
                self.whole = bool(pc.all(pc.equal(given, pc.floor(given))).as_py())
        if len(given):
            self._range(given)
        return given

    def _range(self, given: Any) -> None:
        found = pc.min_max(given).as_py()
        low, high = found["min"], found["max"]
        if hasattr(low, "isoformat"):
            low, high = low.isoformat(), high.isoformat()
        try:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        except TypeError:  # chunks of several kinds
            self.low = self.high = None

    def _lengths(self, lengths: Any) -> None:
        found = pc.min_max(lengths).as_py()
        self.shortest = found["min"] if self.shortest is None else min(self.shortest, found["min"])
        self.longest = found["max"] if self.longest is None else max(self.longest, found["max"])

    def _shapes(self, given: Any) -> None:
        if self.shapes is None:
            return
        first = given.slice(0, 100)  # most columns have no shape: seen at once
        if (
            len(pc.unique(pc.utf8_length(first))) > _MOST_SHAPES
            or not pc.any(pc.match_substring_regex(first, "[0-9]")).as_py()
        ):
            self.shapes = None
            return
        texts = pc.utf8_slice_codeunits(given, 0, _LONGEST)
        for pattern, sign in (("[0-9]", "0"), ("[A-Z]", "A"), ("[a-z]", "a")):
            texts = pc.replace_substring_regex(texts, pattern, sign)
        self.shapes |= set(pc.unique(texts).to_pylist()[: _MOST_SHAPES + 1])
        if len(self.shapes) > _MOST_SHAPES:
            self.shapes = None

    def _order(self, given: Any) -> None:
        if not self.increasing or pa.types.is_boolean(given.type) or not len(given):
            return
        try:
            if self._last is not None:
                given = pa.concat_arrays([pa.array([self._last], given.type), given])
            self._last = given[-1].as_py()
        except (pa.ArrowException, TypeError):
            self.increasing = self.strictly = False
            return
        before, after = given.slice(0, len(given) - 1), given.slice(1)
        if len(after):
            self.increasing = bool(pc.all(pc.greater_equal(after, before)).as_py())
            self.strictly = self.strictly and bool(pc.all(pc.greater(after, before)).as_py())

    def _count(self, given: Any) -> None:
        if self.counts is None or not len(given):
            return
        if len(given) > 10_000 and pc.count_distinct(given.slice(0, 10_000)).as_py() > MOST_VALUES:
            self.counts = None
            return
        found = pc.value_counts(given)
        if len(found) > MOST_VALUES:
            self.counts = None
            return
        for entry in found.to_pylist():
            value = entry["values"]
            if isinstance(value, float) and math.isfinite(value):
                value = int(value)
            if isinstance(value, str):
                value = value[:_LONGEST]
            self.counts[value] = self.counts.get(value, 0) + entry["counts"]
        if len(self.counts) > MOST_VALUES:
            self.counts = None
