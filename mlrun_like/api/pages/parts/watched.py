"""What the list of endpoints shows: models that are watched, those with problems first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.api.pages.parts.look import Look, first, place, took
from mlrun_like.api.pages.words import since, tabs
from mlrun_like.drawing.charts import sparkline
from mlrun_like.drawing.page import (
    Html,
    badge,
    joined,
    link,
    number,
    paragraph,
    percent,
    table,
    tiles,
)
from mlrun_like.monitoring.pages.health import DRIFT_WORDS, level_of
from mlrun_like.types import Document

__all__ = ["endpoints_page"]

_FIRST = """\
fn = project.get_function("scorer")        # a serving function with a model
fn.set_tracking()                          # record what it is asked and what it answers
project.deploy_function(fn)
project.enable_model_monitoring(base_period=10)   # each ten minutes are judged"""


def endpoints_page(rows: Sequence[Document], look: Look, problem: str = "") -> list[Html]:
    """All endpoints, those with problems first.

    Args:
        rows: `to_dict()` of each endpoint's health.
        look: Who looks.
        problem: Only those with `drift`, `errors` or `incidents`; empty: all.
    """
    if not rows:
        return [
            first("No model is watched yet", "An endpoint is a model that answers requests: its "
                  "inputs are compared with its training set, window by window.", _FIRST)
        ]  # fmt: skip
    chosen = [one for one in rows if _has(one, problem)]
    chosen.sort(key=lambda one: (-one["drift_status"], -one["incidents"], one["title"]))
    kinds = ("", "all"), ("drift", "with drift"), ("errors", "failing"), ("incidents", "incidents")
    counts = {key: sum(_has(one, key) for one in rows) for key, _ in kinds}
    choices = tabs(
        [
            (
                f"{label} {counts[key]}",
                place(look.project, "endpoints", problem=key),
                key == problem,
            )
            for key, label in kinds
        ],
        "which endpoints",
    )
    headers = ("endpoint", "drift", "score", "requests, 24 h", "trend", "failed", "p95 ms",
               "quality", "incidents", "last request")  # fmt: skip
    cells = [_row(one, look) for one in chosen[:500]]
    asked = sum(sum(one["requests_series"]) for one in rows)
    return [
        tiles([
            ("endpoints", len(rows)),
            ("with drift", counts["drift"], "bad" if counts["drift"] else "ok"),
            ("failing", counts["errors"], "warn" if counts["errors"] else "ok"),
            ("with incidents", counts["incidents"], "warn" if counts["incidents"] else "ok"),
            ("requests, 24 h", asked),
        ]),
        choices,
        table(headers, cells, ("failed", "p95 ms", "quality"), caption="endpoints")
        or paragraph("No endpoint is like this."),
    ]  # fmt: skip


def _row(one: Document, look: Look) -> list[Any]:
    words = badge(DRIFT_WORDS.get(one["drift_status"], "?"), level_of(one["drift_status"]))
    behind = f" {took(one['lag'])} behind" if (one["lag"] or 0.0) > 7200 else ""
    named: list[Any] = [link(one["title"], place(look.project, "endpoints", one["uid"]))]
    if one["mode"] != "enabled":
        named += [" ", badge("not watched")]
    quality: Any = number(one["quality"])
    if one["quality_status"] > 0:
        quality = badge(str(quality), level_of(one["quality_status"]))
    return [
        joined(named),
        joined([words, behind]),
        one["drift_score"],
        sum(one["requests_series"]),
        sparkline(one["requests_series"], title="requests in the last 24 hours"),
        percent(one["error_rate"]),
        number(one["latency_p95_ms"], 3),
        quality,
        one["incidents"],
        since(one["last_request"], look.now),
    ]


def _has(one: Document, problem: str) -> bool:
    if problem == "drift":
        return bool(one["drift_status"] > 0)
    if problem == "errors":
        return (one["error_rate"] or 0.0) > 0.01
    return bool(one["incidents"]) if problem == "incidents" else True
