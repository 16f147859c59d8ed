"""Counts in fixed bins: parts merge exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics import packing

__all__ = ["HistogramSketch", "count_bins", "count_sorted", "equal_edges"]

_Floats = np.ndarray[Any, np.dtype[np.float64]]


def equal_edges(low: float, high: float, bins: int) -> _Floats:
    """Edges of equal bins; around a single value a bin of width 1 or one part in a million."""
    if not high > low:
        wide = max(0.5, abs(low) * 1e-6)
        low, high = low - wide, high + wide
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(low, high, bins + 1)
    if not np.isfinite(edges).all():  # the largest floats
        edges = np.linspace(low / 4, high / 4, bins + 1) * 4
    return edges if (np.diff(edges) > 0).all() else np.array([low, high])


def count_bins(values: _Floats, edges: Any) -> Any:
    """Rows below the first edge, in each bin, above the last edge; a last bin has both its edges.

    >>> count_bins(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), np.array([0.0, 0.5, 1.0])).tolist()
    [1, 1, 2, 1]
    """
    limits = np.array(edges, dtype=np.float64)
    limits[-1] = np.nextafter(limits[-1], np.inf)
    places = np.searchsorted(limits, values, side="right")
    return np.bincount(places, minlength=len(limits) + 1)


def count_sorted(values: _Floats, edges: Any) -> Any:
    """`count_bins` of sorted values, by looking for the edges in them."""
    ends = np.searchsorted(values, edges, side="left")
    ends[-1] = np.searchsorted(values, edges[-1], side="right")
    return np.diff(ends, prepend=0, append=len(values))


class HistogramSketch:
    """Numbers counted in bins.

    Args:
        edges: Ascending edges of the bins; two or more.

    Raises:
        InvalidArgumentError: if the edges do not ascend.

    >>> sketch = HistogramSketch([0, 1, 2])
    >>> sketch.update([0.5, 1.5, 1.6, 9, float("nan")])
    >>> sketch.counts.tolist(), sketch.below, sketch.above
    ([1, 2], 0, 1)
    """

    def __init__(self, edges: Sequence[float] | _Floats) -> None:
        self.edges = np.asarray(edges, dtype=np.float64)
        if len(self.edges) < 2 or not (np.diff(self.edges) > 0).all():
            raise InvalidArgumentError(
                f"the edges of a histogram must ascend, not be {self.edges.tolist()[:5]}\n"
                "fix: give two or more different numbers, the smallest first"
            )
        self.bins = np.zeros(len(self.edges) + 1, dtype=np.int64)

    @property
    def counts(self) -> Any:
        """Rows in each bin."""
        return self.bins[1:-1]

    @property
    def below(self) -> int:
        """Rows below the first edge."""
        return int(self.bins[0])

    @property
    def above(self) -> int:
        """Rows above the last edge."""
        return int(self.bins[-1])

    def update(self, values: Any) -> None:
        """The next numbers; NaN are left out, infinities are below or above."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        self.bins += count_bins(numbers[~np.isnan(numbers)], self.edges)

    def merge(self, other: HistogramSketch) -> None:
        """Add what another one has seen.

        Raises:
            InvalidArgumentError: if it has other edges.
        """
        if not np.array_equal(self.edges, other.edges):
            raise InvalidArgumentError(
                "two histograms with different edges cannot be merged\n"
                "fix: make both from the same reference"
            )
        self.bins += other.bins

    def to_bytes(self) -> bytes:
        """Everything, for `from_bytes`."""
        parts = {"edges": self.edges, **packing.sparse("bins", self.bins)}
        return packing.pack({"sketch": "histogram"}, parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> HistogramSketch:
        """Raises InvalidArgumentError if the bytes are no such sketch."""
        _, parts = packing.unpack(data, "histogram")
        made = cls(parts["edges"])
        made.bins = packing.dense("bins", parts, len(made.bins))
        return made
