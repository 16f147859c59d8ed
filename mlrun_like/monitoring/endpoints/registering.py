"""What a server tells of a model when it starts: the endpoint, with links to what it is made of."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.endpoints.document import EndpointType, ModelEndpoint
from mlrun_like.names import parse_function_uri
from mlrun_like.tracking.connect import open_store

__all__ = ["register"]


def register(
    model: Any,
    context: Any,
    uid: str,
    *,
    stream: str = "",
    percentage: float = 100.0,
    mode: str = "enabled",
) -> ModelEndpoint:
    """Insert the endpoint of a model, or bring it up to date.

    What people or monitoring added (labels, drift, the switch) stays. The switch follows the
    function again if the function itself asks for another mode than it did before.

    Args:
        model: The model server, or a router that answers as one.
        context: The server's context.
        uid: The endpoint's uid.
        stream: The stream that requests are recorded to; empty: the store.
        percentage: The share of requests whose rows are recorded.
        mode: The mode that the function asks for.

    Raises:
        StoreUnavailableError: if the store cannot be used now.
    """
    store = open_store()
    uri = parse_function_uri(context.function_uri)
    try:
        endpoint = ModelEndpoint.from_dict(store.read_endpoint(uri.project, uid))
        is_new = False
    except NotFoundError:
        endpoint, is_new = ModelEndpoint(), True
    metadata, spec, status = endpoint.metadata, endpoint.spec, endpoint.status
    metadata.project, metadata.uid, metadata.name = uri.project, uid, model.name
    metadata.labels = {**metadata.labels, **{k: str(v) for k, v in model.labels.items()}}
    spec.function_uri, spec.function_name = context.function_uri, uri.name
    spec.function_tag = uri.tag
    spec.model, spec.model_name = f"{model.name}:{model.version or 'latest'}", model.name
    spec.model_version = model.version or ""
    spec.model_class = type(model).__name__
    spec.model_uri = str(getattr(model, "model_path", "") or "")
    spec.stream_path, spec.sampling_percentage = stream, float(percentage)
    spec.active = True
    if is_new or spec.declared_mode != mode:
        if is_new or spec.declared_mode:
            spec.monitoring_mode = mode
        spec.declared_mode = mode
    status.state = "ready"
    _describe(endpoint, getattr(model, "model_spec", None))
    children = [
        child
        for route in getattr(model, "routes", {}).values()
        if (child := getattr(route.object, "model_endpoint_uid", None))
    ]
    if hasattr(model, "routes"):
        status.endpoint_type = EndpointType.ROUTER
        status.children = list(model.routes)
        status.children_uids = children
    store.store_endpoint(endpoint.to_dict())
    for child in children:
        store.patch_endpoint(
            uri.project, child, {"status.endpoint_type": int(EndpointType.LEAF_EP)}
        )
    return endpoint


def _describe(endpoint: ModelEndpoint, record: Any) -> None:
    """Names, statistics and links from the artifact of the model."""
    if record is None:
        return
    logged = record.spec
    spec, status = endpoint.spec, endpoint.status
    spec.feature_names = [str(item.get("name")) for item in logged.inputs]
    spec.label_names = [str(item.get("name")) for item in logged.outputs]
    spec.feature_set_uri = logged.feature_vector or ""
    spec.algorithm = logged.algorithm or ""
    spec.model_uid = record.metadata.uid or ""
    if not spec.model_version:
        spec.model_version = record.metadata.tag or ""
    status.feature_stats = dict(logged.feature_stats)
