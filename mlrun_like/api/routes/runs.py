"""Runs: lists by the page, one run, its states, many at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.asking import RunFilters, clean
from mlrun_like.api.routes.bodies import document_in, flag, number, text
from mlrun_like.api.routes.runs_data import (
    RunsPage,
    list_runs_page,
    query_of,
    run_data,
    run_summary,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.api.tasks.starting import start_task
from mlrun_like.errors import InvalidArgumentError, SpecError, StateError
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, TRANSITIONS, RunDoc
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("runs")
_OF_PROJECT = "/projects/{project}/runs"
_ONE = f"{_OF_PROJECT}/{{uid}}"
_AT_ONCE = 1000
_EXAMPLE = {
    "runs": [{"metadata": {"name": "train", "uid": "0193a4b2", "project": "fraud"}}],
    "pagination": {"page-token": None, "page-size": 100},
}
_FIELDS = Annotated[Any, Body()]


@ROUTES.get(
    "/runs",
    needs=Needs("run", "read", scope="visible"),
    summary="List runs of all projects",
    examples=_EXAMPLE,
    name="list_all_runs",
)
def list_all_runs(request: Request) -> Response:
    """Query parameters as for the runs of one project; `project` names one."""
    project = request.query_params.get("project", "")
    if project not in ("", "*") and not caller_of(request).may(project, "run", "read"):
        return _answer(request, RunsPage([]), RunFilters())
    return _listed(request, project)


@ROUTES.get(_OF_PROJECT, needs=Needs("run", "read"), summary="List runs", examples=_EXAMPLE)
def list_runs(request: Request, project: str) -> Response:
    """The newest first, by the page.

    `name` (`~part`: contains), `label=a=b` or `label=a` (repeated), `state` (repeated), `uid`
    (repeated), `since`, `until`, `iter=true` (with iterations) or `iteration=3`, `deleted`,
    `format=full|summary|name_only`, `sort=[-]start_time|last_update|duration|name|state` or
    `results.<key>` (within the newest 5000), `page-size`, `page-token`.
    """
    return _listed(request, project)


def _listed(request: Request, project: str) -> Response:
    filters = RunFilters.of(request.query_params, project)
    form = request.query_params.get("format") or "full"
    page = list_runs_page(store_of(request), caller_of(request), filters, form)
    return _answer(request, page, filters)


def _answer(request: Request, page: RunsPage, filters: RunFilters) -> Response:
    rows: list[Any] = page.rows
    if request.query_params.get("format") == "name_only":
        rows = [row["name"] for row in page.rows]
    body = {
        "runs": rows,
        "pagination": {"page-token": page.token or None, "page-size": filters.page_size},
    }
    return json_answer({**body, "note": page.note} if page.note else body)


@ROUTES.get(_ONE, needs=Needs("run", "read"), summary="Read a run")
def read_run(request: Request, project: str, uid: str) -> Response:
    """The run's document; `iteration=3`: of this iteration; `format=summary`: less of it;
    `format=page`: with iterations, artifacts, metrics and lineage."""
    iteration = number(request, "iteration", number(request, "iter", 0, 2**31 - 1), 2**31 - 1)
    store, form = store_of(request), request.query_params.get("format") or "full"
    if form == "page":
        return json_answer(run_data(store, clean(project, "project"), uid, iteration))
    document = store.read_run(clean(project, "project"), clean(uid, "uid"), iteration)
    if form not in ("full", "summary"):
        raise InvalidArgumentError(f"format {form[:40]!r} is not known", fix="full, summary, page")
    return json_answer({"data": document if form == "full" else run_summary(document)})


@ROUTES.post(
    _ONE, needs=Needs("run", "create"), summary="Store a run", examples={"data": {"kind": "run"}}
)
def store_run(request: Request, project: str, uid: str, body: _FIELDS) -> Response:
    """Insert a run or replace it. A state that is final stays, whatever comes late."""
    return _stored(request, project, uid, body)


@ROUTES.put(_ONE, needs=Needs("run", "update"), summary="Replace a run")
def replace_run(request: Request, project: str, uid: str, body: _FIELDS) -> Response:
    """As POST; takes `If-Match`."""
    return _stored(request, project, uid, body)


def _stored(request: Request, project: str, uid: str, body: Any) -> Response:
    document = document_in(body, "a run")
    metadata = document.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise SpecError(f"metadata must be a mapping, not {metadata!r:.60}")
    iteration = number(request, "iteration", 0, 2**31 - 1)
    if "iteration" in request.query_params:
        metadata["iteration"] = iteration
    for key, wanted in (("project", clean(project, "project")), ("uid", clean(uid, "uid"))):
        if metadata.setdefault(key, wanted) != wanted:
            raise InvalidArgumentError(
                f"metadata.{key} {metadata[key]!r:.80} is not the path's {wanted!r}"
            )
    parse(RunDoc, document, "the run")
    state = (document.get("status") or {}).get("state") or "created"
    if state not in TRANSITIONS:
        raise SpecError(f"{state!r} is not a run state", fix=f"states: {', '.join(TRANSITIONS)}")
    store_of(request).store_run(document)
    stored = store_of(request).read_run(project, uid, int(metadata.get("iteration") or 0))
    return json_answer({"data": stored})


@ROUTES.patch(_ONE, needs=Needs("run", "update"), summary="Change parts of a run")
def update_run(request: Request, project: str, uid: str, body: _FIELDS) -> Response:
    """MLRun's updates: paths with dots and their values, such as `{"status.state": "aborted"}` or
    `{"metadata.labels.owner": "anna"}`. A state must be one that may follow."""
    changes = document_in(body, "an update")
    iteration = number(request, "iteration", number(request, "iter", 0, 2**31 - 1), 2**31 - 1)
    store = store_of(request)
    document = store.read_run(clean(project, "project"), clean(uid, "uid"), iteration)
    state = changes.pop("status.state", None)
    error = changes.pop("status.error", "") if state else ""
    for path, value in changes.items():
        _put(document, path.split("."), value)
    parse(RunDoc, document, "the run")
    if changes:
        store.store_run(document)
    if state is not None:
        if not isinstance(state, str) or not isinstance(error, str):
            raise SpecError("a state and its error are texts")
        store.set_run_state(project, uid, iteration, state, error)
    return json_answer({"data": store.read_run(project, uid, iteration)})


def _put(document: Document, path: list[str], value: Any) -> None:
    if path[0] not in ("metadata", "spec", "status") or len(path) < 2 or "" in path:
        raise InvalidArgumentError(
            f"{'.'.join(path)[:80]!r} cannot be changed", fix="metadata.…, spec.… or status.…"
        )
    if path in (["metadata", "uid"], ["metadata", "project"], ["metadata", "iteration"]):
        raise InvalidArgumentError(f"{'.'.join(path)} is what the run is known by")
    place = document
    for part in path[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InvalidArgumentError(f"{part!r} in {'.'.join(path)[:80]!r} holds no parts")
        place = inner
    place[path[-1]] = value


@ROUTES.delete(_ONE, needs=Needs("run", "delete"), summary="Delete a run")
def delete_run(request: Request, project: str, uid: str) -> Response:
    """With its iterations; it is hidden, and removed by the clean-up. One that goes on: 409.
    `iteration=3`: only this one."""
    text_ = request.query_params.get("iteration")
    iteration = number(request, "iteration", 0, 2**31 - 1) if text_ else None
    query = RunQuery(
        project=clean(project, "project"), uid=clean(uid, "uid"), iteration=iteration,
        iterations=iteration is None,
    )  # fmt: skip
    store = store_of(request)
    store.read_run(project, uid, iteration or 0)
    return json_answer({"deleted": store.delete_runs(query)})


@ROUTES.delete(_OF_PROJECT, needs=Needs("run", "delete"), summary="Delete many runs")
def delete_runs(request: Request, project: str) -> Response:
    """Those that the query parameters of the list choose: up to a thousand at once, more in a
    background task (202). `all=true` must be given if nothing restricts them."""
    filters = RunFilters.of(request.query_params, project)
    query = query_of(filters, caller_of(request))
    chosen = filters.name or filters.uid or filters.labels or filters.states
    if not (chosen or filters.since or filters.until or flag(request, "all")):
        raise InvalidArgumentError(
            "no filter is given: that would be all runs", fix="add filters, or all=true"
        )
    if query is None:
        return json_answer({"deleted": 0})
    store, wanted = store_of(request), replace(query, limit=_AT_ONCE)
    if not store.page_runs(wanted, "columns").after:
        return json_answer({"deleted": _delete_page(store, wanted)[0]})

    def work(progress: Progress) -> Document:
        done, more = 0, True
        while more:
            count, more = _delete_page(store, wanted)
            done += count
            progress.tell(done, 0, f"{done} runs deleted")
            more = more and count > 0
        return {"deleted": done}

    return start_task(request, "delete-runs", project, work)


def _delete_page(store: SqlStore, query: RunQuery) -> tuple[int, bool]:
    """Delete the first page of a list with its iterations; whether there is another one."""
    page = store.page_runs(query, "columns")
    uids = list(dict.fromkeys(str(item["uid"]) for item in page.items))
    count = 0
    for start in range(0, len(uids), 200):
        part = RunQuery(project=query.project, uid=tuple(uids[start : start + 200]))
        count += store.delete_runs(part)
    return count, bool(page.after)


@ROUTES.post(f"{_ONE}/abort", needs=Needs("run", "run"), summary="Stop a run")
def abort_run(request: Request, project: str, uid: str, body: _FIELDS = None) -> Response:
    """Ask a run to stop; answers at once with its state. `aborting`: it is on its way; a run whose
    process is gone ends by itself within a minute. `{"reason": "…"}` stands in its record."""
    asked = document_in(body or {}, "an abort")
    reason = text(asked, "reason")
    store = store_of(request)
    iteration = number(request, "iteration", 0, 2**31 - 1)
    document = store.read_run(clean(project, "project"), clean(uid, "uid"), iteration)
    state = str((document.get("status") or {}).get("state") or "created")
    if state not in TERMINAL:
        with suppress(StateError):  # it ended in this moment
            store.set_run_state(project, uid, iteration, "aborting", reason)
        document = store.read_run(project, uid, iteration)
        state = str(document["status"]["state"])
    return json_answer({"state": state, "uid": uid}, 200 if state in TERMINAL else 202)
