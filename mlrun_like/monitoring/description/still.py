"""Charts of a table as SVG, in pages that need nothing: no scripts, no network, no package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from mlrun_like.drawing.charts import bars, histogram
from mlrun_like.drawing.heatmap import heat_map
from mlrun_like.drawing.looks import SERIES
from mlrun_like.drawing.markup import Html, element, number, percent, text
from mlrun_like.drawing.page import cards, page, section, table
from mlrun_like.drawing.svg import LINE, finite, label, picture
from mlrun_like.monitoring.description.correlation import strongest
from mlrun_like.monitoring.description.table import Column, Table

__all__ = ["correlation_map", "distribution", "missing_bars", "still_charts"]

_PICTURES = 100
_MAP = 40
_PAIRS = 12
_DOTS = 400


def still_charts(found: Table, sample: pd.DataFrame) -> dict[str, str]:
    """The pages by key: histograms, scatter-2d, violin, correlation, missing-values, imbalance.

    Args:
        found: The table.
        sample: Some of its rows, for the dots.
    """
    drawn = [one for one in found.features if len(one.bars)][:_PICTURES]
    whole = [_card(one, distribution(one, 260, 130)) for one in drawn]
    shapes = [_card(one, _violin(one)) for one in drawn if one.kind == "number"]
    charts = {
        "histograms": _page(found, "Histograms", cards(*whole)),
        "scatter-2d": _page(found, "Pairs of columns", cards(*_pairs(found, sample))),
        "violin": _page(found, "Violins", cards(*shapes)),
        "correlation": _page(found, "Correlation", correlation_map(found)),
        "missing-values": _page(found, "Missing values", missing_bars(found)),
    }
    if found.label:
        charts["imbalance"] = _page(found, f"Balance of {found.label}", *_balance(found))
    return charts


def _page(found: Table, title: str, *parts: str) -> str:
    kept = [part for part in parts if part] or ["There is nothing to draw."]
    return page(f"{title}: {found.name}", *kept, subtitle=f"{found.rows:,} rows")


def _card(column: Column, drawn: str) -> Html:
    note = f"{column.kind}, {column.distinct:,} different"
    if column.missing:
        note += f", {percent(column.missing_share)} missing"
    return element("figure", element("h3", column.name), drawn, element("figcaption", note))


def distribution(column: Column, width: int = 180, height: int = 40) -> Html:
    """A column's bars; empty if it has none."""
    if not len(column.bars):
        return Html()
    return histogram(column.edges, column.bars, width=width, height=height, title=column.name)


def _violin(column: Column) -> Html:
    counts = [float(one) for one in column.bars]
    # a small smoothing, as a kernel has
    smooth = [
        (counts[max(at - 1, 0)] + 2 * one + counts[min(at + 1, len(counts) - 1)]) / 4
        for at, one in enumerate(counts)
    ]
    top = max(smooth, default=0.0)
    if not top:
        return Html()
    wide, middle, half = 260.0, 60.0, 48.0
    step = wide / len(smooth)
    upper = [((at + 0.5) * step, one / top * half) for at, one in enumerate(smooth)]
    points = [f"{x:.1f},{middle - y:.1f}" for x, y in upper]
    points += [f"{x:.1f},{middle + y:.1f}" for x, y in reversed(upper)]
    low, high = float(column.edges[0]), float(column.edges[-1])
    scale = wide / ((high - low) or 1.0)
    quarter = [(float(column.statistics[key]) - low) * scale for key in ("25%", "50%", "75%")]
    body = (
        f'<polygon points="{" ".join(points)}" style="fill:{SERIES[0]};opacity:.45"/>'
        f'<line x1="{quarter[0]:.1f}" x2="{quarter[2]:.1f}" y1="60" y2="60" '
        f'style="stroke:{SERIES[0]};stroke-width:6"/>'
        f'<circle cx="{quarter[1]:.1f}" cy="60" r="4" style="fill:#fff;stroke:{SERIES[0]}"/>'
        f'<line x1="0" x2="260" y1="114" y2="114" style="stroke:{LINE}"/>'
        + label(0, 128, number(low)) + label(wide, 128, number(high), anchor="end")
    )  # fmt: skip
    return picture(wide, 132, body, column.name, "thick where many values are, with the quartiles")


