"""Sketches of the columns of a table, which workers keep and the controller merges.

What a merge of parts guarantees, however the rows are cut:

histograms (edges of the reference), quantile buckets, distinct registers, rows, missing, min, max
                  the very sketch of the whole
frequent values   the very sketch up to 1,000 different values and for those of the reference;
                  else each count at most `error` too low
mean, std, correlation
                  that of the whole up to rounding of the 15th digit
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics import sketch_bytes
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.columns import (
    BOOL,
    CATEGORY,
    DATETIME,
    NUMBER,
    columns_of,
    count_texts,
    kind_of,
    numbers_of,
    plain,
    unique_names,
)
from mlrun_like.statistics.distinct import (
    REGISTERS,
    DistinctSketch,
    hash_numbers,
    hash_texts,
    observe,
)
from mlrun_like.statistics.frequent import FrequentSketch
from mlrun_like.statistics.histogram import HistogramSketch, count_bins
from mlrun_like.statistics.moments import MOST_COLUMNS, CoMoments
from mlrun_like.statistics.quantiles import BUCKETS, QuantileSketch, buckets_of

__all__ = [
    "DistinctSketch",
    "FeatureSketches",
    "FrequentSketch",
    "HistogramSketch",
    "QuantileSketch",
]

COUNTS = ("rows", "finite", "missing", "infinite", "mistyped")
_NUMERIC = (NUMBER, DATETIME)


class FeatureSketches:
    """Everything that is known of a table's columns, in constant memory (about 45 KB a column).

    A column's kind is that of its reference, or of its first values: later values of another type
    are counted as `mistyped`. Of texts the numbers are those of their lengths.

    Args:
        names: Columns, in their order.
        reference: Statistics of the training set, by column (`feature_stats` of a model, or a
            profile's): gives the kinds, the bins and the categories to count exactly.

    >>> one, two = FeatureSketches(["x"]), FeatureSketches(["x"])
    >>> one.update({"x": [1.0, 2.0]}); two.update({"x": [3.0, None]})
    >>> one.merge(two)
    >>> one.rows, one.mean("x"), FeatureSketches.from_bytes(one.to_bytes()).missing("x")
    (4, 2.0, 1)
    """

    def __init__(
        self, names: Iterable[Any], reference: Mapping[str, Mapping[str, Any]] | Any = None
    ) -> None:
        self.names = unique_names(names)
        size = len(self.names)
        self.kinds = [""] * size
        self.rows = 0
        self.counts = {name: np.zeros(size, dtype=np.int64) for name in COUNTS}
        self.means, self.squares = np.zeros(size), np.zeros(size)
        self.lows, self.highs = np.full(size, np.inf), np.full(size, -np.inf)
        self.buckets = np.zeros((size, BUCKETS), dtype=np.int64)
        self.registers = np.zeros((size, REGISTERS), dtype=np.uint8)
        self.frequent: list[FrequentSketch | None] = [None] * size
        self.histograms: list[HistogramSketch | None] = [None] * size
        self.together = CoMoments.empty(size) if size <= MOST_COLUMNS else None
        stats = reference.feature_stats() if hasattr(reference, "feature_stats") else reference
        for at, name in enumerate(self.names):
            self._prepare(at, (stats or {}).get(name))

    def _prepare(self, at: int, known: Any) -> None:
        if not isinstance(known, Mapping):
            return
        hist, values = known.get("hist"), known.get("values")
        if hist and len(hist) == 2 and len(hist[1]) == len(hist[0]) + 1 > 1:
            self.kinds[at] = DATETIME if known.get("kind") == DATETIME else NUMBER
            self.histograms[at] = HistogramSketch(hist[1])
        elif isinstance(values, Mapping) or known.get("top") is not None:
            names = [str(v) for v in values] if isinstance(values, Mapping) else [str(known["top"])]
            self.kinds[at] = BOOL if known.get("kind") == BOOL else CATEGORY
            self.frequent[at] = FrequentSketch(keep=names)

    def update(self, data: Any) -> None:
        """The next rows.

        Args:
            data: A DataFrame, an Arrow table or batch, a mapping of columns, or a 2-D array with
                the columns in the order of `names`. Columns without a name here are left out;
                those that are not in the data count as missing.
        """
        columns, rows = columns_of(data, self.names)
        self.rows += rows
        numeric: list[int] = []
        numbers: list[Any] = []
        for at, name in enumerate(self.names):
            if name not in columns:
                self.counts["missing"][at] += rows
                continue
            values = plain(columns[name])
            kind = self.kinds[at] or kind_of(values)
            self.kinds[at] = kind
            if kind in _NUMERIC:
                found, mistyped = numbers_of(values, kind)
                self.counts["mistyped"][at] += mistyped
                self.counts["missing"][at] -= mistyped  # NaN of another type is not missing
                numeric.append(at)
                numbers.append(found)
            elif kind:
                self._update_texts(at, values)
            else:
                self.counts["missing"][at] += rows
        if numeric and rows:
            self._update_numbers(np.array(numeric), np.array(numbers, dtype=np.float64))

    def _update_texts(self, at: int, values: Any) -> None:
        counts, missing = count_texts(values)
        self.counts["missing"][at] += missing
        sketch = self.frequent[at]
        if sketch is None:
            sketch = self.frequent[at] = FrequentSketch()
        sketch.add(counts, missing)
        if not counts:
            return
        observe(self.registers[at], hash_texts(counts))
        lengths = np.array([len(text) for text in counts], dtype=np.float64)
        times = np.array(list(counts.values()), dtype=np.int64)
        np.add.at(self.buckets[at], buckets_of(lengths), times)
        rows = int(times.sum())
        mean = float((lengths * times).sum() / rows)
        self._moments(at, rows, mean, float((times * (lengths - mean) ** 2).sum()))
        self.counts["finite"][at] += rows
        self.lows[at] = min(self.lows[at], lengths.min())
        self.highs[at] = max(self.highs[at], lengths.max())

    def _update_numbers(self, at: Any, columns: Any) -> None:
        with np.errstate(all="ignore"):  # the largest floats, whose squares are infinite
            finite = None if np.isfinite(columns.sum()) else np.isfinite(columns)
            whole = columns.shape[1]
            if finite is None:
                rows, clean = np.full(len(at), whole), columns
                low, high = columns.min(axis=1), columns.max(axis=1)
            else:
                rows, clean = finite.sum(axis=1), np.where(finite, columns, 0.0)
                missing = np.isnan(columns).sum(axis=1)
                self.counts["missing"][at] += missing
                self.counts["infinite"][at] += whole - rows - missing
                low = np.where(finite, columns, np.inf).min(axis=1)
                high = np.where(finite, columns, -np.inf).max(axis=1)
            self.lows[at] = np.minimum(self.lows[at], low)
            self.highs[at] = np.maximum(self.highs[at], high)
            mean = clean.sum(axis=1) / np.maximum(rows, 1)
            away = clean - mean[:, None]
            if finite is not None:
                away = np.where(finite, away, 0.0)
            self._moments(at, rows, mean, np.einsum("ij,ij->i", away, away))
        self.counts["finite"][at] += rows
        if self.together is not None and len(at) > 1:
            part = CoMoments.empty(len(at))
            part.add(columns, finite)
            full = CoMoments.empty(len(self.names))
            grid = np.ix_(at, at)
            full.counts[grid], full.means[grid] = part.counts, part.means
            full.products[grid] = part.products
            self.together.merge(full)
        self._place(at, columns, finite)

    def _place(self, at: Any, columns: Any, finite: Any) -> None:
        flat = columns if finite is None else columns[finite]
        owners = np.repeat(at, columns.shape[1]).reshape(columns.shape)
        owners = owners if finite is None else owners[finite]
        np.add.at(self.buckets.reshape(-1), buckets_of(flat) + owners * BUCKETS, 1)
        hashes = hash_numbers(flat.ravel())
        observe(self.registers.reshape(-1), hashes, owners.ravel() * REGISTERS)
        for row, place in enumerate(at):
            histogram = self.histograms[place]
            if histogram is not None:
                values = columns[row] if finite is None else columns[row][finite[row]]
                histogram.bins += count_bins(values, histogram.edges)

    def _moments(self, at: Any, rows: Any, mean: Any, square: Any) -> None:
        known = self.counts["finite"][at]
        both = np.maximum(known + rows, 1)
        step = np.where(rows, mean - self.means[at], 0.0)
        self.squares[at] += square + step * step * known * rows / both
        self.means[at] += step * rows / both

    def merge(self, other: FeatureSketches) -> None:
        """Add what another worker, or another minute, has seen.

        Raises:
            InvalidArgumentError: if it is of other columns or another reference.
        """
        if self.names != other.names:
            raise InvalidArgumentError(
                f"sketches of columns {other.names[:5]} cannot be merged into those of "
                f"{self.names[:5]}\nfix: merge sketches of the same table only"
            )
        for mine, its in zip(self.histograms, other.histograms, strict=True):
            if mine is not None and its is not None:
                mine.merge(its)
        self.rows += other.rows
        for at, kind in enumerate(other.kinds):
            self._merge_kind(at, kind, other)
        every = np.arange(len(self.names))
        rows = other.counts["finite"]
        with np.errstate(all="ignore"):
            self._moments(every, rows, other.means, other.squares)
        for name in COUNTS:
            self.counts[name] += other.counts[name]
        self.lows = np.minimum(self.lows, other.lows)
        self.highs = np.maximum(self.highs, other.highs)
        self.buckets += other.buckets
        np.maximum(self.registers, other.registers, out=self.registers)
        if self.together is not None and other.together is not None:
            self.together.merge(other.together)

    def _merge_kind(self, at: int, kind: str, other: FeatureSketches) -> None:
        self.kinds[at] = self.kinds[at] or kind
        if self.histograms[at] is None and not self.counts["finite"][at]:
            self.histograms[at] = other.histograms[at] and HistogramSketch.from_bytes(
                other.histograms[at].to_bytes()  # type: ignore[union-attr]
            )
        its = other.frequent[at]
        if its is not None:
            mine = self.frequent[at] or FrequentSketch(its.capacity, its.keep)
            mine.merge(its)
            self.frequent[at] = mine

    def mean(self, name: str) -> float:
        """The mean of a column's finite numbers (of a text's lengths); NaN without any."""
        at = self.names.index(name)
        return float(self.means[at]) if self.counts["finite"][at] else float("nan")

    def missing(self, name: str) -> int:
        """How many values of a column are missing."""
        return int(self.counts["missing"][self.names.index(name)])

    def profile(self) -> DataProfile:
        """What is known, as a `DataProfile`."""
        return sketch_bytes.profile_of(self)

    def to_bytes(self) -> bytes:
        """Everything, for `from_bytes`: under 20 KB for 20 features and 1,000 rows."""
        return sketch_bytes.dump(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> FeatureSketches:
        """Raises InvalidArgumentError if the bytes are no such sketches."""
        made = cls([])
        sketch_bytes.load(made, data)
        return made
