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
    "RUN_FOLDER",
    "CronPolicy",
    "Objects",
    "cron_manifest",
    "function_objects",
    "missing_secrets",
    "run_objects",
]

RUN_FOLDER = "/mlrun-like/run"
_HOME = "/mlrun-like/home"
_STORE_SECRET = "mlrun-like"
_LONGEST_CRON_NAME = 52  # the controller adds 11 characters to the name of each job


class Objects(NamedTuple):
    """What is created for one attempt of a run: the Job owns the others."""

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
    document, run = job.function, job.run
    name = attempt_name(run, job.attempt)
    metadata = _metadata(name, labels_of(document, run), namespace)
    metadata["labels"]["mlrun/job"] = name
    code = split_document(FUNCTION, document_text(document))
    rest = json.dumps({k: v for k, v in payload.items() if k != "function"}, default=str)
    private = {**split_document(PAYLOAD, rest)}
    for variable, value in secret_values(document).items():
        private[variable] = value.encode()
    maps, hidden = config_maps(code, metadata), secrets(private, metadata)
    holder = _with_key(hidden, next(iter(secret_values(document)), PAYLOAD))
    template = pod_template(
        document,
        run,
        ["python3", "-m", "mlrun_like.runtimes.kubernetes.inside", RUN_FOLDER],
        extras=_extras(document, [*maps, *hidden], holder),
    )
    template["metadata"]["labels"]["mlrun/job"] = name
    return Objects(_job(document, metadata, template), maps, hidden)


def function_objects(document: FunctionDoc, call: Call = Call()) -> list[dict[str, Any]]:  # noqa: B008
    """A ConfigMap with the code and a Job that runs the function: the same text for the same input.

    Args:
        document: The function, with its code.
        call: Handler, parameters and inputs.

    Raises:
        InvalidArgumentError: if the code is too large, or the function's image has no usable name.
    """
    maps, template = _standing(document, call, object_name(document.metadata.name))
    content = json.dumps([maps, template], sort_keys=True)
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    job = _job(document, _metadata(object_name(document.metadata.name, mark)), template)
    job["metadata"]["labels"] = dict(template["metadata"]["labels"])
    return [*maps, job]


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
    check_choice("concurrency policy", policy.concurrency, ("Allow", "Forbid", "Replace"))
    name = object_name(document.metadata.name, longest=_LONGEST_CRON_NAME)
    maps, template = _standing(document, call, name)
    job = _job(document, _metadata(name, template["metadata"]["labels"]), template)
    spec = {
        "schedule": schedule,
        "timeZone": policy.time_zone or None,
        "concurrencyPolicy": policy.concurrency,
        "startingDeadlineSeconds": policy.starting_deadline,
        "suspend": policy.suspend or None,
        "successfulJobsHistoryLimit": policy.history[0],
        "failedJobsHistoryLimit": policy.history[1],
        "jobTemplate": {
            "metadata": {"labels": template["metadata"]["labels"]},
            "spec": job["spec"],
        },
    }
    return [
        *maps,
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": _metadata(name, template["metadata"]["labels"]),
            "spec": {key: value for key, value in spec.items() if value is not None},
        },
    ]


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
    maps = config_maps(files, _metadata(object_name(name, mark), labels))
    command = ["python3", "-m", "mlrun_like", "run", f"{RUN_FOLDER}/{FUNCTION}", "--local"]
    extras = _extras(document, maps, env_secret_name(document))
    store = {"name": _STORE_SECRET, "key": "dbpath", "optional": True}
    env = [*extras.env, {"name": "MLRUN_LIKE_DBPATH", "valueFrom": {"secretKeyRef": store}}]
    extras = extras._replace(env=env)
    return maps, pod_template(document, None, command, arguments_of(call), extras)


def _extras(document: FunctionDoc, holders: Sequence[Mapping[str, Any]], secret: str) -> Extras:
    """Folder of the documents, and a home that can be written to whatever the user is."""
    env = [
        {"name": "MLRUN_LIKE_HOME", "value": _HOME},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
    ]
    own = {row.get("name") for row in document.spec.env}
    if "HOME" not in own:
        env.append({"name": "HOME", "value": _HOME})
    if document.spec.security_context.get("readOnlyRootFilesystem") and "TMPDIR" not in own:
        env.append({"name": "TMPDIR", "value": _HOME})
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
            {"name": "mlrun-like-home", "mountPath": _HOME},
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


def _metadata(
    name: str, labels: Mapping[str, str] | None = None, namespace: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name}
    namespace = namespace or config.kubernetes_namespace
    if namespace:
        found["namespace"] = namespace
    if labels:
        found["labels"] = dict(labels)
    return found


def _with_key(holders: Sequence[Mapping[str, Any]], key: str) -> str:
    for holder in holders:
        if any(name.startswith(key) for name in holder["data"]):
            return str(holder["metadata"]["name"])
    return str(holders[-1]["metadata"]["name"])
