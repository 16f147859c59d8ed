"""How a page of a long list is found: walk along an index, look at each row, stop when it is full.

Of several conditions one leads: the index that has both its rows and the list's order. Which one
is decided by asking each how far its next thousand rows reach: the rarest one reaches furthest. So
no statistics of the database are needed, and each statement is one that both databases can only
answer in one sensible way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, text, tuple_, union_all

__all__ = ["Lane", "Position", "distinct", "few", "rarest", "walk"]

Position = tuple[Any, ...]

_PROBE = 1000
_FIRST = 256
_MOST = 8192


@dataclass(frozen=True)
class Lane:
    """Rows of an index.

    Args:
        source: The table or join.
        columns: What the list is sorted by, and the row's id at the end.
        where: Which rows; they are one range of an index that ends in `columns`.
    """

    source: Any
    columns: tuple[Any, ...]
    where: tuple[ColumnElement[bool], ...] = ()
    label: str = ""
    """The label that all its rows have: it need not be looked at again."""

    def rows(self, after: Position | None, down: bool, limit: int, skip: int = 0) -> Any:
        """The next rows after a position."""
        statement = select(*self.columns).select_from(self.source).where(*self.where)
        if after is not None:
            here, there = tuple_(*self.columns), tuple_(*after)
            statement = statement.where(here < there if down else here > there)
        order = [column.desc() if down else column.asc() for column in self.columns]
        return statement.order_by(*order).limit(limit).offset(skip or None)


def _next(
    connection: Connection, lanes: Sequence[Lane], after: Position | None, down: bool, limit: int
) -> list[Position]:
    """The next rows of all lanes together."""
    if len(lanes) == 1:
        return [tuple(row) for row in connection.execute(lanes[0].rows(after, down, limit))]
    pieces = [lane.rows(after, down, limit).subquery() for lane in lanes]
    both = union_all(*(select(*piece.columns) for piece in pieces)).subquery()
    order = [column.desc() if down else column.asc() for column in both.columns]
    found = connection.execute(select(*both.columns).order_by(*order).limit(limit))
    return [tuple(row) for row in found]


def rarest(
    connection: Connection,
    leaders: Sequence[Sequence[Lane]],
    after: Position | None,
    down: bool,
) -> Sequence[Lane]:
    """The lanes whose next thousand rows reach furthest.

    Args:
        connection: To the store.
        leaders: Ways to walk; the first one wins if all are alike.
        after: Where the walk begins.
        down: Whether it goes down.
    """
    if len(leaders) == 1:
        return leaders[0]
    best, furthest = leaders[0], None
    for lanes in leaders:
        # many lanes are looked at by their longest, which costs no more than a single one
        reaches = [
            connection.execute(lane.rows(after, down, 1, _PROBE // len(lanes))).first()
            for lane in lanes
        ]
        ends = [tuple(row) for row in reaches if row is not None]
        if not ends:
            return lanes
        reach = max(ends) if down else min(ends)
        if furthest is None or (reach < furthest if down else reach > furthest):
            best, furthest = lanes, reach
    return best


def few(connection: Connection, lane: Lane, most: int) -> bool:
    """Whether a lane has no more rows than that."""
    statement = select(lane.columns[-1]).select_from(lane.source).where(*lane.where)
    return connection.execute(statement.limit(1).offset(most)).first() is None


def walk(
    connection: Connection,
    lanes: Sequence[Lane],
    check: Callable[[str], Any],
    after: Position | None,
    down: bool,
    want: int,
    most: int = 0,
) -> tuple[list[Position], bool]:
    """The next rows that pass, and whether these are all that are wanted.

    Args:
        connection: To the store.
        lanes: What to walk along.
        check: Makes the statement that gives, of ids (as text between commas), each and whether it
            passes. That is a column and no condition: so only the ids can lead.
        after: Where to begin; None: at the end.
        down: Whether to go down.
        want: At most so many.
        most: Give up after so many rows; 0: never.
    """
    found: list[Position] = []
    looked = 0
    size = max(_FIRST, want + 28)
    while True:
        rows = _next(connection, lanes, after, down, size)
        if rows:
            ids = ",".join(str(int(row[-1])) for row in rows)
            passing = {row[0] for row in connection.execute(check(ids)) if row[1]}
            found.extend(row for row in rows if row[-1] in passing)
        if len(found) >= want or len(rows) < size:
            return found[:want], True
        looked += len(rows)
        if most and looked >= most:
            return found, False
        after = rows[-1]
        # as many as are needed if it goes on like this
        going = int((want - len(found)) * looked / len(found) * 1.2) if found else size * 4
        size = min(max(going, _FIRST), size * 4, _MOST)


def distinct(connection: Connection, table: str, column: str, most: int) -> list[str] | None:
    """The different values of an indexed column, each found by one step; None: more than `most`.

    Args:
        connection: To the store.
        table: Its name.
        column: The first column of an index.
        most: Where to give up.
    """
    statement = text(
        f"WITH RECURSIVE step(v) AS (SELECT min({column}) FROM {table} UNION ALL "
        f"SELECT (SELECT min({column}) FROM {table} WHERE {column} > step.v) FROM step "
        "WHERE step.v IS NOT NULL) SELECT v FROM step WHERE v IS NOT NULL LIMIT :most"
    )
    rows = connection.execute(statement, {"most": most + 1}).all()
    return None if len(rows) > most else [str(row[0]) for row in rows]
