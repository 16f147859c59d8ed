"""How deep, how fine and how sure a search for slices is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.intervals import check_confidence

__all__ = ["SearchOptions"]


@dataclass(frozen=True)
class SearchOptions:
    """How slices are searched.

    Args:
        depth: Most conditions of a slice, 1 to 3.
        rows: Least rows of a slice; None: half a percent of all, and 30 at least.
        most: Most slices that are reported.
        alpha: Share of the reported slices that may be there by chance.
        confidence: Of the intervals.
        least_gap: Slices that are worse by less are left out; in the metric's unit.

    Raises:
        InvalidArgumentError: if one is out of its range.
    """

    depth: int = 2
    rows: int | None = None
    most: int = 10
    alpha: float = 0.05
    confidence: float = 0.95
    least_gap: float = 0.0

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        for name, value, low, high in (
            ("depth", self.depth, 1, 3),
            ("rows", 30 if self.rows is None else self.rows, 2, math.inf),
            ("most", self.most, 1, 1000),
            ("alpha", self.alpha, 1e-12, 0.5),
            ("least_gap", self.least_gap, 0, math.inf),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                value = math.nan
            if not low <= value <= high:
                raise InvalidArgumentError(
                    f"{name} {getattr(self, name)!r:.40} must be from {low} to {high}"
                )
