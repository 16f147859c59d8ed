"""The reports of an analysis as HTML pages, from their plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.drawing.charts import bars
from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.page import badge, number, page, paragraph, section, table, tiles

__all__ = ["comparison_page", "decay_page", "fairness_page", "slices_page"]

_DAY = 86_400.0
_MOST = 300


def slices_page(found: Mapping[str, Any]) -> str:
    """A report of `analyse_slices`."""
    metric, worst = found["metric"], found["worst"]
    top = tiles(
        [
            (f"{metric} of all rows", number(found["overall"])),
            ("rows", found["rows"]),
            ("rows without prediction", found["rows_without_prediction"]),
            ("slices looked at", found["tested"]),
            ("slices that are worse", len(worst), "warn" if worst else "ok"),
        ]
    )
    parts = [section("Overview", top), _problems(found)]
    if worst:
        labels = [one["slice"] for one in worst]
        parts.append(
            section(
                "Worst slices",
                bars(
                    labels, [one["gap"] for one in worst], title=f"{metric}: how much worse",
                    levels=["bad"] * len(worst),
                ),
                table(
                    ["slice", "rows", metric, "interval", "elsewhere", "worse by", "effect", "q"],
                    [
                        [
                            one["slice"], one["rows"], one["value"], _span(one), one["rest"],
                            one["gap"], one["effect"], one["q"],
                        ]
                        for one in worst
                    ],
                    numeric=("interval",),
                ),
                note="Each slice is held against all other rows; q is the share of false findings "
                "up to its line. A slice is told once, in its simplest form.",
            )
        )  # fmt: skip
    elif found["tested"]:
        parts.append(section("Worst slices", "No slice is surely worse than the others."))
    given = found["slices"]
    if given:
        rows = [
            [one["by"], one["slice"], one["rows"], one["value"], _span(one), _mark(one["passed"])]
            for one in given[:_MOST]
        ]
        parts.append(
            section(
                "Given slices",
                table(["by", "slice", "rows", metric, "interval", ""], rows, numeric=("interval",)),
                note=f"{len(given)} slices" + (f", {_MOST} shown" if len(given) > _MOST else ""),
            )
        )
    return _page("Slices", found, *parts)


def fairness_page(found: Mapping[str, Any]) -> str:
    """A report of `analyse_fairness`."""
    parts = [_problems(found)]
    for part in found["parts"]:
        measures = [
            [
                one["measure"], one["value"], _span(one), one["lowest"], one["highest"],
                _limit(one), ", ".join(one["not_judged"][:5]),
            ]
            for one in part["measures"]
        ]  # fmt: skip
        names = ["selected", "true_positive", "false_positive", "precision", "accuracy"]
        if any(one["calibration"] is not None for one in part["groups"]):
            names.append("calibration")
        groups = [
            [
                one["group"], one["rows"],
                *(_rate(one, name) for name in names),
                badge("judged", "ok") if one["judged"] else badge("too few rows", "none"),
            ]
            for one in part["groups"][:_MOST]
        ]  # fmt: skip
        parts.append(
            section(
                f"By {part['by']}, class {part['class']}",
                bars(
                    [one["group"] for one in part["groups"]],
                    [one["selected"] for one in part["groups"]],
                    title="share that is selected",
                ),
                table(
                    ["measure", "value", "interval", "lowest", "highest", "", "not judged"],
                    measures,
                    numeric=("interval",),
                ),
                table(["group", "rows", *names, ""], groups, numeric=names),
            )
        )
    return _page(
        "Fairness",
        found,
        *parts,
        footer="Differences are the largest less the smallest group, ratios the smallest over the "
        "largest; their intervals are corrected for choosing the two groups.",
    )


def comparison_page(found: Mapping[str, Any]) -> str:
    """A report of `compare_models`."""
    level = {"better": "ok", "worse": "bad"}
    rows = [
        [
            one["metric"], one["first"], one["second"], one["better_by"],
            f"{number(one['interval'][0])} to {number(one['interval'][1])}", one["chance"],
            badge(one["verdict"], level.get(one["verdict"], "warn")), one["needed"] or "",
            one["method"],
        ]
        for one in found["results"]
    ]  # fmt: skip
    tests = [
        [one["metric"], *(one["mcnemar"][name] for name in ("first", "second", "exact", "mid"))]
        for one in found["results"]
        if one["mcnemar"]
    ]
    heads = ["metric", "first", "second", "better by", "interval", "p", "", "rows needed", "method"]
    parts = [
        _problems(found),
        section(
            "Verdict",
            badge(found["verdict"], level.get(found["verdict"], "warn")),
            *(paragraph(one["text"]) for one in found["results"]),
        ),
        section(
            f"{found['first']} (first) against {found['second']} (second)",
            table(heads, rows, numeric=("interval",)),
            note=f"{found['rows']} rows that both models answered",
        ),
    ]
    if tests:
        parts.append(
            section(
                "McNemar's test",
                table(["metric", "only first right", "only second right", "p", "mid-p"], tests),
            )
        )
    return _page("Comparison", found, *parts)


def decay_page(found: Mapping[str, Any]) -> str:
    """A report of `analyse_decay`."""
    points = [(one["time"], one["value"]) for one in found["windows"]]
    slope, now = found["slope_per_day"], found["now"]
    last = points[-1][0]
    line = [(time, now + slope * (time - last) / _DAY) for time in (points[0][0], last)]
    left = found["days_until_limit"]
    if left is not None and 0 < left * _DAY < 3 * (last - points[0][0]):
        line.append((last + left * _DAY, now + slope * left))
    limits = [] if found["limit"] is None else [("limit", found["limit"], "bad")]
    level = {"decays": "bad", "improves": "ok"}.get(found["verdict"], "none")
    top = tiles(
        [
            ("verdict", found["verdict"], level),
            ("now", number(now)),
            ("change a day", number(slope)),
            ("interval", f"{number(found['slope_low'])} to {number(found['slope_high'])}"),
            ("half-life, days", _days(found["half_life_days"])),
            ("days until the limit", _days(left)),
            ("at the earliest", _days(found["days_until_limit_earliest"])),
        ]
    )
    chart = lines(
        {found["metric"]: points, "trend": line}, thresholds=limits, title=found["metric"]
    )
    rows = [[one["time"], one["value"]] for one in found["windows"][-_MOST:]]
    return _page(
        "Decay",
        found,
        _problems(found),
        section("Trend", top, chart, note="Theil-Sen line; its interval is Sen's"),
        section("Windows", table(["end, seconds since 1970", found["metric"]], rows)),
    )


def _page(title: str, found: Mapping[str, Any], *parts: str, footer: str = "") -> str:
    name = found.get("model") or ""
    level = "bad" if found["problems"] else "ok"
    told = badge("limits missed" if found["problems"] else "passed", level)
    return page(
        f"{title} of {name}" if name else title,
        *(one for one in parts if one),
        badges=[told],
        footer=footer,
    )


def _problems(found: Mapping[str, Any]) -> str:
    told = found["problems"]
    return section("Limits missed", *(paragraph(one) for one in told[:50])) if told else ""


def _span(one: Mapping[str, Any]) -> str:
    if one["low"] is None or one["high"] is None:
        return ""
    return f"{number(one['low'])} to {number(one['high'])}"


def _rate(one: Mapping[str, Any], name: str) -> str:
    if one[name] is None:
        return ""
    low, high = one.get(f"{name}_low"), one.get(f"{name}_high")
    span = "" if low is None else f" ({number(low, 2)} to {number(high, 2)})"
    return number(one[name], 3) + span


def _mark(passed: bool | None) -> str:
    if passed is None:
        return ""
    return badge("passed", "ok") if passed else badge("failed", "bad")


def _limit(one: Mapping[str, Any]) -> str:
    if one["limit"] is None or one["value"] is None:
        return ""
    ratio = one["measure"].endswith("_ratio") or one["measure"] == "disparate_impact"
    good = one["value"] >= one["limit"] if ratio else one["value"] <= one["limit"]
    return badge(f"limit {one['limit']:g}", "ok" if good else "bad")


def _days(value: Any) -> str:
    return "none" if value is None else number(value, 3)
