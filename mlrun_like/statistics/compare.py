"""How far a data set is from its reference: every column, all columns together, and why.

Of each column: distances of histograms (see `distances`), tests (`hypotheses`), moments, missing
values and categories; of all numeric columns the correlations. What counts as drift is in
`verdict`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.column_drift import ColumnDrift
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.columns import unique_names
from mlrun_like.statistics.comparing import Compared, compare_column
from mlrun_like.statistics.correlation import (
    CorrelationDrift,
    compare_correlations,
    compare_matrices,
)
from mlrun_like.statistics.moments import MOST_COLUMNS
from mlrun_like.statistics.report import report
from mlrun_like.statistics.sources import Source, source_of
from mlrun_like.statistics.verdict import (
    COLUMNS_PART,
    DETECTED,
    NONE,
    POSSIBLE,
    CompareOptions,
    status_of,
)

__all__ = ["ColumnDrift", "CompareOptions", "Comparison", "CorrelationDrift", "compare"]


@dataclass
class Comparison:
    """Two data sets, compared.

    Args:
        features: Each column, in the order of the reference.
        correlation: Whether columns still move together as they did.
        expected_rows: Rows of the reference.
        actual_rows: Rows of the new data.
        added: Columns that only the new data have.
        level: The p-value of one test of a column that is no chance any more.
    """

    features: dict[str, ColumnDrift]
    correlation: CorrelationDrift = field(default_factory=CorrelationDrift)
    expected_rows: int = 0
    actual_rows: int = 0
    added: list[str] = field(default_factory=list)
    level: float = 0.0

    @property
    def score(self) -> float:
        """The largest of the columns and the correlations: 1 and more is drift."""
        return max([self.correlation.score, *(one.score for one in self.features.values())])

    @property
    def status(self) -> str:
        """`no drift`, `possible drift` or `drift detected`."""
        return status_of(self.score)

    @property
    def drifted(self) -> list[str]:
        """The columns with drift, the farthest first."""
        found = [one for one in self.features.values() if one.status == DETECTED]
        return [one.name for one in sorted(found, key=lambda one: -one.score)]

    @property
    def suspected(self) -> list[str]:
        """The columns with possible drift, the farthest first."""
        found = [one for one in self.features.values() if one.status == POSSIBLE]
        return [one.name for one in sorted(found, key=lambda one: -one.score)]

    @property
    def attribution(self) -> dict[str, float]:
        """The share of each column in the total drift, the largest first; they sum to 1.

        A column's part is its Jensen-Shannon divergence beyond chance, missing values as a bin:
        bits by which a row's value tells which data set it is from. If no column has drifted, but
        correlations have, it is the sum of the squares of its changes. Without drift: empty.
        """
        alarmed = [one for one in self.features.values() if one.status != NONE]
        parts = {one.name: one.excess or one.score * 1e-6 for one in alarmed}
        if not parts and self.correlation.status != NONE:
            parts = {name: part for name, part in self.correlation.changes.items() if part > 0}
        total = sum(parts.values())
        if not total:
            return {}
        ordered = sorted(parts.items(), key=lambda item: (-item[1], item[0]))
        return {name: part / total for name, part in ordered}

    @property
    def reason(self) -> str:
        """One sentence: what has changed most."""
        found = [one for one in self.features.values() if one.status != NONE]
        parts = [f"{one.name}: {one.reason}" for one in sorted(found, key=lambda o: -o.score)]
        if self.correlation.status != NONE:
            parts.append(self.correlation.reason)
        if not parts:
            return "nothing has changed beyond chance and the limits"
        more = f"; and {len(parts) - 3} more" if len(parts) > 3 else ""
        return "; ".join(parts[:3]) + more

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        together = self.correlation
        return {
            "status": self.status,
            "score": self.score,
            "reason": self.reason,
            "drifted": self.drifted,
            "suspected": self.suspected,
            "expected_rows": self.expected_rows,
            "actual_rows": self.actual_rows,
            "added": self.added,
            "attribution": self.attribution,
            "correlation": {
                "status": together.status, "score": together.score,
                "reason": together.reason, "pairs": together.pairs,
            },
            "features": {name: one.to_dict() for name, one in self.features.items()},
        }  # fmt: skip

    def to_html(self, title: str = "Data drift") -> str:
        """A page that opens offline: aggregates only, under 300 KB for 100 columns."""
        return report(self, title)


def compare(
    reference: Any,
    current: Any,
    *,
    columns: Iterable[str] | None = None,
    options: CompareOptions | None = None,
) -> Comparison:
    """Compare a data set with its reference.

    Args:
        reference: A DataFrame, Arrow table, mapping of columns, Parquet path(s), `DataProfile`,
            `FeatureSketches` or a model's `feature_stats`. Of statistics alone the distances and
            tests are those of the histograms.
        current: The new data: any of these.
        columns: Only these; by default those of the reference.
        options: What counts as drift.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"x": range(1000), "c": ["a", "b"] * 500})
    >>> found = compare(before, before.assign(x=before["x"] + 500))
    >>> found.status, found.drifted, round(found.features["x"].ks, 3)
    ('drift detected', ['x'], 0.5)
    >>> found.features["x"].reason
    'distributions are 0.50 apart, mean 499.5 → 999.5'

    Raises:
        InvalidArgumentError: if a data set cannot be read, or the reference has no such column.
        MissingFileError: if a file is not there.
    """
    options = options or CompareOptions()
    old, new = source_of(reference), source_of(current)
    known, given = _names(old), _names(new)
    names = unique_names(columns) if columns is not None else known
    strange = [name for name in names if name not in set(known)]
    if strange:
        raise InvalidArgumentError(
            f"the reference has no column {strange[0]!r}; it has {', '.join(known[:10])}\n"
            "fix: name columns of the reference"
        )
    step = max(1, -(-max(old.rows, new.rows, 1) // max(1, options.correlation_rows)))
    keep = step if options.correlation_rows else 0
    workers = options.threads or os.cpu_count() or 1
    there = set(given)

    def one_column(name: str) -> Compared:
        return compare_column(name, old, new, name in there, keep, options)

    workers = min(workers, len(names))
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(one_column, names))
    else:
        found = [one_column(name) for name in names]
    drifts = {one.drift.name: one.drift for one in found}
    tests = max(1, sum(len(one.aspects) for one in drifts.values()))
    level = options.chance * COLUMNS_PART / tests
    for one in drifts.values():
        if one.aspects:
            one.judge(level, options)
    together = _correlation(found, old, new, options)
    added = [name for name in given if name not in set(known)] if columns is None else []
    return Comparison(drifts, together, old.rows, new.rows, added, level)


def _names(data: Source | DataProfile) -> list[str]:
    return list(data.columns) if isinstance(data, DataProfile) else data.names


def _correlation(found: Any, old: Any, new: Any, options: CompareOptions) -> CorrelationDrift:
    if isinstance(old, DataProfile) and isinstance(new, DataProfile):
        if not options.correlation_rows or old.correlation is None or new.correlation is None:
            return CorrelationDrift()
        names = [name for name in old.columns if name in new.columns]
        grids = [
            np.ix_(at, at)
            for at in ([list(side.columns).index(name) for name in names] for side in (old, new))
        ]
        before, after = (
            (side.correlation[grid], side.pairs[grid])
            for side, grid in zip((old, new), grids, strict=True)
        )
        return compare_matrices(names, before[0], after[0], (before[1], after[1]), options)
    kept = [one for one in found if one.before is not None and one.after is not None]
    if not 2 <= len(kept) <= MOST_COLUMNS:
        return CorrelationDrift()
    samples = [np.array([getattr(one, side) for one in kept]) for side in ("before", "after")]
    return compare_correlations([o.drift.name for o in kept], samples[0], samples[1], options)
