"""The `job` kind: a run as a job of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.kubernetes.asking import check_cluster
from mlrun_like.runtimes.kubernetes.causes import sentence
from mlrun_like.runtimes.kubernetes.cleanup import delete_job, delete_secrets
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.following import Following
from mlrun_like.runtimes.kubernetes.manifest import Objects, run_objects
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.names import attempt_name
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.preflight import check_document
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["KubernetesRuntime", "reachable_store", "submit"]

_HERE = ("", "localhost", "::1", "0.0.0.0")
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_SHORT_TTL = 60


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

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """What would make this very run fail: its own values, then what the cluster says."""
        document = mount_by_settings(document.model_copy(deep=True))
        findings = list(check_document(document, run))
        if any(finding.severity == "error" for finding in findings):
            return findings
        return [*findings, *check_cluster(document)]

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        relayed = None if reachable_store(job.store.url) else Relayed(job)
        output = LogOutput(job, relayed)
        try:
            return self._attempt(job, output, relayed)
        finally:
            output.close()

    def _attempt(self, job: Job, output: LogOutput, relayed: Relayed | None) -> RunDoc:
        name, started = attempt_name(job.run, job.attempt), utc_now()
        job.run.metadata.labels["mlrun/job"] = name
        try:
            client = Client()
            payload = build_payload(job, relay=relayed is not None)
            mounted = mount_by_settings(job.function.model_copy(deep=True))
            objects = run_objects(replace(job, function=mounted), payload, client.namespace)
            submit(client, job, objects)
        except MLRunLikeError as exc:
            return record(job, "error", str(exc))
        following = Following(client, job, name, output)
        try:
            cause = following.run()
        except KeyboardInterrupt:
            record(job, "aborted", "the run was interrupted from the keyboard", output.tail())
            raise
        finally:
            _tidy(client, job, objects)
            client.close()
        error = sentence(cause)
        if following.stop == ABORT:
            # recorded before the pod was ended; what came after it is merged in the store
            return record(job, "aborted", error, output.tail())
        if following.stop == TIMEOUT:
            error = f"the run exceeded its timeout of {job.run.spec.timeout:g} s and was killed"
        if cause.fatal:
            job.last_attempt = True  # the next attempt would end in the same way
        last = relayed.finished if relayed is not None else _stored(job)
        if last is not None and _was_terminated(last):
            last = _with_cause(job, last, error)
        return conclude(job, last, End(error, following.stop, started, output.tail()))


def submit(client: Client, job: Job, objects: Objects) -> None:
    """Create the objects of an attempt; the Job starts when all it needs is there and is its own.

    Raises:
        MLRunLikeError: if the cluster refuses one; nothing is left behind then.
    """
    body = {**objects.job, "spec": {**objects.job["spec"], "suspend": True}}
    created = client.create(body)
    meta = created["metadata"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    try:
        for item in [*objects.config_maps, *objects.secrets]:
            client.create({**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})
        status = job.run.status
        status.state, status.status_text = "pending", f"submitted as job {meta['name']}"
        status.last_update = utc_now()
        job.store.store_run(job.run.to_dict(), wait=False)
        if _QUEUE_LABEL not in (meta.get("labels") or {}):  # else the queue starts it
            path = path_of("batch/v1", "Job", client.namespace, meta["name"])
            client.patch(path, {"spec": {"suspend": False}})
    except BaseException:  # also an interrupt: a suspended job would stay for ever
        delete_job(client, meta["name"])
        raise


def reachable_store(url: str) -> bool:
    """Whether a pod can use the store at this address: a database server on another machine.

    >>> reachable_store("postgresql://u:p@db.team.org/x"), reachable_store("sqlite:////tmp/x.db")
    (True, False)
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in _HERE or host.startswith("127.")
    return parts.scheme.startswith(("postgres", "http")) and not local


def _tidy(client: Client, job: Job, objects: Objects) -> None:
    """What held secrets goes at once; the rest stays for a look until its time is over."""
    ttl = job.function.spec.ttl
    try:
        if ttl is not None and ttl < _SHORT_TTL:
            delete_job(client, objects.job["metadata"]["name"])
        else:
            delete_secrets(client, [item["metadata"]["name"] for item in objects.secrets])
    except MLRunLikeError:
        return  # the Job owns them, so they end with it


def _stored(job: Job) -> RunDoc | None:
    """The run as the pod recorded its end in the store, if it got so far."""
    meta = job.run.metadata
    try:
        run = parse(RunDoc, job.store.read_run(meta.project, meta.uid, meta.iteration))
    except (NotFoundError, StoreUnavailableError):
        return None
    tried = any(row.get("attempt") == job.attempt for row in run.status.attempts)
    return run if run.status.state in TERMINAL or tried else None


def _was_terminated(run: RunDoc) -> bool:
    attempts: list[dict[str, Any]] = run.status.attempts
    return bool(attempts) and str(attempts[-1].get("error")).startswith("Terminated:")


def _with_cause(job: Job, run: RunDoc, error: str) -> RunDoc:
    """The pod only knew that it was told to end; the cluster knows why."""
    run.status.attempts[-1]["error"] = error
    run.status.error = error
    job.store.store_run(run.to_dict())
    return run
