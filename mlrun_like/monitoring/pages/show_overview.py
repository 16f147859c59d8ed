"""The page of all endpoints: state, drift, traffic, failures, latency."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.drawing.charts import sparkline
from mlrun_like.drawing.page import (
    Html,
    badge,
    element,
    joined,
    link,
    number,
    percent,
    section,
    table,
    tiles,
)
from mlrun_like.monitoring.pages.frame import View, address, ago, duration, endpoint_link, framed
from mlrun_like.monitoring.pages.health import DRIFT_WORDS, level_of
from mlrun_like.types import Document

__all__ = ["overview_page"]

_HEADERS = (
    "endpoint", "project", "drift", "score", "requests, 24 h", "trend", "failed", "p50 ms",
    "p95 ms", "quality", "incidents", "last request",
)  # fmt: skip
_NUMERIC = ("failed", "p50 ms", "p95 ms", "quality", "last request")
_EACH = 250
_FEW = 15  # endpoints that need no search


def overview_page(
    rows: Sequence[Document],
    moment: float,
    view: View,
    *,
    problem: str = "",
    name: str = "",
    number_of_page: int = 1,
) -> Html:
    """All endpoints, those with problems first; 250 on a page.

    Args:
        rows: `to_dict()` of each endpoint's health.
        moment: Now, in seconds since 1970.
        view: How pages are shown.
        problem: Only endpoints with `drift`, `errors` or `incidents`; empty: all.
        name: Only those whose names contain this, case ignored.
        number_of_page: The first is 1.
    """
    part = name.lower()
    chosen = [one for one in rows if _has(one, problem) and part in one["title"].lower()]
    chosen.sort(key=lambda one: (-one["drift_status"], -one["incidents"], -one["requests"]))
    drifted = sum(_has(one, "drift") for one in rows)
    failing = sum(_has(one, "errors") for one in rows)
    hit = sum(_has(one, "incidents") for one in rows)
    summary = tiles(
        [
            ("endpoints", len(rows)),
            (_filter("with drift", "drift", view), drifted, "bad" if drifted else "ok"),
            (_filter("failing", "errors", view), failing, "warn" if failing else "ok"),
            (_filter("with incidents", "incidents", view), hit, "warn" if hit else "ok"),
            ("requests, 24 h", sum(sum(one["requests_series"]) for one in rows)),
            (
                "not recorded",
                sum(one["dropped"] for one in rows),
                "warn" if any(one["dropped"] for one in rows) else "ok",
            ),
        ]
    )
    pages = max(1, -(-len(chosen) // _EACH))
    place = min(max(number_of_page, 1), pages)
    first = (place - 1) * _EACH
    body = table(
        _HEADERS,
        [_row(one, moment) for one in chosen[first : first + _EACH]],
        _NUMERIC,
        caption="endpoints",
    )
    note = f"Only those with {problem}." if problem else ""
    others = [
        link(f"{at * _EACH + 1} to {min(len(chosen), (at + 1) * _EACH)}",
             address("/", project=view.project, problem=problem, name=name, page=at + 1))
        for at in range(pages)
        if at + 1 != place
    ]  # fmt: skip
    parts = [
        summary,
        section(
            "Endpoints",
            _search(view, problem, name) if len(rows) > _FEW or name else "",
            body or _nothing(bool(rows)),
            element("p", "More: ", joined(others, ", ")) if others else "",
            link("show all", address("/", project=view.project)) if problem or name else "",
            note=note,
        ),
    ]
    title = f"Models of {view.project}" if view.project else "Models"
    return framed(title, parts, view, here="/", moment=moment)


def _search(view: View, problem: str, name: str) -> Html:
    hidden = [
        element("input", type="hidden", name=key, value=value)
        for key, value in (("project", view.project), ("problem", problem))
        if value
    ]
    words = element(
        "input", type="search", name="name", value=name, aria_label="part of a name",
        placeholder="part of a name",
    )  # fmt: skip
    button = element("button", "Find", type="submit")
    return element("form", *hidden, words, button, method="get", action="/", role="search")


def _filter(label: str, problem: str, view: View) -> Html:
    return link(label, address("/", project=view.project, problem=problem))


def _has(one: Document, problem: str) -> bool:
    if problem == "drift":
        return bool(one["drift_status"] > 0)
    if problem == "errors":
        return (one["error_rate"] or 0.0) > 0.01
    if problem == "incidents":
        return bool(one["incidents"])
    return True


def _nothing(others: bool) -> Html:
    if others:
        return element("p", "No endpoint is like this.")
    return element(
        "p",
        "No model is watched yet. ",
        element("code", "function.set_tracking()"),
        " before a serving function is deployed lets it appear here.",
    )


def _row(one: Document, moment: float) -> list[object]:
    name: list[object] = [endpoint_link(one["title"], one["project"], one["uid"])]
    if one["mode"] != "enabled":
        name += [" ", badge("not watched", "none")]
    if one["state"] and one["state"] != "ready":
        name += [" ", badge(one["state"], "warn")]
    words = badge(DRIFT_WORDS.get(one["drift_status"], "?"), level_of(one["drift_status"]))
    late = duration(one["lag"]) if (one["lag"] or 0.0) > 7200 else ""
    return [
        element("span", *name),
        one["project"],
        element("span", words, f" {late} behind" if late else ""),
        one["drift_score"],
        sum(one["requests_series"]),
        sparkline(one["requests_series"], title="requests in the last 24 hours"),
        percent(one["error_rate"]),
        number(one["latency_p50_ms"], 3),
        number(one["latency_p95_ms"], 3),
        _quality(one),
        one["incidents"],
        ago(one["last_request"], moment),
    ]


def _quality(one: Document) -> Html | str:
    if one["quality"] is None:
        return "—"
    if one["quality_status"] > 0:
        return badge(number(one["quality"]), level_of(one["quality_status"]))
    return number(one["quality"])
