"""Histograms of a window over the bins that training had, with outer bins for what lies beyond."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "Places",
    "ReferenceHistograms",
    "Stack",
    "numbers_of",
    "padded",
    "shares_of",
    "stack",
    "statistics_of",
]

_FAR = 1e20
"""Where the outer bins end, as MLRun writes it: JSON has no infinity."""


def padded(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Feature statistics whose histograms have an empty bin on each side.

    Broken histograms (other lengths, edges that do not rise, numbers missing) are left out; the
    rest of that feature's statistics stays.

    >>> padded({"x": {"count": 2, "hist": [[2], [0, 1]]}})["x"]["hist"]
    [[0, 2, 0], [-1e+20, 0, 1, 1e+20]]
    """
    found: dict[str, Any] = {}
    for name, one in stats.items():
        if not isinstance(one, Mapping):
            continue
        kept = dict(one)
        hist = kept.pop("hist", None)
        if _usable(hist):
            counts, edges = list(hist[0]), list(hist[1])
            if edges[0] > -_FAR:
                counts, edges = [0, *counts, 0], [-_FAR, *edges, _FAR]
            kept["hist"] = [counts, edges]
        found[str(name)] = kept
    return found


def _usable(hist: Any) -> bool:
    try:
        counts, edges = hist
        if len(counts) < 1 or len(edges) != len(counts) + 1:
            return False
        numbers = np.asarray(edges, dtype="float64")
        amounts = np.asarray(counts, dtype="float64")
    except (TypeError, ValueError):
        return False
    rising = bool(np.isfinite(numbers).all() and (np.diff(numbers) > 0).all())
    return rising and bool(np.isfinite(amounts).all() and (amounts >= 0).all())


def shares_of(counts: Any) -> NDArray[np.float64]:
    """Counts as shares of their sum; all zero if nothing was counted."""
    amounts = np.asarray(counts, dtype="float64")
    total = amounts.sum()
    return amounts / total if total > 0 else amounts


class Stack(NamedTuple):
    """Histograms with the same number of bins, one a row, and their features' positions."""

    rows: list[int]
    table: NDArray[np.float64]


def stack(histograms: Mapping[str, Any]) -> list[Stack]:
    """Histograms as matrices, so that they can be worked on together."""
    by_length: dict[int, list[int]] = {}
    all_ = list(histograms.values())
    for position, one in enumerate(all_):
        by_length.setdefault(len(one), []).append(position)
    return [
        Stack(rows, np.array([all_[i] for i in rows], dtype="float64"))
        for rows in by_length.values()
    ]


