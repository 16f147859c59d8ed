"""Background tasks: what goes on, how far it is, and how to stop it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.decide import check
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.tasks.starting import submit_task, task_document
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document

__all__ = [
    "ROUTES",
    "cancel_task",
    "list_all_tasks",
    "list_tasks",
    "read_any_task",
    "read_task",
    "start_gc",
    "tasks_data",
]

ROUTES = Routes("background-tasks")
_MOST = 2000
_MOST_DAYS = 36_500.0
_STATES = ("pending", "running", "succeeded", "failed", "cancelled")
_EXAMPLE = task_document(
    BackgroundTask("5f0c", "delete-project", "fraud", "running", "anna", {}, 120, 3000, "runs")
)


def tasks_data(request: Request, project: str = "") -> list[BackgroundTask]:
    """Tasks that the caller may see, newest first; project empty: of all."""
    caller = caller_of(request)
    wanted = request.query_params.getlist("state")
    unknown = set(wanted) - set(_STATES)
    if unknown:
        raise InvalidArgumentError(
            f"there is no state {sorted(unknown)[0][:40]!r}", fix=f"one of: {', '.join(_STATES)}"
        )
    kind = request.query_params.get("kind", "")
    rows = store_of(request).list_tasks(project, tuple(wanted), _MOST)
    visible = caller.visible
    return [
        row
        for row in rows
        if (not kind or row.kind == kind)
        and (visible is None or row.project in visible or _asked(caller, row))
    ]


@ROUTES.get(
    "/background-tasks",
    needs=Needs("task", "read", scope="visible"),
    summary="List background tasks of all projects",
    examples={"background_tasks": [_EXAMPLE], "pagination": {"page-token": None, "page-size": 100}},
)
def list_all_tasks(request: Request) -> Response:
    """Tasks of the projects that the caller may see; filters: `kind`, `state` (repeated)."""
    return _listed(request, tasks_data(request))


@ROUTES.get(
    "/projects/{project}/background-tasks",
    needs=Needs("task", "read"),
    summary="List background tasks",
    examples={"background_tasks": [_EXAMPLE], "pagination": {"page-token": None, "page-size": 100}},
)
def list_tasks(request: Request, project: str) -> Response:
    """Tasks of a project; filters: `kind`, `state` (repeated)."""
    return _listed(request, tasks_data(request, project))


@ROUTES.get(
    "/projects/{project}/background-tasks/{uid}",
    needs=Needs("task", "read"),
    summary="Read a background task",
    examples=_EXAMPLE,
)
def read_task(request: Request, project: str, uid: str) -> Response:
    """What a task has done so far, or what came out."""
    task = store_of(request).read_task(uid)
    if task.project != project:
        raise NotFoundError(f"there is no background task {uid!r}", where=f"project {project!r}")
    return json_answer(task_document(task))


@ROUTES.get(
    "/background-tasks/{uid}",
    needs=Needs("task", "read", scope="visible"),
    summary="Read a background task of any project",
    examples=_EXAMPLE,
)
def read_any_task(request: Request, uid: str) -> Response:
    """The same without its project, which is where the header `Location` leads."""
    return json_answer(task_document(_own(request, uid, "read")))


@ROUTES.post(
    "/background-tasks/{uid}/cancel",
    needs=Needs("task", "update", scope="visible"),
    summary="Stop a background task",
    examples=_EXAMPLE,
)
def cancel_task(request: Request, uid: str) -> Response:
    """Ask a task to stop; what it has done stays. One that has ended stays as it is."""
    _own(request, uid, "update")
    return json_answer(task_document(store_of(request).cancel_task(uid)))


@ROUTES.post(
    "/background-tasks/gc",
    needs=Needs("task", "run", scope="server"),
    summary="Remove what nobody needs",
    examples=_EXAMPLE,
)
def start_gc(request: Request) -> Response:
    """Remove records that were deleted long ago, and files that no record names.

    With `dry-run=true` only what would go is told; `keep-days` says how long ago is long.
    """
    dry = request.query_params.get("dry-run", "").lower() in ("1", "true", "yes")
    arguments: Document = {"dry_run": dry}
    keep = request.query_params.get("keep-days", "")
    if keep:
        try:
            arguments["keep_days"] = float(keep)
        except ValueError:
            arguments["keep_days"] = -1.0
        if not 0.0 <= arguments["keep_days"] <= _MOST_DAYS:
            raise InvalidArgumentError(
                f"keep-days={keep[:40]} is no number of days", fix="keep-days=7"
            )
    return submit_task(request, "gc", "", arguments)


def _own(request: Request, uid: str, action: str) -> BackgroundTask:
    """A task that the caller may see; others are as if they were not there."""
    task = store_of(request).read_task(uid)
    caller = caller_of(request)
    if _asked(caller, task):
        return task
    visible = caller.visible
    if visible is not None and task.project not in visible:
        raise NotFoundError(f"there is no background task {uid!r}")
    check(caller, task.project, "task", action)
    return task


def _asked(caller: Caller, task: BackgroundTask) -> bool:
    """Whether it is the caller's own; a token for other projects is not told of it."""
    within = caller.projects is None or task.project in caller.projects
    return within and task.asked_by == caller.name


def _listed(request: Request, rows: list[BackgroundTask]) -> Response:
    shown, pagination = paged(
        rows,
        request,
        key=lambda task: task.uid,
        sorts={
            "created": lambda task: task.created,
            "updated": lambda task: task.updated,
            "state": lambda task: task.state,
            "kind": lambda task: task.kind,
        },
        default="-created",
    )
    documents: list[Document] = [task_document(task) for task in shown]
    return json_answer({"background_tasks": documents, "pagination": pagination})
