"""A drift report as one HTML page: a table, and a histogram of each feature."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.drawing.charts import histogram
from mlrun_like.drawing.page import (
    badge,
    cards,
    joined,
    number,
    page,
    paragraph,
    percent,
    section,
    table,
)
from mlrun_like.promotion.drift import FeatureDrift
from mlrun_like.statistics.verdict import DETECTED, POSSIBLE

__all__ = ["drift_page"]

_MOST_PICTURES = 30
_LEVELS = {DETECTED: "bad", POSSIBLE: "warn"}
_MEASURES = ("tvd", "hellinger", "kl", "js", "psi")


def drift_page(title: str, features: Sequence[FeatureDrift]) -> str:
    """The page; wide bars are the training set, narrow ones the new data.

    >>> "possible" in drift_page("a < b", [])
    False
    """
    head = ("feature", *_MEASURES, "missing", "status")
    rows = [
        [
            one.feature,
            *(number(getattr(one, name)) for name in _MEASURES),
            percent(one.missing),
            badge(one.status, _level(one)),
        ]
        for one in features
    ]
    pictures = [
        joined(
            [
                paragraph(one.feature, " ", badge(one.status, _level(one))),
                histogram(
                    one.edges or ["most frequent", "others"],
                    one.expected,
                    one.actual,
                    title=one.feature,
                    level=_level(one),
                ),
            ]
        )
        for one in features[:_MOST_PICTURES]
    ]
    note = "Wide: training set. Narrow: this data set. Outer bars: beyond the training set's range."
    if len(features) > _MOST_PICTURES:
        note += f" And {len(features) - _MOST_PICTURES} more: see the table."
    sections = [section("Features", table(head, rows, numeric=range(1, 7)))]
    if pictures:
        sections.append(section("Distributions", cards(*pictures), note=note))
    return page(title, *sections)


def _level(one: FeatureDrift) -> str:
    return _LEVELS.get(one.status, "ok")
