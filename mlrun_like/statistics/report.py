"""A comparison as one page: the verdict, why, a table of all columns, pictures of the farthest.

Only aggregates are on it: shares, moments and, of categories, their names.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.drawing.charts import bars, histogram
from mlrun_like.drawing.page import (
    Html,
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
from mlrun_like.drawing.page import tiles as tiles_of
from mlrun_like.statistics.verdict import DETECTED, NONE, POSSIBLE

__all__ = ["report"]

_LEVELS = {NONE: "ok", POSSIBLE: "warn", DETECTED: "bad"}
_PICTURES = 130_000
"""Characters that pictures may take: a page has under 300 KB however many columns there are."""
_ROWS = 300
_HEAD = (
    "column", "kind", "status", "score", "tvd", "hellinger", "kl", "psi", "js", "D", "p",
    "mean", "mean now", "std", "std now", "missing", "missing now",
)  # fmt: skip


def report(found: Any, title: str) -> str:
    """The page.

    Args:
        found: A `Comparison`.
        title: Its heading.
    """
    features = sorted(found.features.values(), key=lambda one: (-one.score, -(one.js or 0)))
    level = _LEVELS[found.status]
    numbers = [
        ("drifted", len(found.drifted), "bad" if found.drifted else "ok"),
        ("possibly drifted", len(found.suspected), "warn" if found.suspected else "ok"),
        ("columns", len(features), "none"),
        ("rows before", f"{found.expected_rows:,}", "none"),
        ("rows now", f"{found.actual_rows:,}", "none"),
    ]
    parts: list[str] = [section("Verdict", tiles_of(numbers), paragraph(found.reason))]
    shares = found.attribution
    if shares:
        part = bars(
            [name[:40] for name in shares],
            [100 * share for share in shares.values()],
            title="share in the total drift",
            unit=" %",
            most=20,
        )
        note = "How far each column's values tell both data sets apart, beyond chance."
        parts.append(section("Where the drift is", part, note=note))
    parts.append(section("Columns", _table(features), note=_legend(len(features))))
    parts.append(_correlations(found.correlation))
    pictures = _pictures(features)
    if pictures:
        note = (
            "Wide: the reference. Narrow: the new data. Outer bars: beyond the reference's range."
        )
        parts.append(section("Distributions", cards(*pictures), note=note))
    if found.added:
        names = ", ".join(name[:40] for name in found.added[:20])
        parts.append(section("New columns", paragraph(f"Only the new data have: {names}")))
    return page(title, *parts, badges=[badge(found.status, level)])


def _legend(columns: int) -> str:
    left = f" The first {_ROWS} of {columns:,} columns." if columns > _ROWS else ""
    return (
        "D and p: Kolmogorov and Smirnov for numbers, chi-square for categories. Score: 1 and more "
        f"is drift, 0.5 and more possible drift, 0 is explained by chance.{left}"
    )


def _table(features: list[Any]) -> str:
    rows = []
    for one in features[:_ROWS]:
        test = (one.ks, one.ks_p) if one.ks is not None else (one.chi2, one.chi2_p)
        rows.append(
            [
                one.name[:60], one.kind, badge(one.status, _LEVELS[one.status]),
                *(_short(value) for value in (
                    one.score, one.tvd, one.hellinger, one.kl, one.psi, one.js, *test,
                    one.expected_mean, one.actual_mean, one.expected_std, one.actual_std,
                )),
                percent(one.expected_missing), percent(one.actual_missing),
            ]
        )  # fmt: skip
    return table(_HEAD, rows, numeric=range(3, len(_HEAD)), caption="all columns")


def _short(value: float | None) -> str:
    return "" if value is None else number(value, 3)


def _correlations(found: Any) -> str:
    told = badge(found.status, _LEVELS[found.status])
    if not found.pairs or found.status == NONE:
        return section("Correlations", paragraph(told, " ", found.reason))
    rows = [
        [*(name[:60] for name in pair["pair"]), f"{pair['before']:.2f}", f"{pair['after']:.2f}"]
        for pair in found.pairs
    ]
    head = ("column", "and", "before", "now")
    return section("Correlations", paragraph(told), table(head, rows, numeric=(2, 3)))


def _pictures(features: list[Any]) -> list[Html]:
    found: list[Html] = []
    size = 0
    for one in features:
        if not one.expected:
            continue
        picture = histogram(
            one.edges or one.labels,
            one.expected,
            one.actual,
            title=one.name[:60],
            level=_LEVELS[one.status],
        )
        words = one.reason[:300] if one.status != NONE else ""
        made = paragraph(one.name[:60], " ", badge(one.status, _LEVELS[one.status]))
        part = joined([made, picture, paragraph(words)] if words else [made, picture])
        size += len(part)
        if size > _PICTURES:
            break
        found.append(part)
    return found
