"""Pages of artifacts in SQL; see `run_listing` for how they are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, select

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.documents import epoch
from mlrun_like.tracking.listing_abilities import ARTIFACT_SORTS, ListPage
from mlrun_like.tracking.listing_positions import direction, position
from mlrun_like.tracking.objects import kinds_of, tagged
from mlrun_like.tracking.part import SqlPart, matches
from mlrun_like.tracking.walking import Lane, few, rarest, walk, within

__all__ = ["SqlArtifactListing"]

_BOUNDED = 5000
_LANES = 30
_a = t.artifacts.c
_KEYS: dict[str, tuple[tuple[Any, ...], tuple[type, ...]]] = {
    "updated": ((_a.updated, _a.artifact_id), (float, int)),
    "key": ((_a.key, _a.updated, _a.artifact_id), (str, float, int)),
}


class SqlArtifactListing(SqlPart):
    """The part of the store that lists artifacts by the page."""

    def page_artifacts(self, query: ArtifactQuery) -> ListPage:
        """See ListingStore."""
        want = max(1, query.limit)
        sort, down = direction(query.sort, ARTIFACT_SORTS, "-updated")
        columns, kinds = _KEYS[sort]
        after = position(query.after, kinds) if query.after else None
        conditions = _conditions(query)
        self.writer.settle()
        with self.database.read() as connection:
            lanes = _leader(connection, query, columns, sort, after, down)
            check = select(_a.artifact_id, and_(*conditions)).where(within(_a.artifact_id))
            found, _ = walk(connection, lanes, check, after, down, want + 1)
            shown = found[:want]
            ids = [row[-1] for row in shown]
            rows = []
            if ids:
                shown_ones = select(_a.artifact_id, _a.body).where(within(_a.artifact_id))
                bodies = {row[0]: row[1] for row in connection.execute(shown_ones, {"ids": ids})}
                rows = [(number, bodies[number]) for number in ids if number in bodies]
            items = tagged(connection, rows, "" if query.tag == "*" else query.tag)
        here = {row[0] for row in rows}
        return ListPage(
            items,
            shown[-1] if len(found) > want else (),
            tuple(row for row in shown if row[-1] in here),
        )


def _projects(query: ArtifactQuery) -> tuple[str, ...] | None:
    """Of which projects; None: of any."""
    if query.project not in ("", "*"):
        wanted = not query.projects or query.project in query.projects
        return (query.project,) if wanted else ()
    return tuple(dict.fromkeys(query.projects)) or None


def _conditions(query: ArtifactQuery) -> list[Any]:
    g = t.artifact_tags.c
    found: list[Any] = [_a.deleted_at.is_(None)]
    projects = _projects(query)
    if projects is not None:
        found.append(_a.project.in_(projects))
    if query.key:
        found.append(matches(_a.key, query.key))
    if query.tag and query.tag != "*":
        found.append(exists().where(g.artifact_id == _a.artifact_id, g.tag == query.tag))
    for column, value in ((_a.tree, query.tree), (_a.category, query.category)):
        if value:
            found.append(column == value)
    if query.kind is not None:
        found.append(_a.kind.in_(kinds_of(query.kind)))
    if query.iteration is not None:
        found.append(_a.iter == query.iteration)
    for name, held in query.labels.items():
        label = t.artifact_labels.alias()
        wanted = [label.c.artifact_id == _a.artifact_id, label.c.name == name]
        if held is not None:
            wanted.append(label.c.value == held)
        found.append(exists().where(*wanted))
    return found + _between(query)


def _between(query: ArtifactQuery) -> list[Any]:
    since, until = epoch(query.since, "since"), epoch(query.until, "until")
    found = [] if since is None else [_a.updated >= since]
    return found if until is None else [*found, _a.updated <= until]


def _leader(
    connection: Connection,
    query: ArtifactQuery,
    columns: tuple[Any, ...],
    sort: str,
    after: tuple[Any, ...] | None,
    down: bool,
) -> Sequence[Lane]:
    """What to walk along."""
    for lane in _narrow(query):
        if few(connection, lane, _BOUNDED):
            return (Lane(lane.source, columns, lane.where),)
    projects, between = _projects(query), tuple(_between(query))
    if sort != "updated" or projects is None or len(projects) > _LANES:
        return (Lane(t.artifacts, columns, between if sort == "updated" else ()),)
    if not projects:
        return (Lane(t.artifacts, columns, (_a.project.in_(()),)),)
    ways = [tuple(Lane(t.artifacts, columns, (_a.project == one, *between)) for one in projects)]
    if query.key and not query.key.startswith("~"):
        ways.append(tuple(
            Lane(t.artifacts, columns, (_a.project == one, _a.key == query.key, *between))
            for one in projects
        ))  # fmt: skip
    return rarest(connection, ways, after, down)


def _narrow(query: ArtifactQuery) -> Iterator[Lane]:
    """Conditions that often only few have, and that then are looked through whole."""
    projects = _projects(query)
    tags = t.artifact_tags.join(t.artifacts)
    for project in projects if projects is not None and len(projects) == 1 else ():
        if query.tree:
            here = (_a.project == project, _a.tree == query.tree)
            yield Lane(t.artifacts, (_a.updated, _a.artifact_id), here)
        if query.key and not query.key.startswith("~"):
            here = (_a.project == project, _a.key == query.key)
            yield Lane(t.artifacts, (_a.updated, _a.artifact_id), here)
        if query.tag and query.tag != "*":
            g = t.artifact_tags.c
            yield Lane(
                tags, (_a.updated, _a.artifact_id), (g.project == project, g.tag == query.tag)
            )
    labels = t.artifact_labels.join(t.artifacts)
    for name, value in query.labels.items():
        label = t.artifact_labels.c
        has = (label.name == name, *(() if value is None else (label.value == value,)))
        yield Lane(labels, (_a.updated, _a.artifact_id), has)
