"""Categories of two data sets: distances, chi-square, new and missing ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlrun_like.statistics.column_drift import ColumnDrift
from mlrun_like.statistics.distances import distances
from mlrun_like.statistics.hypotheses import chi_square
from mlrun_like.statistics.missing import add_missing, excess_of
from mlrun_like.statistics.verdict import Aspect, CompareOptions

__all__ = ["compare_categories"]

_EXPECTED = 5
_TOLD = 20
_SHOWN = 30


def compare_categories(
    drift: ColumnDrift,
    old: tuple[Mapping[str, int], int, int],
    new: tuple[Mapping[str, int], int, int],
    options: CompareOptions,
) -> None:
    """Fill in what counts of categories tell.

    Args:
        drift: The column.
        old: Rows of each category, rows of other ones, and missing rows of the reference.
        new: The same of the new data.
        options: How many categories are told apart; the others are one.
    """
    n, m = (sum(side[0].values()) + side[1] for side in (old, new))
    add_missing(drift, (n + old[2], old[2]), (m + new[2], new[2]))
    if not n or not m:
        return
    both = {text: old[0].get(text, 0) + new[0].get(text, 0) for text in [*old[0], *new[0]]}
    names = sorted(both, key=lambda text: (-old[0].get(text, 0), -both[text], text))
    named = names[: options.categories]
    before = np.array([*(old[0].get(text, 0) for text in named), 0], dtype=np.float64)
    after = np.array([*(new[0].get(text, 0) for text in named), 0], dtype=np.float64)
    before[-1], after[-1] = n - before.sum(), m - after.sum()
    if not before[-1] and not after[-1]:
        before, after = before[:-1], after[:-1]
    for name, value in distances(before, after).items():
        setattr(drift, name, value)
    test = chi_square(before, after)
    drift.chi2, drift.chi2_p = test.statistic, test.p
    drift.excess = excess_of(before, after, (old[2], new[2]))
    drift.missing_categories = _first({t: k for t, k in old[0].items() if k and not new[0].get(t)})
    _shape(drift, before, after)
    # an "others" of the reference may hold what looks new
    fresh = {} if old[1] else {t: k for t, k in new[0].items() if k and not old[0].get(t)}
    drift.new_categories = _first(fresh)
    if fresh:
        _new(drift, fresh, n, m)
    _show(drift, named, before, after)


def _first(found: dict[str, int]) -> dict[str, int]:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:_TOLD])


def _shape(drift: ColumnDrift, before: Any, after: Any) -> None:
    n, m = before.sum(), after.sum()
    shares = (before + after) / (n + m)
    rare = shares * min(n, m) < _EXPECTED
    pooled = [np.append(one[~rare], one[rare].sum()) for one in (before, after)]
    p = chi_square(*pooled).p
    # what the distance of two samples of the same shares is in the mean
    noise = float(np.sqrt(shares * (1 - shares) * (1 / n + 1 / m)).sum() / math.sqrt(2 * math.pi))
    size = max(0.0, (drift.tvd or 0.0) - noise)
    moved = (after / m - before / n).tolist()
    drift.aspects.append(Aspect("shape", size, p, f"{drift.tvd:.0%} of the rows have moved"))
    drift.labels = [str(max(range(len(moved)), key=lambda at: abs(moved[at])))]


def _new(drift: ColumnDrift, fresh: dict[str, int], n: int, m: int) -> None:
    """A category whose rows are all in one sample: (m / (n + m)) ^ rows, for each of them."""
    most = max(fresh.values())
    p = min(1.0, len(fresh) * (m / (n + m)) ** most)
    size = sum(fresh.values()) / m
    names = ", ".join(repr(text[:30]) for text in list(drift.new_categories)[:3])
    more = f" and {len(fresh) - 3:,} more" if len(fresh) > 3 else ""
    text = f"{size:.1%} of the rows have new categories: {names}{more}"
    drift.aspects.append(Aspect("new", size, p, text))


def _show(drift: ColumnDrift, named: list[str], before: Any, after: Any) -> None:
    """Shares of the first categories, and of all others."""
    n, m = before.sum(), after.sum()
    far = drift.labels.pop() if drift.labels else "0"
    if int(far) < len(named) and drift.aspects:
        at = int(far)
        moved = f": {named[at][:30]!r} {before[at] / n:.1%} → {after[at] / m:.1%}"
        for place, aspect in enumerate(drift.aspects):
            if aspect.name == "shape":
                text = aspect.text + moved
                drift.aspects[place] = Aspect("shape", aspect.size, aspect.p, text)
    shown = min(len(named), _SHOWN)
    drift.labels = [text[:60] for text in named[:shown]]
    drift.expected = (before[:shown] / n).tolist()
    drift.actual = (after[:shown] / m).tolist()
    if len(before) > shown:
        drift.labels.append("…")
        drift.expected.append(float(before[shown:].sum() / n))
        drift.actual.append(float(after[shown:].sum() / m))
