"""A histogram as a small SVG picture, from MLRun's form: `[counts, edges]`."""

from __future__ import annotations

import math
from typing import Any

from mlrun_like.drawing.charts import histogram as draw
from mlrun_like.drawing.markup import Html, shown

__all__ = ["histogram"]

_WIDTH, _HEIGHT = 120, 28
_MOST = 200


def histogram(value: Any) -> Html:
    """The picture; empty if the value is no histogram.

    Args:
        value: `[counts, edges]`, one edge more than counts.

    >>> histogram([[1, 3], [0.0, 1.0, 2.0]])[:4], histogram("x")
    ('<svg', '')
    """
    counts, edges = _parts(value)
    if not counts:
        return Html()
    title = f"histogram from {shown(edges[0])} to {shown(edges[-1])}"
    return draw(edges, counts, width=_WIDTH, height=_HEIGHT, title=title)


def _parts(value: Any) -> tuple[list[float], list[Any]]:
    """Counts and edges, or nothing: a document may hold anything."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return [], []
    counts, edges = value
    if not isinstance(counts, (list, tuple)) or not isinstance(edges, (list, tuple)):
        return [], []
    numbers = [
        item
        for item in counts
        if isinstance(item, (int, float))
        and not isinstance(item, bool)
        and abs(item) < 1e300
        and math.isfinite(item)
        and item >= 0
    ]
    if len(numbers) != len(counts) or len(edges) != len(counts) + 1 or len(counts) > _MOST:
        return [], []
    return (numbers, list(edges)) if any(numbers) else ([], [])
