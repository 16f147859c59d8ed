"""A validation report as one page that opens offline; small, also for hundreds of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.markup import Html, percent
from mlrun_like.drawing.page import badge, fold, page, section, table, tiles
from mlrun_like.monitoring.validation.anomalies import Anomaly
from mlrun_like.monitoring.validation.report import ValidationReport

__all__ = ["report_page"]

_MOST_BYTES = 290_000
_MOST_COLUMNS = 400
_MOST_TEXT = 160
_LEVELS = {"error": "bad", "warning": "warn"}
_ACTIONS = {"stop": "bad", "warn": "warn", "allow": "ok"}


def report_page(report: ValidationReport) -> str:
    """The whole page.

    Args:
        report: What `validate` gave.
    """
    for rows, pictures in ((250, 24), (150, 6), (60, 0)):
        found = _page(report, rows, pictures)
        if len(found.encode("utf-8", "replace")) < _MOST_BYTES:
            break
    return found


def _page(report: ValidationReport, rows: int, pictures: int) -> str:
    summary = report.summary()
    errors, drifted = summary["anomalies"], summary["drifted"]
    head = tiles(
        [
            ("rows", f"{summary['rows']:,}", "none"),
            ("columns", f"{summary['columns']:,}", "none"),
            ("anomalies", errors, "bad" if errors else "ok"),
            ("warnings", summary["warnings"], "warn" if summary["warnings"] else "ok"),
            ("drifted columns", drifted, "bad" if drifted else "ok"),
            ("personal data", summary["personal_data"], _personal_level(report)),
        ]
    )
    word = badge("valid", "ok") if report.ok else badge("not valid", "bad")
    parts: list[str] = [head]
    if report.schema is not None:
        said = _anomalies(report.anomalies, rows) or "none: the data fits the schema"
        parts.append(section("Anomalies", said))
    if report.comparison is not None:
        said = _anomalies(report.drift, rows) or "no column has drifted"
        parts.append(section("Drift", said, _drift(report, pictures)))
    parts.append(section("Personal data", _personal(report) or "none was found"))
    parts.append(section("Columns", _statistics(report)))
    return page(_cut(report.name), *parts, subtitle="Data validation", badges=[word])


def _personal_level(report: ValidationReport) -> str:
    actions = {action for _, action in report.judged()}
    return "bad" if "stop" in actions else "warn" if actions - {"allow"} else "ok"


def _cut(value: Any, most: int = _MOST_TEXT) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _anomalies(anomalies: Sequence[Anomaly], most: int) -> str:
    rows = [
        [
            badge(one.severity, _LEVELS.get(one.severity, "none")),
            _cut(one.column, 60) or "(data)",
            one.kind.replace("_", " "),
            _cut(one.what),
            f"{one.count:,}" if one.count else "",
            percent(one.share) if one.count else "",
            _cut(", ".join(one.examples), 120),
            _cut(one.fix),
        ]
        for one in anomalies[:most]
    ]
    headers = ["", "column", "kind", "what", "rows", "share", "examples", "fix"]
    found = table(headers, rows, (4, 5), caption="anomalies")
    if len(anomalies) > most:
        rest = f"and {len(anomalies) - most:,} more: see the JSON form"
        return Html(f"{found}<p>{rest}</p>")
    return found


def _drift(report: ValidationReport, most: int) -> str:
    features = sorted(report.comparison.features.items(), key=lambda pair: -pair[1].score)
    hidden = {one.column for one in report.personal_data}
    rows = [
        [
            _cut(name, 60),
            _status(one.status),
            _rounded(one.js),
            _rounded(one.psi),
            _rounded(one.ks),
            _cut("" if name in hidden else one.reason),
        ]
        for name, one in features[:_MOST_COLUMNS]
    ]
    drawn = [
        histogram(
            one.edges or [_cut(label, 30) for label in getattr(one, "labels", None) or ()],
            one.expected,
            one.actual,
            title=_cut(name, 60),
        )
        for name, one in features[:most]
        if one.expected and one.edges and name not in hidden
    ]
    headers = ["column", "status", "Jensen-Shannon", "PSI", "KS", "why"]
    whole = table(headers, rows, (2, 3, 4), caption="drift by column")
    return Html(f"{whole}{fold('Distributions', *drawn)}")


def _status(status: str) -> Html:
    level = {"no drift": "ok", "drift detected": "bad"}.get(status, "warn")
    return badge(status, level)


def _rounded(value: Any) -> str:
    return "" if value is None else f"{float(value):.3f}"


def _personal(report: ValidationReport) -> str:
    rows = [
        [
            badge(action, _ACTIONS.get(action, "none")),
            _cut(one.column, 60),
            one.kind.replace("_", " "),
            f"{one.count:,}",
            percent(one.share),
            percent(one.confidence, 0),
            one.evidence,
            _cut(", ".join(one.examples), 120),
        ]
        for one, action in report.judged()[:_MOST_COLUMNS]
    ]
    headers = ["", "column", "kind", "values", "share", "sure", "evidence", "masked examples"]
    return table(headers, rows, (3, 4, 5), caption="personal data")


def _statistics(report: ValidationReport) -> str:
    hidden = {one.column for one in report.personal_data}
    rows = []
    found = report.statistics.to_dict()
    for name, one in list(found.items())[:_MOST_COLUMNS]:
        top = ", ".join(f"{_cut(value, 20)} ({count:,})" for value, count in one["values"][:3])
        rows.append(
            [
                _cut(name, 60),
                one["type"],
                percent(one["missing_share"]),
                "" if one["distinct"] is None else f"{one['distinct']:,}",
                "" if name in hidden else _cell(one["min"]),
                _cell(one.get("mean")),
                "" if name in hidden else _cell(one["max"]),
                "" if name in hidden else _cut(top, 90),
            ]
        )
    headers = ["column", "type", "missing", "distinct", "min", "mean", "max", "most frequent"]
    whole = table(headers, rows, (2, 3, 4, 5, 6), caption="statistics by column")
    if len(found) > _MOST_COLUMNS:
        return Html(f"{whole}<p>and {len(found) - _MOST_COLUMNS:,} more: see the JSON form</p>")
    return whole


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return _cut(value, 24)
