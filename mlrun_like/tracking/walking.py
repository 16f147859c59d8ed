"""How a page of a long list is found: walk along an index, look at each row, stop when it is full.

Of several conditions one leads: the index that has both its rows and the list's order. Which one
is decided by asking each how far its next thousand rows reach: the rarest one reaches furthest. So
no statistics of the database are needed, and each statement is one that both databases can only
answer in one sensible way.

A walk goes in chunks. What the index itself holds narrows a chunk inside of the database; only the
rows that are left are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
)

__all__ = ["Lane", "Narrow", "Position", "distinct", "few", "rarest", "walk", "within"]

Position = tuple[Any, ...]
Narrow = Callable[[], list[ColumnElement[bool]]]
"""Conditions on the columns of a chunk, which are named `chunk.<column>`."""

_PROBE = 1000
_FIRST = 256
_SPARE = 28
_MOST = 8192
_FIRST_LEFT = 1024
_MOST_LEFT = 16_384


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
    carried: tuple[Any, ...] = ()
    """Further columns of the index, to narrow by."""

    def rows(self, after: Position | None, down: bool, limit: int, skip: int = 0) -> Any:
        """The next rows after a position."""
        columns = (*self.columns, *self.carried)
        statement = select(*columns).select_from(self.source).where(*self.where)
        if after is not None:
            here, there = tuple_(*self.columns), tuple_(*after)
            statement = statement.where(here < there if down else here > there)
        order = [column.desc() if down else column.asc() for column in self.columns]
        return statement.order_by(*order).limit(limit).offset(skip or None)


def within(column: Any) -> ColumnElement[bool]:
    """Whether a number is one of those given as `ids`: in the text, but compiled only once."""
    found: ColumnElement[bool] = column.in_(bindparam("ids", expanding=True, literal_execute=True))
    return found


def _chunk(
    lanes: Sequence[Lane], after: Position | None, down: bool, limit: int, skip: int = 0
) -> Any:
    """The next rows of all lanes together."""
    if len(lanes) == 1:
        return lanes[0].rows(after, down, limit, skip)
    pieces = [lane.rows(after, down, limit + skip).subquery() for lane in lanes]
    both = union_all(*(select(*piece.columns) for piece in pieces)).subquery()
    keys = list(both.columns)[: len(lanes[0].columns)]
    order = [column.desc() if down else column.asc() for column in keys]
    return select(*both.columns).order_by(*order).limit(limit).offset(skip or None)


def _left(chunk: Any, keys: Sequence[Any], down: bool, narrow: Narrow, most: int) -> Any:
    """What is left of a chunk. Its own limit keeps databases from leading by anything else."""
    columns: list[Any] = [literal_column(f"chunk.{column.name}") for column in keys]
    order = [column.desc() if down else column.asc() for column in columns]
    left = select(*columns).select_from(chunk.subquery("chunk"))
    return left.where(*narrow()).order_by(*order).limit(most)


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
        ends = [tuple(row[: len(lanes[0].columns)]) for row in reaches if row is not None]
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
    check: Any,
    after: Position | None,
    down: bool,
    want: int,
    most: int = 0,
    narrow: Narrow | None = None,
) -> tuple[list[Position], bool]:
    """The next rows that pass, and whether these are all that are wanted.

    Args:
        connection: To the store.
        lanes: What to walk along.
        check: Gives, of the `ids` (see `within`), each and whether it passes. That is a column and
            no condition: so only the ids can lead.
        after: Where to begin; None: at the end.
        down: Whether to go down.
        want: At most so many.
        most: Give up after so many rows; 0: never.
        narrow: What can be said of a row before it is looked at.
    """
    keys = len(lanes[0].columns)
    found: list[Position] = []
    looked = checked = 0
    least, largest = (_FIRST, _MOST) if narrow is None else (_FIRST_LEFT, _MOST_LEFT)
    cap = max(_FIRST, want + _SPARE)
    size = max(least, cap)
    while True:
        chunk = _chunk(lanes, after, down, size)
        if narrow is not None:
            chunk = _left(chunk, lanes[0].columns, down, narrow, cap)
        rows = [tuple(row[:keys]) for row in connection.execute(chunk)]
        if rows:
            answers = connection.execute(check, {"ids": [int(row[-1]) for row in rows]})
            passing = {row[0] for row in answers if row[1]}
            found.extend(row for row in rows if row[-1] in passing)
        if len(found) >= want:
            return found[:want], True
        checked += len(rows)
        if narrow is None:
            end = rows[-1] if len(rows) == size else None
        elif len(rows) == cap:
            end = rows[-1]
        else:
            last = connection.execute(_chunk(lanes, after, down, 1, size - 1)).first()
            end = None if last is None else tuple(last[:keys])
        if end is None:
            return found, True
        whole = narrow is None or len(rows) < cap
        looked += size if whole else len(rows)
        if most and looked >= most:
            return found, False
        after, missing = end, want - len(found)
        cap = _grown(cap, missing, checked, len(found), (_FIRST, _MOST))
        size = _grown(size, missing, looked, len(found), (least, largest))


def _grown(size: int, missing: int, seen: int, found: int, bounds: tuple[int, int]) -> int:
    """As many as are needed if it goes on like this."""
    going = int(missing * seen / found * 1.4) if found else size * 4
    return min(max(going, bounds[0]), size * 4, bounds[1])


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
