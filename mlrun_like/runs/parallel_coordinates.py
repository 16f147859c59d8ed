"""A picture of a sweep: one line a trial through its parameters and results, as one HTML file.

The file holds inline SVG and no script, so it opens offline and in a notebook.
"""

from __future__ import annotations

import html
from typing import Any

__all__ = ["parallel_coordinates"]

_WIDTH, _HEIGHT, _TOP, _LEFT = 160, 300, 60, 90
_MOST = 500


def parallel_coordinates(table: list[list[Any]], colour_by: str = "") -> str:
    """Draw the table of iterations.

    Args:
        table: A header (`state`, `iter`, `param.*`, `output.*`) and one row a trial.
        colour_by: The result that colours the lines; by default the last column.

    Returns:
        An HTML page, or an empty text when fewer than two columns can be drawn.
    """
    header, rows = table[0], [row for row in table[1:] if row[0] == "completed"][:_MOST]
    columns = [
        i
        for i, name in enumerate(header)
        if name.startswith(("param.", "output.")) and any(_plain(row[i]) for row in rows)
    ]
    if len(columns) < 2 or not rows:
        return ""
    axes = {i: _axis([row[i] for row in rows]) for i in columns}
    wanted = f"output.{colour_by}"
    colour = header.index(wanted) if wanted in header else columns[-1]
    x = {i: _LEFT + n * _WIDTH for n, i in enumerate(columns)}
    shades = axes.get(colour, axes[columns[-1]])
    parts = []
    for row in rows:
        points = [
            f"{x[i]},{_TOP + _HEIGHT * (1 - axes[i][0][repr(row[i])]):.1f}"
            for i in columns
            if repr(row[i]) in axes[i][0]
        ]
        share = shades[0].get(repr(row[colour]), 0.0)
        title = "; ".join(f"{header[i]}={row[i]}" for i in (1, *columns))
        parts.append(
            f'<polyline points="{" ".join(points)}" stroke="hsl({230 - 200 * share:.0f} 75% 45%)">'
            f"<title>{html.escape(title)}</title></polyline>"
        )
    for i in columns:
        parts.append(
            f'<line x1="{x[i]}" x2="{x[i]}" y1="{_TOP}" y2="{_TOP + _HEIGHT}"/>'
            f'<text x="{x[i]}" y="{_TOP - 24}" class="h">{html.escape(str(header[i]))}</text>'
        )
        for share, label in axes[i][1]:
            parts.append(
                f'<text x="{x[i] - 6}" y="{_TOP + _HEIGHT * (1 - share) + 4:.1f}">'
                f"{html.escape(label)}</text>"
            )
    width, height = _LEFT + _WIDTH * len(columns), _TOP + _HEIGHT + 30
    return (
        "<!doctype html><meta charset=utf-8><title>Parallel coordinates</title><style>"
        "svg{font:12px system-ui,sans-serif;background:#fff}polyline{fill:none;opacity:.65;"
        "stroke-width:1.6}polyline:hover{stroke-width:4;opacity:1}line{stroke:#555}"
        "text{text-anchor:end;fill:#333}.h{text-anchor:middle;font-weight:600}</style>"
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Trials">{"".join(parts)}</svg>'
    )


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and value == value


def _axis(values: list[Any]) -> tuple[dict[str, float], list[tuple[float, str]]]:
    """Positions (0..1) by value, and the labels to print."""
    kept = [value for value in values if _plain(value)]
    if all(isinstance(value, (int, float)) for value in kept):
        finite = [float(value) for value in kept if abs(float(value)) != float("inf")] or [0.0]
        low, high = min(finite), max(finite)
        span = (high - low) or 1.0
        places = {repr(v): min(1.0, max(0.0, (float(v) - low) / span)) for v in kept}
        steps = [0.0, 0.25, 0.5, 0.75, 1.0] if high > low else [0.0]
        return places, [(share, f"{low + share * (high - low):.4g}") for share in steps]
    names = sorted({str(value) for value in kept})
    last = max(len(names) - 1, 1)
    shares = {name: n / last for n, name in enumerate(names)}
    places = {repr(value): shares[str(value)] for value in kept}
    return places, [(shares[name], name[:16]) for name in names[:20]]
