"""Where and how a deployed function's pods run: MLRun's flat keys to Nuclio's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc

__all__ = ["check_placing", "pod_settings", "volumes_of"]

_KEYS = {
    "resources": "resources",
    "node_name": "nodeName",
    "node_selector": "nodeSelector",
    "affinity": "affinity",
    "tolerations": "tolerations",
    "priority_class_name": "priorityClassName",
    "preemption_mode": "preemptionMode",
    "service_account": "serviceAccount",
    "security_context": "securityContext",
    "image_pull_policy": "imagePullPolicy",
    "image_pull_secret": "imagePullSecrets",
    "readiness_timeout": "readinessTimeoutSeconds",
    "readiness_timeout_before_failure": "waitReadinessTimeoutBeforeFailure",
    "service_type": "serviceType",
    "disable_default_http_trigger": "disableDefaultHTTPTrigger",
}


def pod_settings(doc: FunctionDoc) -> dict[str, Any]:
    """What the document says of pods, by Nuclio's names.

    >>> from mlrun_like.specs.function import FunctionSpec
    >>> pod_settings(FunctionDoc(spec=FunctionSpec(node_name="n1", min_replicas=0)))
    {'nodeName': 'n1', 'minReplicas': 0}
    """
    spec = doc.spec
    found = {theirs: getattr(spec, ours) for ours, theirs in _KEYS.items()}
    made = {key: value for key, value in found.items() if value not in (None, "", {}, [])}
    if "waitReadinessTimeoutBeforeFailure" in made:
        made["waitReadinessTimeoutBeforeFailure"] = bool(made["waitReadinessTimeoutBeforeFailure"])
    if spec.timeout:
        made["eventTimeout"] = f"{spec.timeout:g}s"
    if spec.replicas is not None:
        made["minReplicas"] = made["maxReplicas"] = spec.replicas
    if spec.min_replicas is not None:
        made["minReplicas"] = spec.min_replicas
    if spec.max_replicas is not None:
        made["maxReplicas"] = spec.max_replicas
    return made


def volumes_of(doc: FunctionDoc) -> list[dict[str, Any]]:
    """Volumes with their mounts, in pairs as Nuclio has them; pairs that are there stay."""
    pairs = [dict(row) for row in doc.spec.volumes if "volumeMount" in row]
    by_name = {row.get("name"): row for row in doc.spec.volumes if "volumeMount" not in row}
    for mount in doc.spec.volume_mounts:
        if mount.get("name") in by_name:
            pairs.append({"volume": dict(by_name[mount["name"]]), "volumeMount": dict(mount)})
    return pairs


def check_placing(doc: FunctionDoc) -> Iterator[Finding]:
    """Volumes without a mount, and mounts without a volume."""
    volumes = {row.get("name") for row in doc.spec.volumes if "volumeMount" not in row}
    mounts = {row.get("name") for row in doc.spec.volume_mounts}
    for name in sorted(map(str, volumes - mounts)):
        yield Finding(
            "volume", f"volume {name!r} is mounted nowhere", "spec.volumes", "add a volume mount"
        )
    for name in sorted(map(str, mounts - volumes)):
        yield Finding(
            "volume", f"volume mount {name!r} has no volume", "spec.volume_mounts", "add the volume"
        )
