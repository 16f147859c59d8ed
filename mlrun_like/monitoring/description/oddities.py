"""What a person should look at in a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mlrun_like.drawing.markup import percent
from mlrun_like.monitoring.description.table import Column, Table

__all__ = ["Oddity", "oddities"]

_MANY_MISSING, _MOST_MISSING = 0.2, 0.5
_ALIKE = 0.95
_TELLS = 0.98
_RARE, _VERY_RARE = 0.1, 0.01
_SKEWED = 5.0
_MOST = 200


class Oddity(NamedTuple):
    """One thing to look at.

    Args:
        level: "bad", "warn" or "none".
        column: Where; empty: the table.
        what: What is odd.
    """

    level: str
    column: str
    what: str


def oddities(table: Table) -> list[Oddity]:
    """What to look at, the worst first.

    >>> oddities(Table("t", 3, [Column("a", "number", 3, distinct=1)]))
    [Oddity(level='warn', column='a', what='has one value only')]
    """
    found = list(_of_table(table))
    for column in table.columns:
        found += _of_column(column, table)
    found += _pairs(table)
    order = {"bad": 0, "warn": 1, "none": 2}
    return sorted(found, key=lambda one: order[one.level])[:_MOST]


def _of_table(table: Table) -> Iterator[Oddity]:
    if not table.rows:
        yield Oddity("bad", "", "the table has no rows")
    if table.duplicates > 0:
        share = table.duplicates / max(table.rows, 1)
        level = "warn" if share > 0.01 else "none"
        yield Oddity(level, "", f"{table.duplicates:,} rows occur again ({percent(share)})")
    classes = table.classes()
    total = sum(count for _, count in classes)
    if len(classes) > 1:
        name, count = min(classes, key=lambda one: one[1])
        share = count / total
        if share < min(_RARE, 0.5 / len(classes)):
            level = "bad" if share < _VERY_RARE else "warn"
            yield Oddity(level, table.label, f"class {name!r:.40} is rare: {percent(share, 2)}")
    elif len(classes) == 1:
        yield Oddity("bad", table.label, "the label has one class only")


def _of_column(column: Column, table: Table) -> Iterator[Oddity]:
    if not column.rows:
        return
    name, share = column.name, column.missing_share
    if not column.count:
        yield Oddity("bad", name, "has no values")
        return
    if name == table.label and column.missing:
        yield Oddity("bad", name, f"the label is missing in {column.missing:,} rows")
    elif share > _MANY_MISSING:
        level = "bad" if share > _MOST_MISSING else "warn"
        yield Oddity(level, name, f"{percent(share)} of the values are missing")
    if column.infinite:
        yield Oddity("bad", name, f"{column.infinite:,} values are infinite")
    if column.distinct == 1 and column.rows > 1:
        yield Oddity("warn", name, "has one value only")
    elif column.kind == "text" and column.distinct == column.count > 20:
        yield Oddity("none", name, "has another text in every row, as an identifier has")
    is_class = name == table.label and table.is_classes
    if abs(column.statistics.get("skew", 0.0)) > _SKEWED and not is_class:
        skew = column.statistics["skew"]
        yield Oddity("none", name, f"has a long tail to the {'right' if skew > 0 else 'left'}")
    told = table.label_correlation.get(name, 0.0)
    if abs(told) > _TELLS:
        words = f"tells the label nearly alone (r = {told:.3f}): known before it?"
        yield Oddity("bad", name, words)


def _pairs(table: Table) -> Iterator[Oddity]:
    names, matrix = table.correlation
    if len(names) < 2:
        return
    upper = np.triu(np.nan_to_num(np.abs(np.asarray(matrix, dtype=np.float64))), 1)
    rows, columns = np.nonzero(upper >= _ALIKE)
    partners: dict[int, list[int]] = {}
    for at in np.argsort(-upper[rows, columns], kind="stable")[:_MOST]:
        partners.setdefault(int(rows[at]), []).append(int(columns[at]))
    for one, others in partners.items():
        words = ", ".join(f"{names[to]!r:.60} ({matrix[one][to]:.3f})" for to in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield Oddity("warn", names[one], f"goes with {words}{more}")
