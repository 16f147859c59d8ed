"""The frame of a chart, and its texts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from mlrun_like.drawing.markup import Html, text

__all__ = ["INK", "LINE", "MUTED", "finite", "label", "picture"]

INK, MUTED, LINE = "var(--ink,#1c2430)", "var(--muted,#5f6b7a)", "var(--line,#dde3ea)"
_SMALL = 30
_WIDE = 500  # pixels; more is not made smaller on a phone, but scrolled
_FONT = "font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums"


def picture(width: float, height: float, body: str, title: str, about: str = "") -> Html:
    """A chart as SVG that a screen reader names, in a page or alone.

    Args:
        width: In pixels.
        height: In pixels.
        body: What it shows, as SVG.
        title: Its name.
        about: What there is to see, in a sentence.

    >>> picture(10, 5, "", "a < b")[-29:]
    '<title>a &lt; b</title></svg>'
    """
    # A picture as small as a word has its description in its name only.
    described = f"<desc>{text(about)}</desc>" if about and height > _SMALL else ""
    name = text(f"{title}. {about}" if about else title)
    font = f'style="{_FONT}"' if "<text" in body else ""
    kind = ' class="wide"' if width > _WIDE else ""
    return Html(
        f'<svg{kind} xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        f"{font}><title>{text(title)}</title>{described}{body}</svg>"
    )


def label(x: float, y: float, words: Any, *, anchor: str = "start", fill: str = MUTED) -> str:
    """A small text of a chart.

    >>> label(1, 2, "<")[-11:]
    '&lt;</text>'
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" text-anchor="{anchor}" '
        f'style="fill:{fill}">{text(words)}</text>'
    )


def finite(values: Iterable[Any]) -> list[float]:
    """Numbers; what is none, not finite or too large to draw becomes NaN.

    >>> finite([1, None, float("inf"), "x", True])
    [1.0, nan, nan, nan, 1.0]
    """
    found = []
    for value in values:
        try:
            one = float(value)
        except (TypeError, ValueError, OverflowError):
            one = math.nan
        found.append(one if abs(one) < 1e300 else math.nan)
    return found
