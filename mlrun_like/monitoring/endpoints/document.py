"""ModelEndpoint: MLRun's document of a served model, with a few fields of our own."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Any

from pydantic import Field

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import parse_function_uri
from mlrun_like.specs.model import Model, parse, split_foreign
from mlrun_like.types import Document

__all__ = [
    "EndpointType",
    "ModelEndpoint",
    "ModelEndpointList",
    "ModelEndpointMetadata",
    "ModelEndpointSpec",
    "ModelEndpointStatus",
    "ModelMonitoringMode",
    "endpoint_uid",
]


class EndpointType(IntEnum):
    """What an endpoint is: a model alone, a router with models, or a model behind a router."""

    NODE_EP = 1
    ROUTER = 2
    LEAF_EP = 3


class ModelMonitoringMode:
    """Whether requests of an endpoint are recorded."""

    enabled = "enabled"
    disabled = "disabled"


class ModelEndpointMetadata(Model):
    """Which endpoint this is."""

    project: str = ""
    uid: str = ""
    name: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


class ModelEndpointSpec(Model):
    """What answers there: function, model and its features.

    `model` is `name:version`; `feature_set_uri` names the feature vector or set that the model was
    trained with; `declared_mode` is the mode that the function itself asked for.
    """

    function_uri: str = ""
    function_name: str = ""
    function_tag: str = ""
    model: str = ""
    model_name: str = ""
    model_version: str = ""
    model_class: str = ""
    model_uri: str = ""
    model_uid: str = ""
    algorithm: str = ""
    feature_names: list[str] = Field(default_factory=list)
    label_names: list[str] = Field(default_factory=list)
    stream_path: str = ""
    active: bool = True
    monitoring_mode: str = ModelMonitoringMode.disabled
    declared_mode: str = ""
    sampling_percentage: float = 100.0
    monitor_configuration: dict[str, Any] = Field(default_factory=dict)
    feature_set_uri: str = ""


class ModelEndpointStatus(Model):
    """What was seen there; times are ISO texts. The store counts requests, errors and drops."""

    feature_stats: dict[str, Any] = Field(default_factory=dict)
    current_stats: dict[str, Any] = Field(default_factory=dict)
    children: list[str] = Field(default_factory=list)
    children_uids: list[str] = Field(default_factory=list)
    first_request: str | None = None
    last_request: str | None = None
    requests: int = 0
    error_count: int = 0
    dropped: int = 0
    drift_status: str = ""
    drift_measures: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    features: list[dict[str, Any]] = Field(default_factory=list)
    endpoint_type: int = EndpointType.NODE_EP
    monitoring_feature_set_uri: str = ""
    state: str = ""


class ModelEndpoint(Model):
    """A model endpoint.

    >>> endpoint = ModelEndpoint()
    >>> endpoint.spec.model = "iris:1"
    >>> endpoint.to_dict()["spec"]["model"]
    'iris:1'
    """

    kind: str = "model-endpoint"
    metadata: ModelEndpointMetadata = Field(default_factory=ModelEndpointMetadata)
    spec: ModelEndpointSpec = Field(default_factory=ModelEndpointSpec)
    status: ModelEndpointStatus = Field(default_factory=ModelEndpointStatus)

    @classmethod
    def from_dict(cls, document: Document) -> ModelEndpoint:
        """The endpoint of a document; keys that are not known are left out.

        Raises:
            SpecError: if a value has a wrong type.
        """
        known, _ = split_foreign(cls, document)
        return parse(cls, known, "model endpoint")


class ModelEndpointList(list[ModelEndpoint]):
    """Model endpoints; newer MLRun code asks such a list for its `endpoints`."""

    @property
    def endpoints(self) -> list[ModelEndpoint]:
        """The list itself."""
        return self


def endpoint_uid(function_uri: str, versioned_model: str) -> str:
    """The id of an endpoint, which is MLRun's: SHA-1 of project, function, tag, model, version.

    Args:
        function_uri: `project/name[:tag]`.
        versioned_model: `name[:version]`.

    Raises:
        InvalidArgumentError: if the function or the model has no name.

    >>> endpoint_uid("p/f", "m:latest")
    '5e96a59af566eb1d46fb1ec29311d341f0083b0c'
    """
    name, _, version = versioned_model.partition(":")
    if not function_uri or not name:
        raise InvalidArgumentError(
            f"an endpoint needs a function and a model, not {function_uri!r}, {versioned_model!r}",
            fix='endpoint_uid("project/function:latest", "model:v1")',
        )
    uri = parse_function_uri(function_uri)
    reference = f"{uri.name}_{uri.tag or uri.hash or 'N/A'}"
    text = f"{uri.project}_{reference}_{name}_{version or 'N/A'}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
