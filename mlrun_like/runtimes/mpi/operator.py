"""A run as an MPIJob of a Kubernetes cluster: submitted, its launcher's pod followed, concluded."""

from __future__ import annotations

import copy
from dataclasses import replace

from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.kubernetes.causes import sentence
from mlrun_like.runtimes.kubernetes.cleanup import delete_secrets
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.following import Following
from mlrun_like.runtimes.kubernetes.manifest import Objects
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.names import attempt_name
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.runtime import reachable_store
from mlrun_like.runtimes.kubernetes.waiting import Waiting
from mlrun_like.runtimes.mpi.manifest import api_of, run_objects
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.supervise import ABORT
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["attempt"]


class _FollowingLauncher(Following):
    """Follows the launcher's pod; what is deleted at the end is the MPIJob."""

    def __init__(self, client: Client, job: Job, name: str, output: LogOutput) -> None:
        super().__init__(client, job, name, output)
        self._path = path_of(api_of(), "MPIJob", client.namespace, name)
        quick = copy.copy(client)
        quick.patience = 0.0
        self._waiting = Waiting(quick, job, self._path, output)


def attempt(job: Job) -> RunDoc:
    """One attempt of a run in the cluster; see Runtime.attempt."""
    relayed = None if reachable_store(job.store.url) else Relayed(job)
    output = LogOutput(job, relayed)
    try:
        return _attempt(job, output, relayed)
    finally:
        output.close()


def _attempt(job: Job, output: LogOutput, relayed: Relayed | None) -> RunDoc:
    name, started = attempt_name(job.run, job.attempt), utc_now()
    job.run.metadata.labels["mlrun/job"] = name
    try:
        client = Client()
        payload = build_payload(job, relay=relayed is not None)
        mounted = mount_by_settings(job.function.model_copy(deep=True))
        objects = run_objects(replace(job, function=mounted), payload, client.namespace)
        _submit(client, job, objects)
    except MLRunLikeError as exc:
        return record(job, "error", str(exc))
    following = _FollowingLauncher(client, job, name, output)
    try:
        cause = following.run()
    except KeyboardInterrupt:
        record(job, "aborted", "the run was interrupted from the keyboard", output.tail())
        raise
    finally:
        _tidy(client, objects)
        client.close()
    error = sentence(cause)
    if following.stop == ABORT:
        return record(job, "aborted", error, output.tail())
    if cause.fatal:
        job.last_attempt = True  # the next attempt would end in the same way
    last = relayed.finished if relayed is not None else _stored(job)
    return conclude(job, last, End(error, following.stop, started, output.tail()))


def _submit(client: Client, job: Job, objects: Objects) -> None:
    """Create the MPIJob first, as the owner of the rest; its pods wait for what they mount."""
    meta = client.create(objects.job)["metadata"]
    path = path_of(api_of(), "MPIJob", client.namespace, meta["name"])
    owner = {
        "apiVersion": api_of(),
        "kind": "MPIJob",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    try:
        for item in [*objects.config_maps, *objects.secrets]:
            client.create({**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})
        status = job.run.status
        status.state, status.status_text = "pending", f"submitted as MPIJob {meta['name']}"
        status.last_update = utc_now()
        job.store.store_run(job.run.to_dict(), wait=False)
    except BaseException:  # also an interrupt: a job that lacks its code would wait for ever
        client.delete(path, propagation="Background")
        raise


def _tidy(client: Client, objects: Objects) -> None:
    try:
        delete_secrets(client, [item["metadata"]["name"] for item in objects.secrets])
    except MLRunLikeError:
        return  # the MPIJob owns them, so they end with it


def _stored(job: Job) -> RunDoc | None:
    meta = job.run.metadata
    try:
        run = parse(RunDoc, job.store.read_run(meta.project, meta.uid, meta.iteration))
    except (NotFoundError, StoreUnavailableError):
        return None
    tried = any(row.get("attempt") == job.attempt for row in run.status.attempts)
    return run if run.status.state in TERMINAL or tried else None
