"""Pages of runs in SQL: which index leads, what is looked at of each row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, exists, select

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.artifact_listing import SqlArtifactListing
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.documents import epoch
from mlrun_like.tracking.listing_abilities import RUN_SORTS, ListingStore, ListPage
from mlrun_like.tracking.listing_positions import direction, position
from mlrun_like.tracking.part import matches
from mlrun_like.tracking.reaper import reap_now_and_then
from mlrun_like.tracking.run_lanes import along_labels, along_runs, narrowing
from mlrun_like.tracking.walking import Lane, Position, distinct, few, rarest, walk, within
from mlrun_like.types import Document

__all__ = ["SqlRunListing"]

_BOUNDED = 5000  # so many rows may be sorted
_VALUES = 200  # so many different names or projects are stepped through
_LOOKED_AT = 5000  # rows, before another way is tried
_LANES = 30  # along so many is walked at once
_r = t.runs.c
_KEYS: dict[str, tuple[tuple[Any, ...], tuple[type, ...]]] = {
    "started": ((_r.started,), (float,)),
    "updated": ((_r.updated,), (float,)),
    "name": ((_r.name, _r.started), (str, float)),
    "duration": ((_r.duration, _r.started), (float, float)),
}
_COLUMNS = (
    *(_r.project, _r.uid, _r.iter, _r.name, _r.state, _r.function, _r.kind, _r.labels),
    *(_r.started, _r.updated, _r.ended, _r.duration),
)
_SHOWN = tuple("iteration" if one.name == "iter" else one.name for one in _COLUMNS)


@dataclass(frozen=True)
class _Stage:
    """A part of the list that is sorted by itself: `number`-th; positions begin with that."""

    number: int
    query: RunQuery
    sort: str
    down: bool
    finished: bool | None = None


class SqlRunListing(SqlArtifactListing, ListingStore):
    """The part of the store that lists runs by the page."""

    def page_runs(self, query: RunQuery, form: str = "full") -> ListPage:
        """See ListingStore."""
        want = max(1, query.limit)
        sort, down = direction(query.sort, RUN_SORTS, "-started")
        self.writer.settle()
        reap_now_and_then(self)
        found: list[Position] = []
        with self.database.read() as connection:
            begin = query.after[0] if query.after else 0
            if not isinstance(begin, int):
                raise InvalidArgumentError(f"{query.after!r} is no position of this list")
            for stage in _stages(connection, query, sort, down):
                if stage.number >= begin:
                    after = query.after[1:] if stage.number == begin else ()
                    missing = want + 1 - len(found)
                    found += _of_stage(connection, stage, after, missing)
                if len(found) > want:
                    break
            shown = found[:want]
            items = _items(connection, [row[-1] for row in shown], form)
        rows = [(row, items[row[-1]]) for row in shown if row[-1] in items]
        return ListPage(
            [item for _, item in rows],
            shown[-1] if len(found) > want else (),
            tuple(row for row, _ in rows),
        )


def _stages(connection: Connection, query: RunQuery, sort: str, down: bool) -> Iterator[_Stage]:
    if sort == "duration":
        yield _Stage(0, query, sort, down, finished=True)
        yield _Stage(1, query, "started", True, finished=False)
        return
    if sort != "state":
        yield _Stage(0, query, sort, down)
        return
    known = distinct(connection, "runs", "state", _VALUES) or []
    numbered = list(enumerate(sorted(known, reverse=down)))
    for number, state in numbered:
        if state and (not query.states or state in query.states):
            yield _Stage(number, replace(query, states=(state,)), "started", True)


def _of_stage(
    connection: Connection, stage: _Stage, after: Sequence[Any], want: int
) -> list[Position]:
    keys, kinds = _KEYS[stage.sort]
    columns = (*keys, _r.run_id)
    begin = position(after, (*kinds, int)) if after else None
    query, names = _resolved(connection, stage.query)
    if query is None:
        return []
    lanes = _leader(connection, query, names, columns, stage, begin)
    most = _LOOKED_AT if names is None and query.name else 0

    def walked(lanes: Sequence[Lane], most: int = 0) -> tuple[list[Position], bool]:
        known = lanes[0].label
        passes = and_(*_conditions(query, names, known), *_finished(stage))
        check = select(_r.run_id, passes).where(within(_r.run_id))
        narrow = narrowing(lanes[0], query, names)
        return walk(connection, lanes, check, begin, stage.down, want, most, narrow)

    found, whole = walked(lanes, most)
    if not whole:
        # many different names, and few have the part: they are looked through by themselves
        few_named = Lane(t.runs, (_r.started, _r.run_id), (matches(_r.name, query.name),))
        if few(connection, few_named, _BOUNDED):
            lanes = (_sorted(few_named, columns, stage),)
        found, _ = walked(lanes)
    return [(stage.number, *row) for row in found]


def _finished(stage: _Stage) -> tuple[Any, ...]:
    if stage.finished is None:
        return ()
    return (_r.duration.is_not(None) if stage.finished else _r.duration.is_(None),)


def _resolved(
    connection: Connection, query: RunQuery
) -> tuple[RunQuery | None, tuple[str, ...] | None]:
    """The query with one project in `project` or several in `projects`; which names are meant."""
    projects = tuple(dict.fromkeys(query.projects))
    if query.project not in ("", "*"):
        if projects and query.project not in projects:
            return None, None
        projects = (query.project,)
    elif query.uid and not projects:
        # ids are indexed by project
        projects = tuple(distinct(connection, "runs", "project", _VALUES) or ())
    query = replace(query, project="", projects=projects)
    names: tuple[str, ...] | None = None
    if query.name.startswith("~"):
        known = distinct(connection, "runs", "name", _VALUES)
        if known is not None:
            part = query.name[1:].lower()
            names = tuple(name for name in known if part in name.lower())
            if not names:
                return None, None
    elif query.name:
        names = (query.name,)
    return query, names


def _conditions(query: RunQuery, names: tuple[str, ...] | None, known: str) -> list[Any]:
    """What a row of `runs` must be, but for the label that is known to be there."""
    found: list[Any] = [
        _r.deleted_at.is_not(None) if query.deleted else _r.deleted_at.is_(None),
        _r.state != "",
    ]
    if query.projects:
        found.append(_r.project.in_(query.projects))
    if names is not None:
        found.append(_r.name.in_(names))
    elif query.name:
        found.append(matches(_r.name, query.name))
    if query.uid:
        found.append(_r.uid.in_((query.uid,) if isinstance(query.uid, str) else query.uid))
    if query.states:
        found.append(_r.state.in_(query.states))
    if query.iteration is not None:
        found.append(_r.iter == query.iteration)
    elif not query.iterations:
        found.append(_r.iter == 0)
    for name, value in query.labels.items():
        if name == known:
            continue
        label = t.run_labels.alias()
        wanted = [label.c.run_id == _r.run_id, label.c.name == name]
        if value is not None:
            # the whole key: one step in it instead of all labels of the run
            wanted += [label.c.value == value, label.c.project == _r.project]
            wanted.append(label.c.started == _r.started)
        found.append(exists().where(*wanted))
    return found + _between(query, _r.started)


def _between(query: RunQuery, started: Any) -> list[Any]:
    since, until = epoch(query.since, "since"), epoch(query.until, "until")
    found = [] if since is None else [started >= since]
    return found if until is None else [*found, started <= until]


def _leader(
    connection: Connection,
    query: RunQuery,
    names: tuple[str, ...] | None,
    columns: tuple[Any, ...],
    stage: _Stage,
    after: Position | None,
) -> Sequence[Lane]:
    """What to walk along."""
    if query.uid:
        return (_by_uid(query, columns),)
    rare = _bounded(connection, query, columns, stage)
    if rare:
        return rare
    ways = [way for way in _ways(query, names) if way]
    if stage.sort == "started":
        if stage.finished is False:
            ways.append((along_runs(columns, *_finished(stage)),))
        base = Lane(t.runs, columns, tuple(_between(query, _r.started)))
        return rarest(connection, ways or [(base,)], after, stage.down)
    # in another order: what are few are sorted, else that order's own index is walked
    for way in ways:
        if len(way) == 1 and few(connection, way[0], _BOUNDED):
            return (_sorted(way[0], columns, stage),)
    return (along_runs(columns, *_finished(stage)),)


def _ways(query: RunQuery, names: tuple[str, ...] | None) -> Iterator[tuple[Lane, ...]]:
    """Lanes in the order of start, for each condition that has such an index."""
    l, between = t.run_labels.c, tuple(_between(query, t.run_labels.c.started))  # noqa: E741
    for name, value in query.labels.items():
        if value is not None:
            of = (l.name == name, l.value == value, *between)
            places = query.projects if len(query.projects) <= _LANES else ()
            yield tuple(along_labels(name, l.project == place, *of) for place in places) or (
                along_labels(name, *of),
            )
    runs, within_time = (_r.started, _r.run_id), tuple(_between(query, _r.started))
    if names is not None and len(names) <= _LANES:
        yield tuple(along_runs(runs, _r.name == name, *within_time) for name in names)
    if query.states and len(query.states) <= _LANES:
        yield tuple(along_runs(runs, _r.state == one, *within_time) for one in query.states)
    if query.projects and len(query.projects) <= _LANES and not query.iterations:
        iteration = query.iteration or 0
        yield tuple(
            along_runs(runs, _r.project == place, _r.iter == iteration, *within_time)
            for place in query.projects
        )


def _by_uid(query: RunQuery, columns: tuple[Any, ...]) -> Lane:
    uids = (query.uid,) if isinstance(query.uid, str) else query.uid
    where = [_r.uid.in_(uids), _r.project.in_(query.projects) if query.projects else None]
    return Lane(t.runs, columns, tuple(part for part in where if part is not None))


def _bounded(
    connection: Connection, query: RunQuery, columns: tuple[Any, ...], stage: _Stage
) -> tuple[Lane, ...]:
    """A label that must only be there, and that few have."""
    l = t.run_labels.c  # noqa: E741
    for name, value in query.labels.items():
        if value is None:
            lane = Lane(t.run_labels, (l.started, l.run_id), (l.name == name,))
            if few(connection, lane, _BOUNDED):
                return (_sorted(lane, columns, stage),)
    return ()


def _sorted(lane: Lane, columns: tuple[Any, ...], stage: _Stage) -> Lane:
    """The same rows in another order."""
    source = lane.source
    if source is t.run_labels:
        source = t.run_labels.join(t.runs)
    return Lane(source, columns, (*lane.where, *_finished(stage)), lane.label)


def _items(connection: Connection, ids: list[int], form: str) -> dict[int, Document]:
    """What is shown of the rows."""
    if not ids:
        return {}
    columns = _COLUMNS if form == "columns" else (_r.body,)
    statement = select(_r.run_id, *columns).where(within(_r.run_id))
    rows = connection.execute(statement, {"ids": ids})
    if form != "columns":
        return {row[0]: json.loads(row[1]) for row in rows}
    return {row[0]: _columns(row[1:]) for row in rows}


def _columns(row: Sequence[Any]) -> Document:
    found = dict(zip(_SHOWN, row, strict=True))
    found["labels"] = json.loads(found["labels"]) if found["labels"] else {}
    return found
