"""Schedules: lists, one with its history, made, changed, paused, started now."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.execution.identity import as_project, reached_at
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.background import check_runs, in_background
from mlrun_like.api.routes.bodies import document_in, number, seen, text
from mlrun_like.api.routes.schedules_data import (
    firing_row,
    next_times,
    schedule_data,
    schedule_row,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, options_of, store_of
from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.notifying import check_public
from mlrun_like.names import check_run_name, parse_function_uri
from mlrun_like.runs.context_base import utc_now
from mlrun_like.schedules.cron import next_time
from mlrun_like.schedules.define import iso, read_schedule, run_of, set_paused, to_schedule
from mlrun_like.schedules.fields import cron_of
from mlrun_like.schedules.firing import own_mark
from mlrun_like.schedules.service import Scheduler
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.schedule import Schedule, ScheduleDoc, ScheduleSpec
from mlrun_like.tracking.abilities import Firing
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("schedules")
_READ, _RUN = Needs("schedule", "read"), Needs("schedule", "run")
_UPDATE = Needs("schedule", "update")
_EXAMPLE = {
    "name": "nightly",
    "cron_trigger": "0 2 * * *",
    "concurrency": "forbid",
    "scheduled_object": {
        "task": {"spec": {"function": "fraud/train@0a1b2c3d", "parameters": {"rows": 100}}}
    },
}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
_SORTS = {
    "name": lambda row: str(row["name"]),
    "next_run_time": lambda row: row.get("next_run_time"),
    "creation_time": lambda row: row.get("creation_time"),
}
_LIST = "/projects/{project}/schedules"
_ONE = _LIST + "/{name}"


@ROUTES.get(
    "/schedules",
    needs=Needs("schedule", "read", scope="visible"),
    summary="List schedules of all projects",
)
def list_all(request: Request) -> Response:
    """The schedules of all projects that the caller may see, the next ones first."""
    rows = seen(store_of(request).list_schedules(), caller_of(request).visible)
    return _listed(request, rows)


@ROUTES.get(_LIST, needs=_READ, summary="List schedules")
def list_schedules(request: Request, project: str) -> Response:
    """Schedules of a project. Filters: `name` (`~part`: contains), `kind` (cron, trigger),
    `paused`."""
    rows = store_of(request).list_schedules(project, request.query_params.get("name") or "")
    return _listed(request, rows)


@ROUTES.get(_ONE, needs=_READ, summary="Get a schedule")
def get_schedule(request: Request, project: str, name: str) -> Response:
    """The schedule with its newest firings and its next times. `limit`: how many firings."""
    limit = number(request, "limit", 20, 1000)
    return json_answer(schedule_data(store_of(request), project, name, limit))


@ROUTES.get(_ONE + "/history", needs=_READ, summary="Times that a schedule had")
def history(request: Request, project: str, name: str) -> Response:
    """Each time and what became of it, newest first. Filter: `outcome`."""
    store = store_of(request)
    store.read_schedule(project, name)
    outcome = request.query_params.get("outcome")
    rows = [firing_row(item) for item in store.list_firings(project, name, 0)]
    rows = [row for row in rows if not outcome or row["outcome"] == outcome]
    shown, pages = paged(
        rows, request, key=lambda row: row["due"], sorts={"due": lambda row: row["due"]},
        default="-due",
    )  # fmt: skip
    return json_answer({"firings": shown, "pagination": pages})


@ROUTES.get(_ONE + "/next", needs=_READ, summary="Coming times of a schedule")
def coming(request: Request, project: str, name: str) -> Response:
    """The next `count` times, in UTC; none while it is paused."""
    schedule = read_schedule(store_of(request), project, name)
    return json_answer({"times": next_times(schedule, number(request, "count", 10, 100, 1))})


@ROUTES.post(_LIST, needs=Needs("schedule", "create"), summary="Make a schedule", status_code=201)
def create_schedule(request: Request, project: str, body: Given) -> Response:
    """Make or replace a schedule: MLRun's `cron_trigger` and `scheduled_object`, or a schedule's
    own document."""
    return json_answer(_stored(request, project, "", body), 201)


@ROUTES.put(_ONE, needs=_UPDATE, summary="Store a schedule")
def store_schedule(request: Request, project: str, name: str, body: Given) -> Response:
    """Make or replace the schedule of this name."""
    return json_answer(_stored(request, project, name, body))


@ROUTES.post(_ONE + "/pause", needs=_UPDATE, summary="Pause a schedule")
def pause(request: Request, project: str, name: str) -> Response:
    """Nothing is started until it is resumed; times that pass meanwhile are not caught up."""
    return json_answer(set_paused(store_of(request), project, name, True).to_dict())


@ROUTES.post(_ONE + "/resume", needs=_UPDATE, summary="Resume a schedule")
def resume(request: Request, project: str, name: str) -> Response:
    """Let a paused schedule go on."""
    return json_answer(set_paused(store_of(request), project, name, False).to_dict())


@ROUTES.post(_ONE + "/invoke", needs=_RUN, summary="Start a schedule now", status_code=202)
def invoke(request: Request, project: str, name: str) -> Response:
    """Run it now, besides its times; its policy on concurrency holds. The history tells what
    became of it."""
    store = store_of(request)
    schedule = read_schedule(store, project, name)
    _check_function(request, project, schedule.spec.function)
    allow, now = check_runs(request), time.time()
    address = reached_at(options_of(request))

    def around(one: ScheduleDoc) -> AbstractContextManager[None]:
        return as_project(store, one.project, address)

    allow(import_function(f"db://{schedule.spec.function}"), run_of(schedule, now))
    firing = Firing(now, now, "running", text=own_mark())
    store.record_firing(project, name, firing)

    def work() -> Document:
        with Scheduler(store, allow=allow, around=around) as service:
            return firing_row(service.fire(schedule, firing))

    more = {"firing": firing_row(firing)}
    return in_background(request, "schedule-invoke", project, work, name=name, more=more)


@ROUTES.delete(_ONE, needs=Needs("schedule", "delete"), summary="Delete a schedule")
def delete_schedule(request: Request, project: str, name: str) -> Response:
    """Delete it with its history; its runs stay."""
    if not store_of(request).delete_schedule(project, name):
        raise NotFoundError(f"there is no schedule {name!r}", where=f"project {project!r}")
    return Response(status_code=204)


def _listed(request: Request, rows: list[Document]) -> Response:
    query, store = request.query_params, store_of(request)
    kind, paused = query.get("kind"), query.get("paused")
    rows = [
        row
        for row in rows
        if (not kind or (kind == "trigger") == bool((row.get("spec") or {}).get("trigger")))
        and (not paused or (paused.lower() in ("1", "true")) == bool(row.get("paused")))
    ]
    shown, pages = paged(
        rows,
        request,
        key=lambda row: f"{row.get('project')}/{row['name']}",
        sorts=_SORTS,
        default="name",
    )
    made = [schedule_row(store, row) for row in shown]
    return json_answer({"schedules": made, "pagination": pages})


def _stored(request: Request, project: str, name: str, body: Any) -> Document:
    document = document_in(body, "a schedule")
    own = text(document, "name") or name
    if name and own != name:
        raise SpecError(f"the schedule is called {own!r}, not {name!r}")
    given, run = _parts(document)
    run.metadata.project = project
    run.metadata.uid = ""
    run.metadata.name = run.metadata.name or own
    if not own:
        raise SpecError("a schedule needs a name", fix='"name": "nightly"')
    run.spec.function = run.spec.function or text(document, "function")
    _check_function(request, project, run.spec.function)
    paused = document.get("paused") is True
    first = None if paused else next_time(given.cron, given.time_zone, time.time())
    spec = ScheduleSpec(
        cron=given.cron,
        time_zone=given.time_zone,
        concurrency=given.concurrency,
        missed=given.missed,
        grace=given.grace,
        function=run.spec.function,
        run=run,
    )
    labels = document.get("labels") or {}
    if not isinstance(labels, dict):
        raise SpecError("labels of a schedule are a mapping")
    made = ScheduleDoc(
        name=check_run_name(own),
        project=project,
        labels={str(key): str(value) for key, value in labels.items()},
        paused=paused,
        creation_time=utc_now(),
        next_run_time=iso(first),
        spec=spec,
    )
    store = store_of(request)
    store.store_schedule(made.to_dict(), first)
    return store.read_schedule(project, own)


def _parts(document: Document) -> tuple[Schedule, RunDoc]:
    """When, and what: from MLRun's form or our own."""
    spec = document.get("spec") or {}
    if not isinstance(spec, dict):
        raise SpecError("spec of a schedule is a mapping")
    if spec.get("trigger"):
        raise SpecError(
            "triggers are made by the SDK: their source is looked at first",
            fix="fn.run(schedule=FileTrigger(...))",
        )
    if "cron_trigger" in document:
        cron, zone = document["cron_trigger"], ""
        if isinstance(cron, dict):
            cron, zone = cron_of(cron)
        held = document.get("scheduled_object") or {}
        task = held.get("task", held) if isinstance(held, dict) else held
        limit = document.get("concurrency_limit")
        concurrency = document.get("concurrency") or ("forbid" if limit in (None, 1) else "allow")
        options = {"time_zone": document.get("time_zone") or zone, "concurrency": concurrency}
        given = to_schedule({"cron": cron, **options})
        run = parse(RunDoc, task, "scheduled_object.task")
    else:
        known = ("cron", "time_zone", "concurrency", "missed", "grace")
        given = to_schedule({key: spec[key] for key in known if key in spec})
        run = parse(RunDoc, spec.get("run") or {}, "spec.run")
        run.spec.function = str(spec.get("function") or run.spec.function or "")
    if not isinstance(given, Schedule):
        raise SpecError("a schedule needs a cron expression")
    check_public(run.spec.notifications)
    return given, run


def _check_function(request: Request, project: str, function: str) -> None:
    """The function is there, and the caller may see its project: else a schedule would run what
    its maker may not even read."""
    if not function:
        raise SpecError("a schedule needs a function", fix='"function": "<project>/<name>@<hash>"')
    uri = parse_function_uri(function, project)
    if uri.project != project and not caller_of(request).may(uri.project, "function", "read"):
        raise NotFoundError(f"there is no function {function!r:.120}")
    store_of(request).read_function(uri.project, uri.name, tag=uri.tag, hash=uri.hash)
