"""Curves between boxes, and the heads of arrows, as SVG."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = ["TIP", "curve", "head"]

TIP = 8.0
"""Length of an arrow's head, in pixels."""


def curve(points: Sequence[tuple[float, float]], down: bool = False) -> str:
    """The path through points along and across the flow, bent between columns.

    >>> curve([(0, 0), (10, 0)])
    'M0.0 0.0L10.0 0.0'
    """

    def at(u: float, v: float) -> str:
        return f"{v:.1f} {u:.1f}" if down else f"{u:.1f} {v:.1f}"

    path = "M" + at(*points[0])
    for (u0, v0), (u1, v1) in itertools.pairwise(points):
        if abs(v1 - v0) < 0.5:
            path += "L" + at(u1, v1)
        else:
            half = (u1 - u0) * 0.5
            path += f"C{at(u0 + half, v0)} {at(u1 - half, v1)} {at(u1, v1)}"
    return path


def head(u: float, v: float, sign: float = 1.0, down: bool = False) -> str:
    """The corners of an arrow's head that ends at a point; sign: -1 if it points back.

    >>> head(20, 5)
    '20.0,5.0 11.0,0.8 11.0,9.2'
    """
    tip = [(u, v), (u - sign * (TIP + 1), v - 4.2), (u - sign * (TIP + 1), v + 4.2)]
    return " ".join("{:.1f},{:.1f}".format(*(p[::-1] if down else p)) for p in tip)
