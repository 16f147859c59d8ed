"""The objects of a run, and of a function to read, commit and apply.

Forms as in the Kubernetes API reference: batch/v1 Job and CronJob, core/v1 ConfigMap and Secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.code import (
    FUNCTION,
    PAYLOAD,
    config_maps,
    projected_volume,
    secrets,
    split_document,
)
from mlrun_like.runtimes.kubernetes.names import attempt_name, labels_of, object_name
from mlrun_like.runtimes.kubernetes.pod import Extras, env_secret_name, pod_template
from mlrun_like.runtimes.kubernetes.rendering import Call, arguments_of, document_text
from mlrun_like.runtimes.kubernetes.variables import secret_values
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.pod_checks import check_choice

__all__ = [
    "HOME",
    "RUN_FOLDER",
    "STORE_VARIABLE",
    "CronPolicy",
    "Form",
    "Objects",
    "cron_manifest",
    "cron_spec",
    "function_objects",
    "hidden_parts",
    "metadata_of",
    "missing_secrets",
    "run_metadata",
    "run_objects",
]

RUN_FOLDER, HOME = "/mlrun-like/run", "/mlrun-like/home"
STORE_VARIABLE: Mapping[str, Any] = {
    "name": "MLRUN_LIKE_DBPATH",
    "valueFrom": {"secretKeyRef": {"name": "mlrun-like", "key": "dbpath", "optional": True}},
}
"""Where the runs of a manifest are recorded: a Secret of the namespace says it."""
_LONGEST_CRON_NAME = 52  # the controller adds 11 characters to the name of each job


class Objects(NamedTuple):
    """What is created for one attempt of a run: the Job (or MPIJob, …) owns the others."""

    job: dict[str, Any]
    config_maps: list[dict[str, Any]]
    secrets: list[dict[str, Any]]


class CronPolicy(NamedTuple):
    """When and how a CronJob starts runs.

    Args:
        time_zone: IANA name, such as `"Europe/Rome"`; empty: that of the cluster's controller.
        concurrency: `Forbid`, `Allow` or `Replace` while the last run still goes on.
        starting_deadline: Seconds after which a missed start is left out; None: never.
        suspend: Whether it is paused.
        history: How many finished jobs are kept: (completed, failed).
    """

    time_zone: str = ""
    concurrency: str = "Forbid"
    starting_deadline: int | None = None
    suspend: bool = False
    history: tuple[int, int] = (3, 1)


class Form(NamedTuple):
    """Which object a manifest has.

    Args:
        schedule: A cron expression: one that starts runs again and again; empty: one run.
        policy: When and how they start.
        version: Of the object's API, where there are several; empty: the usual one.
    """

    schedule: str = ""
    policy: CronPolicy = CronPolicy()
    version: str = ""


def run_objects(job: Job, payload: Mapping[str, Any], namespace: str = "") -> Objects:
    """The objects that execute one attempt of a run.

    Args:
        job: The run; its `attempt` is part of the names.
        payload: What `runs.entry.build_payload` gave. Its function goes into a ConfigMap, the rest
            into a Secret, because it may hold secrets.
        namespace: Where they will be; empty: left out.

    Raises:
        InvalidArgumentError: if the code is too large, or the function's image has no usable name.
    """
    document, metadata = job.function, run_metadata(job, namespace)
    maps = config_maps(split_document(FUNCTION, document_text(document)), metadata)
    hidden, holder = hidden_parts(document, payload, metadata)
    template = pod_template(
        document,
        job.run,
        ["python3", "-m", "mlrun_like.runtimes.kubernetes.inside", RUN_FOLDER],
        extras=_extras(document, [*maps, *hidden], holder),
    )
    template["metadata"]["labels"]["mlrun/job"] = metadata["name"]
    return Objects(_job(document, metadata, template), maps, hidden)


def run_metadata(job: Job, namespace: str) -> dict[str, Any]:
    """The metadata of what belongs to one attempt of a run."""
    name = attempt_name(job.run, job.attempt)
    return metadata_of(name, {**labels_of(job.function, job.run), "mlrun/job": name}, namespace)


def hidden_parts(
    document: FunctionDoc, payload: Mapping[str, Any], metadata: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str]:
    """Secrets with a run's payload and its function's secret variables.

    Returns:
        The Secrets, and the name of the one that holds the variables.
    """
    rest = json.dumps({k: v for k, v in payload.items() if k != "function"}, default=str)
    variables = secret_values(document)
    private = {**split_document(PAYLOAD, rest)}
    private.update({name: value.encode() for name, value in variables.items()})
    hidden = secrets(private, metadata)
    key = next(iter(variables), PAYLOAD)
    with_key = [item for item in hidden if any(name.startswith(key) for name in item["data"])]
    return hidden, str((with_key or hidden[-1:])[0]["metadata"]["name"])


def function_objects(
    document: FunctionDoc,
    call: Call = Call(),  # noqa: B008
    form: Form = Form(),  # noqa: B008
) -> list[dict[str, Any]]:
    """A ConfigMap with the code and a Job that runs the function: the same text for the same input.

    Args:
        document: The function, with its code.
        call: Handler, parameters and inputs.
        form: With a schedule: a CronJob.

    Raises:
        InvalidArgumentError: if the code is too large, or the function's image has no usable name.
    """
    if form.schedule:
        return cron_manifest(document, form.schedule, form.policy, call)
    maps, template = _standing(document, call, object_name(document.metadata.name))
    content = json.dumps([maps, template], sort_keys=True)
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    name, labels = object_name(document.metadata.name, mark), template["metadata"]["labels"]
    return [*maps, _job(document, metadata_of(name, labels), template)]


def cron_manifest(
    document: FunctionDoc,
    schedule: str,
    policy: CronPolicy = CronPolicy(),  # noqa: B008
    call: Call = Call(),  # noqa: B008
) -> list[dict[str, Any]]:
    """A ConfigMap with the code and a CronJob that runs the function again and again.

    Args:
        document: The function, with its code.
        schedule: Five fields of cron, or `@daily` and the like; without a time zone in it.
        policy: Time zone, what happens to missed and to overlapping starts, pause, history.
        call: Handler, parameters and inputs.

    Raises:
        InvalidArgumentError: if the schedule names a time zone, or a policy is unknown.
    """
    if "TZ=" in schedule:
        raise InvalidArgumentError(
            f"schedule {schedule!r} names a time zone, which Kubernetes refuses",
            fix='CronPolicy(time_zone="Europe/Rome")',
        )
    starts = cron_spec(schedule, policy, "Jobs")
    name = object_name(document.metadata.name, longest=_LONGEST_CRON_NAME)
    maps, template = _standing(document, call, name)
    job = _job(document, metadata_of(name, template["metadata"]["labels"]), template)
    if policy.starting_deadline is not None:
        starts["startingDeadlineSeconds"] = policy.starting_deadline
    started = {"metadata": {"labels": template["metadata"]["labels"]}, "spec": job["spec"]}
    return [*maps, {**job, "kind": "CronJob", "spec": {**starts, "jobTemplate": started}}]


def cron_spec(schedule: str, policy: CronPolicy, started: str) -> dict[str, Any]:
    """The keys about time of an object that starts others; `started` is their name in its keys."""
    check_choice("concurrency policy", policy.concurrency, ("Allow", "Forbid", "Replace"))
    return {
        "schedule": schedule,
        **({"timeZone": policy.time_zone} if policy.time_zone else {}),
        "concurrencyPolicy": policy.concurrency,
        **({"suspend": True} if policy.suspend else {}),
        f"successful{started}HistoryLimit": policy.history[0],
        f"failed{started}HistoryLimit": policy.history[1],
    }


def missing_secrets(document: FunctionDoc) -> str:
    """The command that makes the Secret which a manifest refers to; empty if it needs none."""
    names = secret_values(document)
    if not names:
        return ""
    pairs = " ".join(f"--from-literal={name}=..." for name in names)
    return f"kubectl create secret generic {env_secret_name(document)} {pairs}"


def _standing(
    document: FunctionDoc, call: Call, name: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The ConfigMaps and the pod template of a manifest that serves every run."""
    files = split_document(FUNCTION, document_text(document))
    if FUNCTION not in files:
        raise InvalidArgumentError(
            f"the code of {document.metadata.name!r} is too large for a manifest: it must fit into "
            "one ConfigMap (900 kB)",
            fix="put data into an artifact, and code into a package that the image holds",
        )
    mark = hashlib.sha256(b"".join(files.values())).hexdigest()[:8]
    labels = labels_of(document)
    maps = config_maps(files, metadata_of(object_name(name, mark), labels))
    command = ["python3", "-m", "mlrun_like", "run", f"{RUN_FOLDER}/{FUNCTION}", "--local"]
    extras = _extras(document, maps, env_secret_name(document))
    extras = extras._replace(env=[*extras.env, STORE_VARIABLE])
    return maps, pod_template(document, None, command, arguments_of(call), extras)


