"""What a caller wants to run, as MLRun's clients and ours write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError, nearest
from mlrun_like.names import new_uid, parse_function_uri
from mlrun_like.types import Document

__all__ = ["RunRequest", "read_request"]

_FIELDS = (
    *("function", "name", "handler", "parameters", "inputs", "hyperparams", "hyper_param_options"),
    *("labels", "artifact_path", "timeout", "retry", "returns", "schedule", "overrides", "uid"),
    "notifications",
)
_OVERRIDES = ("image", "requests", "limits")
_NOTE = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z._-]{0,99}")


@dataclass(frozen=True)
class RunRequest:
    """A run that somebody wants.

    Args:
        project: Where it is recorded.
        function: `db://` address of a stored function.
        uid: Its id.
        given: The options of `Function.run` that were given.
        schedule: When it runs; None: now.
        overrides: `image`, `requests`, `limits` of this run alone.
    """

    project: str
    function: str
    uid: str
    given: Document = field(default_factory=dict)
    schedule: Any = None
    overrides: Document = field(default_factory=dict)


def read_request(project: str, body: Document) -> RunRequest:
    """The request in a body: our flat form, or MLRun's `{"function", "task", "schedule"}`.

    Raises:
        SpecError: if something has a wrong form.
        InvalidArgumentError: if there is no such field, or no function.
    """
    if isinstance(body.get("task"), Mapping):
        body = _from_task(body)
    for name in body:
        if name not in _FIELDS:
            raise InvalidArgumentError(
                f"a run has no {name[:60]!r}.{nearest(name, _FIELDS)}",
                fix=f"fields: {', '.join(_FIELDS)}",
            )
    for name in ("parameters", "inputs", "hyperparams", "hyper_param_options", "labels"):
        if body.get(name) is not None and not isinstance(body[name], Mapping):
            raise SpecError(f"{name} must be a mapping, not {body[name]!r:.60}")
    for name in ("function", "name", "handler", "artifact_path", "uid"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise SpecError(f"{name} must be a text, not {body[name]!r:.60}")
    uid = body.get("uid") or new_uid()
    if not _NOTE.fullmatch(uid):
        raise InvalidArgumentError(f"uid {uid[:80]!r} cannot be used", fix="leave it out")
    for url in (body.get("inputs") or {}).values():
        if not isinstance(url, str):
            raise SpecError(f"inputs are URLs, not {url!r:.60}")
    given = {
        "params": dict(body.get("parameters") or {}),
        "inputs": dict(body.get("inputs") or {}),
        "hyperparams": body.get("hyperparams") or None,
        "hyper_param_options": body.get("hyper_param_options") or None,
        "labels": {str(k): str(v) for k, v in (body.get("labels") or {}).items()},
        **{name: body.get(name) for name in ("timeout", "retry", "returns", "notifications")},
        **{name: body.get(name) or "" for name in ("name", "artifact_path")},
        "handler": body.get("handler") or None,
    }
    overrides = body.get("overrides") or {}
    if not isinstance(overrides, Mapping) or not set(overrides) <= set(_OVERRIDES):
        raise SpecError(f"overrides can hold {', '.join(_OVERRIDES)}, not {overrides!r:.80}")
    return RunRequest(
        project, _address(project, body), uid, given, body.get("schedule"), dict(overrides)
    )


def _address(project: str, body: Mapping[str, Any]) -> str:
    name = str(body.get("function") or "")
    if not name:
        raise InvalidArgumentError("no function is named", fix='{"function": "train"}')
    place = parse_function_uri(name.removeprefix("db://"), project)
    return f"db://{place}"


def _from_task(body: Mapping[str, Any]) -> Document:
    """MLRun's `submit_job`."""
    task: Mapping[str, Any] = body["task"]
    metadata, spec = (task.get(name) or {} for name in ("metadata", "spec"))
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
        raise SpecError("task.metadata and task.spec must be mappings")
    if isinstance(body.get("function"), Mapping):
        raise InvalidArgumentError(
            "a function's document cannot be run as it is",
            fix="store it, and name it: db://project/name",
        )
    found: Document = {
        "function": body.get("function") or spec.get("function"),
        "name": metadata.get("name"),
        "labels": metadata.get("labels"),
        "uid": metadata.get("uid"),
        "artifact_path": spec.get("output_path"),
        "schedule": body.get("schedule"),
    }
    for name in ("handler", "parameters", "inputs", "hyperparams", "hyper_param_options"):
        found[name] = spec.get(name)
    for name in ("timeout", "retry", "returns", "notifications"):
        found[name] = spec.get(name)
    return {name: value for name, value in found.items() if value not in (None, "", {}, [])}
