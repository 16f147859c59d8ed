"""Rows of two tables with equal keys, as pairs of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.feature_store.offline.keys import codes

__all__ = ["pairs"]

_Numbers = np.ndarray[Any, Any]


def pairs(
    left: Sequence[pa.ChunkedArray], right: Sequence[pa.ChunkedArray], how: str
) -> tuple[_Numbers, _Numbers]:
    """Positions of rows that belong together; -1: the row has no partner on that side.

    Missing keys have no partners. The order is that of `left`, then that of `right`; a right join
    has the order of `right`; rows that only `right` has follow in an outer join.

    Args:
        left: Key columns of one table.
        right: Those of the other one.
        how: "inner", "left", "right" or "outer".

    Example:
        >>> one, two = pa.chunked_array([["a", "b"]]), pa.chunked_array([["b", "b", "c"]])
        >>> pairs([one], [two], "outer")
        (array([ 0,  1,  1, -1]), array([-1,  0,  1,  2]))
    """
    if how == "right":
        other, mine = pairs(right, left, "left")
        return mine, other
    one, two, _ = codes(left, right)
    order = np.argsort(two, kind="stable")
    ordered = two[order]
    first = ordered.searchsorted(one, side="left")
    number = np.where(one < 0, 0, ordered.searchsorted(one, side="right") - first)
    shown = number if how == "inner" else np.maximum(number, 1)
    rows = np.repeat(np.arange(len(one)), shown)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(shown) - shown, shown)
    place = first[rows] + within
    if how == "inner":
        return rows, order[place]
    missing = number[rows] == 0
    partners = np.full(len(rows), -1)
    partners[~missing] = order[place[~missing]]
    if how == "outer":
        alone = np.ones(len(two), bool)
        alone[partners[~missing]] = False
        rest = np.flatnonzero(alone)
        rows = np.concatenate([rows, np.full(len(rest), -1)])
        partners = np.concatenate([partners, rest])
    return rows, partners
