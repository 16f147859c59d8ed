"""Small rows of marks: what became of the last times, and how a whole is shared."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.drawing.looks import SERIES, colour
from mlrun_like.drawing.markup import Html, number, text
from mlrun_like.drawing.svg import INK, label, picture
from mlrun_like.drawing.text import width as text_width

__all__ = ["outcomes", "shares"]

_STEP = 11
_TALL = {"ok": 20, "none": 20, "warn": 14, "bad": 8}


def outcomes(marks: Sequence[tuple[str, str]], *, title: str = "history", most: int = 60) -> Html:
    """A mark for each time, oldest first; the worse, the lower, and the colour says it too.

    Args:
        marks: (what is said of it, level) each; levels "ok", "warn", "bad" or "none".
        title: What the times are of.
        most: Only so many of the last ones.

    >>> outcomes([("1 May: completed", "ok"), ("2 May: <error>", "bad")]).count("<rect")
    2
    >>> outcomes([])
    ''
    """
    drawn = list(marks)[-most:]
    if not drawn:
        return Html()
    parts = []
    for at, (words, level) in enumerate(drawn):
        tall = _TALL.get(level, 20)
        parts.append(
            f'<rect x="{at * _STEP + 1}" y="{22 - tall}" width="{_STEP - 3}" height="{tall}" '
            f'rx="2" style="fill:{colour(level)}"><title>{text(words)}</title></rect>'
        )
    good = sum(level == "ok" for _, level in drawn)
    about = f"{good} of the last {len(drawn)} were fine; last: {drawn[-1][0]}"
    return picture(len(drawn) * _STEP, 24, "".join(parts), title, about)


def shares(parts: Sequence[tuple[str, float]], *, width: int = 520, title: str = "shares") -> Html:
    """One bar that is divided, with names and per cent.

    Args:
        parts: (name, weight) each; weights that are none or negative count as 0.
        width: In pixels.
        title: What is divided.

    >>> shares([("version 1", 90), ("<2>", 10)]).count("<rect")
    4
    >>> shares([("a", 0)])
    ''
    """
    known = [(name, max(0.0, weight) if weight == weight else 0.0) for name, weight in parts]
    total = sum(weight for _, weight in known)
    if not total:
        return Html()
    x, lx, ly, drawn, names = 0.0, 0.0, 42.0, [], []
    for at, (name, weight) in enumerate(known):
        tone = f"var(--c{at % len(SERIES)},{SERIES[at % len(SERIES)]})"
        words = f"{name}: {number(100 * weight / total, 3)} %"
        wide = weight / total * width
        drawn.append(
            f'<rect x="{x:.1f}" y="0" width="{max(wide - 1, 0):.1f}" height="20" rx="3" '
            f'style="fill:{tone}"><title>{text(words)}</title></rect>'
        )
        x += wide
        room = text_width(words, 11) + 32
        if lx and lx + room > width:
            lx, ly = 0.0, ly + 18
        names.append(
            f'<rect x="{lx:.1f}" y="{ly - 9:.1f}" width="10" height="10" rx="2" '
            f'style="fill:{tone}"/>{label(lx + 15, ly, words, fill=INK)}'
        )
        lx += room
    return picture(width, ly + 8, "".join([*drawn, *names]), title, f"{len(known)} parts")
