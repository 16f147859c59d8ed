"""What the page of an endpoint shows: drift by feature and window, quality, traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.api.pages.parts.alerts import incidents_table
from mlrun_like.api.pages.parts.lineage import uri_link
from mlrun_like.api.pages.parts.look import Look, box, facts, first, place, scrolled, took
from mlrun_like.api.pages.words import since, tabs
from mlrun_like.drawing.heatmap import heat_map
from mlrun_like.drawing.page import (
    Html,
    cards,
    element,
    fold,
    link,
    number,
    percent,
    section,
    table,
    tiles,
)
from mlrun_like.drawing.scales import time_label
from mlrun_like.monitoring.pages.health import level_of
from mlrun_like.monitoring.pages.show_endpoint import (
    numbers_table,
    quality_chart,
    result_charts,
    traffic_chart,
    windows_table,
)
from mlrun_like.monitoring.pages.show_features import (
    DETECTED,
    POSSIBLE,
    feature_picture,
    feature_table,
)
from mlrun_like.types import Document

__all__ = ["DAYS", "drift_field", "endpoint_page"]

_MOST_FEATURES = 40
_MOST_WINDOWS = 48
_MOST_PICTURES = 60
DAYS = (1, 7, 30)
"""How far back results are shown, by choice."""


def drift_field(results: Sequence[Any]) -> Document:
    """How far each feature was in each window: what the heat map shows.

    Args:
        results: Rows of results, oldest first, whose `extra` has scores of features.

    Returns:
        `features`, `ends` of windows, and `values` by feature and window; the worst on top.
    """
    found: dict[str, dict[float, float]] = {}
    for one in results:
        scores = (one.extra or {}).get("features") if isinstance(one.extra, Mapping) else None
        if not isinstance(scores, Mapping):
            continue
        for name, score in scores.items():
            if isinstance(score, (int, float)):
                known = found.setdefault(str(name), {})
                known[one.end] = max(known.get(one.end, 0.0), float(score))
    ends = sorted({end for known in found.values() for end in known})[-_MOST_WINDOWS:]
    names = sorted(
        found, key=lambda name: -max((found[name].get(end, 0.0) for end in ends), default=0.0)
    )[:_MOST_FEATURES]
    return {
        "features": names,
        "ends": ends,
        "values": [[found[name].get(end) for end in ends] for name in names],
    }


def endpoint_page(data: Document, field: Document, look: Look, tab: str = "") -> list[Html]:
    """One endpoint: what matters now, then drift, quality and traffic, or what is behind it.

    Args:
        data: From `endpoint_data`.
        field: From `drift_field`.
        look: Who looks.
        tab: `features`, `details`, or empty: the overview.
    """
    here = ("endpoints", data["uid"])
    choice = tabs(
        [
            ("Overview", place(look.project, *here), tab not in ("features", "details")),
            ("Features", place(look.project, *here, tab="features"), tab == "features"),
            ("Details", place(look.project, *here, tab="details"), tab == "details"),
        ],
        "parts of this endpoint",
    )
    if tab == "features":
        return [choice, *_features(data)]
    if tab == "details":
        return [choice, *_details(data, look)]
    return [_tiles(data, look), choice, *_overview(data, field, look)]


def _tiles(data: Document, look: Look) -> Html:
    rate = data["error_rate"]
    return tiles(
        [
            ("requests", data["requests"]),
            ("failed", percent(rate), "warn" if (rate or 0) > 0.01 else "ok"),
            ("latency p95", f"{number(data['latency_p95_ms'], 3)} ms"),
            ("drift score", number(data["drift_score"]), level_of(data["drift_status"])),
            ("quality", number(data["quality"]), level_of(data["quality_status"])),
            ("last request", since(data["last_request"], look.now)),
        ]
    )


def _overview(data: Document, field: Document, look: Look) -> list[Html]:
    drift_page = place(look.project, "endpoints", data["uid"], tab="features")
    picture = heat_map(
        field["features"],
        [time_label(end)[5:16] for end in field["ends"]],
        field["values"],
        limits=(POSSIBLE, DETECTED),
        addresses=[f"{drift_page}#{_anchor(name)}" for name in field["features"]],
        title="drift of features by window",
        width=1000,
    )
    worst = [one for one in data["features"] if one["score"] is not None][:3]
    return [
        box("Open incidents", incidents_table(data["open_incidents"], look)),
        section(
            "Drift of features, window by window",
            scrolled(picture, "drift of features by window")
            or "No window with scores of features yet: a window is judged when it is over.",
            note="Mean of total variation and Hellinger distance against the training set; UTC.",
        ),
        box("Furthest from the training set", cards(*map(feature_picture, worst)) if worst else "",
            link("all features", drift_page) if worst else "",
            note="Grey: training set; coloured: the newest window."),
        section("Traffic", *(_wide(one) for one in traffic_chart(data))),
        section("Results over time", _spans(data, look), *map(_wide, result_charts(data))),
        section(
            "Quality of predictions",
            _wide(quality_chart(data)) or _no_quality(data),
        ),
    ]  # fmt: skip


def _no_quality(data: Document) -> str:
    if data["quality"] is None:
        return "No labels have arrived yet: send them, and quality appears here."
    days = round(data["span"] / 86400)
    told = f"No measure that is a share came in {days} {'day' if days == 1 else 'days'}."
    return f"{told} The newest quality is {number(data['quality'])}, from {data['quality_result']}."


def _spans(data: Document, look: Look) -> Html:
    chosen = round(data["span"] / 86400)
    choices = [
        element("a", "1 day" if days == 1 else f"{days} days", class_="button",
                href=place(look.project, "endpoints", data["uid"], days=days),
                aria_current="true" if days == chosen else None)
        for days in DAYS
    ]  # fmt: skip
    return element("div", *choices, class_="toolbar", role="group", aria_label="how far back")


def _wide(part: Html | str) -> Html | str:
    if isinstance(part, Html) and part:
        return scrolled(part, "chart")
    return part


def _features(data: Document) -> list[Html]:
    features = data["features"]
    if not features:
        return [
            first("Nothing to compare with", "The model was logged without a training set.",
                  'context.log_model("model", body=model, training_set=frame, label_column="y")')
        ]  # fmt: skip
    pictures = [
        element("div", feature_picture(one), id=_anchor(one["name"]))
        for one in features[:_MOST_PICTURES]
    ]
    left = len(features) - len(pictures)
    return [
        section("Histograms", cards(*pictures), f"and {left} more: see the table" if left else "",
                note="Grey: training set; coloured: the newest window."),
        section("Distances", feature_table(features),
                note="Score: the mean of tvd and hellinger; 0.5 is suspicious, 0.7 is drift."),
    ]  # fmt: skip


def _anchor(name: str) -> str:
    return "f-" + "".join(letter if letter.isalnum() else "-" for letter in name)[:60]


def _details(data: Document, look: Look) -> list[Html]:
    spec = data["spec"]
    named = [
        ("model class", spec.get("model_class")),
        ("function", spec.get("function_uri")),
        ("features from", spec.get("feature_set_uri")),
        ("features", ", ".join(map(str, spec.get("feature_names") or []))),
        ("labels", ", ".join(map(str, spec.get("label_names") or []))),
        ("stream", spec.get("stream_path")),
        ("id", data["uid"]),
        ("events not recorded", data["dropped"] or ""),
        ("applications behind", took(data["lag"]) if data["lag"] else ""),
    ]
    reports = [
        [link(one["key"], place(look.project, "artifacts", one["key"])), one["application"],
         since(one["updated"], look.now)]
        for one in data["artifacts"]
    ]  # fmt: skip
    return [
        section(
            "What is behind it",
            facts(
                [
                    ("model", uri_link(spec["model_uri"], look) if spec.get("model_uri") else ""),
                    *((k, element("code", v) if v else "") for k, v in named),
                ]
            ),
        ),
        box("Reports", table(("report", "application", "updated"), reports, caption="reports")),
        section("Newest numbers", numbers_table(data) or "None yet."),
        fold("Windows", windows_table(data)),
    ]
