"""Functions: versions by hash and tag, their source as text, what changed between two."""

from __future__ import annotations

from typing import Any

from fastapi import Body
from sqlalchemy import delete as delete_from
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, labels_of
from mlrun_like.api.routes.functions_data import (
    function_data,
    function_diff,
    function_rows,
    function_versions,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.names import check_tag, normalize_name
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("functions", prefix="/projects/{project}/functions")
_READ = Needs("function", "read")
_EXAMPLE = {
    "functions": [{"kind": "job", "metadata": {"name": "train", "project": "demo", "tag": "v1"}}],
    "pagination": {"page-token": None, "page-size": 100},
}


@ROUTES.get("", needs=_READ, summary="Functions of a project", examples=_EXAMPLE)
def list_functions(request: Request, project: str) -> Response:
    """List functions by `name` (`~part`), `tag` (default: every version), `kind`, `label`;
    `format=summary`: rows."""
    asked = request.query_params
    store, name = store_of(request), _clean(asked.get("name") or "")
    tag = _clean(asked.get("tag") or "*")
    kind, wanted = asked.get("kind"), labels_of(request)
    documents = [
        one
        for one in store.list_functions(project, name, tag)
        if (not kind or one.get("kind") == kind) and _labelled(one, wanted)
    ]
    rows, pagination = paged(
        documents,
        request,
        key=lambda one: f"{one['metadata'].get('name')}@{one['metadata'].get('hash')}",
        sorts={
            "name": lambda one: str(one["metadata"].get("name") or ""),
            "updated": lambda one: str(one["metadata"].get("updated") or ""),
            "kind": lambda one: str(one.get("kind") or ""),
        },
        default="-updated",
    )
    if asked.get("format") == "summary":
        names = {(one["metadata"]["name"], one["metadata"].get("hash")) for one in rows}
        summaries = function_rows(store, project, name, tag)
        rows = [one for one in summaries if (one["name"], one["hash"]) in names]
    return json_answer({"functions": rows, "pagination": pagination})


@ROUTES.get("/{name}", needs=_READ, summary="One function")
def read(request: Request, project: str, name: str, tag: str = "", hash: str = "") -> Response:
    """Give a version by `hash` or `tag`; else the latest."""
    found = store_of(request).read_function(
        project, _clean(name), tag=_clean(tag), hash=_clean(hash)
    )
    return json_answer({"function": found})


@ROUTES.get("/{name}/overview", needs=_READ, summary="All about a function")
def overview(request: Request, project: str, name: str, tag: str = "", hash: str = "") -> Response:
    """Give source, entry points, requirements, environment and versions."""
    found = function_data(store_of(request), project, _clean(name), _clean(tag), _clean(hash))
    return json_answer(found)


@ROUTES.get("/{name}/versions", needs=_READ, summary="Versions of a function")
def versions(request: Request, project: str, name: str) -> Response:
    """List versions with their tags, newest first."""
    found = function_versions(store_of(request), project, _clean(name))
    if not found:
        raise _missing(project, name)
    rows, pagination = paged(
        found,
        request,
        key=lambda one: str(one["hash"]),
        sorts={"updated": lambda one: one["updated"]},
        default="-updated",
    )
    return json_answer({"versions": rows, "pagination": pagination})


@ROUTES.get("/{name}/diff", needs=_READ, summary="What changed between two versions")
def diff(request: Request, project: str, name: str, before: str = "", after: str = "") -> Response:
    """Compare two versions, each given by hash or tag."""
    if not before or not after:
        raise InvalidArgumentError("before and after must be given", fix="?before=v1&after=latest")
    return json_answer(
        function_diff(store_of(request), project, _clean(name), _clean(before), _clean(after))
    )


@ROUTES.put("/{name}", needs=Needs("function", "create"), summary="Store a version")
def store_function(
    request: Request,
    project: str,
    name: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Store a function; the same content is the same version. `tag`: a tag besides `latest`."""
    tag = request.query_params.get("tag") or ""
    if tag:
        check_tag(tag)
    document = _checked(project, name, body)
    found = store_of(request).store_function(document, tag=tag)
    return json_answer({"hash": found, "tag": tag or "latest"}, 201)


@ROUTES.delete("/{name}", needs=Needs("function", "delete"), summary="Delete a function")
def delete(request: Request, project: str, name: str) -> Response:
    """Delete a function with all its versions, or the version with this `hash` only."""
    version = _clean(request.query_params.get("hash") or "")
    count = _delete(store_of(request), project, _clean(name), version)
    if not count:
        raise _missing(project, name)
    return json_answer({"name": name, "deleted": count})


def _delete(store: SqlStore, project: str, name: str, version: str) -> int:
    def act(tx: Transaction) -> int:
        f, g = t.functions.c, t.function_tags.c
        mine = [f.project == project, f.name == name]
        held = [g.project == project, g.name == name]
        if version:
            mine.append(f.hash == version)
            held.append(g.hash == version)
        count = len(tx.execute(select(f.hash).where(*mine)))
        tx.execute(delete_from(t.function_tags).where(*held))
        tx.execute(delete_from(t.functions).where(*mine))
        return count

    return store.writer.transact(act)


def _checked(project: str, name: str, body: Document) -> Document:
    document = document_in(body, "a function")
    FunctionDoc.from_dict(document)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise SpecError("a function has metadata", fix='{"metadata": {"name": "train"}}')
    own, named = metadata.get("project"), metadata.get("name") or name
    if own not in (None, "", project) or normalize_name(str(named)) != normalize_name(name):
        raise SpecError(f"the document is of {own!r:.80} {named!r:.80}, and not of this address")
    return {**document, "metadata": {**metadata, "project": project, "name": normalize_name(name)}}


def _labelled(document: Document, wanted: dict[str, str | None]) -> bool:
    labels = (document.get("metadata") or {}).get("labels") or {}
    return all(
        name in labels and (value is None or str(labels[name]) == value)
        for name, value in wanted.items()
    )


def _missing(project: str, name: str) -> NotFoundError:
    return NotFoundError(f"there is no function {name[:100]!r}", where=f"project {project!r}")


def _clean(text: str) -> str:
    if "\0" in text or len(text) > 2000:
        raise InvalidArgumentError(f"{text[:40]!r} cannot be looked for")
    return text.encode("utf-8", "replace").decode()
