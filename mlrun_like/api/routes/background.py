"""Long work of handlers, done after the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.control import access_of
from mlrun_like.api.execution.child import check_allowed
from mlrun_like.api.execution.starting import execution_mode
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.api.tasks.starting import start_task
from mlrun_like.errors import AccessDeniedError
from mlrun_like.functions.function import Function
from mlrun_like.specs.run import RunDoc
from mlrun_like.types import Document

__all__ = ["check_here", "check_runs", "in_background"]


def check_runs(request: Request) -> Callable[[Function[..., Any], RunDoc], None]:
    """What refuses functions that this service may not run: see the setting `service_execution`."""
    mode = execution_mode(access_of(request).required)
    return lambda function, run: check_allowed(
        function, mode, run.to_dict()["spec"], run.metadata.project
    )


def check_here(request: Request, what: str) -> None:
    """Refuse what runs in a process of the service's own machine, unless the setting lets it.

    Raises:
        AccessDeniedError: if it may not.
    """
    mode = execution_mode(access_of(request).required)
    if mode != "process":
        raise AccessDeniedError(
            f"{what} would run on the service's own machine",
            where=f"setting service_execution is {mode!r}",
            fix="run it where you are, or let the setting be changed to 'process'",
        )


def in_background(
    request: Request,
    kind: str,
    project: str,
    work: Callable[[], Document],
    *,
    name: str = "",
    more: Document | None = None,
) -> Response:
    """Do work that cannot tell how far it is as a background task; answers 202 with the task.

    Args:
        request: Who wants it.
        kind: A word for what is done.
        project: Its project.
        work: Gives the result.
        name: What it is done to.
        more: What the answer says besides the task.
    """

    def run(progress: Progress) -> Document:
        progress.tell(0, 1, kind)
        return work()

    answer = start_task(request, kind, project, run, name=name)
    if not more:
        return answer
    told = {**orjson.loads(bytes(answer.body)), **more}
    return json_answer(told, answer.status_code, {"location": answer.headers["location"]})
