"""A configuration that Nuclio or its tools wrote, as a function's document; every key is kept."""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Mapping
from typing import Any

from mlrun_like.packaging.describe import entry_points_from_source
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import merge_foreign

__all__ = ["document_of", "is_nuclio"]

_KINDS = ("Function", "NuclioFunction")
_PROJECT, _TAG = "nuclio.io/project-name", "nuclio.io/tag"
_MOVED = {
    "description": "description",
    "handler": "function_handler",
    "runtime": "nuclio_runtime",
    "env": "env",
    "resources": "resources",
    "minReplicas": "min_replicas",
    "maxReplicas": "max_replicas",
    "replicas": "replicas",
    "nodeName": "node_name",
    "nodeSelector": "node_selector",
    "affinity": "affinity",
    "tolerations": "tolerations",
    "priorityClassName": "priority_class_name",
    "serviceAccount": "service_account",
    "securityContext": "security_context",
    "readinessTimeoutSeconds": "readiness_timeout",
}


def is_nuclio(document: Mapping[str, Any]) -> bool:
    """Whether plain data is a configuration of Nuclio.

    >>> is_nuclio({"kind": "NuclioFunction"}), is_nuclio({"kind": "job"})
    (True, False)
    """
    version = document.get("apiVersion")
    named = isinstance(version, str) and version.startswith("nuclio.io/")
    return document.get("kind") in _KINDS or (named and "kind" not in document)


def document_of(config: Mapping[str, Any], where: str = "") -> FunctionDoc:
    """The document of kind `nuclio` that gives this configuration again.

    Settings that functions have by another name move there, so that methods change them; the others
    stay in `spec.base_spec`.

    Raises:
        SpecError: if a known key has a wrong type.

    >>> doc = document_of({"kind": "NuclioFunction", "metadata": {"name": "hello"},
    ...                    "spec": {"handler": "main:run", "avatar": "x"}})
    >>> doc.spec.function_handler, doc.spec.base_spec["spec"]
    ('main:run', {'avatar': 'x'})
    """
    base = copy.deepcopy(dict(config))
    foreign = base.pop("foreign", None)
    if isinstance(foreign, Mapping):
        base = merge_foreign(base, foreign)
    status = base.pop("status", None)
    metadata = dict(base.get("metadata") or {})
    spec = dict(base.get("spec") or {})
    labels = {str(k): str(v) for k, v in (metadata.pop("labels", None) or {}).items()}
    name, project, tag = _own_name(str(metadata.pop("name", "") or ""), metadata, labels)
    own: dict[str, Any] = {}
    for theirs, ours in _MOVED.items():
        if spec.get(theirs) not in (None, "", [], {}):
            own[ours] = spec.pop(theirs)
    build = dict(spec.get("build") or {})
    own_build: dict[str, Any] = {}
    for theirs, ours in (
        ("functionSourceCode", "functionSourceCode"),
        ("commands", "commands"),
        ("baseImage", "base_image"),
    ):
        if build.get(theirs):
            own_build[ours] = build.pop(theirs)
    if build:
        spec["build"] = build
    else:
        spec.pop("build", None)
    handler = str(own.get("function_handler") or "")
    notes = {str(k): str(v) for k, v in (metadata.pop("annotations", None) or {}).items()}
    metadata.pop("project", None)
    metadata.pop("tag", None)
    rest = {**base, "metadata": metadata, "spec": spec}
    made = {
        "kind": "nuclio",
        "metadata": {
            "name": name, "project": project, "tag": tag, "labels": labels, "annotations": notes
        },
        "spec": {
            **own,
            "default_handler": handler.rpartition(":")[2],
            "build": own_build,
            "base_spec": {key: value for key, value in rest.items() if value or key == "kind"},
        },
        "status": status if isinstance(status, Mapping) else {},
    }  # fmt: skip
    document = FunctionDoc.from_dict(made, where)
    code = own_build.get("functionSourceCode")
    if code and str(own.get("nuclio_runtime", "python")).startswith("python"):
        document.spec.entry_points = _points(str(code))
    return document


def _own_name(
    name: str, metadata: Mapping[str, Any], labels: dict[str, str]
) -> tuple[str, str, str]:
    """The function's name without project and tag, which deploying adds again."""
    project = labels.get(_PROJECT, "") or str(metadata.get("project") or "")
    tag = labels.pop(_TAG, "") or str(metadata.get("tag") or "")
    labels.pop(_PROJECT, None)
    labels.pop("mlrun/class", None)
    if project and name.startswith(f"{project}-"):
        name = name[len(project) + 1 :]
        if tag and name.endswith(f"-{tag}"):
            name = name[: -len(tag) - 1]
    return name, project, tag


def _points(code: str) -> Any:
    try:
        return entry_points_from_source(base64.b64decode(code).decode())
    except (binascii.Error, ValueError, SyntaxError, RecursionError):
        return {}
