"""Table and Column: what is known of a table, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Column", "Table", "order_of"]


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: Its name.
        kind: number, boolean, category, text, time or empty.
        count: Values that are there.
        missing: Values that are not.
        infinite: Numbers that are not finite.
        distinct: Different values; -1: not counted.
        statistics: mean, std, min, 25%, 50%, 75%, max, skew, zeros of numbers; min, max of times.
        top: The most frequent values and how often they are there.
        edges: Of the bars: one more than bars (numbers, times), or as many labels.
        bars: Values in each bar; empty: it has no picture.
        by_class: The same for each class of the label.
    """

    name: str
    kind: str
    count: int
    missing: int = 0
    infinite: int = 0
    distinct: int = -1
    statistics: Mapping[str, Any] = field(default_factory=dict)
    top: Sequence[tuple[str, int]] = ()
    edges: Sequence[Any] = ()
    bars: Sequence[int] = ()
    by_class: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Values and missing ones."""
        return self.count + self.missing

    @property
    def missing_share(self) -> float:
        """Missing values as a share of the rows."""
        return self.missing / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        name: Its name.
        rows: How many.
        columns: Its columns, in their order.
        duplicates: Rows that were there before; -1: not counted.
        size: Bytes in memory; 0: unknown.
        label: The column to predict; empty: none.
        is_classes: Whether the label is a class.
        correlation: Names of numeric columns without the label, and Pearson's r of all pairs.
        label_correlation: r of numeric columns with the label.
        notes: What was left out or taken from a sample.
    """

    name: str
    rows: int
    columns: Sequence[Column]
    duplicates: int = -1
    size: int = 0
    label: str = ""
    is_classes: bool = False
    correlation: tuple[Sequence[str], Any] = ((), ())
    label_correlation: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((one for one in self.columns if one.name == name), None)

    @property
    def features(self) -> list[Column]:
        """All columns but the label."""
        return [one for one in self.columns if one.name != self.label]

    def classes(self) -> list[tuple[str, int]]:
        """The label's classes and how many rows each has, in order of their names."""
        target = self.column(self.label)
        if target is None or not self.is_classes:
            return []
        return sorted(target.top, key=lambda one: order_of(one[0]))

    def results(self) -> dict[str, Any]:
        """The numbers that matter most, as results of a run."""
        cells = sum(one.rows for one in self.columns)
        missing = sum(one.missing for one in self.columns)
        found: dict[str, Any] = {
            "rows": self.rows,
            "columns": len(self.columns),
            "missing_share": round(missing / cells, 6) if cells else 0.0,
        }
        if self.duplicates >= 0:
            found["duplicate_rows"] = self.duplicates
        for kind in ("number", "category", "text", "time", "boolean", "empty"):
            count = sum(one.kind == kind for one in self.columns)
            if count:
                found[f"{kind}_columns"] = count
        return found


def order_of(text: str) -> tuple[int, float, str]:
    """What classes are sorted by: numbers by their size, before words.

    >>> sorted(["b", "10", "9"], key=order_of)
    ['9', '10', 'b']
    """
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
