"""Feature vectors, and the features of entities at this moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routes.bodies import document_in, number
from mlrun_like.api.routes.definitions_shared import change, listed, remove, stored
from mlrun_like.api.routes.features_data import (
    VECTOR,
    definition,
    feature_preview,
    feature_vector_data,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.online.codec import json_plain
from mlrun_like.feature_store.online.reading import Damage
from mlrun_like.feature_store.online.service import OnlineVectorService

__all__ = ["ROUTES"]

ROUTES = Routes("feature-vectors")
_READ, _UPDATE = Needs("feature-vector", "read"), Needs("feature-vector", "update")
_EXAMPLE = {"metadata": {"name": "fraud"}, "spec": {"features": ["users.age", "payments.*"]}}
_KEYS = {"entities": [{"user": "ann"}], "as_list": False}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Keys = Annotated[Any, Body(examples=[_KEYS])]
_MOST = 1000
_OPEN = 16
_LIST = "/projects/{project}/feature-vectors"
_ONE = _LIST + "/{name}"
_REFERENCE = _ONE + "/references/{reference}"
_lock = threading.Lock()
_services: OrderedDict[tuple[str, ...], OnlineVectorService] = OrderedDict()


@ROUTES.get(
    "/feature-vectors",
    needs=Needs("feature-vector", "read", scope="visible"),
    summary="List feature vectors of all projects",
)
def list_all(request: Request) -> Response:
    """Feature vectors of all projects that the caller may see."""
    return listed(request, VECTOR, "feature_vectors", "*")


@ROUTES.get(_LIST, needs=_READ, summary="List feature vectors")
def list_feature_vectors(request: Request, project: str) -> Response:
    """The latest versions. Filters: `name` (`~part`), `tag` (`*`: all), `label`, `state`; `format`:
    full, summary or name_only."""
    return listed(request, VECTOR, "feature_vectors", project)


@ROUTES.post(
    _LIST,
    needs=Needs("feature-vector", "create"),
    summary="Make a feature vector",
    status_code=201,
)
def create_feature_vector(request: Request, project: str, body: Given) -> Response:
    """Store a feature vector under the name in its document."""
    return json_answer(stored(request, VECTOR, project, body), 201)


@ROUTES.get(_ONE, needs=_READ, summary="Get a feature vector with all that is known of it")
def get_data(request: Request, project: str, name: str) -> Response:
    """Document, versions, columns, statistics, the sets that it uses, lineage. `tag`, `uid`."""
    query = request.query_params
    found = feature_vector_data(
        store_of(request), project, name, query.get("tag") or "", query.get("uid") or ""
    )
    return json_answer(found)


@ROUTES.get(_ONE + "/preview", needs=_READ, summary="First rows of a feature vector")
def preview(request: Request, project: str, name: str) -> Response:
    """Rows as the last join recorded them, at most `rows`."""
    tag = request.query_params.get("tag") or ""
    rows = number(request, "rows", 20, 1000)
    return json_answer(feature_preview(store_of(request), project, name, tag, rows, VECTOR))


@ROUTES.post(_ONE + "/get", needs=_READ, summary="Features of entities at this moment")
def get_online(request: Request, project: str, name: str, body: Keys) -> Response:
    """Read the vectors of at most 1000 entities from the online targets. Those of damaged rows are
    null, with an entry in `errors`. `tag`: which version."""
    given = document_in(body, "a request for features")
    unknown = [key for key in given if key not in ("entities", "as_list", "at")]
    entities = given.get("entities")
    if unknown or not isinstance(entities, list):
        raise InvalidArgumentError(
            f"the request has the unknown field {unknown[0]!r:.60}"
            if unknown
            else "the request names no entities",
            fix='send {"entities": [{...}], "as_list": false}',
        )
    if len(entities) > _MOST:
        raise InvalidArgumentError(f"at most {_MOST} entities at once", fix="send them in parts")
    service = _service(request, project, name)
    found = service.read(entities, bool(given.get("as_list")), given.get("at"))
    errors = [
        {"index": index, **vector.error.to_dict()}
        for index, vector in enumerate(found)
        if type(vector) is Damage
    ]
    vectors = [None if type(vector) is Damage else json_plain(vector) for vector in found]
    return json_answer({"vectors": vectors, "errors": errors})


@ROUTES.delete(
    _ONE,
    needs=Needs("feature-vector", "delete"),
    summary="Delete a feature vector, all versions",
)
def delete_feature_vector(request: Request, project: str, name: str) -> Response:
    """Delete its record."""
    return remove(request, VECTOR, project, name)


@ROUTES.get(_REFERENCE, needs=_READ, summary="Get a version of a feature vector", examples=_EXAMPLE)
def get_feature_vector(request: Request, project: str, name: str, reference: str) -> Response:
    """Its document. The reference is a tag or a version's uid."""
    return json_answer(definition(store_of(request), VECTOR, project, name, reference))


@ROUTES.put(_REFERENCE, needs=_UPDATE, summary="Store a feature vector under a tag")
def store_feature_vector(
    request: Request, project: str, name: str, reference: str, body: Given
) -> Response:
    """Store its document; the reference is its tag."""
    return json_answer(stored(request, VECTOR, project, body, name=name, reference=reference))


@ROUTES.patch(_REFERENCE, needs=_UPDATE, summary="Change parts of a feature vector")
def patch_feature_vector(
    request: Request, project: str, name: str, reference: str, body: Given
) -> Response:
    """Merge a document into it: mappings are merged, lists and values replaced."""
    return json_answer(change(request, VECTOR, project, name, reference, body))


@ROUTES.delete(
    _REFERENCE,
    needs=Needs("feature-vector", "delete"),
    summary="Delete a version of a feature vector",
)
def delete_version(request: Request, project: str, name: str, reference: str) -> Response:
    """Delete one version's record."""
    return remove(request, VECTOR, project, name, reference)


def _service(request: Request, project: str, name: str) -> OnlineVectorService:
    """A vector's service, kept open while its definition stays what it is."""
    store = store_of(request)
    document = definition(store, VECTOR, project, name, request.query_params.get("tag") or "")
    meta = document["metadata"]
    key = (store.url, project, name, str(meta.get("uid")), str(meta.get("updated")))
    vector = FeatureVector.from_dict(document)
    _check_projects(request, project, vector)
    with _lock:
        found = _services.get(key)
        if found is not None:
            _services.move_to_end(key)
            return found
    if vector.spec.graph.steps:
        raise ConflictError(
            f"feature vector {name!r} computes features at the request, which needs its code",
            fix="deploy it: feature_service_function(uri).deploy()",
        )
    made = get_online_feature_service(vector, store=store)
    with _lock:
        _services[key] = made
        old = [_services.popitem(last=False)[1] for _ in range(len(_services) - _OPEN)]
    for one in old:
        one.close()
    return made


def _check_projects(request: Request, project: str, vector: FeatureVector) -> None:
    """A vector may take features of other projects: only for those who may see them."""
    caller = caller_of(request)
    for item in [*vector.spec.features, str(vector.spec.label_feature or "")]:
        owner, mark, _ = item.partition(" as ")[0].rpartition("/")
        owner = owner.rpartition("/")[2] if mark else project
        if owner != project and not caller.may(owner, "feature-set", "read"):
            raise NotFoundError(f"there is no feature set {item!r:.120}")
