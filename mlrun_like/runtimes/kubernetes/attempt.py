"""One attempt of a run in a cluster: created, followed, concluded, whatever object it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.kubernetes.causes import sentence
from mlrun_like.runtimes.kubernetes.cleanup import delete_secrets
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.follower import Follower
from mlrun_like.runtimes.kubernetes.following import Following
from mlrun_like.runtimes.kubernetes.manifest import Objects
from mlrun_like.runtimes.kubernetes.mounts import mount_by_settings
from mlrun_like.runtimes.kubernetes.names import attempt_name
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["attempt", "reachable_store"]

_HERE = ("", "localhost", "::1", "0.0.0.0")
_SHORT_TTL = 60

_Make = Callable[[Job, Mapping[str, Any], str], Objects]


def attempt(
    job: Job,
    make: _Make,
    follow: Callable[[Client, Job, str, LogOutput], Follower] = Following,
    start: Callable[[Client, str, Mapping[str, Any]], None] | None = None,
) -> RunDoc:
    """One attempt of a run as an object of a cluster, which owns all else that it needs.

    Args:
        job: What to run.
        make: Gives the objects for a job, a payload (`build_payload`) and a namespace.
        follow: Makes what follows it, of the client, the job, the object's path and the output.
        start: Called with the client, the object's path and its metadata when all is there; None:
            its controller has started it, and its pods wait for what they mount.
    """
    address = job.store.url if job.way is None else job.way.address
    relayed = None if reachable_store(address) else Relayed(job)
    output = LogOutput(job, relayed)
    started = utc_now()
    job.run.metadata.labels["mlrun/job"] = attempt_name(job.run, job.attempt)
    try:
        try:
            client = Client()
            payload = build_payload(job, relay=relayed is not None)
            mounted = mount_by_settings(job.function.model_copy(deep=True))
            objects = make(replace(job, function=mounted), payload, client.namespace)
            path = _create(client, job, objects, start)
        except MLRunLikeError as exc:
            return record(job, "error", str(exc))
        follower = follow(client, job, path, output)
        try:
            cause = follower.run()
        except KeyboardInterrupt:
            record(job, "aborted", "the run was interrupted from the keyboard", output.tail())
            raise
        finally:
            _tidy(client, job, path, objects)
            client.close()
        error = sentence(cause)
        if follower.stop == ABORT:
            # recorded before the pod was ended; what came after it is merged in the store
            return record(job, "aborted", error, output.tail())
        if follower.stop == TIMEOUT:
            error = f"the run exceeded its timeout of {job.run.spec.timeout:g} s and was killed"
        if cause.fatal:
            job.last_attempt = True  # the next attempt would end in the same way
        last = relayed.finished if relayed is not None else _stored(job)
        if last is not None and _was_terminated(last):
            # the pod only knew that it was told to end; the cluster knows why
            last.status.attempts[-1]["error"] = last.status.error = error
            job.store.store_run(last.to_dict())
        return conclude(job, last, End(error, follower.stop, started, output.tail()))
    finally:
        output.close()


def reachable_store(url: str) -> bool:
    """Whether a pod can use the store at this address: a database server on another machine.

    >>> reachable_store("postgresql://u:p@db.team.org/x"), reachable_store("sqlite:////tmp/x.db")
    (True, False)
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in _HERE or host.startswith("127.")
    return parts.scheme.startswith(("postgres", "http")) and not local


def _create(
    client: Client,
    job: Job,
    objects: Objects,
    start: Callable[[Client, str, Mapping[str, Any]], None] | None,
) -> str:
    """Create the owner first, so that nothing stays without one; gives its path."""
    api, kind = objects.job["apiVersion"], objects.job["kind"]
    meta = client.create(objects.job)["metadata"]
    path = path_of(api, kind, client.namespace, meta["name"])
    owner = {
        "apiVersion": api,
        "kind": kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    try:
        for item in [*objects.config_maps, *objects.secrets]:
            client.create({**item, "metadata": {**item["metadata"], "ownerReferences": [owner]}})
        status = job.run.status
        status.state, status.status_text = "pending", f"submitted as {kind} {meta['name']}"
        status.last_update = utc_now()
        job.store.store_run(job.run.to_dict(), wait=False)
        if start is not None:
            start(client, path, meta)
    except BaseException:  # also an interrupt: what lacks its code would wait for ever
        client.delete(path, propagation="Background")
        raise
    return path


def _tidy(client: Client, job: Job, path: str, objects: Objects) -> None:
    """What held secrets goes at once; the rest stays for a look until its time is over."""
    ttl = job.function.spec.ttl
    try:
        if ttl is not None and ttl < _SHORT_TTL:
            client.delete(path, propagation="Background")
        else:
            delete_secrets(client, [item["metadata"]["name"] for item in objects.secrets])
    except MLRunLikeError:
        return  # they have an owner, and end with it


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
