"""Metric series of runs, thinned out for pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["series"]

Run = tuple[str, str, int]


def series(
    store: SqlStore, runs: Sequence[Run], keys: Sequence[str] = (), points: int = 500
) -> dict[str, list[Document]]:
    """The metrics of several runs, by key; in each the runs that have it.

    Args:
        store: The store.
        runs: Project, uid and iteration of each.
        keys: Only these metrics; empty: all.
        points: About so many of each series: highest and lowest values stay.

    Returns:
        Lists of `{project, uid, iteration, name, total, points}`; a point is `[step, time, value]`
        with None for NaN, and `"inf"` or `"-inf"`, which JSON has no numbers for.
    """
    found: dict[str, list[Document]] = {}
    for project, uid, iteration in runs:
        try:
            document = store.read_run(project, uid, iteration)
        except NotFoundError:
            continue
        name = str((document.get("metadata") or {}).get("name") or "")
        sampled = store.sample_metrics(project, uid, iteration, keys, points)
        for key, one in sampled.items():
            found.setdefault(key, []).append({
                "project": project, "uid": uid, "iteration": iteration, "name": name,
                "total": one.total,
                "points": [[p.step, p.time, _value(p.value)] for p in one.points],
            })  # fmt: skip
    return found


def _value(value: float) -> Any:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
