"""Background tasks with their progress."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.pages.words import empty, live, since, state_badge
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, number
from mlrun_like.drawing.page import table
from mlrun_like.tracking.task_abilities import BackgroundTask

__all__ = ["ROUTES"]

ROUTES = Routes("pages-tasks", page=True)
_NEEDS = Needs("task", "read", scope="visible")
_MOST = 100


@ROUTES.get("/tasks", needs=_NEEDS, summary="Background tasks", name="tasks_page")
def tasks_page(request: Request) -> Response:
    """What goes on and what was done, of projects that the caller may see."""
    return html_answer(frame(request, "Background tasks", [_part(request)], here="tasks"))


@ROUTES.get("/fragments/tasks", needs=_NEEDS, summary="Background tasks, live")
def tasks_fragment(request: Request) -> Response:
    """The table alone."""
    return fragment(request, _part(request))


def _part(request: Request) -> Html:
    seen = caller_of(request).visible
    tasks = [
        task for task in store_of(request).list_tasks(limit=500)
        if seen is None or task.project in seen
    ][:_MOST]  # fmt: skip
    rows = [
        [task.kind, task.project, state_badge(task.state), _progress(task), task.asked_by,
         since(task.created), since(task.updated)]
        for task in tasks
    ]  # fmt: skip
    body = table(["What", "Project", "State", "Progress", "Asked by", "Asked", "Changed"], rows,
                 caption="background tasks")  # fmt: skip
    if not rows:
        body = empty("Nothing goes on in the background.",
                     "Work that takes long, such as deleting a project, appears here.")  # fmt: skip
    return live("/fragments/tasks", body, seconds=2, key="tasks",
                is_over=all(task.ended for task in tasks))  # fmt: skip


def _progress(task: BackgroundTask) -> Html:
    if task.error:
        return element("span", task.error)
    if not task.total:
        return element("span", task.message)
    words = f"{number(task.done)} of {number(task.total)}"
    bar = element("progress", value=str(task.done), max=str(task.total), aria_label=words)
    return element("span", bar, element("span", f"{words} {task.message}", class_="sub"))
