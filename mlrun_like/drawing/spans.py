"""Bars along time: steps of a pipeline, phases of a start, incidents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlrun_like.drawing.looks import SERIES, colour
from mlrun_like.drawing.markup import Html, text
from mlrun_like.drawing.scales import number_ticks, time_ticks
from mlrun_like.drawing.svg import INK, LINE, label
from mlrun_like.drawing.text import shortened
from mlrun_like.drawing.text import width as text_width

__all__ = ["Bar", "Row", "spans"]

_NAME = 190.0
_HIGH = 26
_FOOT = 22
_MOST = 200


@dataclass(frozen=True)
class Bar:
    """A part of a row: from, to (the same: a mark), its colour and what is said of it.

    Args:
        start: Where it begins.
        end: Where it ends.
        words: What is said of it when it is pointed at.
        level: "ok", "warn", "bad" or "none"; a number as text: that colour of lines.
    """

    start: float
    end: float
    words: str = ""
    level: str = "none"


@dataclass(frozen=True)
class Row:
    """A line of bars with a name, that may be a link, and words behind the last bar."""

    name: str
    bars: Sequence[Bar] = ()
    href: str = ""
    note: str = ""


def spans(
    rows: Sequence[Row],
    *,
    start: float | None = None,
    end: float | None = None,
    x_is_time: bool = True,
    width: int = 900,
    title: str = "time line",
) -> Html:
    """The rows under each other, with one axis.

    Args:
        rows: The lines; at most 200 are drawn.
        start: The axis begins here; None: at the first bar.
        end: It ends here; None: at the end of the last bar.
        x_is_time: Whether it shows moments in UTC, else numbers.
        width: In pixels.
        title: What it shows.

    >>> spans([Row("<load>", [Bar(0, 2, "2 s", "ok")])], x_is_time=False).count("<rect")
    1
    >>> spans([Row("nothing")])
    ''
    """
    drawn = list(rows[:_MOST])
    bars = [bar for row in drawn for bar in row.bars if math.isfinite(bar.start + bar.end)]
    if not bars:
        return Html()
    low = min(bar.start for bar in bars) if start is None else start
    high = max(bar.end for bar in bars) if end is None else end
    if high <= low:
        high = low + 1.0
    names = min(_NAME, max(text_width(shortened(row.name, 12, _NAME), 12.4) for row in drawn) + 14)
    notes = max(text_width(row.note, 11.4) for row in drawn) + 8
    room = max(80.0, width - names - notes)

    def x(value: float) -> float:
        return names + (min(max(value, low), high) - low) / (high - low) * room

    tall = len(drawn) * _HIGH
    parts = []
    ticks = time_ticks(low, high, max(2, int(room / 110))) if x_is_time else (
        number_ticks(low, high, max(2, int(room / 90)))
    )  # fmt: skip
    for value, words in ticks:
        half = text_width(words, 11) / 2
        parts.append(
            f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="0" y2="{tall}" '
            f'style="stroke:{LINE}"/>'
        )
        at = min(max(x(value), names + half), width - half)
        parts.append(label(at, tall + 16, words, anchor="middle"))
    for number, row in enumerate(drawn):
        y = number * _HIGH
        name = label(names - 8, y + 17, shortened(row.name, 11, names - 14), anchor="end", fill=INK)
        if row.href:
            name = f'<a href="{text(row.href)}" aria-label="{text(row.name)}">{name}</a>'
        parts.append(name)
        last = names
        for bar in row.bars:
            if not math.isfinite(bar.start + bar.end) or bar.end < low or bar.start > high:
                continue
            parts.append(_bar(bar, x(bar.start), x(bar.end), y))
            last = max(last, x(bar.end))
        if row.note:
            parts.append(label(last + 7, y + 17, row.note))
    role = "group" if any(row.href for row in drawn) else "img"
    left_out = f"; {len(rows) - len(drawn)} more are left out" if len(rows) > len(drawn) else ""
    return Html(
        f'<svg class="wide" xmlns="http://www.w3.org/2000/svg" role="{role}" '
        f'aria-label="{text(title + left_out)}" width="{width}" height="{tall + _FOOT}" '
        f'viewBox="0 0 {width} {tall + _FOOT}" '
        f'style="font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums">'
        f"{''.join(parts)}</svg>"
    )


def _bar(bar: Bar, left: float, right: float, y: float) -> str:
    if bar.level.isascii() and bar.level.isdigit():
        at = int(bar.level) % len(SERIES)
        tone = f"var(--c{at},{SERIES[at]})"
    else:
        tone = colour(bar.level)
    return (
        f'<rect x="{left:.1f}" y="{y + 6}" width="{max(right - left, 3):.1f}" height="14" rx="3" '
        f'style="fill:{tone}"><title>{text(bar.words)}</title></rect>'
    )
