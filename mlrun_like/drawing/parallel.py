"""Parallel coordinates: an axis for each number or word, a line for each run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.drawing.looks import SERIES
from mlrun_like.drawing.markup import Html, number, shown, text
from mlrun_like.drawing.svg import INK, LINE, label, picture
from mlrun_like.drawing.text import shortened

__all__ = ["parallel"]

_TOP, _BOTTOM, _SIDE = 34, 18, 64
_MOST_AXES = 14
_MOST_LINES = 500
_MOST_WORDS = 24


class _Axis:
    """Where the values of one name are on its axis."""

    def __init__(self, values: Sequence[Any], height: int) -> None:
        self.top, self.base = _TOP, height - _BOTTOM
        known = [value for value in values if value is not None]
        found = [_as_number(value) for value in known]
        self.words: list[str] = []
        self.low = self.high = 0.0
        if known and all(value is not None for value in found):
            numbers = [value for value in found if value is not None]
            self.low, self.high = min(numbers), max(numbers)
            self.is_log = self.low > 0 and self.high / self.low >= 200
        else:
            self.is_log = False
            self.words = sorted({shown(value) for value in known})[:_MOST_WORDS]

    def y(self, value: Any) -> float | None:
        """The height of a value; None: it is not on the axis."""
        if value is None:
            return None
        if self.words:
            word = shown(value)
            if word not in self.words:
                return None
            share = (self.words.index(word) + 0.5) / len(self.words)
            return self.top + (self.base - self.top) * share
        found = _as_number(value)
        if found is None:
            return None
        low, high = self.low, self.high
        if self.is_log:
            low, high, found = math.log(low), math.log(high), math.log(found)
        if high == low:
            return (self.top + self.base) / 2
        # Half of each, so that the distance of the largest floats is no infinity.
        share = (found / 2 - low / 2) / (high / 2 - low / 2)
        return self.base - (self.base - self.top) * share

    def labels(self) -> list[tuple[float, str]]:
        """Texts beside the axis."""
        if self.words:
            return [(self.y(word) or 0.0, word) for word in self.words]
        if self.low == self.high:
            return [((self.top + self.base) / 2, number(self.low))]
        return [(self.base, number(self.low)), (self.top, number(self.high))]


def parallel(
    axes: Sequence[str],
    rows: Mapping[str, tuple[str, Sequence[Any]]],
    *,
    colour_by: int | None = None,
    width: int = 960,
    height: int = 320,
    title: str = "parallel coordinates",
) -> Html:
    """A line for each row through its values; a missing value leaves a gap.

    Axes of numbers that span more than two powers of ten are logarithmic. The script of the
    service's pages lets a reader drag along an axis to keep some of the lines.

    Args:
        axes: Names; the first 14 are drawn.
        rows: Name and values (one an axis, None: missing) by key; the first 500 are drawn.
        colour_by: The axis whose values give the colours; None: each line has its own.
        width: In pixels.
        height: In pixels.
        title: What is compared.

    >>> drawn = parallel(["lr", "loss"], {"1": ("a", [0.1, 3]), "2": ("<b>", [0.2, None])})
    >>> drawn.count('class="pc"'), "&lt;b&gt;" in drawn
    (2, True)
    >>> parallel([], {})
    ''
    """
    names = list(axes)[:_MOST_AXES]
    lines = list(rows.items())[:_MOST_LINES]
    if not names or not lines:
        return Html()
    scales = [_Axis([_at(values, place) for _, (_, values) in lines], height)
              for place in range(len(names))]  # fmt: skip
    room = max(width - 2 * _SIDE, 1)
    step = room / max(len(names) - 1, 1)
    xs = [_SIDE + (step * place if len(names) > 1 else room / 2) for place in range(len(names))]
    parts = []
    for at, (key, (name, values)) in enumerate(lines):
        ys = [scale.y(_at(values, place)) for place, scale in enumerate(scales)]
        tone = _tone(at, ys, colour_by, scales)
        parts.append(_line(key, name, list(zip(names, values, strict=False)), xs, ys, tone))
    for place, (name, scale) in enumerate(zip(names, scales, strict=True)):
        x = xs[place]
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{scale.top}" y2="{scale.base}" '
            f'style="stroke:{LINE};stroke-width:1.5"/>'
        )
        short = shortened(name, 11, max(step - 10, 60))
        parts.append(label(x, 14, short, anchor="middle", fill=INK))
        is_last = place == len(names) - 1 and place > 0
        for y, words in scale.labels():
            if scale.words:
                near = -6 if is_last else 6
                anchor = "end" if is_last else "start"
                parts.append(label(x + near, y + 4, shortened(words, 11, step / 2), anchor=anchor))
            else:
                below = y >= scale.base
                parts.append(label(x, y + 14 if below else y - 5, words, anchor="middle"))
        parts.append(
            f'<rect class="axis-hit" data-axis="{place}" x="{x - 12:.1f}" y="{scale.top}" '
            f'width="24" height="{scale.base - scale.top}" fill="none" pointer-events="all">'
            f"<title>{text(name)}: drag to keep a range</title></rect>"
        )
    about = f"{len(lines)} lines over {', '.join(names[:5])}"
    drawn = picture(width, height, "".join(parts), title, about)
    return Html(drawn.replace("<svg ", '<svg data-parallel="1" ', 1))


def _line(
    key: str,
    name: str,
    values: Sequence[tuple[str, Any]],
    xs: Sequence[float],
    ys: Sequence[float | None],
    tone: str,
) -> str:
    path, is_open = [], False
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            is_open = False
            continue
        path.append(f"{'L' if is_open else 'M'}{x:.1f} {y:.1f}")
        is_open = True
    told = ", ".join(f"{axis} {number(value)}" for axis, value in values if value is not None)
    places = ",".join("" if y is None else f"{y:.1f}" for y in ys)
    return (
        f'<path class="pc" d="{"".join(path)}" data-key="{text(key)}" data-ys="{places}" '
        f'fill="none" style="stroke:{tone}"><title>{text(f"{name}: {told}")}</title></path>'
    )


def _tone(
    at: int, ys: Sequence[float | None], colour_by: int | None, scales: Sequence[_Axis]
) -> str:
    if colour_by is None or not 0 <= colour_by < len(ys):
        return f"var(--c{at % len(SERIES)},{SERIES[at % len(SERIES)]})"
    y = ys[colour_by]
    if y is None:
        return "var(--old,#c3ccd6)"
    scale = scales[colour_by]
    share = round(100 * (scale.base - y) / max(scale.base - scale.top, 1))
    return f"color-mix(in oklab,var(--c1,{SERIES[1]}) {share}%,var(--c0,{SERIES[0]}))"


def _at(values: Sequence[Any], place: int) -> Any:
    value = values[place] if place < len(values) else None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
