"""The page `drift_table_plot`: every feature's distances, statistics and histograms, offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.page import badge, page, section, table, tiles
from mlrun_like.monitoring.applications.results import ResultStatusApp

__all__ = ["LEVELS", "drift_page", "drift_table"]

LEVELS = {
    ResultStatusApp.irrelevant: ("not judged", "none"),
    ResultStatusApp.no_detection: ("no drift", "ok"),
    ResultStatusApp.potential_detection: ("possible drift", "warn"),
    ResultStatusApp.detected: ("drift detected", "bad"),
}
_DRAWN = 60
"""Features with a histogram: the page stays below 300 KB."""


def drift_table(
    context: Any,
    names: Sequence[str],
    distances: Any,
    metrics: Sequence[str],
    judged: tuple[Any, Sequence[ResultStatusApp]],
) -> str:
    """The page of one window.

    Args:
        context: The window.
        names: Features.
        distances: A row of distances for each.
        metrics: Names of the columns of `distances`.
        judged: The drift of each feature, and its status.
    """
    return drift_page(
        f"Drift of {context.endpoint_name or context.endpoint_id}",
        names,
        distances,
        metrics,
        judged,
        (context.feature_stats, context.sample_df_stats),
        f"{context.start_infer_time} to {context.end_infer_time}",
    )


def drift_page(
    title: str,
    names: Sequence[str],
    distances: Any,
    metrics: Sequence[str],
    judged: tuple[Any, Sequence[ResultStatusApp]],
    stats: tuple[Any, Any],
    subtitle: str = "",
) -> str:
    """The same page of any two sets of rows.

    Args:
        title: The page's.
        names: Features.
        distances: A row of distances for each.
        metrics: Names of the columns of `distances`.
        judged: The drift of each feature, and its status.
        stats: By feature, statistics before and now.
        subtitle: What is below the title.
    """
    drift, statuses = judged
    order = sorted(range(len(names)), key=lambda i: -float(drift[i]))
    before, now = stats
    rows = []
    for place, i in enumerate(order):
        name = names[i]
        label, level = LEVELS[statuses[i]]
        rows.append(
            [
                name,
                badge(label, level),
                *(float(one) for one in distances[i]),
                before.get(name, {}).get("mean"),
                now.get(name, {}).get("mean"),
                _bars(name, before, now, level) if place < _DRAWN else "",
            ]
        )
    count = sum(one is ResultStatusApp.detected for one in statuses)
    general = float(sum(drift)) / len(names) if names else 0.0
    return page(
        title,
        tiles(
            [
                ("features", len(names), "none"),
                ("drifted", count, "bad" if count else "ok"),
                ("general drift", general, "none"),
            ]
        ),
        section(
            "Features",
            table(["feature", "status", *metrics, "mean in training", "mean now", "shares"], rows),
            note="Grey: training. Coloured: this window.",
        ),
        subtitle=subtitle,
    )


def _bars(name: str, before: Any, now: Any, level: str) -> str:
    old, new = before.get(name, {}).get("hist"), now.get(name, {}).get("hist")
    if not old or not new:
        return ""
    return histogram(old[1][1:-1], old[0], new[0], title=name, level=level)
