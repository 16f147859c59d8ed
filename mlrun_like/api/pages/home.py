"""The first pages: all projects, and the home of one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.projects import claim_project
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import button, field, post_form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import address, empty, since, state_badge, toolbar
from mlrun_like.api.routes.projects_data import project_summaries, summaries_at_hand
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, joined, number
from mlrun_like.drawing.page import badge, section
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.project_counts import project_names
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES", "run_line", "with_pipelines"]

ROUTES = Routes("pages-home", page=True)
_VISIBLE = Needs("project", "read", scope="visible")
_FEW = 8
_SHOWN = 60
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _visible(request: Request, part: str = "") -> list[str]:
    caller = caller_of(request)
    names = project_names(store_of(request))
    seen = caller.visible
    return sorted(
        name for name in names
        if (seen is None or name in seen) and part.lower() in name.lower()
        and not name.startswith("_")
    )  # fmt: skip


@ROUTES.get("/", needs=_VISIBLE, summary="All projects", name="projects_page")
def projects_page(request: Request) -> Response:
    """A card for each project, and what happened last."""
    store, part = store_of(request), request.query_params.get("name", "")[:100]
    names = _visible(request, part)
    cards = _cards(store, names[:_SHOWN], part, wait=False)
    find = element(
        "form", element("input", type="search", name="name", value=part,
                        aria_label="part of a name", placeholder="Filter projects"),
        button("Filter"),
        method="get", action="/", class_="inline",
    ) if len(names) > 6 or part else ""  # fmt: skip
    if names:
        body = cards
    elif part:
        body = empty("No project is like this.", element("a", "Show all", href="/"))
    else:
        body = empty(
            "No project yet.",
            "A project holds runs, artifacts, functions and all else that belongs together. "
            "Make one with the button above, or in Python:",
            code='import mlrun_like\n\nproject = mlrun_like.get_or_create_project("my-project")',
        )
    more = len(names) - _SHOWN
    note = element("p", f"{more} more: filter by name.", class_="note") if more > 0 else ""
    lead = heading(
        "Projects", actions=[element("a", "New project", href="/projects/-/new",
                                     class_="button main")], note=f"{number(len(names))} in all"
    )  # fmt: skip
    recent = _recent(store, request)
    parts = [toolbar(find) if find else "", body, note, recent]
    return html_answer(frame(request, "Projects", parts, here="projects", lead=lead))


@ROUTES.get("/fragments/cards", needs=_VISIBLE, summary="Cards of projects, with counts")
def cards_fragment(request: Request) -> Response:
    """The cards, however long counting takes."""
    part = request.query_params.get("name", "")[:100]
    names = _visible(request, part)[:_SHOWN]
    return html_answer(_cards(store_of(request), names, part, wait=True))


def _cards(store: SqlStore, names: list[str], part: str, *, wait: bool) -> Html:
    if not names:
        return Html()
    rows = project_summaries(store, names) if wait else summaries_at_hand(store, names)
    if rows is not None:
        return element("div", *[_card(row) for row in rows], class_="grid", id="cards")
    bare = [
        element("a", element("h2", name, style="margin:0;overflow-wrap:anywhere"),
                element("p", "counting…", class_="note"), href=project_path(name), class_="panel")
        for name in names
    ]  # fmt: skip
    return element(
        "div", *bare, class_="grid", id="cards", hx_get=address("/fragments/cards", {"name": part}),
        hx_trigger="load", hx_swap="outerHTML",
    )  # fmt: skip


def with_pipelines(row: Document) -> Document:
    """A summary of a project whose runs are counted as lists show them: pipelines are among them.

    >>> with_pipelines({"runs": 3, "pipelines": 1, "pipelines_by_state": {"running": 1}})["runs"]
    4
    """
    states = row.get("pipelines_by_state") or {}
    going = sum(count for state, count in states.items() if state not in TERMINAL)
    more = {"runs": row.get("pipelines"), "runs_running": going, "runs_failed": states.get("error")}
    return {**row, **{key: (row.get(key) or 0) + (count or 0) for key, count in more.items()}}


def _card(row: Document) -> Html:
    row = with_pipelines(row)
    running, failed = row["runs_running"], row["runs_failed"]
    marks = []
    if running:
        marks.append(element("span", f"{running} running", class_="badge run"))
    if row.get("open_incidents"):
        marks.append(
            badge(f"{row['open_incidents']} alert{'s' * (row['open_incidents'] != 1)}", "bad")
        )
    counts = [
        element("span", element("b", number(row.get(key) or 0)), f" {label}")
        for key, label in (("runs", "runs"), ("artifacts", "artifacts"), ("models", "models"),
                           ("functions", "functions"))
    ]  # fmt: skip
    if failed:
        counts.append(element("span", element("b", number(failed)), " failed"))
    title = element("h2", row["name"], style="margin:0;overflow-wrap:anywhere")
    return element(
        "a", element("div", title, joined(marks, " "), class_="titled"),
        element("p", row.get("description") or "", class_="note"),
        element("div", *counts, class_="counts"),
        href=project_path(row["name"]), class_="panel",
    )  # fmt: skip


def _recent(store: SqlStore, request: Request) -> Html:
    seen = caller_of(request).visible
    query = RunQuery(project="*", limit=_FEW)
    if seen is not None:
        if not seen:
            return Html()
        query = RunQuery(project="*", limit=_FEW, projects=tuple(sorted(seen)))
    page = store.page_runs(query, "columns")
    rows = [
        run_line(row["project"], row["uid"], row["name"], row["state"], row.get("started"), True)
        for row in page.items
    ]
    return section("Recent runs", element("ul", *rows, class_="list")) if rows else Html()


def run_line(
    project: str, uid: str, name: str, state: str, start: Any, with_project: bool = False
) -> Html:
    """A run as a line of a list."""
    where = project_path(project, "runs", uid)
    of = element("a", project, href=project_path(project), class_="chip") if with_project else ""
    return element("li", state_badge(state), element("a", name or uid, href=where), of,
                   element("span", since(start), class_="right"))  # fmt: skip


@ROUTES.get("/fragments/projects", needs=_VISIBLE, summary="Names of projects for the switcher")
def projects_fragment(request: Request) -> Response:
    """Links to projects, at most sixty."""
    names = _visible(request)
    links = [element("a", name, href=project_path(name)) for name in names[:_SHOWN]]
    return html_answer(joined([*links, element("a", "All projects", href="/")]))


@ROUTES.get("/projects/-/new", needs=Needs("project", "create", scope="server"),
            summary="A form for a new project", name="new_project_page")  # fmt: skip
def new_project(request: Request) -> Response:
    """Name and description."""
    form = post_form(
        request, "/projects/-/new",
        field("name", "Name", "", required="required", maxlength="63", autofocus="autofocus",
              pattern="[a-z0-9]([-a-z0-9]*[a-z0-9])?", note="small letters, digits, hyphens"),
        field("description", "Description", "", maxlength="500"),
        button("Create project", "main"),
    )  # fmt: skip
    crumbs = [("Projects", "/")]
    return html_answer(frame(request, "New project", [form], here="projects", crumbs=crumbs))


@ROUTES.post("/projects/-/new", needs=Needs("project", "create", scope="server"),
             summary="Create a project", name="create_project_form")  # fmt: skip
async def create_project(request: Request) -> Response:
    """Store its document; who made it is its administrator."""
    form = await read_form(request)
    name = form["name"].strip()
    if not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            f"{name[:80]!r} cannot be the name of a project",
            fix="1 to 63 small letters, digits and hyphens, a letter or digit at both ends",
        )
    store, caller = store_of(request), caller_of(request)

    def act() -> None:
        if name in project_names(store):
            raise ConflictError(f"there is a project {name!r} already", fix="take another name")
        claim_project(request, name)
        store.store_project({
            "kind": "project",
            "metadata": {"name": name},
            "spec": {"description": form["description"][:500], "owner": caller.name},
            "status": {"state": "online"},
        })  # fmt: skip

    await asyncio.to_thread(act)
    return moved(project_path(name), "created")
