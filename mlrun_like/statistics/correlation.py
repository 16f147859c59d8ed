"""Whether columns still move together as they did: the change of every pair's correlation.

Values are cut off at the reference's quantiles 1 % and 99 %, so that a few large ones do not
decide. The variance of a correlation r, of any distribution, is that of J. H. Steiger and A. R.
Hakstian (1982), with the moments m of the standardised columns:

n var(r) = m22 + r^2 / 4 (m40 + m04 + 2 m22) - r (m31 + m13)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlrun_like.statistics.hypotheses import normal_sf
from mlrun_like.statistics.moments import products
from mlrun_like.statistics.verdict import NONE, CompareOptions, status_of

__all__ = ["CorrelationDrift", "compare_correlations", "compare_matrices"]

_Floats = np.ndarray[Any, np.dtype[np.float64]]
_LEAST_ROWS = 30
_MOST_PAIRS = 20
_NOT_NORMAL = 1.5
"""How much larger the variance may be than that of normal variables, if it is not known."""


@dataclass
class CorrelationDrift:
    """How correlations have changed.

    Args:
        score: The largest significant change over its limit; see `verdict`.
        status: `no drift`, `possible drift` or `drift detected`.
        pairs: The pairs that changed most: names, correlation before and after, p of one pair.
        reason: One sentence.
        changes: By column, the sum of the squares of significant changes.
    """

    score: float = 0.0
    status: str = NONE
    pairs: list[dict[str, Any]] = field(default_factory=list)
    reason: str = "correlations were not compared"
    changes: dict[str, float] = field(default_factory=dict)


def compare_correlations(
    names: Sequence[str], before: _Floats, after: _Floats, options: CompareOptions
) -> CorrelationDrift:
    """Compare samples.

    Args:
        names: The columns.
        before: One row of numbers for each column, of the reference; NaN: missing.
        after: The same of the new data.
        options: `chance` and the limit.
    """
    if len(names) < 2 or min(before.shape[1], after.shape[1]) < _LEAST_ROWS:
        return CorrelationDrift()
    with np.errstate(all="ignore"):
        old, old_variance = _correlations(before)
        new, new_variance = _correlations(after)
    return _judge(names, old, new, old_variance + new_variance, options)


def compare_matrices(
    names: Sequence[str], before: Any, after: Any, rows: tuple[Any, Any], options: CompareOptions
) -> CorrelationDrift:
    """Compare correlations that are known already, as of normal variables with some reserve.

    Args:
        names: The columns.
        before: Their correlations in the reference.
        after: The same in the new data.
        rows: The rows that each correlation is of, before and after.
        options: `chance` and the limit.
    """
    with np.errstate(all="ignore"):
        parts = [_NOT_NORMAL / np.maximum(np.asarray(n) - 3, 0) for n in rows]
    few = (np.asarray(rows[0]) < _LEAST_ROWS) | (np.asarray(rows[1]) < _LEAST_ROWS)
    return _judge(names, before, after, np.where(few, np.nan, parts[0] + parts[1]), options)


def _correlations(columns: _Floats) -> tuple[_Floats, _Floats]:
    """Every pair's correlation, and the variance of its Fisher transform."""
    held = ~np.isnan(columns)
    whole = bool(held.all())
    mask = held.astype(np.float64)
    counts = (
        np.full((len(columns),) * 2, float(columns.shape[1])) if whole else products(mask, mask)
    )
    own = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    middle = np.where(held, columns, 0.0).sum(axis=1, keepdims=True) / own
    away = np.where(held, columns - middle, 0.0)
    spread = np.sqrt((away * away).sum(axis=1, keepdims=True) / own)
    away /= np.where(spread > 1e-12 * np.abs(middle), spread, np.nan)
    squares = away * away
    least = np.maximum(counts, 1)
    r = np.clip(products(away, away) / least, -1, 1)
    m22 = products(squares, squares) / least
    m31 = products(squares * away, away) / least
    m40 = np.diag(m22)[:, None]
    variance = m22 + r * r / 4 * (m40 + m40.T + 2 * m22) - r * (m31 + m31.T)
    # not below that of normal variables by much: fourth moments of few rows are rough
    variance = np.maximum(variance, 0.5 * (1 - r * r) ** 2) / np.maximum(counts - 3, 1)
    variance = np.where(counts >= _LEAST_ROWS, variance, np.nan)
    return r, variance / np.maximum((1 - r * r) ** 2, 1e-12)


def _judge(
    names: Sequence[str], old: Any, new: Any, variance: Any, options: CompareOptions
) -> CorrelationDrift:
    rows, columns = np.triu_indices(len(names), 1)
    with np.errstate(all="ignore"):
        cut = (np.arctanh(np.clip(one, -0.999999, 0.999999)) for one in (old, new))
        z = ((next(cut) - next(cut)) / np.sqrt(variance))[rows, columns]
    size = np.abs(np.asarray(new) - np.asarray(old))[rows, columns]
    known = np.isfinite(z) & np.isfinite(size)
    pairs = int(known.sum())
    if not pairs:
        return CorrelationDrift()
    level = options.chance * 0.2 / pairs
    limit = options.limit("correlation")
    found: list[dict[str, Any]] = []
    changes = dict.fromkeys(names, 0.0)
    for at in np.flatnonzero(known & (np.abs(z) > 1.9)):
        p = normal_sf(float(z[at]))
        if p > level:
            continue
        one, other = names[rows[at]], names[columns[at]]
        here = rows[at], columns[at]
        change = float(size[at])
        if change >= limit / 2:
            changes[one] += change**2
            changes[other] += change**2
        found.append({"pair": [one, other], "before": float(old[here]),
                      "after": float(new[here]), "p": p})  # fmt: skip
    found.sort(key=lambda pair: -abs(pair["after"] - pair["before"]))
    largest = abs(found[0]["after"] - found[0]["before"]) if found else 0.0
    score = largest / limit
    if status_of(score) == NONE:
        reason = f"no correlation of {pairs:,} pairs has changed beyond chance and the limit"
    else:
        one, other = found[0]["pair"]
        reason = (
            f"correlation of {one} and {other}: {found[0]['before']:.2f} → {found[0]['after']:.2f}"
        )
    return CorrelationDrift(
        score if math.isfinite(score) else 0.0,
        status_of(score),
        found[:_MOST_PAIRS],
        reason,
        changes,
    )
