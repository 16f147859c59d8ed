"""Feature sets, their features and entities, and how they are filled."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import named_like, paged
from mlrun_like.api.routes.background import check_here, in_background
from mlrun_like.api.routes.bodies import document_in, labels_of, number
from mlrun_like.api.routes.definitions_shared import change, listed, remove, stored
from mlrun_like.api.routes.features_data import (
    SET,
    definition,
    feature_preview,
    feature_set_data,
)
from mlrun_like.api.routing import Needs, Routes, store_of
from mlrun_like.errors import SpecError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.options import IngestOptions
from mlrun_like.registry import resolve
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("feature-sets")
_READ, _UPDATE = Needs("feature-set", "read"), Needs("feature-set", "update")
_EXAMPLE = {
    "metadata": {"name": "users"},
    "spec": {
        "entities": [{"name": "user", "value_type": "str"}],
        "features": [{"name": "age", "value_type": "int"}],
    },
}
_SOURCE = {"source": {"kind": "parquet", "path": "s3://bucket/users.parquet"}, "overwrite": True}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Filling = Annotated[Any, Body(examples=[_SOURCE])]
_LIST = "/projects/{project}/feature-sets"
_ONE = _LIST + "/{name}"
_REFERENCE = _ONE + "/references/{reference}"


@ROUTES.get(
    "/feature-sets",
    needs=Needs("feature-set", "read", scope="visible"),
    summary="List feature sets of all projects",
)
def list_all(request: Request) -> Response:
    """Feature sets of all projects that the caller may see; filters as for one project."""
    return listed(request, SET, "feature_sets", "*")


@ROUTES.get(_LIST, needs=_READ, summary="List feature sets")
def list_feature_sets(request: Request, project: str) -> Response:
    """The latest versions. Filters: `name` (`~part`), `tag` (`*`: all), `label`, `state`, `entity`,
    `feature`; `format`: full, summary or name_only."""
    return listed(request, SET, "feature_sets", project)


@ROUTES.post(
    _LIST, needs=Needs("feature-set", "create"), summary="Make a feature set", status_code=201
)
def create_feature_set(request: Request, project: str, body: Given) -> Response:
    """Store a feature set under the name in its document; `versioned=false` replaces what its tag
    names."""
    return json_answer(stored(request, SET, project, body), 201)


@ROUTES.get(_ONE, needs=_READ, summary="Get a feature set with all that is known of it")
def get_data(request: Request, project: str, name: str) -> Response:
    """Document, versions, schema, statistics, freshness, lineage. `tag`, `uid`: which version."""
    query = request.query_params
    found = feature_set_data(
        store_of(request), project, name, query.get("tag") or "", query.get("uid") or ""
    )
    return json_answer(found)


@ROUTES.get(_ONE + "/preview", needs=_READ, summary="First rows of a feature set")
def preview(request: Request, project: str, name: str) -> Response:
    """Rows as the last ingestion recorded them, at most `rows`."""
    tag = request.query_params.get("tag") or ""
    rows = number(request, "rows", 20, 1000)
    return json_answer(feature_preview(store_of(request), project, name, tag, rows))


@ROUTES.post(
    _ONE + "/ingest",
    needs=Needs("feature-set", "run"),
    summary="Fill a feature set",
    status_code=202,
)
def ingest(request: Request, project: str, name: str, body: Filling = None) -> Response:
    """Read a source into the set's targets, in a run of its own. Without `source`: the set's own.
    `tag`: which version."""
    given = document_in(body or {}, "an ingestion")
    check_here(request, "the ingestion")
    unknown = [key for key in given if key not in ("source", "targets", "overwrite")]
    if unknown:
        raise SpecError(f"an ingestion has no {unknown[0]!r:.60}", fix="source, targets, overwrite")
    tag = request.query_params.get("tag") or ""
    document = definition(store_of(request), SET, project, name, tag)
    feature_set = FeatureSet.from_dict(document)
    told = given.get("source") or feature_set.spec.source
    if not told:
        raise SpecError("the feature set has no source", fix='"source": {"kind": ..., "path": ...}')
    open_source = resolve("mlrun_like.feature_store.sources.opening:open_source")  # loads pandas
    source = open_source(told)
    targets = given.get("targets")
    if targets is not None and not (
        isinstance(targets, list) and all(isinstance(one, (str, dict)) for one in targets)
    ):
        raise SpecError("targets are a list of names and mappings")
    asked: dict[str, Any] = {
        "targets": targets,
        "infer_options": InferOptions.default(),
        "overwrite": given.get("overwrite"),
    }

    def work() -> Document:
        run_ingestion_job = resolve("mlrun_like.feature_store.ingestion.job:run_ingestion_job")
        run = run_ingestion_job(feature_set, source, None, asked, IngestOptions())
        return {"run": getattr(run, "uri", ""), "state": run.state() if run is not None else ""}

    return in_background(request, "ingest", project, work, name=name)


@ROUTES.delete(
    _ONE, needs=Needs("feature-set", "delete"), summary="Delete a feature set, all versions"
)
def delete_feature_set(request: Request, project: str, name: str) -> Response:
    """Delete its record; data in its targets stays."""
    return remove(request, SET, project, name)


@ROUTES.get(_REFERENCE, needs=_READ, summary="Get a version of a feature set", examples=_EXAMPLE)
def get_feature_set(request: Request, project: str, name: str, reference: str) -> Response:
    """Its document. The reference is a tag or a version's uid."""
    return json_answer(definition(store_of(request), SET, project, name, reference))


