"""Pages of the hub: what catalogues offer, one item, and its way into a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import Form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.hub import hub_page, item_page
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.page import badge
from mlrun_like.errors import AccessDeniedError
from mlrun_like.marketplace.browsing import hub_item, hub_items
from mlrun_like.marketplace.resolving import find_item
from mlrun_like.marketplace.using import use_item

__all__ = ["ROUTES"]

ROUTES = Routes("pages-hub", page=True)
_IN = "/projects/{project}/hub"
_ITEM = "/{source}/{name}"
_READ, _SELF = Needs("hub", "read"), Needs("hub", "read", scope="self")
_Sent = Annotated[Form, Depends(read_form)]


@ROUTES.get(_IN, needs=_READ, summary="The hub, for a project")
def list_page(request: Request, project: str) -> Response:
    """What catalogues offer; `text`, `kind`, `category`, `source` choose."""
    return _list(request, project)


@ROUTES.get("/hub", needs=_SELF, summary="The hub")
def server_list_page(request: Request) -> Response:
    """What catalogues offer."""
    return _list(request, "")


@ROUTES.get(_IN + _ITEM, needs=_READ, summary="An item of the hub, for a project")
def item(request: Request, project: str, source: str, name: str) -> Response:
    """What it does, its parameters, its code. `tag`: which version."""
    return _one(request, project, source, name)


@ROUTES.get("/hub" + _ITEM, needs=_SELF, summary="An item of the hub")
def server_item(request: Request, source: str, name: str) -> Response:
    """What it does, its parameters, its code. `tag`: which version."""
    return _one(request, "", source, name)


@ROUTES.post(
    _IN + _ITEM + "/use", needs=Needs("function", "create"), summary="Take an item into a project"
)
def use(request: Request, project: str, source: str, name: str, form: _Sent) -> Response:
    """Store it as a function of the project."""
    return _use(request, project, source, name, form)


@ROUTES.post("/hub" + _ITEM + "/use", needs=_SELF, summary="Take an item into one of the projects")
def server_use(request: Request, source: str, name: str, form: _Sent) -> Response:
    """Store it as a function of a project that the caller may change."""
    project = form["project"]
    if project not in _projects(request):
        raise AccessDeniedError(f"you may not make functions in project {project!r:.80}")
    return _use(request, project, source, name, form)


def _list(request: Request, project: str) -> Response:
    asked = {key: request.query_params.get(key, "")[:200] for key in
             ("text", "kind", "category", "source")}  # fmt: skip
    data = hub_items(
        store_of(request),
        source=asked["source"],
        kind=asked["kind"],
        text=asked["text"],
        category=asked["category"],
    )
    parts = hub_page(data, look_of(request, project), asked)
    count = len(data["items"])
    lead = heading("Hub", note="1 item" if count == 1 else f"{count} items")
    return html_answer(frame(request, "Hub", parts, project=project, here="hub", lead=lead))


def _one(request: Request, project: str, source: str, name: str) -> Response:
    data = hub_item(store_of(request), source, name, request.query_params.get("tag", ""))
    look = look_of(request, project)
    if project:
        projects = [project] if look.may("function", "create") else []
    else:
        projects = _projects(request)
    meta = data["item"]["metadata"]
    lead = heading(meta["name"], badge(meta["version"] or meta["tag"]), note=meta["url"])
    page = frame(
        request, meta["name"], item_page(data, look, projects), project=project, here="hub",
        crumbs=[("Hub", place(project, "hub"))], lead=lead,
    )  # fmt: skip
    return html_answer(page)


def _projects(request: Request) -> list[str]:
    """Names of projects that the caller may make functions in."""
    caller = caller_of(request)
    names = [str(row["metadata"]["name"]) for row in store_of(request).list_projects()]
    return sorted(name for name in names if caller.may(name, "function", "create"))


def _use(request: Request, project: str, source: str, name: str, form: Form) -> Response:
    store = store_of(request)
    found = find_item(store, source, name, form["tag"])
    made = use_item(store, project, found, name=form["name"].strip())
    return moved(place(project, "functions", made["metadata"]["name"]), "created")
