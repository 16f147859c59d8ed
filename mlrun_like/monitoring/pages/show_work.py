"""The page of pipelines, runs and serving performance."""

from __future__ import annotations

from mlrun_like.drawing.charts import sparkline
from mlrun_like.drawing.page import Html, number, percent, section, table, tiles
from mlrun_like.monitoring.pages.frame import (
    View,
    duration,
    endpoint_link,
    framed,
    state_badge,
    when,
)
from mlrun_like.types import Document

__all__ = ["work_page"]

_MOST = 500


def work_page(data: Document, view: View) -> Html:
    """Counts of runs, the newest pipelines, and how fast each endpoint answers."""
    counts = data["counts"]
    pipelines = [one for one in counts if one["kind"] == "pipeline"]
    failed = sum(one["runs"] for one in pipelines if one["state"] == "error")
    wrong = sum(one["runs"] for one in counts if one["state"] == "error")
    days = data["span"] / 86400
    parts = [
        tiles(
            [
                ("pipelines", sum(one["runs"] for one in pipelines)),
                ("failed pipelines", failed, "bad" if failed else "ok"),
                ("runs", sum(one["runs"] for one in counts)),
                ("failed runs", wrong, "warn" if wrong else "ok"),
                ("running", sum(one["runs"] for one in counts if one["state"] == "running")),
            ]
        ),
        section("Serving performance", _serving(data) or "No model is watched yet."),
        section("Newest pipelines", _runs(data["pipelines"]) or "There are none."),
        section("Newest failures", _runs(data["failed"]) or "There are none."),
        section(
            "Runs by state",
            _counts(data) or "There are none.",
            note=f"Of the last {number(days)} days.",
        ),
    ]
    return framed("Pipelines and serving", parts, view, here="/work", moment=data["time"])


def _serving(data: Document) -> Html:
    rows = [
        [
            endpoint_link(one["title"], one["project"], one["uid"]),
            sum(one["requests_series"]),
            sparkline(one["requests_series"], title="requests in the last 24 hours"),
            percent(one["error_rate"]),
            *(number(one[f"latency_{key}_ms"], 3) for key in ("p50", "p95", "p99")),
            one["dropped"],
        ]
        for one in sorted(data["serving"], key=lambda one: -(one["latency_p95_ms"] or 0.0))[:_MOST]
    ]
    headers = ("endpoint", "requests, 24 h", "trend", "failed", "p50 ms", "p95 ms", "p99 ms",
               "not recorded")  # fmt: skip
    return table(headers, rows, headers[3:7], caption="serving performance")


def _runs(rows: list[Document]) -> Html:
    shown = [
        [
            one["name"],
            one["project"],
            state_badge(one["state"]),
            when(one["started"]),
            duration(one["seconds"]),
            one["uid"][:12],
            one["error"],
        ]
        for one in rows
    ]
    headers = ("name", "project", "state", "started", "took", "id", "error")
    return table(headers, shown, ("took",), caption="runs")


def _counts(data: Document) -> Html:
    rows = [
        [
            one["project"],
            one["kind"] or "local",
            state_badge(one["state"]),
            one["runs"],
            duration(one["mean_seconds"]),
        ]
        for one in data["counts"]
    ]
    return table(
        ("project", "kind", "state", "runs", "mean time"), rows, ("mean time",), caption="runs"
    )