def _pairs(found: Table, sample: pd.DataFrame) -> list[Html]:
    names, matrix = strongest(*found.correlation, 2 * _PAIRS)
    order = sorted(
        ((at, to) for at in range(len(names)) for to in range(at)),
        key=lambda one: -abs(v) if not math.isnan(v := float(matrix[one[0]][one[1]])) else 0.0,
    )
    classes = [name for name, _ in found.classes()][: len(SERIES)]
    tones = None
    if classes:
        places = {name: SERIES[at] for at, name in enumerate(classes)}
        tones = [places.get(one, "#9aa7b5") for one in sample[found.label].map(_named)]
    drawn = []
    for at, to in order[:_PAIRS]:
        body = _dots(sample[names[to]], sample[names[at]], tones)
        title = f"{names[to]} and {names[at]}"
        chart = picture(260, 180, body, title)
        note = element("figcaption", f"r = {number(float(matrix[at][to]))}")
        drawn.append(element("figure", element("h3", title), chart, note))
    return drawn


def _named(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _dots(across: Any, up: Any, tones: Sequence[str] | None) -> str:
    xs, ys = finite(across[:_DOTS]), finite(up[:_DOTS])
    known = [(at, x, y) for at, (x, y) in enumerate(zip(xs, ys, strict=True)) if x == x and y == y]
    if not known:
        return ""
    left, right = min(x for _, x, _ in known), max(x for _, x, _ in known)
    low, high = min(y for _, _, y in known), max(y for _, _, y in known)
    across_scale, up_scale = 248 / ((right - left) or 1.0), 160 / ((high - low) or 1.0)
    marks = "".join(
        f'<circle cx="{6 + (x - left) * across_scale:.1f}" cy="{170 - (y - low) * up_scale:.1f}" '
        f'r="2" style="fill:{tones[at] if tones else SERIES[0]};opacity:.6"/>'
        for at, x, y in known
    )
    return f'<rect width="260" height="180" rx="4" style="fill:none;stroke:{LINE}"/>{marks}'


def correlation_map(found: Table) -> Html:
    """The heat map of the columns that correlate most; empty if there are no two."""
    names, matrix = strongest(*found.correlation, _MAP)
    if len(names) < 2:
        return Html()
    sizes = [[abs(float(one)) for one in row] for row in matrix]
    return heat_map(
        names, [str(at + 1) for at in range(len(names))], sizes, title="|r| of two columns",
        limits=(0.7, 0.95),
    )  # fmt: skip


def missing_bars(found: Table) -> Html:
    """How much is missing of the columns that miss most; a sentence if nothing is."""
    lacking = sorted((one for one in found.columns if one.missing), key=lambda one: -one.missing)
    if not lacking:
        return Html(f"<p>{text('No value is missing.')}</p>")
    shares = [round(100 * one.missing_share, 2) for one in lacking]
    levels = ["bad" if one > 50 else "warn" if one > 20 else "" for one in shares]
    return bars(
        [one.name for one in lacking], shares, title="missing values", levels=levels, unit=" %"
    )


def _balance(found: Table) -> list[str]:
    classes = found.classes()
    if classes:
        total = sum(count for _, count in classes) or 1
        rows = [[name, count, percent(count / total, 2)] for name, count in classes]
        chart = bars([name for name, _ in classes], [count for _, count in classes], title="rows")
        return [chart, section("Classes", table(["class", "rows", "share"], rows, [2]))]
    target = found.column(found.label)
    return [distribution(target, 520, 220)] if target is not None else []
