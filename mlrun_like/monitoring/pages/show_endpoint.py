"""The page of one endpoint, and the report of its features' drift."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from mlrun_like.drawing.charts import lines
from mlrun_like.drawing.page import (
    Html,
    badge,
    cards,
    element,
    fold,
    joined,
    number,
    percent,
    section,
    table,
    tiles,
)
from mlrun_like.monitoring.pages.frame import (
    View,
    ago,
    duration,
    endpoint_link,
    framed,
    state_badge,
    when,
)
from mlrun_like.monitoring.pages.health import DRIFT_WORDS, level_of
from mlrun_like.monitoring.pages.show_features import (
    DETECTED,
    POSSIBLE,
    feature_picture,
    feature_table,
)
from mlrun_like.monitoring.pages.show_incidents import incidents_table
from mlrun_like.types import Document

__all__ = [
    "endpoint_page",
    "feature_drift_page",
    "numbers_table",
    "quality_chart",
    "result_charts",
    "traffic_chart",
    "windows_table",
]

_WIDE = 1080
_MOST_CHARTS = 12
_MOST_PICTURES = 60
_STATUS_WORDS = {-1: "—", 0: "fine", 1: "suspicious", 2: "detected"}


def endpoint_page(data: Document, view: View) -> Html:
    """Counters, results over time, features, quality, windows and links of an endpoint."""
    sections = [
        _tiles(data),
        section("Results over time", *result_charts(data)),
        section("Traffic", *traffic_chart(data)),
        section("Features", *_features(data), key="features"),
        section("Quality of predictions", quality_chart(data) or "No labels have arrived yet."),
        section(
            "Open incidents",
            incidents_table(data["open_incidents"], view) or "There are none.",
        ),
        section("What is behind it", _links(data)),
        fold("Newest numbers of applications", numbers_table(data)),
        fold("Windows", windows_table(data)),
    ]
    return framed(
        data["title"],
        sections,
        view,
        here="",
        subtitle=f"Project {data['project']}",
        badges=[
            badge(DRIFT_WORDS.get(data["drift_status"], "?"), level_of(data["drift_status"])),
            badge("watched" if data["mode"] == "enabled" else "not watched"),
        ],
        moment=data["time"],
    )


def feature_drift_page(data: Document, view: View) -> Html:
    """Every feature's distances and histograms: grey as in training, coloured as it is now."""
    features = data["features"]
    sections = [
        section(
            "Distances",
            feature_table(features) or "No window has been judged yet.",
            note="Score: the mean of tvd and hellinger; 0.5 is suspicious, 0.7 is drift.",
        ),
        section(
            "Histograms",
            cards(*(feature_picture(one) for one in features[:_MOST_PICTURES])),
            f"and {len(features) - _MOST_PICTURES} more: see the table"
            if len(features) > _MOST_PICTURES
            else "",
            note="Grey: training set; coloured: the newest window.",
        ),
        element("p", endpoint_link("back to the endpoint", data["project"], data["uid"])),
    ]
    moment = data["features_time"]
    told = joined([element("span", "Newest window ends "), when(moment)]) if moment else ""
    return framed(
        f"Drift of {data['title']}",
        [element("p", told, class_="note") if told else "", *sections],
        view,
        here="",
        subtitle=f"Project {data['project']}",
        badges=[badge(DRIFT_WORDS.get(data["drift_status"], "?"), level_of(data["drift_status"]))],
        moment=data["time"],
    )


def _tiles(data: Document) -> Html:
    rate = data["error_rate"]
    return tiles(
        [
            ("requests", data["requests"]),
            ("failed", percent(rate), "warn" if (rate or 0) > 0.01 else "ok"),
            ("latency p95", f"{number(data['latency_p95_ms'], 3)} ms"),
            ("drift score", number(data["drift_score"]), level_of(data["drift_status"])),
            ("quality", number(data["quality"]), level_of(data["quality_status"])),
            ("not recorded", data["dropped"], "warn" if data["dropped"] else "ok"),
            ("last request", ago(data["last_request"], data["time"])),
            ("applications behind", duration(data["lag"])),
        ]
    )


