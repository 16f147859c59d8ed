"""What a model server tells about itself: metadata, readiness, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlrun_like.errors import NotFoundError
from mlrun_like.serving.event import Response
from mlrun_like.serving.models.address import Address

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["EXTENSIONS", "inform", "metadata", "server_metadata"]

EXTENSIONS = ("binary_tensor_data",)
"""Extensions of the Open Inference Protocol that are spoken."""

_DATATYPES = {"float": "FP64", "int": "INT64", "bool": "BOOL", "str": "BYTES"}


def inform(model: V2ModelServer, place: Address) -> Any:
    """The answer to a request for information.

    Raises:
        NotFoundError: if there is none of this name.
    """
    operation = place.operation
    if place.scope == "models":
        return {"models": [f"{model.name}:{model.version}" if model.version else model.name]}
    if place.scope == "server":
        if operation == "":
            return server_metadata(model)
        if operation == "live":
            return {"live": True}
        if operation == "ready":
            return Response({"ready": model.ready}, 200 if model.ready else 503)
        raise NotFoundError(
            f"a server has no health check {operation!r:.60}", fix="use live or ready"
        )
    if operation == "ready":
        return Response({"ready": model.ready}, 200 if model.ready else 408)
    if operation == "metrics":
        found = {"name": model.name, "version": model.version}
        return {**found, **model.counts.to_dict(), "metrics": dict(model.metrics)}
    return metadata(model)


def server_metadata(step: Any) -> dict[str, Any]:
    """The server as the V2 protocol describes it."""
    return {"name": type(step).__name__, "version": "v2", "extensions": list(EXTENSIONS)}


def metadata(model: V2ModelServer) -> dict[str, Any]:
    """MLRun's keys, and those of the Open Inference Protocol."""
    spec = model.model_spec.spec if model.model_spec else None
    return {
        "name": model.name,
        "version": model.version,
        "versions": [model.version] if model.version else [],
        "platform": (spec.framework if spec else "") or type(model).__name__,
        "inputs": [_feature(item) for item in (spec.inputs if spec else [])],
        "outputs": [_feature(item) for item in (spec.outputs if spec else [])],
    }


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    datatype = _DATATYPES.get(str(feature.get("value_type", "")))
    return {**feature, "datatype": datatype, "shape": [-1]} if datatype else dict(feature)
