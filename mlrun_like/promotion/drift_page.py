"""A drift report as one HTML page: a table, and a histogram of each feature."""

from __future__ import annotations

import html
from collections.abc import Sequence

from mlrun_like.promotion.drift import DETECTED, POSSIBLE, FeatureDrift

__all__ = ["drift_page"]

_MOST_PICTURES = 50
_WIDTH, _HEIGHT = 260, 90
_COLOURS = {DETECTED: "#d64545", POSSIBLE: "#d9912b"}
_GREEN = "#3c8d5a"
_STYLE = (
    "body{font:14px sans-serif;margin:16px}table{border-collapse:collapse}td,th{padding:4px 10px;"
    "border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}"
    ".f{display:inline-block;margin:12px 16px 0 0;vertical-align:top}small{color:#666}"
)


def drift_page(title: str, features: Sequence[FeatureDrift]) -> str:
    """The page; grey bars are the training set, coloured ones the new data.

    >>> "possible" in drift_page("a < b", [])
    False
    """
    columns = ("tvd", "hellinger", "kl", "js", "psi")
    head = "".join(f"<th>{name}</th>" for name in ("feature", *columns, "missing", "status"))
    rows = "".join(
        f"<tr><td>{html.escape(one.feature)}</td>"
        + "".join(f"<td>{getattr(one, name):.4f}</td>" for name in columns)
        + f"<td>{one.missing:.1%}</td><td style='color:{_colour(one)}'>{one.status}</td></tr>"
        for one in features
    )
    pictures = "".join(_picture(one) for one in features[:_MOST_PICTURES])
    if len(features) > _MOST_PICTURES:
        pictures += f"<p>and {len(features) - _MOST_PICTURES} more: see the table</p>"
    return (
        f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body><h3>{html.escape(title)}</h3>"
        f"<table><tr>{head}</tr>{rows}</table>{pictures}"
        "<p><small>grey: training set; coloured: this data set; the outer bars: beyond the "
        "training set's range</small></p></body></html>"
    )


def _colour(one: FeatureDrift) -> str:
    return _COLOURS.get(one.status, _GREEN)


def _picture(one: FeatureDrift) -> str:
    highest = max([*one.expected, *one.actual, 1e-9])
    step = _WIDTH / max(1, len(one.expected))
    bars = []
    for number, (before, now) in enumerate(zip(one.expected, one.actual, strict=True)):
        for share, colour, x, width in (
            (before, "#c4c4c4", number * step + 1, step - 2),
            (now, _colour(one), number * step + step / 4, step / 2),
        ):
            tall = share / highest * _HEIGHT
            bars.append(
                f"<rect x='{x:.1f}' y='{_HEIGHT - tall:.1f}' width='{width:.1f}' "
                f"height='{tall:.1f}' fill='{colour}'/>"
            )
    ends = f"{one.edges[0]:.6g} to {one.edges[-1]:.6g}" if one.edges else "most frequent, others"
    return (
        f"<div class='f'><b>{html.escape(one.feature)}</b> <small>{one.status}</small><br>"
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' role='img'>{''.join(bars)}</svg><br>"
        f"<small>{ends}</small></div>"
    )