def _extras(document: FunctionDoc, holders: Sequence[Mapping[str, Any]], secret: str) -> Extras:
    """Folder of the documents, and a home that can be written to whatever the user is."""
    env = [
        {"name": "MLRUN_LIKE_HOME", "value": HOME},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
    ]
    own = {row.get("name") for row in document.spec.env}
    if "HOME" not in own:
        env.append({"name": "HOME", "value": HOME})
    if document.spec.security_context.get("readOnlyRootFilesystem") and "TMPDIR" not in own:
        env.append({"name": "TMPDIR", "value": HOME})
    if document.spec.pythonpath and "PYTHONPATH" not in own:
        env.append({"name": "PYTHONPATH", "value": document.spec.pythonpath})
    return Extras(
        env=env,
        volumes=[
            projected_volume("mlrun-like-run", holders, only=(FUNCTION, PAYLOAD)),
            {"name": "mlrun-like-home", "emptyDir": {}},
        ],
        mounts=[
            {"name": "mlrun-like-run", "mountPath": RUN_FOLDER, "readOnly": True},
            {"name": "mlrun-like-home", "mountPath": HOME},
        ],
        secret=secret,
    )


def _job(
    document: FunctionDoc, metadata: dict[str, Any], template: dict[str, Any]
) -> dict[str, Any]:
    """One pod, one try: retries are ours, so that each is recorded."""
    spec = document.spec
    parts = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": spec.active_deadline,
        "ttlSecondsAfterFinished": config.kubernetes_ttl if spec.ttl is None else spec.ttl,
        "template": template,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {key: value for key, value in parts.items() if value is not None},
    }


def metadata_of(
    name: str, labels: Mapping[str, str] | None = None, namespace: str = ""
) -> dict[str, Any]:
    """Metadata; without a namespace: that of the settings, if there is one."""
    found: dict[str, Any] = {"name": name}
    namespace = namespace or config.kubernetes_namespace
    if namespace:
        found["namespace"] = namespace
    if labels:
        found["labels"] = dict(labels)
    return found
