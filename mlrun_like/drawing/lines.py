"""Lines over time or over a number, with thresholds, bands and a legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlrun_like.drawing.looks import SERIES, colour
from mlrun_like.drawing.markup import Html, number, text
from mlrun_like.drawing.scales import number_ticks, time_label, time_ticks
from mlrun_like.drawing.svg import INK, LINE, finite, label, picture
from mlrun_like.drawing.text import shortened
from mlrun_like.drawing.text import width as text_width

__all__ = ["lines"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 12, 10, 22
_MOST_DOTS = 120
_MOST_SERIES = 24


def lines(
    series: Mapping[str, Sequence[tuple[Any, Any]]],
    *,
    thresholds: Iterable[tuple[str, float, str]] = (),
    bands: Iterable[tuple[float, float, str]] = (),
    x_is_time: bool = True,
    y_axis: str = "zero",
    width: int = 640,
    height: int = 200,
    title: str = "lines",
) -> Html:
    """A line for each series; a value that is none leaves a gap.

    Lines of very many points are thinned to the lowest and highest of each pixel, so peaks stay.

    Args:
        series: Points (x, y) by name, in the order of x. At most 24 series are drawn.
        thresholds: Dashed lines: (label, y, level), levels "ok", "warn", "bad" or "none".
        bands: Coloured spans of x: (from, to, level).
        x_is_time: Whether x are seconds since 1970, shown in UTC.
        y_axis: "zero": from zero, where values are not far from it; "near": only as far as the
            values go; "log": logarithmic, without values that are not above zero.
        width: In pixels.
        height: In pixels, without the legend.
        title: What the numbers are.

    >>> lines({"tvd": [(0, 0.1), (3600, 0.3)]}, thresholds=[("limit", 0.5, "bad")]).count("<path")
    1
    >>> lines({})
    ''
    """
    drawn = {name: _points(points) for name, points in list(series.items())[:_MOST_SERIES]}
    if y_axis == "log":
        drawn = {name: [(x, y if y > 0 else math.nan) for x, y in points]
                 for name, points in drawn.items()}  # fmt: skip
    xs = [x for points in drawn.values() for x, _ in points]
    ys = [y for points in drawn.values() for _, y in points if y == y]
    if not xs or not ys:
        return Html()
    limits = [(words, y, level) for words, y, level in thresholds if math.isfinite(y)]
    frame = _Frame(xs, [*ys, *(y for _, y, _ in limits)], width, height, y_axis)
    parts = [frame.band(*band) for band in bands]
    parts += frame.axes(x_is_time)
    # the highest first: names that would overlap move down, and so stay in order
    parts += [frame.threshold(*limit) for limit in sorted(limits, key=lambda one: -one[1])]
    for at, (name, points) in enumerate(drawn.items()):
        tone = f"var(--c{at % len(SERIES)},{SERIES[at % len(SERIES)]})"
        dots = _MOST_DOTS // len(drawn)
        parts += frame.line(name, points, tone, (at // len(SERIES), dots), x_is_time=x_is_time)
    legend, more = _legend(list(drawn), width, height) if len(drawn) > 1 else ([], 0)
    about = f"{', '.join(list(drawn)[:3])}: {number(min(ys))} to {number(max(ys))}"
    whole = picture(width, height + more, "".join([*parts, *legend]), title, about)
    # from these a script tells the values under the pointer
    scale = " ".join(f"{one:.9g}" for one in (frame.x0, frame.x1, frame.y0, frame.y1))
    kind = f"{'time' if x_is_time else 'number'} {'log' if frame.is_log else 'linear'}"
    place = f"{_LEFT} {_TOP} {width - _RIGHT} {height - _BOTTOM}"
    told = f'<svg data-lines="{place}" data-scale="{scale}" data-kind="{kind}" '
    return Html(whole.replace("<svg ", told, 1))


def _points(points: Sequence[tuple[Any, Any]]) -> list[tuple[float, float]]:
    xs, ys = finite(x for x, _ in points), finite(y for _, y in points)
    return [(x, y) for x, y in zip(xs, ys, strict=True) if x == x]


class _Frame:
    """Where numbers are on the picture."""

    def __init__(
        self, xs: list[float], ys: list[float], width: int, height: int, y_axis: str = "zero"
    ) -> None:
        self.width, self.height = width, height
        self._labels: list[float] = []
        self.x0, self.x1 = min(xs), max(xs)
        low, high = min(ys), max(ys)
        self.is_log = y_axis == "log" and low > 0
        if self.is_log:
            low, high = math.log10(low), math.log10(high)
            room = (high - low) * 0.06 or 0.1
            self.y0, self.y1 = low - room, high + room
            return
        if y_axis == "zero" and low >= 0 and low < (high - low) * 2:
            low = 0.0
        if low == high:
            room = abs(low) or 1.0
            low, high = (0.0, high + room * 0.1) if low >= 0 else (low - room * 0.1, 0.0)
        margin = (high - low) * 0.06
        self.y0, self.y1 = (low if low == 0 else low - margin), high + margin

    def x(self, value: float) -> float:
        room = self.width - _LEFT - _RIGHT
        if self.x1 == self.x0:
            return _LEFT + room / 2
        return _LEFT + (value - self.x0) / (self.x1 - self.x0) * room

    def y(self, value: float) -> float:
        room = self.height - _TOP - _BOTTOM
        value = math.log10(value) if self.is_log else value
        return _TOP + (self.y1 - value) / (self.y1 - self.y0) * room

    def axes(self, x_is_time: bool) -> list[str]:
        parts = []
        for value, words in self._ticks():
            y = self.y(value)
            parts.append(_rule(_LEFT, y, self.width - _RIGHT, y))
            parts.append(label(_LEFT - 6, y + 4, words, anchor="end"))
        ticks = time_ticks if x_is_time else number_ticks
        for value, words in ticks(self.x0, self.x1, max(2, self.width // 110)):
            half = text_width(words, 11) / 2
            x = min(max(self.x(value), _LEFT + half), self.width - half - 3)
            parts.append(label(x, self.height - 6, words, anchor="middle"))
        return parts

    def _ticks(self) -> list[tuple[float, str]]:
        if not self.is_log:
            return number_ticks(self.y0, self.y1, 4)
        first, last = math.ceil(self.y0), math.floor(self.y1)
        if last - first < 1:  # less than two powers of ten: round numbers between
            found = number_ticks(10**self.y0, 10**self.y1, 4)
            return [(value, words) for value, words in found if value > 0]
        step = max(1, math.ceil((last - first) / 5))
        return [(10.0**at, number(10.0**at)) for at in range(first, last + 1, step)]

    def band(self, start: float, end: float, level: str) -> str:
        left, right = self.x(max(start, self.x0)), self.x(min(end, self.x1))
        tall = self.height - _TOP - _BOTTOM
        return (
            f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 0):.1f}" height="{tall}" '
            f'style="fill:{colour(level)};opacity:.13"/>'
        )

    def threshold(self, words: str, value: float, level: str) -> str:
        y, tone = self.y(value), colour(level)
        short = shortened(words, 11, self.width / 3)
        place = y - 4
        while any(abs(place - other) < 12 for other in self._labels) and place < self.height - 30:
            place += 4
        self._labels.append(place)
        return (
            f'<line x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'style="stroke:{tone};stroke-dasharray:5 4"/>'
            + label(self.width - _RIGHT, place, short, anchor="end", fill=tone)
        )

    def line(
        self,
        name: str,
        points: list[tuple[float, float]],
        tone: str,
        looks: tuple[int, int],
        *,
        x_is_time: bool,
    ) -> list[str]:
        """A line; `looks`: how wide its dashes are, and with how many points these have dots."""
        dashes, most_dots = looks
        thinned = _thinned(points, self.width)
        path, dots, is_open = [], [], False
        for at, (x, y) in enumerate(thinned):
            if y != y:
                is_open = False
                continue
            here = f"{self.x(x):.1f} {self.y(y):.1f}"
            path.append(("L" if is_open else "M") + here)
            is_alone = not is_open and (
                at + 1 == len(thinned) or thinned[at + 1][1] != thinned[at + 1][1]
            )
            is_open = True
            if len(thinned) <= most_dots or is_alone:
                cx, cy = here.split()
                when = time_label(x) if x_is_time else number(x)
                words = text(f"{name}, {when}: {number(y)}")
                dots.append(f'<circle cx="{cx}" cy="{cy}" r="2.5"><title>{words}</title></circle>')
        dashed = f";stroke-dasharray:{2 + 3 * dashes} 3" if dashes else ""
        return [
            f'<path data-name="{text(name)}" d="{"".join(path)}" '
            f'style="fill:none;stroke:{tone};stroke-width:1.7{dashed}"/>'
            f'<g style="fill:{tone}">{"".join(dots)}</g>'
        ]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" style="stroke:{LINE}"/>'


def _thinned(points: list[tuple[float, float]], width: int) -> list[tuple[float, float]]:
    """At most four points a pixel's worth: the first, lowest, highest and last of each."""
    if len(points) <= 2 * width:
        return points
    size = math.ceil(len(points) / (width // 2))
    kept: list[tuple[float, float]] = []
    for at in range(0, len(points), size):
        group = points[at : at + size]
        known = [place for place, (_, y) in enumerate(group) if y == y]
        if not known:
            kept.append(group[0])
            continue
        places = {known[0], known[-1]}
        places.add(min(known, key=lambda place: group[place][1]))
        places.add(max(known, key=lambda place: group[place][1]))
        kept += [group[place] for place in sorted(places)]
    return kept


def _legend(names: list[str], width: int, top: int) -> tuple[list[str], int]:
    parts, x, y = [], float(_LEFT), top + 12.0
    for at, name in enumerate(names):
        short = shortened(name, 11, width / 2)
        wide = text_width(short, 11) + 30
        if x + wide > width and x > _LEFT:
            x, y = float(_LEFT), y + 17
        tone = f"var(--c{at % len(SERIES)},{SERIES[at % len(SERIES)]})"
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 8:.1f}" width="9" height="9" rx="2" style="fill:{tone}"/>'
            + label(x + 14, y, short, fill=INK)
        )
        x += wide
    return parts, int(y - top + 8)
