"""Pages of the feature store: feature sets, vectors, values of entities now."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer
from mlrun_like.api.pages.forms import Form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.features import features_page, fresh, set_page, vector_page
from mlrun_like.api.pages.parts.look import look_of, place
from mlrun_like.api.routes import feature_vectors as api
from mlrun_like.api.routes.features_data import (
    SET,
    VECTOR,
    feature_preview,
    feature_set_data,
    feature_set_rows,
    feature_vector_data,
    feature_vector_rows,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import MLRunLikeError, NotFoundError, SpecError
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-features", page=True)
_BASE = "/projects/{project}/features"
_SET, _VECTOR = Needs("feature-set", "read"), Needs("feature-vector", "read")
_Sent = Annotated[Form, Depends(read_form)]


@ROUTES.get(_BASE, needs=_SET, summary="Feature sets and vectors of a project")
def list_page(request: Request, project: str) -> Response:
    """Feature sets, or with `view=vectors` the vectors."""
    store, look = store_of(request), look_of(request, project)
    view = request.query_params.get("view", "")
    vectors = feature_vector_rows(store, project) if look.may("feature-vector", "read") else []
    parts = features_page(feature_set_rows(store, project), vectors, look, view)
    return html_answer(frame(request, "Feature store", parts, project=project, here="features"))


@ROUTES.get(_BASE + "/sets/{name}", needs=_SET, summary="A feature set")
def one_set(request: Request, project: str, name: str) -> Response:
    """Schema, statistics, rows, targets, lineage. `tag`, `uid`: which version."""
    store, look, query = store_of(request), look_of(request, project), request.query_params
    tag, uid, tab = query.get("tag", ""), query.get("uid", ""), query.get("tab", "")
    data = {**feature_set_data(store, project, name, tag, uid), "asked": uid}
    preview = feature_preview(store, project, name, uid or tag, 50, SET) if tab == "rows" else {}
    lead = heading(name, fresh(data["freshness"]), note=data["row"]["description"])
    crumbs = [("Feature store", place(project, "features"))]
    parts = set_page(data, preview, look, tab)
    return html_answer(
        frame(request, name, parts, project=project, here="features", crumbs=crumbs, lead=lead)
    )


@ROUTES.get(_BASE + "/vectors/{name}", needs=_VECTOR, summary="A feature vector")
def one_vector(request: Request, project: str, name: str) -> Response:
    """Features, statistics, rows, lineage, and a form that looks up entities."""
    return _vector(request, project, name, request.query_params.get("tab", ""), {})


@ROUTES.post(_BASE + "/vectors/{name}/lookup", needs=_VECTOR, summary="Look up entities by a form")
def lookup(request: Request, project: str, name: str, form: _Sent) -> Response:
    """The values of entities now."""
    asked: Document = {"text": form["entity"]}
    try:
        entities = _entities(form["entity"])
        answer = api.get_online(request, project, name, {"entities": entities})
        found = json.loads(bytes(answer.body))
        asked["answer"] = list(zip(entities, found["vectors"], strict=True))
        if found["errors"]:
            asked["error"] = str(found["errors"][0].get("what") or "a row is damaged")
    except MLRunLikeError as exc:
        asked["error"] = f"{exc.what} {exc.fix}"
    return _vector(request, project, name, "lookup", asked)


def _vector(request: Request, project: str, name: str, tab: str, asked: Document) -> Response:
    store, look, query = store_of(request), look_of(request, project), request.query_params
    tag, uid = query.get("tag", ""), query.get("uid", "")
    data = {**feature_vector_data(store, project, name, tag, uid), "asked": uid}
    data["columns"] = data["columns"] or _planned(request, project, data)
    preview = feature_preview(store, project, name, uid or tag, 50, VECTOR) if tab == "rows" else {}
    if tab == "lookup":
        asked.setdefault("example", json.dumps(_example(request, project, data["uses"])))
    crumbs = [("Feature store", place(project, "features")),
              ("Vectors", place(project, "features", view="vectors"))]  # fmt: skip
    parts = vector_page(data, preview, look, tab, asked)
    page = frame(
        request, name, parts, project=project, here="features", crumbs=crumbs,
        lead=heading(name, note=data["row"]["description"]),
    )  # fmt: skip
    return html_answer(page, 422 if asked.get("error") else 200)


def _planned(request: Request, project: str, data: Document) -> list[Document]:
    """Columns of a vector that was never joined: as the project's sets describe them now."""
    store, known = store_of(request), dict[str, dict[str, Document]]()
    found: list[Document] = []
    for asked in map(str, data["features"]):
        origin, dot, rest = asked.partition(" as ")[0].rpartition(".")
        name = origin.rpartition("/")[2].partition(":")[0]
        if not dot or ("/" in origin and not origin.startswith(f"{project}/")):
            return []
        if name not in known:
            try:
                rows = feature_set_data(store, project, name)["schema"]
            except NotFoundError:
                rows = []
            known[name] = {one["name"]: one for one in rows if one["role"] == "feature"}
        for column in known[name] if rest == "*" else [rest]:
            one = known[name].get(column, {})
            shown = asked.partition(" as ")[2] or column
            found.append(
                {"name": shown, "type": one.get("type", "not known"), "origin": f"{name}.{column}",
                 "description": one.get("description", ""), "role": "feature"}
            )  # fmt: skip
    return found


def _example(request: Request, project: str, uses: list[str]) -> dict[str, str]:
    """An entity with the keys of the vector's sets, and values of their first recorded row."""
    store, found = store_of(request), dict[str, str]()
    for uri in uses:
        name = uri.rpartition("/")[2].partition(":")[0].partition("@")[0]
        try:
            row = feature_set_data(store, project, name)["row"]
            kept = feature_preview(store, project, name, rows=1)
        except NotFoundError:
            continue
        values = dict(zip(kept["columns"], kept["rows"][0] if kept["rows"] else [], strict=False))
        for entity in row["entities"]:
            found.setdefault(entity, values.get(entity, ""))
    return found


def _entities(text: str) -> list[Any]:
    try:
        given = json.loads(text)
    except ValueError as exc:
        raise SpecError(f"the entity is no JSON: {exc}", fix='{"customer": "ann"}') from exc
    found = given if isinstance(given, list) else [given]
    if not found or not all(isinstance(one, dict) for one in found):
        raise SpecError("an entity is keys with values", fix='{"customer": "ann"}')
    return found
