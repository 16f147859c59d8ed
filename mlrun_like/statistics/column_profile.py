"""What is known of a data set, as plain values: each column, and how columns move together."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mlrun_like.statistics.columns import BOOL, CATEGORY, DATETIME, NUMBER

__all__ = ["BINS", "SHARES", "ColumnProfile", "DataProfile"]

BINS = 20
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass
class ColumnProfile:
    """One column.

    Args:
        name: Its name.
        kind: `number`, `datetime` (seconds since 1970), `bool`, `category`, or empty: no values.
        count: Values that are there.
        missing: Values that are not.
        infinite: Of the values, those that are infinite; they are in no mean and no quantile.
        mistyped: Values of another type than the column's.
        mean: Mean of numbers; of texts that of their lengths, as std, low, high and quantiles.
        std: Standard deviation of a sample (n - 1).
        low: The smallest number.
        high: The largest.
        quantiles: By share, 0 to 1.
        distinct: How many different values; an estimate with 3 % error if there are many.
        edges: Edges of the histogram.
        counts: Rows in each bin.
        below: Rows below the first edge.
        above: Rows above the last.
        values: Of categories: rows of each value, the most frequent first; at most 1,000.
        others: Rows of all other values.
        exact: Whether histogram or values are counted, not estimated.
    """

    name: str
    kind: str = ""
    count: int = 0
    missing: int = 0
    infinite: int = 0
    mistyped: int = 0
    mean: float = math.nan
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    quantiles: dict[float, float] = field(default_factory=dict)
    distinct: float = 0.0
    edges: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    below: int = 0
    above: int = 0
    values: dict[str, int] = field(default_factory=dict)
    others: int = 0
    exact: bool = True

    @property
    def rows(self) -> int:
        """Values and missing ones."""
        return self.count + self.missing + self.mistyped

    def to_dict(self) -> dict[str, Any]:
        """As plain data; what is not known is left out."""
        found = asdict(self)
        found["quantiles"] = {str(share): value for share, value in self.quantiles.items()}
        return {k: v for k, v in found.items() if not (isinstance(v, float) and math.isnan(v))}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ColumnProfile:
        """From `to_dict`."""
        given = dict(document)
        quantiles = given.pop("quantiles", {})
        return cls(**given, quantiles={float(s): value for s, value in quantiles.items()})

    def stats(self) -> dict[str, Any]:
        """As MLRun's `feature_stats` have a column, with `kind`, `missing` and `values` besides."""
        found: dict[str, Any] = {"count": self.count}
        if self.kind in (BOOL, CATEGORY):
            found["unique"] = round(self.distinct)
            if self.values:
                found["top"], found["freq"] = next(iter(self.values.items()))
            found["values"] = dict(self.values)
        else:
            middle = {f"{share:.0%}": self.quantiles.get(share, math.nan) for share in _QUARTERS}
            numbers = {"mean": self.mean, "std": self.std, "min": self.low, **middle}
            numbers["max"] = self.high
            found |= {name: one for name, one in numbers.items() if not math.isnan(one)}
            if self.edges:
                found["hist"] = [list(self.counts), list(self.edges)]
        return {**found, "kind": self.kind, "missing": self.missing}


_QUARTERS = (0.25, 0.5, 0.75)


@dataclass
class DataProfile:
    """All columns of a data set.

    Args:
        rows: How many rows there are.
        columns: By name.
        correlation: Pearson's, for every pair of numeric columns in the order of `columns`.
        pairs: Rows that each correlation is from.
        sketches: The `FeatureSketches` that it was made of, or their bytes: for `merged`.
    """

    rows: int
    columns: dict[str, ColumnProfile]
    correlation: Any = field(default=None, repr=False)
    pairs: Any = field(default=None, repr=False)
    sketches: Any = field(default=None, repr=False)

    def feature_stats(self) -> dict[str, dict[str, Any]]:
        """MLRun's `feature_stats`: {name: {count, mean, std, min, 25%, ..., max, hist}}."""
        return {name: one.stats() for name, one in self.columns.items()}

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON, with the sketches."""
        found: dict[str, Any] = {"rows": self.rows}
        found["columns"] = [one.to_dict() for one in self.columns.values()]
        if self.correlation is not None:
            grid = np.where(np.isfinite(self.correlation), self.correlation, 2.0)
            found["correlation"] = grid.tolist()
            found["pairs"] = np.asarray(self.pairs).tolist()
        if self.sketches is not None:
            found["sketches"] = base64.b64encode(
                self.sketches if isinstance(self.sketches, bytes) else self.sketches.to_bytes()
            ).decode()
        return found

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> DataProfile:
        """From `to_dict`."""
        columns = [ColumnProfile.from_dict(one) for one in document["columns"]]
        made = cls(document["rows"], {one.name: one for one in columns})
        if document.get("correlation") is not None:
            grid = np.array(document["correlation"], dtype=np.float64)
            made.correlation = np.where(grid > 1, np.nan, grid)
            made.pairs = np.array(document["pairs"], dtype=np.float64)
        if document.get("sketches"):
            made.sketches = base64.b64decode(document["sketches"])
        return made

    @classmethod
    def from_stats(cls, stats: Mapping[str, Any]) -> DataProfile:
        """From `feature_stats` of a model or a feature set, also those that MLRun made."""
        columns = {str(name): _from_stats(str(name), one) for name, one in stats.items()}
        return cls(max((one.rows for one in columns.values()), default=0), columns)


def _whole(value: Any) -> int:
    """A count; 0 if the statistics have none that can be one."""
    usable = isinstance(value, (int, float)) and 0 <= value < math.inf
    return int(value) if usable else 0


def _from_stats(name: str, known: Any) -> ColumnProfile:
    made = ColumnProfile(name, exact=True)
    if not isinstance(known, Mapping):
        return made
    made.count = _whole(known.get("count"))
    made.missing = _whole(known.get("missing")) or max(0, _whole(known.get("rows")) - made.count)
    hist, values = known.get("hist"), known.get("values")
    if hist and len(hist) == 2 and len(hist[1]) == len(hist[0]) + 1 > 1:
        made.kind = DATETIME if known.get("kind") == DATETIME else NUMBER
        made.counts, made.edges = [int(n) for n in hist[0]], [float(edge) for edge in hist[1]]
    elif isinstance(values, Mapping) or known.get("freq") is not None:
        made.kind = BOOL if known.get("kind") == BOOL else CATEGORY
        top = {known.get("top"): known.get("freq")}
        some = values if isinstance(values, Mapping) else top
        made.values = {str(text): int(number or 0) for text, number in some.items()}
        made.others = max(0, made.count - sum(made.values.values()))
        made.distinct = float(known.get("unique") or len(made.values))
    for attribute, key in (("mean", "mean"), ("std", "std"), ("low", "min"), ("high", "max")):
        value = known.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            setattr(made, attribute, float(value))
    for share in _QUARTERS:
        value = known.get(f"{share:.0%}")
        if isinstance(value, (int, float)):
            made.quantiles[share] = float(value)
    return made
