"""Runs as SparkApplications: submitting one, taking its records, cleaning up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.kubernetes.causes import sentence
from mlrun_like.runtimes.kubernetes.cleanup import delete_secrets
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.kubernetes.names import attempt_name
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.runtime import reachable_store
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.spark.following import Following
from mlrun_like.runtimes.spark.manifest import (
    API_VERSION,
    KIND,
    Objects,
    function_objects,
    image_of,
    run_objects,
)
from mlrun_like.runtimes.supervise import ABORT
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["attempt", "check", "submit", "usable"]


def usable() -> bool:
    """Whether a cluster is configured here; asks nobody."""
    return not no_cluster()


def check(document: FunctionDoc) -> Iterator[Finding]:
    """What would make the application fail: its image, its manifest, the cluster's answer."""
    where = f"function {document.metadata.name!r}"
    try:
        image_of(document)
        body = function_objects(document)[-1]
    except MLRunLikeError as exc:
        yield Finding("manifest", exc.what, exc.where or where, exc.fix)
        return
    try:
        client = Client(patience=0.0)
        client.get("/version")
    except MLRunLikeError as exc:
        code = "cluster-refused" if status_of(exc) else "cluster-unreachable"
        yield Finding(code, exc.what, exc.where, exc.fix)
        return
    try:
        client.get(path_of(API_VERSION, KIND, client.namespace), limit=1)
    except NotFoundError:
        yield Finding(
            "operator-missing",
            "the Spark operator is not installed in this cluster: it knows no SparkApplication",
            client.where,
            "install it (helm install spark-operator spark-operator/spark-operator), or give the "
            'function a master: fn.spec.spark_master = "spark://host:7077"',
        )
    except MLRunLikeError:
        yield from ()  # whoever may not ask may still create
    else:
        yield from _dry_run(client, body, where)
    finally:
        client.close()


def _dry_run(client: Client, body: Mapping[str, Any], where: str) -> Iterator[Finding]:
    path = path_of(API_VERSION, KIND, client.namespace)
    meta = {key: value for key, value in body["metadata"].items() if key != "namespace"}
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        client.request("POST", path, query=query, body={**body, "metadata": meta})
    except MLRunLikeError as exc:
        if status_of(exc) in (400, 403, 404, 422):
            yield Finding("manifest-refused", exc.what, where, exc.fix)


def attempt(job: Job, provide: Mapping[str, str], extra: Mapping[str, Any]) -> RunDoc:
    """One try, as an application.

    Args:
        job: What to run.
        provide: What the driver gives the handler, as in a payload.
        extra: Further keys of the payload.
    """
    relayed = None if reachable_store(job.store.url) else Relayed(job)
    output = LogOutput(job, relayed)
    try:
        name, started = attempt_name(job.run, job.attempt), utc_now()
        job.run.metadata.labels["mlrun/job"] = name
        payload = {**build_payload(job, relay=relayed is not None), "provide": dict(provide)}
        try:
            client = Client()
            objects = run_objects(job, {**payload, **extra}, client.namespace)
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
            _tidy(client, objects)
            client.close()
        error = sentence(cause)
        if following.stop == ABORT:
            return record(job, "aborted", error, output.tail())
        if cause.fatal:
            job.last_attempt = True  # the next attempt would end in the same way
        last = relayed.finished if relayed is not None else _stored(job)
        if last is not None:
            _name_the_cause(last, error)
            job.store.store_run(last.to_dict())
        return conclude(job, last, End(error, following.stop, started, output.tail()))
    finally:
        output.close()


def submit(client: Client, job: Job, objects: Objects) -> None:
    """Create the objects of an attempt: what it needs first, then the application, which then
    owns them.

    Raises:
        MLRunLikeError: if the cluster refuses one; nothing is left behind then.
    """
    holders = [*objects.config_maps, *objects.secrets]
    made: list[str] = []
    try:
        for item in holders:
            client.create(item)
            made.append(_path(client, item))
        created = client.create(objects.application)
        made.append(_path(client, objects.application))
        owner = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": created["metadata"]["name"],
            "uid": created["metadata"]["uid"],
            "controller": True,
        }
        for item in holders:
            client.patch(_path(client, item), {"metadata": {"ownerReferences": [owner]}})
    except BaseException:  # also an interrupt
        for path in reversed(made):
            client.delete(path, propagation="Background")
        raise
    status = job.run.status
    name = created["metadata"]["name"]
    status.state, status.status_text = "pending", f"submitted as SparkApplication {name}"
    status.last_update = utc_now()
    job.store.store_run(job.run.to_dict(), wait=False)


def _path(client: Client, item: Mapping[str, Any]) -> str:
    name = item["metadata"]["name"]
    return path_of(item["apiVersion"], item["kind"], client.namespace, name)


def _tidy(client: Client, objects: Objects) -> None:
    """What held secrets goes at once; the rest stays for a look until its time is over."""
    try:
        delete_secrets(client, [item["metadata"]["name"] for item in objects.secrets])
    except MLRunLikeError:
        return  # the application owns them, so they end with it


def _name_the_cause(run: RunDoc, error: str) -> None:
    """A driver that was told to end does not know why; the cluster does."""
    rows: list[dict[str, Any]] = run.status.attempts
    if rows and str(rows[-1].get("error")).startswith("Terminated:"):
        rows[-1]["error"] = run.status.error = error


def _stored(job: Job) -> RunDoc | None:
    """The run as the driver recorded its end in the store, if it got so far."""
    meta = job.run.metadata
    try:
        run = parse(RunDoc, job.store.read_run(meta.project, meta.uid, meta.iteration))
    except (NotFoundError, StoreUnavailableError):
        return None
    tried = any(row.get("attempt") == job.attempt for row in run.status.attempts)
    return run if run.status.state in TERMINAL or tried else None
