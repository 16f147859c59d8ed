"""Projects: lists, documents, summaries, and their end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.projects import claim_project
from mlrun_like.api.content.places import forget_files
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.background import in_background
from mlrun_like.api.routes.bodies import document_in, labels_of
from mlrun_like.api.routes.projects_data import (
    project_document,
    project_home,
    project_summaries,
    project_summary,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import ConflictError, InvalidArgumentError, PreconditionError, SpecError
from mlrun_like.projects.deleting import STRATEGIES, content_to_delete, delete_project
from mlrun_like.specs.project import ProjectDoc, ProjectMetadata
from mlrun_like.tracking.documents import now_iso
from mlrun_like.tracking.project_counts import count_projects
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("projects")
_EXAMPLE = {"metadata": {"name": "fraud"}, "spec": {"description": "Card payments"}}
_FORMATS = ("full", "name_only", "minimal", "summary")
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Change = Annotated[Any, Body(examples=[{"spec": {"description": "new"}}])]
_SORTS = {
    "name": lambda row: str(row["metadata"]["name"]),
    "created": lambda row: row["metadata"].get("created"),
}


@ROUTES.get(
    "/projects",
    needs=Needs("project", "read", scope="visible"),
    summary="List projects",
    examples={"projects": [_EXAMPLE], "pagination": {"page-token": None, "page-size": 100}},
)
def list_projects(request: Request) -> Response:
    """The projects that the caller may see. `format`: full, name_only, minimal or summary; filters
    `name` (`~part`: contains), `owner`, `state`, `label`."""
    query, store = request.query_params, store_of(request)
    form = query.get("format") or "full"
    if form not in _FORMATS:
        raise InvalidArgumentError(f"format {form[:40]!r} is unknown", fix=", ".join(_FORMATS))
    rows = [_filled(row) for row in store.list_projects(query.get("name") or "")]
    visible, labels = caller_of(request).visible, labels_of(request)
    rows = [
        row
        for row in rows
        if (visible is None or row["metadata"]["name"] in visible)
        and _matches(row, query.get("owner"), query.get("state"), labels)
    ]
    shown, pages = paged(
        rows, request, key=lambda row: row["metadata"]["name"], sorts=_SORTS, default="name"
    )
    names = [row["metadata"]["name"] for row in shown]
    made: list[Any] = shown
    if form in ("name_only", "minimal"):
        made = names if form == "name_only" else [_minimal(row) for row in shown]
    elif form == "summary":
        made = project_summaries(store, names)
    return json_answer({"projects": made, "pagination": pages})


@ROUTES.post(
    "/projects",
    needs=Needs("project", "create", scope="server"),
    summary="Create a project",
    status_code=201,
    examples=_EXAMPLE,
)
def create_project(request: Request, body: Given) -> Response:
    """Create a project; the caller becomes its admin. 409 if there is one of that name."""
    document = _checked(body, "")
    name = document["metadata"]["name"]
    claim_project(request, name)
    store = store_of(request)
    if store.list_projects(name):
        raise ConflictError(f"there is a project {name!r} already", fix="change it by PUT")
    document["metadata"]["created"] = document["metadata"].get("created") or now_iso()
    document["status"] = {"state": "online"}
    owner = document["spec"].get("owner") or caller_of(request).name
    document["spec"]["owner"] = owner
    store.store_project(document)
    return json_answer(store.read_project(name), 201)


@ROUTES.get(
    "/projects/{project}",
    needs=Needs("project", "read"),
    summary="Get a project",
    examples=_EXAMPLE,
)
def get_project(request: Request, project: str) -> Response:
    """Its document."""
    return json_answer(_filled(project_document(store_of(request), project)))


@ROUTES.put("/projects/{project}", needs=Needs("project", "update"), summary="Store a project")
def store_project(request: Request, project: str, body: Given) -> Response:
    """Replace a project's document; 404 if there is none, because only POST makes a project."""
    store = store_of(request)
    before = project_document(store, project)
    document = _checked(body, project)
    document["metadata"]["created"] = before["metadata"].get("created") or now_iso()
    document.setdefault("status", before.get("status") or {"state": "online"})
    store.store_project(document)
    return json_answer(store.read_project(project))


@ROUTES.patch(
    "/projects/{project}", needs=Needs("project", "update"), summary="Change parts of a project"
)
def patch_project(request: Request, project: str, body: Change) -> Response:
    """Merge a document into the project's: mappings are merged, null removes a key."""
    store = store_of(request)
    changed = _merged(project_document(store, project), document_in(body, "a change"))
    document = _checked(changed, project)
    store.store_project(document)
    return json_answer(store.read_project(project))


