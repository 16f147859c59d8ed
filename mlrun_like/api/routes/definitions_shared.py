"""What routes of feature sets and vectors share: lists, storing, changing, deleting."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import checked_name, document_in, flag, labels_of, seen
from mlrun_like.api.routes.features_data import SET, definition, definition_row
from mlrun_like.api.routing import caller_of, store_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.names import check_tag
from mlrun_like.types import Document

__all__ = ["change", "listed", "remove", "stored"]

_SORTS = {
    "name": lambda row: str(row["metadata"].get("name")),
    "updated": lambda row: row["metadata"].get("updated"),
}
_FORMATS = ("full", "summary", "name_only")


def listed(request: Request, kind: str, noun: str, project: str) -> Response:
    """A page of definitions. Filters: `name`, `tag`, `label`, `state`, `entity`, `feature`."""
    query, store = request.query_params, store_of(request)
    form = query.get("format") or "full"
    if form not in _FORMATS:
        raise InvalidArgumentError(f"format {form[:40]!r} is unknown", fix=", ".join(_FORMATS))
    rows = store.list_documents(
        kind, project, query.get("name") or "", query.get("tag") or "", labels_of(request)
    )
    if project == "*":
        rows = seen(rows, caller_of(request).visible)
    rows = [row for row in rows if _matches(row, request)]
    shown, pages = paged(rows, request, key=_key, sorts=_SORTS, default="name")
    made: list[Any] = shown
    if form == "summary":
        made = [definition_row(row) for row in shown]
    elif form == "name_only":
        made = [row["metadata"]["name"] for row in shown]
    return json_answer({noun: made, "pagination": pages})


def stored(
    request: Request, kind: str, project: str, body: Any, *, name: str = "", reference: str = ""
) -> Document:
    """Store a definition of a body, under a tag.

    Raises:
        SpecError: if it is none, or is called otherwise.
    """
    document = document_in(body, f"a {kind}")
    cls = FeatureSet if kind == SET else FeatureVector
    made = cls.from_dict({"kind": cls.kind, **document})
    made.metadata.name = made.metadata.name or name
    if name and made.metadata.name != name:
        raise SpecError(f"the document is of {made.metadata.name!r}, not of {name!r}")
    if made.metadata.project not in ("", None, project):
        raise SpecError(f"the document is of project {made.metadata.project!r}, not {project!r}")
    made.metadata.project = project
    if not made.metadata.name:
        raise SpecError("the definition needs a name", fix='"metadata": {"name": "users"}')
    made.check_names()
    checked_name(made.metadata.name)
    tag = reference or str(made.metadata.tag or "")
    if tag == "latest":
        tag = ""
    if tag:
        check_tag(tag)
    store = store_of(request)
    versioned = flag(request, "versioned", True)
    uid = store.store_document(kind, made.to_dict(), tag, versioned=versioned)
    return store.read_document(kind, project, made.metadata.name, uid=uid)


def change(
    request: Request, kind: str, project: str, name: str, reference: str, body: Any
) -> Document:
    """Merge a body into a definition: mappings are merged; lists and values are replaced."""
    before = definition(store_of(request), kind, project, name, reference)
    after = _merged(before, document_in(body, "a change"))
    tag = str((before["metadata"] or {}).get("tag") or "")
    return stored(request, kind, project, after, name=name, reference=tag)


def remove(request: Request, kind: str, project: str, name: str, reference: str = "") -> Response:
    """Delete a definition's record, or one version of it; data in targets stays.

    Raises:
        NotFoundError: if there is none.
    """
    store, uid = store_of(request), ""
    if reference:
        found = definition(store, kind, project, name, reference)
        uid = str(found["metadata"].get("uid") or "")
    if not store.delete_document(kind, project, name, "", uid):
        raise NotFoundError(f"there is no {kind} {name!r:.80}", where=f"project {project!r}")
    return Response(status_code=204)


def _key(row: Document) -> str:
    meta = row["metadata"]
    return f"{meta.get('project')}/{meta.get('name')}:{meta.get('tag') or ''}@{meta.get('uid')}"


def _matches(row: Document, request: Request) -> bool:
    query = request.query_params
    state, short = query.get("state"), definition_row(row)
    entities, features = query.getlist("entity"), query.getlist("feature")
    return (
        (not state or short["state"] == state)
        and (not entities or bool(set(entities) & set(short["entities"])))
        and (not features or bool(set(features) & set(short["features"])))
    )


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    found = dict(old)
    for key, value in new.items():
        found[key] = _merged(found.get(key), value)
    return found
