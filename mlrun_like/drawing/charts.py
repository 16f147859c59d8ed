"""Charts as SVG text that needs nothing else: histograms, bars, lines, sparklines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.looks import colour
from mlrun_like.drawing.markup import Html, number, percent, shown, text
from mlrun_like.drawing.svg import INK, LINE, finite, label, picture
from mlrun_like.drawing.text import shortened

__all__ = ["bars", "histogram", "lines", "sparkline"]

_MOST_BARS = 60
_LABELLED = 40  # pixels; a lower picture has no room for the ends of its axis
_OLD = "var(--old,#c3ccd6)"
_ACCENT = "var(--c0,#2f6fb0)"


def histogram(
    edges_or_labels: Sequence[Any],
    expected: Sequence[Any],
    actual: Sequence[Any] | None = None,
    *,
    width: int = 260,
    height: int = 110,
    title: str = "histogram",
    level: str = "",
) -> Html:
    """Overlaid bars: what was expected, wide and grey; what is there now, narrow and coloured.

    With two distributions, both are shown as shares of their sums. More than 60 bars are drawn
    as fewer, neighbours together.

    Args:
        edges_or_labels: One edge more than bars; as many labels as bars; or one edge less than
            bars, whose outer bars then have no end.
        expected: Counts or shares.
        actual: The same of the new data; None: only one distribution.
        width: In pixels.
        height: In pixels.
        title: Name of what is counted.
        level: Colour of the new data: "ok", "warn", "bad" or "none"; empty: blue.

    >>> histogram([0, 1, 2], [3, 1], [1, 3], title="age").count("<rect")
    4
    >>> histogram([0, 1], [], [])
    ''
    """
    before = [max(0.0, value) if value == value else 0.0 for value in finite(expected)]
    now = [max(0.0, value) if value == value else 0.0 for value in finite(actual or ())]
    now += [0.0] * (len(before) - len(now))
    before += [0.0] * (len(now) - len(before))
    names = _names(edges_or_labels, len(before))
    before, now, names = _fewer(before), _fewer(now), _fewer_names(names)
    if not before or not (any(before) or any(now)):
        return Html()
    is_pair = actual is not None
    if is_pair:
        before, now = _shares(before), _shares(now)
    show = percent if is_pair else number
    top, step = max([*before, *now]), width / len(before)
    base = height - (16 if height >= _LABELLED else 0)
    tone = colour(level) if level else _ACCENT
    tallest = base - (2 if base < height else 0)
    parts = []
    for at, (old, new) in enumerate(zip(before, now, strict=True)):
        words = f"{names[at]}: {show(old)}" + (f" expected, {show(new)} now" if is_pair else "")
        gap = min(1.0, step * 0.1)
        parts.append(f"<g><title>{text(words)}</title>")
        parts.append(_bar(at * step + gap, base, step - 2 * gap, old / top * tallest, 0))
        if is_pair:
            parts.append(_bar(at * step + step / 4, base, step / 2, new / top * tallest, 1))
        parts.append("</g>")
    left, right = _ends(edges_or_labels, names)
    style = (
        f'<g style="fill:{_OLD if is_pair else tone}">{"".join(parts)}</g>'
        f'<line x1="0" x2="{width}" y1="{base}" y2="{base}" style="stroke:{LINE}"/>'
    ).replace('class="b"', f'style="fill:{tone}"')
    if base == height:
        return picture(width, height, style, title, f"{len(before)} bars from {left} to {right}")
    half = width / 2 - 4
    ends = label(0, height - 3, shortened(left, 11, half))
    ends += label(width, height - 3, shortened(right, 11, half), anchor="end")
    return picture(width, height, style + ends, title, f"{len(before)} bars from {left} to {right}")


def _bar(x: float, base: float, width: float, tall: float, number_: int) -> str:
    tall = 0.0 if tall <= 0 else max(1.0, tall)
    kind = ' class="b"' if number_ else ""
    return (
        f'<rect{kind} x="{x:.1f}" y="{base - tall:.1f}" '
        f'width="{max(width, 0.5):.1f}" height="{tall:.1f}"/>'
    )


def _names(edges: Sequence[Any], count: int) -> list[str]:
    if len(edges) == count + 1:
        return [f"{_end(edges[at])} to {_end(edges[at + 1])}" for at in range(count)]
    if len(edges) == count - 1 and edges:
        inner = [f"{_end(edges[at])} to {_end(edges[at + 1])}" for at in range(count - 2)]
        return [f"below {_end(edges[0])}", *inner, f"{_end(edges[-1])} and more"]
    return [_end(edge) for edge in edges[:count]] + ["others"] * (count - len(edges))


def _end(value: Any) -> str:
    return number(value) if isinstance(value, float) else shown(value)


def _ends(edges: Sequence[Any], names: list[str]) -> tuple[str, str]:
    if len(edges) == len(names) + 1:
        return _end(edges[0]), _end(edges[-1])
    return names[0], names[-1] if len(names) > 1 else ""


def _fewer(values: list[float]) -> list[float]:
    size = math.ceil(len(values) / _MOST_BARS)
    if size < 2:
        return values
    return [sum(values[at : at + size]) for at in range(0, len(values), size)]


def _fewer_names(names: list[str]) -> list[str]:
    size = math.ceil(len(names) / _MOST_BARS)
    if size < 2:
        return names
    groups = [names[at : at + size] for at in range(0, len(names), size)]
    return [f"{group[0]} … {group[-1]}" if len(group) > 1 else group[0] for group in groups]


def _shares(values: list[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values] if 0 < total < math.inf else values


def bars(
    labels: Sequence[Any],
    values: Sequence[Any],
    *,
    width: int = 520,
    title: str = "bars",
    levels: Sequence[str] = (),
    unit: str = "",
    most: int = 40,
) -> Html:
    """A horizontal bar for each label, to the left of zero if the value is negative.

    Args:
        labels: Names.
        values: A number each; what is none, is left empty.
        width: In pixels.
        title: What the numbers are.
        levels: A colour each: "ok", "warn", "bad" or "none"; none given: blue.
        unit: Written after each number.
        most: Bars beyond this number are left out, and counted under the chart.

    >>> bars(["a", "<b>"], [1, -2]).count("<rect")
    2
    >>> bars([], [])
    ''
    """
    pairs = list(zip(labels, finite(values), strict=False))
    left_out = max(0, len(pairs) - most)
    pairs = pairs[:most]
    if not pairs:
        return Html()
    known = [value for _, value in pairs if value == value]
    low, high = min([0.0, *known]), max([0.0, *known])
    names_width = width * 0.3
    room = width - names_width - 70
    scale = room / ((high - low) or 1.0)
    zero = names_width + 6 - low * scale
    row, parts = 22, []
    for at, (name, value) in enumerate(pairs):
        y = at * row
        end = f"{number(value)}{unit}" if value == value else "—"
        short = shortened(shown(name), 11, names_width - 4)
        parts.append(f"<g><title>{text(f'{shown(name)}: {end}')}</title>")
        parts.append(label(names_width, y + 15, short, anchor="end", fill=INK))
        long = abs(value) * scale if value == value else 0.0
        x = zero if not value < 0 else zero - long
        tone = colour(levels[at]) if at < len(levels) and levels[at] else _ACCENT
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 4}" width="{max(long, 0.5):.1f}" height="14" rx="2" '
            f'style="fill:{tone}"/>'
        )
        parts.append(label(max(x + long, zero) + 5, y + 15, end) + "</g>")
    height = len(pairs) * row
    if left_out:
        height += row
        parts.append(label(names_width, height - 6, f"and {left_out} more", anchor="end"))
    return picture(width, height, "".join(parts), title, f"{len(pairs)} bars")


def sparkline(
    values: Sequence[Any], *, width: int = 120, height: int = 24, title: str = "", level: str = ""
) -> Html:
    """A line as small as a word; its last point is marked.

    Args:
        values: Numbers at equal distances; what is none, is a gap.
        width: In pixels.
        height: In pixels.
        title: What the numbers are.
        level: Colour: "ok", "warn", "bad" or "none"; empty: blue.

    >>> sparkline([1, 2, None, 3]).count("M"), sparkline([])
    (2, '')
    """
    points = finite(values)
    known = [value for value in points if value == value]
    if not known:
        return Html()
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = (width - 6) / max(1, len(points) - 1)
    path, is_open = [], False
    last = (0.0, 0.0)
    for at, value in enumerate(points):
        if value != value:
            is_open = False
            continue
        if is_open and points[at - 1] == value and points[at + 1 : at + 2] == [value]:
            continue  # within a flat part
        flat = 0.5 if high == low else (value - low) / span
        last = (3 + at * step, height - 3 - flat * (height - 6))
        path.append(f"{'L' if is_open else 'M'}{last[0]:.1f} {last[1]:.1f}")
        is_open = True
    tone = colour(level) if level else _ACCENT
    about = f"{number(low)} to {number(high)}, last {number(known[-1])}"
    body = (
        f'<path d="{"".join(path)}" style="fill:none;stroke:{tone};stroke-width:1.5"/>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2" style="fill:{tone}"/>'
    )
    return picture(width, height, body, title or "trend", about)
