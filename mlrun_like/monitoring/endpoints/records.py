"""Endpoints in the store: get, list, change, delete; monitoring on and off while they serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.monitoring.endpoints.document import (
    ModelEndpoint,
    ModelEndpointList,
    ModelMonitoringMode,
    endpoint_uid,
)
from mlrun_like.monitoring.endpoints.switch import switch_file
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import EndpointQuery

__all__ = [
    "delete_model_endpoint",
    "get_model_endpoint",
    "get_or_create_model_endpoint",
    "list_model_endpoints",
    "patch_model_endpoint",
    "set_monitoring_mode",
    "store_model_endpoint",
]


def get_model_endpoint(project: str, uid: str = "", name: str = "") -> ModelEndpoint:
    """One endpoint, by uid or by name.

    Args:
        project: The project.
        uid: Its uid.
        name: Instead of the uid: its name (the model's), if only one endpoint has it; also
            `function/model`.

    Raises:
        NotFoundError: if there is none.
        InvalidArgumentError: if several have this name, or neither is given.
    """
    if uid:
        return ModelEndpoint.from_dict(open_store().read_endpoint(project, uid))
    if not name:
        raise InvalidArgumentError(
            "which model endpoint?", fix='get_model_endpoint("project", name="iris")'
        )
    function, _, model = name.rpartition("/")
    wanted = EndpointQuery(project, name=model, function=function)
    found = open_store().list_endpoints(wanted)
    if not found:
        known = [item.metadata.name for item in list_model_endpoints(project)]
        raise NotFoundError(
            f"there is no model endpoint {name!r:.80}.{nearest(name, known)}",
            where=f"project {project!r}",
            fix=f"there are: {', '.join(sorted(known)[:20])}" if known else "",
        )
    if len(found) > 1:
        told = ", ".join(
            f"{item['spec'].get('function_name', '')}/{model} ({item['metadata']['uid']})"
            for item in found[:10]
        )
        raise InvalidArgumentError(
            f"{len(found)} model endpoints are named {model!r:.80}: {told}", fix="give the uid"
        )
    return ModelEndpoint.from_dict(found[0])


def list_model_endpoints(  # noqa: PLR0913 - MLRun's filters
    project: str = "",
    model: str = "",
    function: str = "",
    labels: Mapping[str, str | None] | Sequence[str] | None = None,
    start: datetime | float | str | None = None,
    end: datetime | float | str | None = None,
    top_level: bool = False,
    uids: Sequence[str] | None = None,
    *,
    name: str = "",
    limit: int = 0,
    offset: int = 0,
) -> ModelEndpointList:
    """Endpoints that match all that is given.

    Args:
        project: The project; empty: all.
        model: The model's name, with or without `:version`.
        function: The function's name.
        labels: Labels: a mapping, or texts `name=value` and `name`.
        start: Requested at or after this time (datetime, ISO text or seconds since 1970).
        end: First requested before this time.
        top_level: Leave out models behind routers.
        uids: Any of these.
        name: The endpoint's name; `"~part"`: contains.
        limit: At most this many; 0: all.
        offset: Leave out this many first.

    >>> list_model_endpoints("project-without-endpoints")
    []
    """
    query = EndpointQuery(
        project=project,
        name=name,
        model=model,
        function=function,
        labels=_labels(labels),
        uids=tuple(uids or ()),
        top_level=top_level,
        since=None if start is None else seconds_of(start),
        until=None if end is None else seconds_of(end),
        limit=limit,
        offset=offset,
    )
    if uids is not None and not list(uids):
        return ModelEndpointList()
    found = open_store().list_endpoints(query)
    return ModelEndpointList(ModelEndpoint.from_dict(item) for item in found)


def store_model_endpoint(endpoint: ModelEndpoint) -> None:
    """Insert or replace an endpoint; its counters stay."""
    open_store().store_endpoint(endpoint.to_dict())


def patch_model_endpoint(project: str, uid: str, attributes: Mapping[str, Any]) -> ModelEndpoint:
    """Change single fields of an endpoint.

    Args:
        project: The project.
        uid: The endpoint.
        attributes: Values by dotted path (`spec.active`), or by a field's bare name; None:
            back to the default.

    Raises:
        NotFoundError: if there is no such endpoint.
        InvalidArgumentError: if there is no such field.
        SpecError: if a value has a wrong type.
    """
    changes = {_path(key): value for key, value in attributes.items()}
    store = open_store()
    trial = ModelEndpoint()
    for path, value in changes.items():
        part, _, rest = path.partition(".")
        if "." not in rest:
            setattr(getattr(trial, part), rest, value)
    document = store.patch_endpoint(project, uid, changes)
    if "spec.monitoring_mode" in changes:
        _switched()
    return ModelEndpoint.from_dict(document)


def delete_model_endpoint(project: str, uid: str) -> bool:
    """Delete an endpoint with all that was recorded of it; False: there was none."""
    return open_store().delete_endpoint(project, uid)


def get_or_create_model_endpoint(
    project: str,
    model: str,
    function_name: str = "",
    *,
    function_tag: str = "",
    uid: str = "",
    values: Mapping[str, Any] | None = None,
) -> ModelEndpoint:
    """The endpoint of a model of a function; it is made if there is none.

    Args:
        project: The project.
        model: The model: `name` or `name:version`.
        function_name: The function; empty: `batch-infer`, as MLRun has it.
        function_tag: The function's tag.
        uid: Instead of the one that follows from these: this uid.
        values: Further fields of a new endpoint, as for `patch_model_endpoint`.
    """
    function_name = function_name or "batch-infer"
    name, _, version = model.partition(":")
    uri = f"{project}/{function_name}" + (f":{function_tag}" if function_tag else "")
    uid = uid or endpoint_uid(uri, f"{name}:{version or 'latest'}")
    store = open_store()
    try:
        return ModelEndpoint.from_dict(store.read_endpoint(project, uid))
    except NotFoundError:
        pass
    endpoint = ModelEndpoint()
    endpoint.metadata.project, endpoint.metadata.uid = project, uid
    endpoint.metadata.name = name
    spec = endpoint.spec
    spec.function_uri, spec.function_name, spec.function_tag = uri, function_name, function_tag
    spec.model, spec.model_name = f"{name}:{version or 'latest'}", name
    spec.model_version = version
    for key, value in (values or {}).items():
        part, _, field = _path(key).partition(".")
        setattr(getattr(endpoint, part), field, value)
    store.store_endpoint(endpoint.to_dict())
    return endpoint


def set_monitoring_mode(
    project: str, mode: str, *, uid: str = "", name: str = "", function: str = ""
) -> list[ModelEndpoint]:
    """Switch recording on or off while the models serve; their workers follow within seconds.

    Args:
        project: The project.
        mode: `enabled` or `disabled`.
        uid: One endpoint; or
        name: endpoints of this name (with `function`: made if there is none yet, so that a
            function that was deployed without tracking can be switched on);
        function: endpoints of this function. None of the three: all of the project.

    Raises:
        InvalidArgumentError: if there is no such mode.
        NotFoundError: if no endpoint matches.
    """
    modes = (ModelMonitoringMode.enabled, ModelMonitoringMode.disabled)
    if mode not in modes:
        raise InvalidArgumentError(
            f"monitoring mode {mode!r:.60} is not one of: {', '.join(modes)}"
        )
    query = EndpointQuery(project, name=name, function=function, uids=(uid,) if uid else ())
    found = open_store().list_endpoints(query)
    if not found and name and function and not uid:
        made = get_or_create_model_endpoint(project, name, function)
        found = [made.to_dict()]
    if not found:
        raise NotFoundError(
            f"no model endpoint matches uid {uid!r:.60}, name {name!r:.60}, function "
            f"{function!r:.60}",
            where=f"project {project!r}",
            fix="list_model_endpoints(project) shows those that exist",
        )
    change = {"spec.monitoring_mode": mode}
    return [patch_model_endpoint(project, item["metadata"]["uid"], change) for item in found]


def _switched() -> None:
    path = switch_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _labels(
    labels: Mapping[str, str | None] | Sequence[str] | None,
) -> dict[str, str | None]:
    if not labels:
        return {}
    if isinstance(labels, Mapping):
        return dict(labels)
    pairs = [label.partition("=") for label in labels]
    return {key: value if sign else None for key, sign, value in pairs}


def _path(key: str) -> str:
    parts = {name: getattr(ModelEndpoint(), name) for name in ("metadata", "spec", "status")}
    first, _, rest = key.partition(".")
    if first in parts and rest.partition(".")[0] in type(parts[first]).model_fields:
        return key
    for name, part in parts.items():
        if first in type(part).model_fields:
            return f"{name}.{key}"
    known = [field for part in parts.values() for field in type(part).model_fields]
    raise InvalidArgumentError(
        f"a model endpoint has no field {key!r:.80}.{nearest(key, known)}",
        fix=f"fields: {', '.join(known)}",
    )
