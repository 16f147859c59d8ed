"""Driver and executors of a SparkApplication: fields `driver` and `executor` of its spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.runtimes.kubernetes.names import annotations_of
from mlrun_like.runtimes.kubernetes.placing import Placing, place
from mlrun_like.runtimes.kubernetes.pod import by_key, security_of
from mlrun_like.runtimes.kubernetes.variables import environment_of
from mlrun_like.runtimes.spark.conf import core_count, gpus_of, jvm_memory, resource
from mlrun_like.specs.function import FunctionDoc

__all__ = ["driver_spec", "executor_spec"]

_DRIVER = {"memory": "2g", "cpu": "1", "limit": "2"}
_EXECUTOR = {"memory": "5g", "cpu": "1", "limit": ""}
"""MLRun's defaults of what is not asked for."""

_Folders = tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]


def driver_spec(
    document: FunctionDoc,
    wanted: Mapping[str, str],
    labels: Mapping[str, str],
    folders: _Folders,
    secret: str,
) -> dict[str, Any]:
    """The field `driver`.

    Args:
        document: The function.
        wanted: Its Spark properties.
        labels: Labels of the pod.
        folders: Further volume mounts, and further variables.
        secret: The Secret that holds the function's secret variables.

    Raises:
        InvalidArgumentError: if a quantity cannot be used.
    """
    found = _common(document, "driver", wanted, _DRIVER)
    return _filled(found | _surroundings(document, "driver", labels, folders, secret))


def executor_spec(
    document: FunctionDoc,
    wanted: Mapping[str, str],
    labels: Mapping[str, str],
    folders: _Folders,
    secret: str,
) -> dict[str, Any]:
    """The field `executor`; see `driver_spec`."""
    spec = document.spec
    found = _common(document, "executor", wanted, _EXECUTOR)
    if not spec.dynamic_allocation.get("enabled"):
        found["instances"] = spec.replicas or 1
    return _filled(found | _surroundings(document, "executor", labels, folders, secret))


def _common(
    document: FunctionDoc, role: str, wanted: Mapping[str, str], default: Mapping[str, str]
) -> dict[str, Any]:
    """Cores, memory, devices, the JVM."""
    resources = getattr(document.spec, f"{role}_resources")
    cores = wanted.get(f"spark.{role}.cores")
    request = resource(resources, "requests", "cpu")
    limit = resource(resources, "limits", "cpu")
    found: dict[str, Any] = {
        "cores": core_count(cores or request or default["cpu"]),
        "coreRequest": str(request if request is not None else default["cpu"]),
        "coreLimit": str(limit if limit is not None else _larger(default["limit"], request)),
        "memory": jvm_memory(wanted.get(f"spark.{role}.memory", default["memory"])),
        "memoryOverhead": wanted.get(f"spark.{role}.memoryOverhead", ""),
        "javaOptions": wanted.get(f"spark.{role}.extraJavaOptions", ""),
    }
    kind, count = gpus_of(resources)
    if count:
        found["gpu"] = {"name": kind, "quantity": count}
    return found


def _larger(limit: str, request: Any) -> str:
    """A default limit that is not below what is requested; else none."""
    return limit if limit and (request is None or core_count(request) <= int(limit)) else ""


def _surroundings(
    document: FunctionDoc,
    role: str,
    labels: Mapping[str, str],
    folders: _Folders,
    secret: str,
) -> dict[str, Any]:
    """Variables, mounts, nodes, rights."""
    spec = document.spec
    mounts, variables = folders
    own = [*spec.volume_mounts, *getattr(spec, f"{role}_volume_mounts")]
    placed = place(
        Placing(
            node_selector={**spec.node_selector, **getattr(spec, f"{role}_node_selector")},
            affinity=getattr(spec, f"{role}_affinity") or spec.affinity,
            tolerations=tuple(getattr(spec, f"{role}_tolerations") or spec.tolerations),
            priority_class_name=spec.priority_class_name,
            preemption_mode=getattr(spec, f"{role}_preemption_mode") or spec.preemption_mode,
        )
    )
    pod, container = security_of(document)
    return {
        "env": by_key([*environment_of(document, secret), *variables], "name"),
        "labels": dict(labels),
        "annotations": annotations_of(document),
        "volumeMounts": by_key([*own, *mounts], "mountPath"),
        "serviceAccount": spec.service_account or config.default_service_account,
        "podSecurityContext": pod,
        "securityContext": container,
        **placed,
    }


def _filled(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}