def result_charts(data: Document) -> list[Html | str]:
    """A chart for each application: results, and marks where they were serious."""
    by_application: dict[str, dict[str, list[tuple[float, Any]]]] = {}
    bands: dict[str, list[tuple[float, float, str]]] = {}
    for name, points in data["series"].items():
        about = data["kinds"].get(name) or {}
        if about.get("type") != "result":
            continue
        application = str(about.get("application") or "")
        short = name.removeprefix(f"{application}.")
        own = by_application.setdefault(application, {})
        own[short] = [(time, value) for time, value, _ in points]
        bands.setdefault(application, []).extend(_bands(points))
    charts: list[Html | str] = []
    for application, series in list(by_application.items())[:_MOST_CHARTS]:
        drift = any(
            (data["kinds"].get(f"{application}.{name}") or {}).get("kind") == "data_drift"
            for name in series
        )
        limits = [("possible", POSSIBLE, "warn"), ("detected", DETECTED, "bad")]
        is_default = application == "histogram-data-drift" and drift
        picture = lines(
            series,
            thresholds=limits if is_default else (),
            bands=bands[application],
            width=_WIDE,
            height=180,
            title=f"results of {application}",
        )
        charts.append(element("figure", element("h3", application), picture))
    return charts or ["No window has been judged yet."]


def _bands(points: Sequence[Sequence[Any]]) -> list[tuple[float, float, str]]:
    """Times that were serious, each as long as a window is: hours without any are not."""
    found: list[tuple[float, float, str]] = []
    before = points[0][0] if points else 0.0
    gaps = [after[0] - one[0] for one, after in pairwise(points) if after[0] > one[0]]
    length = min(gaps, default=0.0) * 1.5  # windows may be a little late
    for time, _, status in points:
        if status > 0:
            level, begin = level_of(status), before
            if time - before > length:
                begin = time - length / 1.5
            if found and found[-1][1] == begin and found[-1][2] == level:
                found[-1] = (found[-1][0], time, level)
            else:
                found.append((begin, time, level))
        before = time
    return found[-200:]


def traffic_chart(data: Document) -> list[Html | str]:
    """Requests and failures of the last day."""
    rows = data["requests_over_time"]
    if not rows:
        return ["No requests in the last 24 hours."]
    series = {
        "requests": [(time, asked) for time, asked, _ in rows],
        "failed": [(time, failed) for time, _, failed in rows],
    }
    return [lines(series, width=_WIDE, height=150, title="requests in 15 minutes")]


def _features(data: Document) -> list[Html | str]:
    features = data["features"]
    if not features:
        return ["The model was logged without a training set: nothing to compare with."]
    worst = [one for one in features if one["score"] is not None][:6] or features[:6]
    report = endpoint_link("all features and histograms", data["project"], data["uid"], "/drift")
    return [feature_table(features[:20]), element("p", report), cards(*map(feature_picture, worst))]


def quality_chart(data: Document) -> Html:
    """Measures of quality that are shares, by window."""
    windows = data["quality_windows"]
    series: dict[str, list[tuple[float, Any]]] = {}
    for one in windows:
        for key, value in one.items():
            is_number = isinstance(value, float) and not isinstance(value, bool)
            if key not in ("first", "last") and is_number and 0 <= value <= 1:
                series.setdefault(key, []).append((one["last"], value))
    return lines(series, width=_WIDE, height=170, title="quality of predictions by window")


def _links(data: Document) -> Html:
    spec = data["spec"]
    rows: list[tuple[str, Any]] = [
        ("model", spec.get("model_uri")),
        ("model class", spec.get("model_class")),
        ("function", spec.get("function_uri")),
        ("features from", spec.get("feature_set_uri")),
        ("features", ", ".join(map(str, spec.get("feature_names") or []))),
        ("labels", ", ".join(map(str, spec.get("label_names") or []))),
        ("stream", spec.get("stream_path")),
        ("id", data["uid"]),
    ]
    for one in data["artifacts"]:
        rows.append((f"{one['application']} report", f"{one['key']}  {one['uri']}"))
    shown = [(name, element("code", value)) for name, value in rows if value]
    plain = f"/endpoints/{quote(data['project'], safe='')}/{quote(data['uid'], safe='')}"
    json_link = element("a", "JSON", href=f"{plain}?format=json")
    return joined([table(("", ""), shown, caption="links"), element("p", json_link)])


def numbers_table(data: Document) -> Html:
    """The newest numbers of applications."""
    rows = [
        [
            one["application"],
            one["name"],
            one["type"],
            number(one["value"]),
            badge(_STATUS_WORDS.get(one["status"], "?"), level_of(one["status"])),
            when(one["end"]),
        ]
        for one in data["results"]
    ]
    headers = ("application", "name", "type", "value", "status", "window's end")
    return table(headers, rows, ("value",), caption="newest numbers")


def windows_table(data: Document) -> Html:
    """What became of the newest windows."""
    rows = [
        [
            one["application"],
            when(one["start"]),
            when(one["end"]),
            state_badge(one["state"]),
            one["events"],
            one["error"],
        ]
        for one in data["windows"]
    ]
    headers = ("application", "from", "to", "state", "events", "error")
    return table(headers, rows, caption="windows")
