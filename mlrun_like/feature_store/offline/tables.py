"""The stored rows of one feature set: which to read, and the values of some of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.offline.times import instants

__all__ = ["FrameTable", "RowFilter", "SetTable", "gather"]

_Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class RowFilter:
    """Which rows of a set count.

    Args:
        column: The time column that `start` and `end` speak of; empty: none.
        start: Microseconds; only later rows count. None: all.
        end: Microseconds; only rows up to it count. None: all.
        conditions: `(column, operator, value)` or lists of such, as pyarrow's `filters`.
    """

    column: str = ""
    start: int | None = None
    end: int | None = None
    conditions: tuple[Any, ...] = ()

    @property
    def timed(self) -> bool:
        return bool(self.column) and (self.start is not None or self.end is not None)

    def columns(self) -> list[str]:
        """What must be read to know which rows count."""
        found = [self.column] if self.timed else []
        for one in self.conditions:
            for condition in one if isinstance(one, list) else [one]:
                if condition[0] not in found:
                    found.append(condition[0])
        return found

    def positions(self, table: pa.Table, where: str) -> _Numbers | None:
        """Positions of the rows that count; None: all."""
        good: _Numbers | None = None
        if self.timed:
            times, valid = instants(table[self.column], name=self.column, where=where)
            good = np.ones(len(times), bool) if valid is None else valid.copy()
            if self.start is not None:
                good &= times > self.start
            if self.end is not None:
                good &= times <= self.end
        if self.conditions:
            met = np.zeros(table.num_rows, bool)
            numbered = table.append_column("__row", pa.array(np.arange(table.num_rows)))
            try:
                wanted = pq.filters_to_expression(list(self.conditions))
                met[numbered.filter(wanted)["__row"].to_numpy()] = True
            except (ValueError, TypeError, pa.ArrowException) as exc:
                raise InvalidArgumentError(
                    f"additional_filters {list(self.conditions)!r} cannot be applied: {exc}",
                    where=where,
                    fix='write filters as [("column", ">", value)]',
                ) from exc
            good = met if good is None else good & met
        return None if good is None else np.flatnonzero(good)


class SetTable(ABC):
    """The rows of one feature set, in the order in which they were written.

    Args:
        name: The feature set, for messages.
        rows: Which rows count.
    """

    def __init__(self, name: str, rows: RowFilter | None = None) -> None:
        self.name = name
        self.filter = rows or RowFilter()
        self.where = f"feature set {name!r}"
        self._positions: _Numbers | None = None

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @abstractmethod
    def size(self, columns: Sequence[str]) -> int:
        """Bytes that these columns take in memory, about."""

    @abstractmethod
    def _load(self, columns: Sequence[str]) -> pa.Table:
        """Columns of all rows that a previous call of `narrow` left."""

    @abstractmethod
    def _values(self, columns: Sequence[str], rows: _Numbers) -> list[pa.ChunkedArray]:
        """Values of rows of what `_load` gives; null where the position is -1."""

    def narrow(self, column: str, low: int | None, high: int | None) -> None:
        """Allow to leave out rows whose time is not within these microseconds."""
        del column, low, high

    def require(self, columns: Sequence[str]) -> None:
        """Check that columns are there.

        Raises:
            InvalidArgumentError: with all that are missing.
        """
        known = self.schema().names
        missing = [column for column in columns if column not in known]
        if missing:
            raise InvalidArgumentError(
                f"no column {', '.join(map(repr, missing))} among {', '.join(known)}",
                where=self.where,
                fix="ingest the feature set again, or leave the feature out",
            )

    def keys(self, columns: Sequence[str]) -> pa.Table:
        """Columns of the rows that count: keys and times of a join."""
        wanted = self.filter.columns()
        self.require([*columns, *wanted])
        table = self._load(list(dict.fromkeys([*columns, *wanted])))
        self._positions = self.filter.positions(table, self.where) if wanted else None
        table = table.select(list(dict.fromkeys(columns)))
        return table if self._positions is None else table.take(pa.array(self._positions))

    def take(self, columns: Sequence[str], rows: _Numbers) -> list[pa.ChunkedArray]:
        """Values of rows; positions are those in what `keys` gave, -1 gives null."""
        if self._positions is not None:
            rows = (
                np.where(rows < 0, -1, self._positions[np.maximum(rows, 0)])
                if len(self._positions)
                else np.full(len(rows), -1)
            )
        return self._values(columns, rows)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Columns of all rows that count."""
        return self.keys(columns)

    def files(self) -> list[str] | None:
        """Parquet files of this machine that hold the rows, in order; None: it is no such table."""
        return None

    def constants(self) -> list[str]:
        """Columns that are in the paths of the files, not in the files."""
        return []

    def file_rows(self) -> list[int]:
        """Number of rows of each of `files()`."""
        return []


class FrameTable(SetTable):
    """Rows that are in memory.

    Args:
        name: The feature set.
        table: The rows.
        rows: Which rows count.

    Example:
        >>> table = FrameTable("clicks", pa.table({"user": ["a", "b"], "n": [1, 2]}))
        >>> table.keys(["user"]).num_rows, table.take(["n"], np.array([1, -1]))[0].to_pylist()
        (2, [2, None])
    """

    def __init__(self, name: str, table: pa.Table, rows: RowFilter | None = None) -> None:
        super().__init__(name, rows)
        self.table = table

    def schema(self) -> pa.Schema:
        return self.table.schema

    def size(self, columns: Sequence[str]) -> int:
        return sum(self.table[column].nbytes for column in columns)

    def _load(self, columns: Sequence[str]) -> pa.Table:
        return self.table.select(list(columns))

    def _values(self, columns: Sequence[str], rows: _Numbers) -> list[pa.ChunkedArray]:
        return gather([self.table[column] for column in columns], rows)


def gather(columns: Sequence[pa.ChunkedArray], rows: _Numbers) -> list[pa.ChunkedArray]:
    """Values at positions; -1 gives null."""
    missing = rows < 0
    wanted = pa.array(rows, mask=missing) if missing.any() else pa.array(rows)
    found = []
    for column in columns:
        whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        taken = pc.take(whole, wanted)
        found.append(taken if isinstance(taken, pa.ChunkedArray) else pa.chunked_array([taken]))
    return found
