"""A writing transaction: prepared statements by name on the driver's own cursor."""

from __future__ import annotations

from itertools import chain
from typing import Any

from mlrun_like.tracking.statements import Statements

__all__ = ["Transaction"]

_TOGETHER = (128, 16, 4)
"""Rows of one statement: few forms, so that the driver keeps them prepared."""


class Transaction:
    """A writing transaction: prepared statements by name on the driver's own cursor.

    Args:
        cursor: The driver's cursor, inside a transaction.
        prepared: The statements of its dialect.
        memory: Ids found by earlier transactions of the same connection.
    """

    def __init__(self, cursor: Any, prepared: Statements, memory: dict[Any, int]) -> None:
        self.cursor = cursor
        self.prepared = prepared
        self.memory = memory
        self.postgresql = prepared.postgresql

    def run(self, name: str, /, **params: Any) -> None:
        """Execute one statement."""
        statement = self.prepared[name]
        self.cursor.execute(statement.sql, statement.values(params))

    def row(self, name: str, /, **params: Any) -> Any:
        """Execute and return the first row, or None."""
        self.run(name, **params)
        return self.cursor.fetchone()

    def execute(self, statement: Any) -> list[Any]:
        """Execute a statement built on the spot; its rows, if it has any."""
        compiled = statement.compile(
            dialect=self.prepared.dialect, compile_kwargs={"render_postcompile": True}
        )
        values = compiled.params
        self.cursor.execute(str(compiled), tuple(values[n] for n in compiled.positiontup or ()))
        return list(self.cursor.fetchall()) if self.cursor.description else []

    def many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Execute for every row; values stand in the order of the table's columns."""
        done = 0
        if not self.postgresql:
            # SQLite lets other threads run at every step, and each step waits to have the
            # interpreter back: with many rows in one, a busy process writes as fast as an idle one
            for size in _TOGETHER:
                while len(rows) - done >= size:
                    values = tuple(chain.from_iterable(rows[done : done + size]))
                    self.cursor.execute(self.prepared.several(name, size), values)
                    done += size
        if done < len(rows):
            self.cursor.executemany(self.prepared[name].sql, rows[done:] if done else rows)