@ROUTES.put(_REFERENCE, needs=_UPDATE, summary="Store a feature set under a tag")
def store_feature_set(
    request: Request, project: str, name: str, reference: str, body: Given
) -> Response:
    """Store its document; the reference is its tag."""
    return json_answer(stored(request, SET, project, body, name=name, reference=reference))


@ROUTES.patch(_REFERENCE, needs=_UPDATE, summary="Change parts of a feature set")
def patch_feature_set(
    request: Request, project: str, name: str, reference: str, body: Given
) -> Response:
    """Merge a document into it: mappings are merged, lists and values replaced."""
    return json_answer(change(request, SET, project, name, reference, body))


@ROUTES.delete(
    _REFERENCE,
    needs=Needs("feature-set", "delete"),
    summary="Delete a version of a feature set",
)
def delete_version(request: Request, project: str, name: str, reference: str) -> Response:
    """Delete one version's record; data in its targets stays."""
    return remove(request, SET, project, name, reference)


@ROUTES.get("/projects/{project}/features", needs=_READ, summary="List features")
def list_features(request: Request, project: str) -> Response:
    """Each feature with the set it belongs to. Filters: `name` (`~part`), `tag`, `entity`,
    `label`."""
    return _columns(request, project, "features", "feature")


@ROUTES.get("/projects/{project}/entities", needs=_READ, summary="List entities")
def list_entities(request: Request, project: str) -> Response:
    """Each entity with the set it belongs to. Filters: `name` (`~part`), `tag`, `label`."""
    return _columns(request, project, "entities", "entity")


def _columns(request: Request, project: str, noun: str, word: str) -> Response:
    query, labels = request.query_params, labels_of(request)
    name, entities = query.get("name") or "", set(query.getlist("entity"))
    rows = []
    for document in store_of(request).list_documents(SET, project, "", query.get("tag") or ""):
        spec, meta = document.get("spec") or {}, document["metadata"]
        held = {str(item.get("name")) for item in spec.get("entities") or []}
        if entities and not entities & held:
            continue
        digest = {
            "metadata": {key: meta.get(key) for key in ("name", "project", "tag", "uid", "labels")},
            "spec": {"entities": spec.get("entities") or []},
        }
        for item in spec.get(noun) or []:
            own = item.get("labels") or {}
            fits = all(key in own and value in (None, own[key]) for key, value in labels.items())
            if fits and named_like(str(item.get("name")), name):
                rows.append({word: item, "feature_set_digest": digest})
    shown, pages = paged(
        rows,
        request,
        key=lambda row: _place(row, word),
        sorts={"name": lambda row: str(row[word].get("name"))},
        default="name",
    )
    return json_answer({noun: shown, "pagination": pages})


def _place(row: Document, word: str) -> str:
    meta = row["feature_set_digest"]["metadata"]
    return f"{row[word].get('name')}/{meta['name']}:{meta['tag'] or ''}@{meta['uid']}"
