"""The `job` kind: a run as a job of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.configuration import config
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.kubernetes.asking import check_cluster
from mlrun_like.runtimes.kubernetes.attempt import attempt
from mlrun_like.runtimes.kubernetes.client import Client
from mlrun_like.runtimes.kubernetes.manifest import Objects, run_objects
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.preflight import check_document
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["KubernetesRuntime"]

_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_EVERYWHERE = frozenset({"cpu", "memory", "mem", "ephemeral-storage"})


class KubernetesRuntime(Runtime):
    """Runs a function as a Job: code in a ConfigMap, the run's data in a Secret it owns.

    Without a cluster a run is a process on this machine. A failed attempt is tried again by us, in
    a new Job, so that every attempt is recorded. The tracking store is used by the pod itself when
    it can be reached from there; else the pod's records travel in its log.
    """

    kind: ClassVar[str] = "job"
    packages_code: ClassVar[bool] = True
    needs_image: ClassVar[bool] = True
    local_form: ClassVar[str] = "process"

    def unavailable(self, document: FunctionDoc) -> str:
        """Why there is no cluster to run in; empty if one is configured. Asks nobody."""
        del document
        return no_cluster()

    def meant(self, document: FunctionDoc) -> bool:
        """Whether settings or the function speak of a cluster.

        `job` alone does not: it is what functions of MLRun's and of catalogues are by default.
        """
        spec = document.spec
        of_pods = (
            *(spec.node_name, spec.node_selector, spec.affinity, spec.tolerations),
            *(spec.volumes, spec.service_account, spec.priority_class_name),
            _accelerators(spec.resources),
        )
        settings = config.kubeconfig, config.kubernetes_context, config.kubernetes_namespace
        return any(of_pods) or any(settings)

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """What would make this very run fail: its own values, then what the cluster says."""
        document = mount_by_settings(document.model_copy(deep=True))
        findings = list(check_document(document, run))
        if any(finding.severity == "error" for finding in findings):
            return findings
        return [*findings, *check_cluster(document)]

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        return attempt(job, _suspended, start=_start)


def _accelerators(resources: Mapping[str, Any]) -> bool:
    """Whether something else than cores, memory and disk is asked for, such as GPUs."""
    rows = [resources.get(part) for part in ("limits", "requests")]
    return any(
        str(amount or 0) != "0" and name not in _EVERYWHERE
        for row in rows
        for name, amount in (row.items() if isinstance(row, Mapping) else ())
    )


def _suspended(job: Job, payload: Mapping[str, Any], namespace: str) -> Objects:
    """The objects of an attempt, whose Job starts when all it needs is there and is its own."""
    objects = run_objects(job, payload, namespace)
    return objects._replace(job={**objects.job, "spec": {**objects.job["spec"], "suspend": True}})


def _start(client: Client, path: str, meta: Mapping[str, Any]) -> None:
    if _QUEUE_LABEL not in (meta.get("labels") or {}):  # else the queue starts it
        client.patch(path, {"spec": {"suspend": False}})
