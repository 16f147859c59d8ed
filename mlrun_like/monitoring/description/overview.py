"""The page that says what a table holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlrun_like.drawing.charts import bars
from mlrun_like.drawing.markup import Html, number, percent, shown
from mlrun_like.drawing.page import badge, fold, page, section, table, tiles
from mlrun_like.monitoring.description.oddities import oddities
from mlrun_like.monitoring.description.still import correlation_map, distribution, missing_bars
from mlrun_like.monitoring.description.table import Column, Table

__all__ = ["overview_page"]

_COLUMNS = 300
_PICTURES = 120
_ODD = 12
_TOLD = 15
_WORDS = {"bad": "look", "warn": "note", "none": "hint"}


def overview_page(found: Table, notes: Iterable[str] = ()) -> str:
    """The whole page, which opens offline.

    Args:
        found: The table.
        notes: Further sentences about how it was made.
    """
    results = found.results()
    odd = oddities(found)
    bad = sum(one.level == "bad" for one in odd)
    missing = results["missing_share"]
    tops: list[tuple[Any, ...]] = [
        ("rows", f"{found.rows:,}"),
        ("columns", f"{len(found.columns):,}"),
        ("missing", percent(missing), "warn" if missing > 0.2 else "ok"),
    ]
    if found.duplicates >= 0:
        tops.append(
            ("duplicate rows", f"{found.duplicates:,}", "warn" if found.duplicates else "ok")
        )
    if found.size:
        tops.append(("in memory", _bytes(found.size)))
    tops.append(("to look at", len(odd), "bad" if bad else "warn" if odd else "ok"))
    parts: list[str] = [tiles(tops)]
    rows = [[badge(_WORDS[one.level], one.level), one.column or "(table)", one.what] for one in odd]
    said = table(["", "column", "what"], rows[:_ODD], caption="to look at")
    more = fold(f"{len(rows) - _ODD} more", table(["", "column", "what"], rows[_ODD:]))
    parts.append(section("To look at", said or "Nothing is odd.", more if len(rows) > _ODD else ""))
    if found.label:
        parts.append(_label(found))
    parts.append(_columns(found))
    if any(one.missing for one in found.columns):
        parts.append(section("Missing values", missing_bars(found)))
    chart = correlation_map(found)
    if chart:
        about = "Size of Pearson's r; columns are numbered as the rows stand."
        parts.append(section("Correlation", chart, note=about))
    told = [*found.notes, *notes]
    if told:
        parts.append(section("How this was made", *told))
    return page(found.name, *parts, subtitle="What the table holds")


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _label(found: Table) -> Html:
    target = found.column(found.label)
    parts: list[str] = []
    classes = found.classes()
    if classes:
        total = sum(count for _, count in classes) or 1
        shares = [round(100 * count / total, 2) for _, count in classes]
        parts.append(
            bars([name for name, _ in classes], shares, title="shares", unit=" %", most=20)
        )
    elif target is not None:
        parts.append(distribution(target, 520, 160))
    told = sorted(found.label_correlation.items(), key=lambda one: -abs(one[1]))
    if told and (not classes or len(classes) == 2):
        chart = bars(
            [name for name, _ in told], [round(r, 3) for _, r in told], title="r", most=_TOLD
        )
        parts.append(section("What goes with it", chart, note="Pearson's r with the label"))
    return section(f"Label: {shown(found.label)}", *parts)


def _columns(found: Table) -> Html:
    rows = [_row(one, at < _PICTURES) for at, one in enumerate(found.columns[:_COLUMNS])]
    heads = ["column", "kind", "distribution", "missing", "different", "most frequent", "mean",
             "std", "min", "median", "max"]  # fmt: skip
    left = len(found.columns) - _COLUMNS
    note = f"and {left:,} more columns, in describe-csv" if left > 0 else ""
    return section("Columns", table(heads, rows, [3, *range(6, 11)], caption="columns"), note=note)


def _row(one: Column, pictured: bool) -> list[Any]:
    head: list[Any] = [
        one.name,
        one.kind,
        distribution(one, 150, 34) if pictured else "",
        percent(one.missing_share) if one.missing else "",
        one.distinct if one.distinct >= 0 else None,
    ]
    top = f"{shown(one.top[0][0])[:40]} ({one.top[0][1]:,})" if one.top else ""
    if one.kind == "number":
        keys = ("mean", "std", "min", "50%", "max")
        return [*head, "", *(Html(number(one.statistics.get(key))) for key in keys)]
    if one.kind == "time":
        low, high = str(one.statistics.get("min", "")), str(one.statistics.get("max", ""))
        return [*head, "", "", "", low, "", high]
    return [*head, top, "", "", "", "", ""]
