"""The pages of a project and of the service, in the order of the navigation."""

from __future__ import annotations

from urllib.parse import quote

from mlrun_like.api.access.caller import Caller

__all__ = ["PAGES", "project_links", "project_path"]

PAGES: tuple[tuple[str, str, str, str, str], ...] = (
    # key, label, path below the project, what one must be allowed to read, key of the keyboard
    ("home", "Overview", "", "project", "h"),
    ("runs", "Runs", "/runs", "run", "r"),
    ("pipelines", "Pipelines", "/pipelines", "pipeline", "p"),
    ("schedules", "Schedules", "/schedules", "schedule", "c"),
    ("artifacts", "Artifacts", "/artifacts", "artifact", "a"),
    ("models", "Models", "/models", "model", "m"),
    ("functions", "Functions", "/functions", "function", "f"),
    ("features", "Feature store", "/features", "feature-set", "t"),
    ("endpoints", "Endpoints", "/endpoints", "endpoint", "e"),
    ("alerts", "Alerts", "/alerts", "alert", "l"),
    ("gateway", "Gateway", "/gateway", "gateway", "w"),
    ("hub", "Hub", "/hub", "hub", "u"),
    ("settings", "Settings", "/settings", "project", "s"),
)
"""Rows of the navigation of a project."""


def project_path(project: str, *parts: str) -> str:
    """The address of a page of a project; parts may contain anything.

    >>> project_path("a", "runs", "x/y")
    '/projects/a/runs/x%2Fy'
    """
    return "/".join(["/projects", quote(project, safe=""), *(quote(one, safe="") for one in parts)])


def project_links(caller: Caller, project: str) -> list[tuple[str, str, str, str]]:
    """The rows (key, label, address, keyboard key) that a caller may open."""
    base = project_path(project)
    return [
        (key, label, base + path, stroke)
        for key, label, path, resource, stroke in PAGES
        if caller.may(project, resource, "read")
    ]
