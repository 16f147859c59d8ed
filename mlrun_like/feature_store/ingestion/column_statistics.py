"""Statistics of one column: numbers, moments in time, and all other values."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["VALUES", "ColumnStatistics", "histogram", "kind_of", "numbers_of"]

VALUES = 10_000
_HASHES = 1_024
_Floats = np.ndarray[Any, np.dtype[np.float64]]


def kind_of(values: pd.Series[Any]) -> str:
    """`number`, `datetime` or `other`; booleans are values with names, as pandas describes them."""
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "other"
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return "number"
    return "datetime" if pd.api.types.is_datetime64_any_dtype(dtype) else "other"


def numbers_of(values: pd.Series[Any], kind: str) -> _Floats:
    """A column as floats; moments as seconds since 1970, UTC; what is missing as NaN."""
    if kind == "datetime":
        moments = pd.to_datetime(values, utc=True, errors="coerce")
        whole = moments.to_numpy(dtype="datetime64[ns]").view(np.int64)
        seconds: _Floats = whole / 1e9
        return np.where(moments.isna().to_numpy(), np.nan, seconds)
    try:
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError):  # a column that was numbers, and is something else by now
        return np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)


@dataclass
class ColumnStatistics:
    """What is known of a column after some chunks.

    Args:
        kind: See `kind_of`; the first chunk's.
        count: Values that are not missing.
        mean: Of the finite ones; with `square`, the sum of squared differences to it.
        values: Of other values: how often each is there; None: too many.
        hashes: Of other values, once they are too many: the smallest hashes.
    """

    kind: str
    count: int = 0
    finite: int = 0
    mean: float = 0.0
    square: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    values: dict[str, int] | None = field(default_factory=dict)
    hashes: list[int] = field(default_factory=list)

    def add(self, values: pd.Series[Any]) -> None:
        """The column's next values."""
        if self.kind == "other":
            self._add_values(values)
        else:
            with np.errstate(all="ignore"):  # infinities, and sums that become such
                self._add_numbers(numbers_of(values, self.kind))

    def _add_numbers(self, numbers: _Floats) -> None:
        total = float(numbers.sum())
        if not math.isfinite(total):  # something is missing or infinite: look closer
            numbers = numbers[~np.isnan(numbers)]
            self.count += len(numbers)
            if len(numbers):
                self.low = min(self.low, float(numbers.min()))
                self.high = max(self.high, float(numbers.max()))
            numbers = numbers[np.isfinite(numbers)]
            total = float(numbers.sum())
        else:
            self.count += len(numbers)
            if len(numbers):
                self.low = min(self.low, float(numbers.min()))
                self.high = max(self.high, float(numbers.max()))
        if not len(numbers):
            return
        mean = total / len(numbers)
        away = numbers - mean
        np.multiply(away, away, out=away)
        square = float(away.sum())
        both = self.finite + len(numbers)
        step = mean - self.mean
        self.square += square + step * step * self.finite * len(numbers) / both
        self.mean += step * len(numbers) / both
        self.finite = both

    def _add_values(self, values: pd.Series[Any]) -> None:
        values = values.dropna()
        self.count += len(values)
        try:
            counts = values.value_counts(sort=False)
        except TypeError:  # lists and dicts are counted by their text
            counts = values.map(str).value_counts(sort=False)
        texts = [str(value) for value in counts.index]
        new = np.sort(pd.util.hash_array(np.array(texts, dtype=object)))[:_HASHES]
        self.hashes = sorted({*self.hashes, *new.tolist()})[:_HASHES]
        if self.values is None:
            return
        merged = Counter(self.values)
        for text, number in zip(texts, counts.to_numpy().tolist(), strict=True):
            merged[text] += number
        self.values = dict(merged) if len(merged) <= VALUES else None

    def described(self, sample: _Floats) -> dict[str, Any]:
        """Numbers and moments: count, mean, std, min, percentiles of a sample, max."""
        found: dict[str, Any] = {"count": float(self.count)}
        if not self.count:
            return found
        whole = self.finite == self.count
        found["mean"] = self.mean if whole else float(self.low + self.high)  # inf, or nan for both
        if whole and self.finite > 1 and math.isfinite(self.square):
            found["std"] = math.sqrt(self.square / (self.finite - 1))
        found["min"] = self.low
        if len(sample):
            middle = np.percentile(sample, [25, 50, 75]).tolist()
            found.update(zip(("25%", "50%", "75%"), middle, strict=True))
        found["max"] = self.high
        if self.kind == "datetime":
            del found["mean"]
            found.pop("std", None)
            found["mean"] = self.mean
            moments = {n: _moment(v) for n, v in found.items() if n != "count"}
            return {"count": found["count"], **{n: moments[n] for n in _ORDER if n in moments}}
        return {n: v for n, v in found.items() if not (isinstance(v, float) and math.isnan(v))}

    def counted(self, sample: pd.Series[Any]) -> dict[str, Any]:
        """Other values: count, unique, top, freq; estimated from a sample if there are many."""
        if not self.count:
            return {"count": 0}
        if self.values is not None:
            top = max(self.values.items(), key=lambda item: (item[1], item[0]))
            unique, freq = len(self.values), top[1]
            return {"count": self.count, "unique": unique, "top": top[0], "freq": freq}
        some = sample.dropna().map(str)
        often = Counter(some.tolist())
        name, times = max(often.items(), key=lambda item: (item[1], item[0]))
        freq = max(times, round(times * self.count / len(some))) if times > 1 else 1
        return {"count": self.count, "unique": self._distinct(), "top": name, "freq": freq}

    def _distinct(self) -> int:
        """How many values there are, by the k-th smallest hash (Bar-Yossef and others, 2002)."""
        if len(self.hashes) < _HASHES:
            return len(self.hashes)
        return min(self.count, round((_HASHES - 1) / (self.hashes[-1] / 2**64)))

    def dump(self) -> dict[str, Any]:
        """As plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, document: dict[str, Any]) -> ColumnStatistics:
        """From `dump`."""
        return cls(**document)


_ORDER = ("mean", "min", "25%", "50%", "75%", "max")


def _moment(seconds: float) -> str:
    return str(pd.Timestamp(round(seconds * 1e6), unit="us"))


def histogram(
    sample: _Floats, column: ColumnStatistics, bins: int, whole: bool
) -> dict[str, list[Any]]:
    """`hist`: counts and edges of equal bins between the smallest and the largest value.

    Args:
        sample: Finite values.
        column: What is known of all values.
        bins: How many.
        whole: The sample has all values; else counts are scaled so that their sum is that of all.
    """
    if not len(sample) or not column.finite:
        return {}
    bounded = math.isfinite(column.low) and math.isfinite(column.high)
    span = (column.low, column.high) if bounded else (float(sample.min()), float(sample.max()))
    with np.errstate(over="ignore"):
        if not math.isfinite(span[1] - span[0]):
            return {}
    try:
        counts, edges = np.histogram(sample, bins=bins, range=span)
    except ValueError:  # floats too close to each other for that many bins
        return {}
    numbers = counts.tolist()
    if not whole:
        ends = np.round(np.cumsum(counts) * (column.finite / len(sample))).astype(np.int64)
        numbers = np.diff(ends, prepend=0).tolist()
    return {"hist": [numbers, edges.tolist()]}
