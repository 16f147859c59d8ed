"""A field of coloured cells: how much of something there is, by row and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.drawing.looks import colour
from mlrun_like.drawing.markup import Html, number, text
from mlrun_like.drawing.svg import INK, LINE, finite, label
from mlrun_like.drawing.text import shortened
from mlrun_like.drawing.text import width as text_width

__all__ = ["heat_map"]

_NAME = 170.0  # the widest name of a row
_HIGH = 24
_HEAD = 20
_FOOT = 26
_WORDS = 38.0  # a cell that is this wide has its number in it


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[Any]],
    *,
    limits: tuple[float, float] = (0.5, 0.7),
    addresses: Sequence[str] = (),
    title: str = "heat map",
    width: int = 900,
) -> Html:
    """Cells from pale to full: green below the first limit, orange up to the second, then red.

    Numbers stand in the cells where there is room, and in what is said of each when it is pointed
    at: the colour alone tells nothing.

    Args:
        rows: Names of the rows.
        columns: Names of the columns, from left to right.
        values: A row of numbers for each row; what is none is an empty cell.
        limits: Where the colour changes.
        addresses: Where the name of each row leads.
        title: What the numbers are.
        width: In pixels; cells are at most 64 wide, or as their column's name.

    >>> found = heat_map(["<age>", "city"], ["10:00", "11:00"], [[0.1, 0.8], [None, 0.6]])
    >>> found.count("<rect"), "&lt;age&gt;, 11:00: 0.8" in found
    (7, True)
    >>> heat_map([], [], [])
    ''
    """
    if not rows or not columns:
        return Html()
    names = min(_NAME, max(text_width(shortened(one, 11, _NAME), 11) for one in rows) + 32)
    widest = max(text_width(one, 11) for one in columns) + 10
    step = max(8.0, min(max(64.0, widest), (width - names) / len(columns)))
    legend, told = _legend(names, _HEAD + _HIGH * len(rows) + _FOOT - 8, limits)
    wide, high = max(names + step * len(columns), told), _HEAD + _HIGH * len(rows) + _FOOT
    parts = []
    for at, row in enumerate(rows):
        y = _HEAD + at * _HIGH
        name = label(names - 8, y + 16, shortened(row, 11, names - 30), anchor="end", fill=INK)
        if at < len(addresses) and addresses[at]:
            name = f'<a href="{text(addresses[at])}" aria-label="{text(row)}">{name}</a>'
        parts.append(name)
        known = finite(values[at]) if at < len(values) else []
        for place, column in enumerate(columns):
            one = known[place] if place < len(known) else float("nan")
            parts.append(_cell(f"{row}, {column}", one, (names + place * step, y), step, limits))
    every = 1 if widest <= step else int(widest / step) + 1
    for place in range(0, len(columns), every):
        x = names + place * step + (step / 2 if every == 1 else 0)
        anchor = "middle" if every == 1 else "start"
        if x + text_width(columns[place], 11) <= wide or every == 1:
            parts.append(label(x, 14, columns[place], anchor=anchor))
    parts.append(legend)
    role = "group" if any(addresses) else "img"
    kind = ' class="wide"' if wide > 500 else ""
    return Html(
        f'<svg{kind} xmlns="http://www.w3.org/2000/svg" role="{role}" aria-label="{text(title)}" '
        f'width="{wide:.0f}" height="{high}" viewBox="0 0 {wide:.1f} {high}" '
        f'style="font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums">'
        f"{''.join(parts)}</svg>"
    )


def _cell(
    words: str,
    value: float,
    place: tuple[float, float],
    step: float,
    limits: tuple[float, float],
) -> str:
    x, y = place
    box = f'x="{x + 1:.1f}" y="{y + 1}" width="{step - 2:.1f}" height="{_HIGH - 2}" rx="2"'
    if value != value:
        return (
            f"<g><title>{text(f'{words}: not judged')}</title>"
            f'<rect {box} style="fill:none;stroke:{LINE}"/></g>'
        )
    level = "ok" if value < limits[0] else "warn" if value < limits[1] else "bad"
    strength = 0.12 + 0.68 * min(1.0, max(0.0, value / (limits[1] or 1.0)))
    inner = ""
    if step >= _WORDS:
        inner = label(x + step / 2, y + 16, number(value, 2), anchor="middle", fill=INK)
    shade = min(strength, 0.42) if inner else strength  # a number must stay readable
    return (
        f"<g><title>{text(f'{words}: {number(value, 3)}')}</title>"
        f'<rect {box} style="fill:{colour(level)};fill-opacity:{shade:.2f}"/>{inner}</g>'
    )


def _legend(x: float, y: float, limits: tuple[float, float]) -> tuple[str, float]:
    """The legend, and where it ends."""
    words = (
        ("ok", f"below {number(limits[0])}"),
        ("warn", f"{number(limits[0])} to {number(limits[1])}"),
        ("bad", f"{number(limits[1])} and more"),
    )
    parts = []
    for level, told in words:
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2" '
            f'style="fill:{colour(level)};fill-opacity:.7"/>{label(x + 15, y, told)}'
        )
        x += text_width(told, 11) + 32
    return "".join(parts), x
