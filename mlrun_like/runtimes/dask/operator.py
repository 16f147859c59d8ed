"""A cluster that the Dask operator makes in Kubernetes: create, wait, scale, delete.

Behaviour as in the documentation of "Dask Kubernetes Operator": the service `<name>-scheduler` has
the ports tcp-comm and http-dashboard, `status.phase` becomes Running when the scheduler is ready.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, MLRunLikeError, NotFoundError
from mlrun_like.names import new_uid
from mlrun_like.runtimes.dask.clusters import Cluster, size_of
from mlrun_like.runtimes.dask.manifest import API, manifest_of
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.code import secrets
from mlrun_like.runtimes.kubernetes.names import labels_of, object_name
from mlrun_like.runtimes.kubernetes.variables import secret_values
from mlrun_like.specs.function import FunctionDoc

__all__ = ["OperatorCluster"]

_ASK_EVERY = 0.5
_WAITING = ("ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError")


class OperatorCluster(Cluster):
    """A `DaskCluster` object of its own for the function, deleted with `close`.

    Raises:
        EngineError: if the API server refuses it, the operator is not installed, or the scheduler
            does not run in time; it says what its pod waits for.
    """

    def __init__(self, doc: FunctionDoc, place: str, timeout: float) -> None:
        del place
        self._client = Client()
        self._namespace = self._client.namespace
        self.name = object_name(doc.metadata.name, new_uid()[-8:])
        _, bounds = size_of(doc)
        self.min_workers = bounds[0] if bounds else 1
        self._labels = labels_of(doc)
        self._objects: list[dict[str, Any]] = []
        try:
            self._create(doc)
            self._wait(time.monotonic() + timeout, timeout)
            self._find_addresses(doc)
        except BaseException:
            self.close()
            raise

    def _create(self, doc: FunctionDoc) -> None:
        secret = object_name(self.name, "env")
        values = {key: value.encode() for key, value in secret_values(doc).items()}
        metadata = {"name": secret, "namespace": self._namespace, "labels": self._labels}
        objects = [*(secrets(values, metadata) if values else [])]
        objects += manifest_of(doc, self.name, self._namespace, secret)
        for body in objects:
            try:
                self._client.create(body, self._namespace)
            except NotFoundError as exc:
                raise EngineError(
                    f"the cluster knows no {body['kind']}: the Dask operator is not installed",
                    where=self._client.where,
                    fix="helm install --repo https://helm.dask.org --generate-name "
                    "dask-kubernetes-operator",
                ) from exc
            self._objects.append(body)

    def _path(self, kind: str, name: str = "") -> str:
        return path_of(API, kind, self._namespace, name or self.name)

    def _wait(self, end: float, timeout: float) -> None:
        while True:
            status = self._client.get(self._path("DaskCluster")).get("status") or {}
            if status.get("phase") == "Running":
                return
            trouble = next(self._troubles(), "")
            if status.get("phase") == "Error" or time.monotonic() > end or trouble:
                reason = trouble or f"its phase is {status.get('phase', 'not set')!r}"
                raise EngineError(
                    f"the DaskCluster {self.name!r} does not run: {reason}",
                    where=f"namespace {self._namespace}, waited up to {timeout:g} s",
                    fix="look at the scheduler's pod, and whether the operator runs: "
                    f"kubectl describe pod -l dask.org/cluster-name={self.name}",
                )
            time.sleep(_ASK_EVERY)

    def _troubles(self) -> Iterator[str]:
        """What the cluster's pods cannot get over by waiting."""
        selector = f"dask.org/cluster-name={self.name}"
        pods = self._client.get(path_of("v1", "Pod", self._namespace), labelSelector=selector)
        for pod in pods.get("items", []):
            for row in (pod.get("status") or {}).get("containerStatuses") or []:
                waiting = (row.get("state") or {}).get("waiting") or {}
                if waiting.get("reason") in _WAITING:
                    yield (
                        f"pod {pod['metadata']['name']!r}: {waiting['reason']}: "
                        f"{waiting.get('message', '')} (image {row.get('image', '?')})"
                    )

    def _find_addresses(self, doc: FunctionDoc) -> None:
        service = f"{self.name}-scheduler"
        host, comm, dashboard = f"{service}.{self._namespace}.svc.cluster.local", 8786, 8787
        if doc.spec.service_type in ("NodePort", "LoadBalancer"):
            found = self._client.get(path_of("v1", "Service", self._namespace, service))
            ports = {row["name"]: row for row in found["spec"]["ports"]}
            ingress = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
            if doc.spec.service_type == "NodePort":
                host = config.remote_host or _host(self._client.where)
                comm = ports["tcp-comm"]["nodePort"]
                dashboard = ports["http-dashboard"]["nodePort"]
            elif ingress:
                host = ingress[0].get("ip") or ingress[0].get("hostname") or host
        self.scheduler_address = f"tcp://{host}:{comm}"
        self.dashboard_link = f"http://{host}:{dashboard}/status"

    def scale(self, n: int) -> None:
        """See Cluster.scale."""
        self._client.delete(self._path("DaskAutoscaler"))
        self._client.patch(self._path("DaskCluster"), {"spec": {"worker": {"replicas": n}}})
        self.min_workers = min(1, n)

    def adapt(self, minimum: int = 0, maximum: int | None = None) -> None:
        """See Cluster.adapt."""
        spec = {"cluster": self.name, "minimum": minimum, "maximum": maximum or max(16, minimum)}
        body = {
            "apiVersion": API,
            "kind": "DaskAutoscaler",
            "metadata": {"name": self.name, "namespace": self._namespace, "labels": self._labels},
            "spec": spec,
        }
        try:
            self._client.patch(self._path("DaskAutoscaler"), {"spec": spec})
        except NotFoundError:
            self._client.create(body, self._namespace)
            self._objects.append(body)
        self.min_workers = minimum

    def close(self) -> None:
        """See Cluster.close."""
        self._client.patience = min(self._client.patience, 5.0)
        while self._objects:
            body = self._objects.pop()
            meta = body["metadata"]
            path = path_of(body["apiVersion"], body["kind"], self._namespace, meta["name"])
            with contextlib.suppress(MLRunLikeError):  # it may be gone, or the server
                self._client.delete(path, propagation="Background")


def _host(where: str) -> str:
    """The API server's host: a node's ports are open there in small clusters."""
    return where.partition("://")[2].partition(" ")[0].partition("/")[0].rpartition(":")[0]
