"""The MPIJob of a run, and of a function to read, commit and apply.

Forms as in the custom resource definitions of Kubeflow: kubeflow.org/v1 (training operator) and
kubeflow.org/v2beta1 (MPI operator). The launcher's pod runs our code, which starts the ranks
through what the operator puts there; the workers wait for it with the operator's own command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes import manifest as jobs
from mlrun_like.runtimes.kubernetes.pod import Extras, pod_template
from mlrun_like.runtimes.kubernetes.rendering import Call
from mlrun_like.runtimes.mpi.planning import OPERATOR
from mlrun_like.specs.function import FunctionDoc

__all__ = ["VERSIONS", "api_of", "function_objects", "mpi_job", "run_objects"]

VERSIONS = ("v1", "v2beta1")
_SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}}
"""What the launcher asks for: it works little, and needs no accelerator."""


def api_of(version: str = "") -> str:
    """The `apiVersion` of MPIJobs.

    >>> api_of("v1")
    'kubeflow.org/v1'

    Raises:
        InvalidArgumentError: if there is no such version.
    """
    version = version or str(config.mpi_operator)
    if version not in VERSIONS:
        raise InvalidArgumentError(
            f"MPIJob version {version!r} is not known", fix=f"use one of {', '.join(VERSIONS)}"
        )
    return f"kubeflow.org/{version}"


def run_objects(job: Job, payload: Mapping[str, Any], namespace: str = "") -> jobs.Objects:
    """The objects that execute one attempt of a run; the MPIJob is in the place of the Job.

    Args:
        job: The run; its `attempt` is part of the names.
        payload: What `build_payload` gave.
        namespace: Where they will be; empty: left out.

    Raises:
        InvalidArgumentError: if the code is too large, or image or version cannot be used.
    """
    objects = jobs.run_objects(job, payload, namespace)
    template = objects.job["spec"]["template"]
    container = template["spec"]["containers"][0]
    folder = container["command"][-1]
    container["command"] = ["python3", "-m", "mlrun_like.runtimes.mpi.inside", folder]
    body = mpi_job(job.function, objects.job["metadata"], template)
    return objects._replace(job=body)


def function_objects(document: FunctionDoc, call: Call, form: jobs.Form) -> list[dict[str, Any]]:
    """ConfigMaps with the code and the MPIJob that runs the function.

    Args:
        document: The function, with its code.
        call: Handler, parameters and inputs.
        form: The version; an MPIJob has no schedule.

    Raises:
        InvalidArgumentError: if a value cannot be used.
    """
    if form.schedule:
        raise InvalidArgumentError(
            f"schedule {form.schedule!r} cannot stand in the manifest of an MPIJob",
            fix='fn.run(schedule="0 * * * *") has the service start it',
        )
    spec = document.spec.model_copy(update={"launcher": OPERATOR, "hosts": []})
    document = document.model_copy(update={"spec": spec})
    *maps, job = jobs.function_objects(document, call)
    template = job["spec"]["template"]
    container = template["spec"]["containers"][0]
    # the ranks are started from this pod, not in it alone
    container["command"] = [item for item in container["command"] if item != "--local"]
    return [*maps, mpi_job(document, job["metadata"], template, form.version)]


def mpi_job(
    document: FunctionDoc,
    metadata: Mapping[str, Any],
    launcher: dict[str, Any],
    version: str = "",
) -> dict[str, Any]:
    """The MPIJob.

    Args:
        document: The function: its pod is that of the workers.
        metadata: Name, namespace, labels.
        launcher: The launcher's pod template; it gets little resources.
        version: `v1` or `v2beta1`.

    Raises:
        InvalidArgumentError: if the version or the clean-up policy is not known.
    """
    api = api_of(version)
    spec = document.spec
    policy = spec.clean_pod_policy or "Running"
    if policy not in ("All", "Running", "None"):
        raise InvalidArgumentError(
            f"clean_pod_policy {policy!r} is not known",
            where=f"function {document.metadata.name!r}",
            fix="use All, Running or None",
        )
    slots = int(spec.parameters.get("slots_per_worker") or 1)
    first = launcher["spec"]["containers"][0]
    first["resources"] = _SMALL
    _without_restart(launcher)
    ttl = config.kubernetes_ttl if spec.ttl is None else spec.ttl
    rules = {
        "cleanPodPolicy": policy,
        "backoffLimit": 0,
        "activeDeadlineSeconds": spec.active_deadline,
        "ttlSecondsAfterFinished": ttl,
    }
    parts: dict[str, Any] = {
        "slotsPerWorker": slots,
        "runPolicy": {key: value for key, value in rules.items() if value is not None},
        "mpiReplicaSpecs": {
            "Launcher": {"replicas": 1, "restartPolicy": "Never", "template": launcher},
            "Worker": {
                "replicas": max(1, -(-(spec.replicas or 1) // slots)),
                "restartPolicy": "Never",
                "template": _worker(document, launcher),
            },
        },
    }
    if api.endswith("v2beta1"):
        parts["mpiImplementation"] = "OpenMPI"
    else:
        parts["mainContainer"] = first["name"]
    return {"apiVersion": api, "kind": "MPIJob", "metadata": dict(metadata), "spec": parts}


def _worker(document: FunctionDoc, launcher: Mapping[str, Any]) -> dict[str, Any]:
    """The function's pod without a command: the operator's is used. Ranks inherit its variables."""
    first = launcher["spec"]["containers"][0]
    home = [row for row in launcher["spec"].get("volumes", ()) if "emptyDir" in row]
    names = {row["name"] for row in home}
    mounts = [row for row in first.get("volumeMounts", ()) if row["name"] in names]
    env = [row for row in first.get("env", ()) if "value" in row]
    secret = _secret_of(first)
    extras = Extras(env=env, volumes=home, mounts=mounts, secret=secret)
    template = pod_template(document, None, [], extras=extras)
    labels = {**launcher["metadata"].get("labels", {})}
    labels.pop("mlrun/job", None)  # it marks the one pod that is followed
    template["metadata"]["labels"] = labels
    _without_restart(template)
    return template


def _without_restart(template: dict[str, Any]) -> None:
    """The policy of the replica counts; two that differ are refused."""
    template["spec"].pop("restartPolicy", None)


def _secret_of(container: Mapping[str, Any]) -> str:
    for row in container.get("env", ()):
        source = (row.get("valueFrom") or {}).get("secretKeyRef") or {}
        if source.get("name") and row.get("name") != "MLRUN_LIKE_DBPATH":
            return str(source["name"])
    return ""
