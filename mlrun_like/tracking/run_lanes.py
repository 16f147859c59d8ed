"""What the indexes of runs hold besides their order: so much of a query needs no look at a run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Double, Integer, String, exists, literal_column

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.part import matches
from mlrun_like.tracking.walking import Lane, Narrow

__all__ = ["along_labels", "along_runs", "narrowing"]

_r, _l = t.runs.c, t.run_labels.c
_HELD = (_r.project, _r.iter, _r.state, _r.name, _r.started)
"""Columns that each index of runs for a list holds."""
_other, _run = t.run_labels.alias("other"), t.runs.alias("run")


class _Chunk:
    """The columns of a chunk."""

    project: Any = literal_column("chunk.project", String)
    iter: Any = literal_column("chunk.iter", Integer)
    state: Any = literal_column("chunk.state", String)
    name: Any = literal_column("chunk.name", String)
    started: Any = literal_column("chunk.started", Double)
    run_id: Any = literal_column("chunk.run_id", Integer)


def along_runs(columns: tuple[Any, ...], *where: ColumnElement[bool]) -> Lane:
    """Rows of an index of runs."""
    named = {column.name for column in columns}
    carried = tuple(column for column in _HELD if column.name not in named)
    return Lane(t.runs, columns, where, carried=carried)


def along_labels(name: str, *where: ColumnElement[bool]) -> Lane:
    """Rows of an index of labels, in the order of start."""
    return Lane(t.run_labels, (_l.started, _l.run_id), where, name, (_l.project,))


def narrowing(lane: Lane, query: RunQuery, names: tuple[str, ...] | None) -> Narrow | None:
    """What can be said of a lane's rows by what its index holds; None: nothing.

    Args:
        lane: One of the lanes.
        query: What is wanted; with its projects in `projects`.
        names: The names that are meant, if that is known.
    """
    if not lane.carried:
        return None
    of_runs = lane.source is t.runs

    def narrow() -> list[ColumnElement[bool]]:
        c = _Chunk
        found = [c.project.in_(query.projects)] if query.projects else []
        if of_runs:
            found += _of_run(c, query, names)
        for name, value in query.labels.items():
            if value is not None and name != lane.label:
                o = _other.c
                found.append(exists().where(
                    o.project == c.project, o.name == name, o.value == value,
                    o.started == c.started, o.run_id == c.run_id,
                ))  # fmt: skip
        if not of_runs and (query.name or query.states):
            here = _run.c.run_id == c.run_id
            found.append(exists().where(here, *_of_run(_run.c, query, names)))
        return found

    return narrow


def _of_run(c: Any, query: RunQuery, names: tuple[str, ...] | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.states:
        found.append(c.state.in_(query.states))
    if query.iteration is not None:
        found.append(c.iter == query.iteration)
    elif not query.iterations:
        found.append(c.iter == 0)
    if names is not None:
        found.append(c.name.in_(names))
    elif query.name:
        found.append(matches(c.name, query.name))
    return found
