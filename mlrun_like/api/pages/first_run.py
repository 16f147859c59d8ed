"""What a project without runs shows: the lines that fill it, ready to be copied."""

from __future__ import annotations

import json

from starlette.requests import Request

from mlrun_like.api.access.identify import origin_of
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import copyable
from mlrun_like.api.routing import caller_of, options_of
from mlrun_like.drawing.markup import Html, element

__all__ = ["FIRST_RUN", "first_run"]

FIRST_RUN = """import mlrun_like as ml

with ml.get_or_create_ctx("first", project={project}) as run:
    run.log_result("accuracy", 0.9)"""
"""How a first run is made."""


def first_run(request: Request, project: str) -> Html:
    """Where runs are sent to, and the code that makes one.

    Args:
        request: Who asks, and by which address.
        project: The project that has no run.
    """
    where = options_of(request).url.rstrip("/") or origin_of(request).url
    shell = f"export MLRUN_LIKE_DBPATH={where}"
    if caller_of(request).kind != "local":
        shell += f"\nmlrun-like login {where}"
    hub = element("a", "the hub", href=project_path(project, "hub"))
    functions = element("a", "functions", href=project_path(project, "functions"))
    return element(
        "div",
        element("p", "No run yet."),
        element("p", "A run is one execution of your code, with its parameters, results, metrics, "
                "log and artifacts. In the shell where your code starts, say where runs go:"),
        copyable(shell),
        element("p", "Then this makes a first one; it appears here while it goes on:"),
        copyable(FIRST_RUN.format(project=json.dumps(project))),
        element("p", "Or start one from here: of this project's ", functions,
                ", or of a ready one in ", hub, "."),
        class_="empty",
    )  # fmt: skip
