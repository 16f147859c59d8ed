"""Runs as SparkApplications: what would make one fail, and its attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes import attempt as cluster
from mlrun_like.runtimes.kubernetes.access import no_cluster
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.spark.following import Following
from mlrun_like.runtimes.spark.manifest import (
    API_VERSION,
    KIND,
    function_objects,
    image_of,
    run_objects,
)
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["attempt", "check", "usable"]


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
    own = {"provide": dict(provide), **extra}
    return cluster.attempt(
        job,
        lambda job, payload, namespace: run_objects(job, {**payload, **own}, namespace),
        Following,
    )
