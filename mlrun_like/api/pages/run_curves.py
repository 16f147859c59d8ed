"""Metrics over steps or time as charts: of one run, or of several over each other."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from mlrun_like.api.pages.forms import button, choice, field
from mlrun_like.api.pages.words import empty, toolbar
from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.markup import Html, element, joined, number
from mlrun_like.tracking.base import MetricPoint

__all__ = ["CurvesAsked", "compared", "curves", "curves_form", "natural"]

_MOST = 60
_X = (("", "steps"), ("time", "time"), ("since", "seconds since the start"))
_Y = (("", "as far as the values"), ("zero", "from zero"), ("log", "logarithmic"))
_SMOOTH = (("", "none"), ("0.6", "some"), ("0.9", "much"), ("0.98", "very much"))
_GRID = "grid-template-columns:repeat(auto-fill,minmax(min(440px,100%),1fr))"


@dataclass(frozen=True)
class CurvesAsked:
    """How curves are drawn.

    Args:
        x: What is along: empty: steps; `time`; `since`: seconds since the first point.
        y: Empty: as far as the values go; `zero`; `log`.
        smooth: The weight of what was before, from 0 to below 1, as a text; empty: none.
        metric: Part of the names of metrics.
    """

    x: str = ""
    y: str = ""
    smooth: str = ""
    metric: str = ""

    @classmethod
    def of(cls, query: QueryParams) -> CurvesAsked:
        """Read an address; what cannot be used is left out."""
        x, y, smooth = query.get("x", ""), query.get("y", ""), query.get("smooth", "")
        return cls(
            x=x if x in dict(_X) else "",
            y=y if y in dict(_Y) else "",
            smooth=smooth if smooth in dict(_SMOOTH) else "",
            metric=query.get("metric", "")[:100].strip(),
        )

    def pairs(self) -> dict[str, str]:
        """The query of an address that asks for the same."""
        return {"x": self.x, "y": self.y, "smooth": self.smooth, "metric": self.metric}

    def places(self, points: Sequence[MetricPoint]) -> list[tuple[float, float]]:
        """Points of a chart, smoothed."""
        begin = min((point.time for point in points), default=0.0)
        if self.x == "time":
            found = [(point.time, point.value) for point in points]
        elif self.x == "since":
            found = [(point.time - begin, point.value) for point in points]
        else:
            found = [(float(point.step), point.value) for point in points]
        found.sort(key=lambda one: one[0])
        return _smoothed(found, float(self.smooth)) if self.smooth else found


def natural(name: str) -> list[tuple[int, int, str]]:
    """The order of names for people.

    >>> sorted(["m10", "m9", "a"], key=natural)
    ['a', 'm9', 'm10']
    """
    parts = re.split(r"(\d{1,15})", name.lower())
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in parts if one]


def _smoothed(points: list[tuple[float, float]], weight: float) -> list[tuple[float, float]]:
    """An exponential mean that does not lean to zero at its begin; gaps stay."""
    found, mean, share = [], 0.0, 0.0
    for x, y in points:
        if math.isfinite(y):
            mean, share = mean * weight + y * (1 - weight), share * weight + (1 - weight)
            y = mean / share
        found.append((x, y))
    return found


def curves_form(
    asked: CurvesAsked, action: str, hidden: Sequence[tuple[str, str]], *, many: bool
) -> Html:
    """Choices of how curves are drawn; they stay in the address.

    Args:
        asked: What is chosen now.
        action: The page.
        hidden: What else its address has.
        many: Whether there are so many metrics that one looks for names.
    """
    kept = [element("input", type="hidden", name=key, value=value) for key, value in hidden]
    find = field("metric", "Metric", asked.metric, placeholder="part of it", size="12")
    form = element(
        "form", *kept, find if many or asked.metric else "",
        choice("x", "Along", _X, asked.x), choice("y", "Values", _Y, asked.y),
        choice("smooth", "Smoothing", _SMOOTH, asked.smooth), button("Draw"),
        method="get", action=action, class_="inline", aria_label="how curves are drawn",
    )  # fmt: skip
    return toolbar(form)


def curves(
    series: Mapping[str, Sequence[MetricPoint]], asked: CurvesAsked | None = None, *,
    most: int = _MOST,
) -> Html:  # fmt: skip
    """A chart of each metric of a run, names in order.

    Args:
        series: Points by metric.
        asked: How they are drawn.
        most: How many charts.
    """
    asked = asked or CurvesAsked()
    names = [name for name in sorted(series, key=natural)
             if series[name] and asked.metric.lower() in name.lower()]  # fmt: skip
    charts = [_chart(name, series[name], asked) for name in names[:most]]
    if not charts and asked.metric:
        return empty(f"No metric has {asked.metric!r} in its name.")
    if not charts:
        return empty("No metric over time.", "context.log_metric(name, value, step) draws a line.")
    more = len(names) - len(charts)
    note = f"{more} more: look for a part of the name." if more and most == _MOST else ""
    return joined([element("div", *charts, class_="grid", style=_GRID),
                   element("p", note, class_="note") if note else ""])  # fmt: skip


def _chart(name: str, points: Sequence[MetricPoint], asked: CurvesAsked) -> Html:
    known = [point for point in points if math.isfinite(point.value)]
    words = f"last {_said(points[-1].value)} at step {points[-1].step}"
    if len(known) > 1:
        low = min(known, key=lambda point: point.value)
        high = max(known, key=lambda point: point.value)
        words += (f", lowest {number(low.value)} at {low.step}, "
                  f"highest {number(high.value)} at {high.step}")  # fmt: skip
    if len(known) < len(points):
        words += f", {len(points) - len(known)} not finite"
    caption = element("figcaption", element("b", name), f" {words}")
    drawn = {name: asked.places(points)}
    if asked.smooth:
        raw = CurvesAsked(x=asked.x).places(points)
        drawn = {f"{name}, smoothed": drawn[name], "as logged": raw}
    chart = _drawn(drawn, asked, width=460, height=180, title=name)
    if not chart:
        chart = element("p", "No value of it can be drawn here.", class_="note")
    return element("figure", caption, chart)


def _said(value: float) -> str:
    return "NaN" if math.isnan(value) else number(value)


def _drawn(
    series: Mapping[str, Sequence[tuple[float, float]]], asked: CurvesAsked, *, width: int,
    height: int, title: str,
) -> Html:  # fmt: skip
    return lines(series, x_is_time=asked.x == "time", y_axis=asked.y or "near", width=width,
                 height=height, title=title)  # fmt: skip


def compared(
    by_metric: Mapping[str, Mapping[str, Sequence[MetricPoint]]], asked: CurvesAsked, *, most: int
) -> Html:
    """A chart of each metric with a line for each run.

    Args:
        by_metric: Points by metric and run.
        asked: How they are drawn.
        most: How many charts.
    """
    names = [name for name in sorted(by_metric, key=natural)
             if asked.metric.lower() in name.lower()]  # fmt: skip
    charts = [
        element("figure", element("figcaption", element("b", name)),
                _drawn({run: asked.places(points) for run, points in by_metric[name].items()},
                       asked, width=500, height=210, title=name))
        for name in names[:most]
    ]  # fmt: skip
    more = len(names) - len(charts)
    note = element("p", f"{more} more: look for a part of the name.", class_="note") if more else ""
    if not charts:
        return empty("No metric is like this.")
    return joined([element("div", *charts, class_="grid", style=_GRID.replace("440", "460")), note])
