"""Runs as the JSON routes and the pages show them: plain functions of plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.http.paging import decode_cursor, encode_cursor
from mlrun_like.api.routes.asking import FORMS, RunFilters, clean
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.documents import epoch
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["RunsPage", "list_runs_page", "query_of", "run_data", "run_summary"]

_SORTS = {
    "start_time": "started",
    "last_update": "updated",
    "duration": "duration",
    "name": "name",
    "state": "state",
}
_RESULT = "results."
_WITHIN = 5000  # runs that are sorted by a result
_ITERATIONS, _ARTIFACTS = 1000, 500


@dataclass(frozen=True)
class RunsPage:
    """A page of runs.

    Args:
        rows: In the asked form.
        token: For the next page; empty: there is none.
        note: What to tell about a limit of this list.
    """

    rows: list[Document]
    token: str = ""
    note: str = ""


def list_runs_page(
    store: SqlStore, caller: Caller, filters: RunFilters, form: str = "summary"
) -> RunsPage:
    """The runs that a caller may see, by the page.

    Args:
        store: The store.
        caller: Who asks.
        filters: Which.
        form: `full`: documents; `summary`: see `run_summary`; `name_only`: names.

    Raises:
        InvalidArgumentError: if the form, the order or the token cannot be used.
    """
    if form not in FORMS:
        raise InvalidArgumentError(f"format {form[:40]!r} is not known", fix=", ".join(FORMS))
    query = query_of(filters, caller)
    if query is None:
        return RunsPage([])
    wanted = filters.sort.removeprefix("-")
    if wanted.startswith(_RESULT):
        return _by_result(store, filters, query, form)
    if wanted not in _SORTS:
        raise InvalidArgumentError(
            f"sort {filters.sort[:80]!r} is not possible",
            fix=f"one of: {', '.join(_SORTS)}, results.<key>",
        )
    after = decode_cursor(filters.token, filters.sort) if filters.token else ()
    page = store.page_runs(
        RunQuery(**{
            **vars(query),
            "sort": filters.sort.replace(wanted, _SORTS[wanted]),
            "after": after,
            "limit": filters.page_size,
        }),
        "columns" if form == "name_only" else "full",
    )  # fmt: skip
    token = encode_cursor(page.after, filters.sort) if page.after else ""
    return RunsPage([_formed(item, form) for item in page.items], token)


def query_of(filters: RunFilters, caller: Caller) -> RunQuery | None:
    """The store's query of what a caller may see; None: nothing."""
    visible = caller.visible
    project = "" if filters.project == "*" else filters.project
    projects: tuple[str, ...] = ()
    if not project and visible is not None:
        projects = tuple(sorted(visible))
        if not projects:
            return None
    return RunQuery(
        project=project,
        projects=projects,
        name=filters.name,
        uid=filters.uid,
        labels=dict(filters.labels),
        states=filters.states,
        iterations=filters.iterations,
        iteration=filters.iteration,
        since=filters.since,
        until=filters.until,
        deleted=filters.deleted,
    )


def _by_result(store: SqlStore, filters: RunFilters, query: RunQuery, form: str) -> RunsPage:
    """By what stands in the documents, which no index knows: of the newest some thousand."""
    key, down = filters.sort.removeprefix("-").removeprefix(_RESULT), filters.sort.startswith("-")
    page = store.page_runs(RunQuery(**{**vars(query), "limit": _WITHIN}))
    placed = []
    for number, document in enumerate(page.items):
        value = _part(_part(document, "status"), "results").get(key)
        if isinstance(value, (int, float)) and math.isfinite(value):
            # those without come last, whatever the direction; the newer of equal ones first
            placed.append((0, -float(value) if down else float(value), number, document))
        else:
            placed.append((1, 0.0, number, document))
    placed.sort(key=lambda row: row[:3])
    start = 0
    if filters.token:
        found = decode_cursor(filters.token, filters.sort)
        if len(found) != 1 or not isinstance(found[0], int) or not 0 <= found[0] <= _WITHIN:
            raise InvalidArgumentError("the page token belongs to another list")
        start = found[0]
    end = start + filters.page_size
    token = encode_cursor([end], filters.sort) if end < len(placed) else ""
    note = f"sorted within the newest {_WITHIN} runs" if page.after else ""
    return RunsPage([_formed(row[3], form) for row in placed[start:end]], token, note)


def _formed(item: Document, form: str) -> Document:
    if form == "full":
        return item
    if form == "summary":
        return run_summary(item)
    if "metadata" in item:
        item = run_summary(item)
    return {key: item[key] for key in ("project", "uid", "iteration", "name")}


def run_summary(document: Mapping[str, Any]) -> Document:
    """What a list shows of a run.

    >>> run_summary({"metadata": {"name": "train"}})["name"]
    'train'
    """
    metadata, spec, status = (_part(document, name) for name in ("metadata", "spec", "status"))
    labels = _part(metadata, "labels")
    return {
        "project": str(metadata.get("project") or ""),
        "uid": str(metadata.get("uid") or ""),
        "iteration": metadata.get("iteration") or 0,
        "name": str(metadata.get("name") or ""),
        "state": str(status.get("state") or "created"),
        "kind": str(labels.get("kind") or ""),
        "function": str(spec.get("function") or ""),
        "labels": dict(labels),
        "start_time": status.get("start_time"),
        "end_time": status.get("end_time"),
        "last_update": status.get("last_update"),
        "seconds": _seconds(status),
        "parameters": dict(_part(spec, "parameters")),
        "results": dict(_part(status, "results")),
        "error": str(status.get("error") or "")[:2000],
    }


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _seconds(status: Mapping[str, Any]) -> float | None:
    try:
        start, end = epoch(status.get("start_time")), epoch(status.get("end_time"))
    except SpecError:
        return None
    return None if start is None or end is None else max(0.0, end - start)


def run_data(store: SqlStore, project: str, uid: str, iteration: int = 0) -> Document:
    """All about one run.

    Raises:
        NotFoundError: if there is none.
    """
    uid = clean(uid, "uid")
    document = store.read_run(clean(project, "project"), uid, iteration)
    below: Sequence[Document] = ()
    if iteration == 0:
        query = RunQuery(project=project, uid=uid, iterations=True, limit=_ITERATIONS + 1)
        below = [
            summary
            for summary in map(run_summary, store.page_runs(query).items)
            if summary["iteration"]
        ]
    artifacts = ArtifactQuery(
        project=project, tree=uid, iteration=iteration or None, limit=_ARTIFACTS
    )
    return {
        "run": document,
        "summary": run_summary(document),
        "iterations": sorted(below, key=lambda row: int(row["iteration"])),
        "metrics": sorted(store.metric_keys(project, uid, iteration)),
        "log_size": store.log_size(project, uid),
        "artifacts": store.page_artifacts(artifacts).items,
        "uses": store.lineage(project, uid),
    }
