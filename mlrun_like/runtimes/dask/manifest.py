"""The objects of the Dask operator: a `DaskCluster`, and a `DaskAutoscaler` if it grows by load.

Forms as in the operator's custom resource definitions, kubernetes.dask.org/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.dask.clusters import seconds_of, size_of
from mlrun_like.runtimes.kubernetes.manifest import missing_secrets
from mlrun_like.runtimes.kubernetes.names import labels_of, object_name
from mlrun_like.runtimes.kubernetes.pod import Extras, env_secret_name, pod_spec
from mlrun_like.runtimes.kubernetes.rendering import Manifest
from mlrun_like.specs.function import FunctionDoc

__all__ = ["API", "manifest_of"]

API = "kubernetes.dask.org/v1"
_COMM, _DASHBOARD, _WORKER = 8786, 8787, 8788
_SERVICES = ("ClusterIP", "NodePort", "LoadBalancer")
_MOST = 16
"""MLRun's `max_replicas` if none is given."""


def manifest_of(
    document: FunctionDoc, name: str = "", namespace: str = "", secret: str = ""
) -> Manifest:
    """The objects of a function's cluster.

    Args:
        document: The function: image, resources of scheduler and workers, numbers of workers.
        name: The cluster's name; by default the function's.
        namespace: Where it will be; empty: the setting `kubernetes_namespace`, else left out.
        secret: The Secret with the function's secret variables; empty: `<function>-env`.

    Raises:
        InvalidArgumentError: if a number, the image or the service type cannot be used.
    """
    fixed, bounds = size_of(document)
    cluster = object_name(name or document.metadata.name)
    namespace = namespace or config.kubernetes_namespace
    labels = labels_of(document)
    metadata: dict[str, Any] = {"name": cluster, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    spec: dict[str, Any] = {
        "worker": {
            "replicas": bounds[0] if bounds else fixed or 1,
            "spec": _worker(document, secret),
        },
        "scheduler": {"spec": _scheduler(document, secret), "service": _service(document, cluster)},
    }
    if document.spec.scheduler_timeout:
        spec["idleTimeout"] = int(seconds_of(document))
    objects = [{"apiVersion": API, "kind": "DaskCluster", "metadata": metadata, "spec": spec}]
    if bounds is not None:
        objects.append(
            {
                "apiVersion": API,
                "kind": "DaskAutoscaler",
                "metadata": {**metadata},
                "spec": {
                    "cluster": cluster,
                    "minimum": bounds[0],
                    "maximum": bounds[1] or max(_MOST, bounds[0]),
                },
            }
        )
    return Manifest(objects, missing_secrets(document))


def _scheduler(document: FunctionDoc, secret: str) -> dict[str, Any]:
    probe = {"httpGet": {"port": "http-dashboard", "path": "/health"}}
    found = _pod(
        document,
        "scheduler",
        ["dask", "scheduler", "--host", "0.0.0.0"],
        secret,
        {"tcp-comm": _COMM, "http-dashboard": _DASHBOARD},
    )
    found["containers"][0].update(
        readinessProbe={**probe, "periodSeconds": 1, "timeoutSeconds": 300},
        livenessProbe={**probe, "initialDelaySeconds": 15, "periodSeconds": 20},
    )
    return found


def _worker(document: FunctionDoc, secret: str) -> dict[str, Any]:
    command = ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"]
    command += ["--dashboard", "--dashboard-address", str(_WORKER)]
    command += ["--nthreads", str(document.spec.nthreads or 1)]
    return _pod(document, "worker", command, secret, {"http-dashboard": _WORKER})


def _pod(
    document: FunctionDoc, part: str, args: list[str], secret: str, ports: Mapping[str, int]
) -> dict[str, Any]:
    """The function's pod with a process of Dask's in it; the operator adds the address."""
    extras = Extras(
        resources=getattr(document.spec, f"{part}_resources"),
        container=part,
        restart="",  # the operator's pods are started again
        ports=[{"name": n, "containerPort": p, "protocol": "TCP"} for n, p in ports.items()],
        secret=secret or env_secret_name(document),
    )
    return pod_spec(document, None, [], args, extras)


def _service(document: FunctionDoc, cluster: str) -> dict[str, Any]:
    kind = document.spec.service_type or "ClusterIP"
    if kind not in _SERVICES:
        raise InvalidArgumentError(
            f"service_type {kind!r} is unknown",
            where=f"function {document.metadata.name!r}",
            fix=f"use one of: {', '.join(_SERVICES)}",
        )
    rows: list[dict[str, Any]] = [
        {"name": name, "protocol": "TCP", "port": port, "targetPort": name}
        for name, port in (("tcp-comm", _COMM), ("http-dashboard", _DASHBOARD))
    ]
    if document.spec.node_port:
        rows[0]["nodePort"] = document.spec.node_port
    return {
        "type": kind,
        "selector": {"dask.org/cluster-name": cluster, "dask.org/component": "scheduler"},
        "ports": rows,
    }
