"""Begins a task for a request, and shows tasks as documents."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.state import caller_of, state_of
from mlrun_like.api.tasks.runner import Work
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document

__all__ = ["start_task", "submit_task", "task_address", "task_document"]


def start_task(
    request: Request, kind: str, project: str, work: Work, *, name: str = ""
) -> Response:
    """Do something in the background, in this process; answers 202 with the task.

    Args:
        request: Who wants it.
        kind: A word for what is done.
        project: Its project; empty: it concerns the whole service.
        work: Gets a `Progress`, gives the result.
        name: What it is done to.
    """
    arguments = {"name": name} if name else {}
    task = _new(request, kind, project, arguments)
    return _taken(state_of(request).tasks.begin(task, work))


def submit_task(request: Request, kind: str, project: str, arguments: Document) -> Response:
    """Let any process do a task of a kind in `kinds.KINDS`; answers 202 with the task."""
    task = state_of(request).store.store_task(_new(request, kind, project, arguments))
    return _taken(task)


def task_address(task: BackgroundTask) -> str:
    """Where a task is shown."""
    return f"/api/v1/background-tasks/{task.uid}"


def task_document(task: BackgroundTask) -> Document:
    """A task as a document.

    >>> task_document(BackgroundTask("a", "gc"))["status"]["state"]
    'pending'
    """
    return {
        "kind": "background-task",
        "metadata": {
            "name": task.uid,
            "kind": task.kind,
            "project": task.project,
            "asked_by": task.asked_by,
            "created": _moment(task.created),
            "updated": _moment(task.updated),
        },
        "spec": {"arguments": task.arguments},
        "status": {
            "state": task.state,
            "done": task.done,
            "total": task.total,
            "message": task.message,
            "result": task.result,
            "error": task.error,
            "attempts": task.attempts,
            "cancelling": task.cancel and not task.ended,
        },
    }


def _new(request: Request, kind: str, project: str, arguments: Document) -> BackgroundTask:
    who = caller_of(request).name
    return BackgroundTask(uuid.uuid4().hex, kind, project, asked_by=who, arguments=arguments)


def _taken(task: BackgroundTask) -> Response:
    return json_answer(task_document(task), 202, {"location": task_address(task)})


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