@ROUTES.delete(
    "/projects/{project}",
    needs=Needs("project", "delete"),
    summary="Delete a project",
    status_code=202,
)
def remove_project(request: Request, project: str) -> Response:
    """Delete a project in the background. `deletion-strategy`: `restrict` (default; 412 if it holds
    anything), `cascade` (with all it holds) or `check` (only say what would go)."""
    strategy = (
        request.query_params.get("deletion-strategy")
        or request.headers.get("x-mlrun-deletion-strategy")
        or "restrict"
    )
    if strategy not in STRATEGIES:
        raise InvalidArgumentError(
            f"deletion-strategy {strategy[:40]!r} is unknown", fix=", ".join(STRATEGIES)
        )
    try:
        held = content_to_delete(project, strategy)
    except ConflictError as exc:  # MLRun's clients look for 412
        raise PreconditionError(exc.what, where=project, fix=exc.fix) from exc
    counts = count_projects(store_of(request), [project]).get(project) or {}
    held |= {word: counts[word] for word in ("feature_sets", "feature_vectors") if word in counts}
    if strategy != "cascade" and any(held.values()):
        shown = ", ".join(f"{count} {word}" for word, count in held.items() if count)
        raise PreconditionError(
            f"project {project!r} is not empty: {shown}",
            where=project,
            fix="deletion-strategy=cascade deletes them too",
        )
    if strategy == "check":
        return json_answer({"project": project, "content": held})
    login = access_of(request).required

    def work() -> Document:
        gone = delete_project(project, strategy, missing_ok=True)
        if login:
            forget_files(project)
        return {"deleted": gone}

    return in_background(
        request,
        "delete-project",
        project,
        work,
        name=project,
        more={"content": held},
    )


@ROUTES.get(
    "/projects/{project}/home",
    needs=Needs("project", "read"),
    summary="What a project's first page shows",
)
def home(request: Request, project: str) -> Response:
    """Counts, newest runs and pipelines, open incidents, coming schedules."""
    return json_answer(project_home(store_of(request), project))


@ROUTES.get(
    "/project-summaries",
    needs=Needs("project", "read", scope="visible"),
    summary="Summaries of projects",
)
def list_summaries(request: Request) -> Response:
    """How much each project holds, by kind and state: a few queries for all of them."""
    visible = caller_of(request).visible
    rows = project_summaries(store_of(request), None if visible is None else sorted(visible))
    shown, pages = paged(
        rows,
        request,
        key=lambda row: row["name"],
        sorts={"name": lambda row: row["name"], "runs": lambda row: row["runs"]},
        default="name",
    )
    return json_answer({"project_summaries": shown, "pagination": pages})


@ROUTES.get(
    "/project-summaries/{project}",
    needs=Needs("project", "read"),
    summary="Summary of a project",
)
def get_summary(request: Request, project: str) -> Response:
    """How much one project holds."""
    store = store_of(request)
    project_document(store, project)
    return json_answer(project_summary(store, project))


def _checked(body: Any, name: str) -> Document:
    document = document_in(body, "a project")
    made = ProjectDoc.from_dict(document, "the body").to_dict()
    metadata = made.setdefault("metadata", {})
    own = metadata.get("name") or name
    if name and own != name:
        raise SpecError(f"the document is of project {own!r}, not {name!r}")
    ProjectMetadata.validate_project_name(own)
    ProjectMetadata.validate_project_labels(metadata.get("labels") or {})
    metadata["name"] = own
    made.setdefault("spec", {})
    return made


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    found = dict(old)
    for key, value in new.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found


def _filled(row: Document) -> Document:
    status = {"state": "online", **(row.get("status") or {})}
    return {**row, "spec": row.get("spec") or {}, "status": status}


def _minimal(row: Document) -> Document:
    spec = row["spec"]
    few = {key: spec[key] for key in ("description", "owner", "source", "goals") if key in spec}
    return {"metadata": row["metadata"], "spec": few, "status": row["status"]}


def _matches(
    row: Document, owner: str | None, state: str | None, labels: dict[str, str | None]
) -> bool:
    held = row["metadata"].get("labels") or {}
    return (
        (not owner or row["spec"].get("owner") == owner)
        and (not state or row["status"].get("state") == state)
        and all(key in held and value in (None, held[key]) for key, value in labels.items())
    )