class ReferenceHistograms:
    """The bins of an endpoint's features, made once and used for all its windows.

    Args:
        stats: Padded feature statistics.
    """

    def __init__(self, stats: Mapping[str, Any]) -> None:
        self.names = [name for name, one in stats.items() if "hist" in one]
        self._inner = {
            name: np.asarray(stats[name]["hist"][1][1:-1], dtype="float64") for name in self.names
        }
        self.shares = {name: shares_of(stats[name]["hist"][0]) for name in self.names}
        self._stacks: dict[tuple[str, ...], list[Stack]] = {}

    def stacks(self, names: tuple[str, ...]) -> list[Stack]:
        """The shares of some features as matrices, one for each number of bins."""
        found = self._stacks.get(names)
        if found is None:
            found = self._stacks[names] = stack({name: self.shares[name] for name in names})
        return found

    def counts(self, frame: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
        """Counts of each feature that the frame has, in bins with one more on each side."""
        found = {}
        for name in self.names:
            if name in frame.columns:
                values = numbers_of(frame[name])
                edges = self._inner[name]
                places = _places(values[~np.isnan(values)], edges)
                found[name] = np.bincount(places, minlength=len(edges) + 1)
        return found

    def places(self, frame: pd.DataFrame, answered: NDArray[np.bool_]) -> Places:
        """The bins of all rows at once, from which any span of rows is counted quickly.

        Args:
            frame: Rows of many windows.
            answered: Which rows count.
        """
        names = [name for name in self.names if name in frame.columns]
        table = np.empty((len(frame), len(names)), dtype="int32")
        ends = [0]
        for column, name in enumerate(names):
            values, edges = numbers_of(frame[name]), self._inner[name]
            places = _places(values, edges) + ends[-1]
            places[np.isnan(values) | ~answered] = -1
            table[:, column] = places
            ends.append(ends[-1] + len(edges) + 1)
        table[table < 0] = ends[-1]
        return Places(names, ends, table)


class Places(NamedTuple):
    """Which bin each value lies in; bins of all features are numbered through.

    `ends` is where the bins of each feature begin, and where they all end; a value that does not
    count lies there.
    """

    names: list[str]
    ends: list[int]
    table: NDArray[np.int32]

    def counts(self, low: int, high: int) -> dict[str, NDArray[np.int64]]:
        """Counts of the rows from `low` to `high`, by feature."""
        found = np.bincount(self.table[low:high].ravel(), minlength=self.ends[-1] + 1)
        return {name: found[self.ends[i] : self.ends[i + 1]] for i, name in enumerate(self.names)}


def _places(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """As numpy.histogram counts: the last bin holds its right edge; 0 and the last are outside."""
    places = np.searchsorted(edges, values, side="right")
    places[values == edges[-1]] = len(edges) - 1
    return places


def numbers_of(series: pd.Series[Any]) -> NDArray[np.float64]:
    """A column as doubles; what is no number is NaN."""
    if series.dtype.kind in "fiub":
        return series.to_numpy(dtype="float64")
    found = pd.to_numeric(series, errors="coerce")
    return np.asarray(found.to_numpy(dtype="float64", na_value=np.nan), dtype="float64")


def statistics_of(
    frame: pd.DataFrame,
    reference: ReferenceHistograms,
    counted: Mapping[str, NDArray[np.int64]] | None = None,
) -> dict[str, Any]:
    """`describe` of each column, with histograms over the bins of the reference.

    Columns without reference bins have no histogram. All numeric columns are worked out together,
    which costs a tenth of pandas' `describe`.

    Args:
        frame: The rows.
        reference: The bins.
        counted: The histograms, if they are known already.
    """
    counted = reference.counts(frame) if counted is None else counted
    kinds = {str(name): dtype.kind for name, dtype in frame.dtypes.items()}
    numeric = [name for name, kind in kinds.items() if kind in "fiub"]
    found: dict[str, Any] = {}
    if numeric and len(frame):
        found = _describe(numeric, frame[numeric].to_numpy(dtype="float64"))
    for name in kinds:
        if name not in found:
            found[name] = _describe_other(frame[name])
        if name in counted:
            edges = [-_FAR, *reference._inner[name].tolist(), _FAR]
            found[name]["hist"] = [counted[name].tolist(), edges]
    return found


def _describe(names: list[str], table: NDArray[np.float64]) -> dict[str, Any]:
    present = ~np.isnan(table)
    counts = present.sum(axis=0)
    if present.all():
        quartiles = np.percentile(table, [0, 25, 50, 75, 100], axis=0)
        mean, spread = table.mean(axis=0), table.std(axis=0, ddof=1 if len(table) > 1 else 0)
    else:
        columns = [table[present[:, i], i] for i in range(table.shape[1])]
        parts = [c if len(c) else np.array([np.nan]) for c in columns]
        quartiles = np.column_stack([np.percentile(c, [0, 25, 50, 75, 100]) for c in parts])
        mean = np.array([c.mean() for c in parts])
        spread = np.array([c.std(ddof=1 if len(c) > 1 else 0) for c in parts])
    keys = ("min", "25%", "50%", "75%", "max")
    return {
        name: {
            "count": int(counts[i]),
            "mean": _plain(mean[i]),
            "std": _plain(spread[i]),
            **{key: _plain(quartiles[k, i]) for k, key in enumerate(keys)},
        }
        for i, name in enumerate(names)
    }


def _describe_other(series: pd.Series[Any]) -> dict[str, Any]:
    present = series.dropna()
    stats: dict[str, Any] = {"count": len(present)}
    if not len(present):
        return stats
    try:
        common = present.astype(str).value_counts()
    except (TypeError, ValueError):  # cells that have no text
        return stats
    return stats | {
        "unique": len(common), "top": str(common.index[0])[:200], "freq": int(common.iloc[0])
    }  # fmt: skip


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
