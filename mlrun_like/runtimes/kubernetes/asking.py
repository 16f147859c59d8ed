"""What the cluster says about a run before anything is created: a dry run, rights, references."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from mlrun_like.errors import EngineError, InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.kubernetes.manifest import function_objects
from mlrun_like.runtimes.kubernetes.quotas import failed_create
from mlrun_like.runtimes.kubernetes.references import References, references_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["check_cluster"]

_RIGHTS = (
    ("create", "", "configmaps", ""),
    ("create", "", "secrets", ""),
    ("watch", "", "pods", ""),
    ("get", "", "pods", "log"),
    ("delete", "batch", "jobs", ""),
)
_VALID = 60.0
_in_order: dict[tuple[str, str], float] = {}
"""(cluster, namespace) -> when its rights were found in order: they seldom change."""


def check_cluster(document: FunctionDoc) -> list[Finding]:
    """What the cluster says about a function's run, without creating anything.

    It is asked for a dry run of the job and of its pod, for our rights, and for what they refer
    to. A question that may not be asked is left out.
    """
    where = f"function {document.metadata.name!r}"
    try:
        client = Client(patience=0.0)
        client.get("/version")
    except MLRunLikeError as exc:
        code = "cluster-unreachable" if status_of(exc) == 0 else "cluster-refused"
        return [Finding(code, exc.what, exc.where, exc.fix)]
    try:
        job = function_objects(_without_code(document))[-1]
    except InvalidArgumentError as exc:
        return [Finding("manifest", exc.what, where, exc.fix)]
    job["metadata"].pop("namespace", None)
    standing = _standing_questions(client)
    questions: list[Callable[[], Iterable[Finding]]] = [
        partial(_dry_run, client, job, where),
        partial(_dry_run, client, _pod_of(job), where),
        *standing,
        *(partial(_there, client, item, where) for item in references_of(document)),
    ]
    found: dict[tuple[str, str], Finding] = {}
    with ThreadPoolExecutor(6, "mlrun-like-check") as pool:
        for findings in pool.map(lambda ask: list(ask()), questions):
            for finding in findings:
                found.setdefault((finding.code, finding.what), finding)
    if standing and not any(code in ("forbidden", "namespace-missing") for code, _ in found):
        _in_order[client.where, client.namespace] = time.monotonic()
    client.close()
    missing = [item for item in found.values() if item.code == "namespace-missing"]
    return missing or list(found.values())


def _without_code(document: FunctionDoc) -> FunctionDoc:
    """The code has no influence on what the cluster says, and may be large."""
    build = document.spec.build.model_copy(update={"functionSourceCode": "", "modules": {}})
    spec = document.spec.model_copy(update={"build": build})
    return document.model_copy(update={"spec": spec})


def _standing_questions(client: Client) -> list[Callable[[], Iterable[Finding]]]:
    """Rights and namespace, unless they were in order a moment ago."""
    if time.monotonic() - _in_order.get((client.where, client.namespace), -_VALID) < _VALID:
        return []
    return [
        partial(_namespace, client),
        *(partial(_may, client, right) for right in _RIGHTS),
    ]


def _pod_of(job: dict[str, Any]) -> dict[str, Any]:
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "generateName": f"{job['metadata']['name'][:50]}-"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _dry_run(client: Client, body: dict[str, Any], where: str) -> Iterator[Finding]:
    path = path_of(body["apiVersion"], body["kind"], client.namespace)
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        client.request("POST", path, query=query, body=body)
    except NotFoundError:
        return  # the namespace: asked for by itself
    except MLRunLikeError as exc:
        if "cannot create resource" in exc.what:
            if body["kind"] == "Job":
                yield Finding("forbidden", exc.what, exc.where, exc.fix)
        elif "quota" in exc.what:
            cause = failed_create(exc.what)
            severity = "error" if cause.fatal else "warning"  # others may be done in time
            yield Finding("quota", exc.what, where, exc.fix, severity)
        elif status_of(exc) in (400, 403, 422):
            yield Finding("refused", exc.what, where, exc.fix)


def _namespace(client: Client) -> Iterator[Finding]:
    try:
        found = client.get(path_of("v1", "Namespace", name=client.namespace))
    except NotFoundError:
        yield Finding(
            "namespace-missing", f"namespace {client.namespace!r} does not exist", client.where,
            f"kubectl create namespace {client.namespace}, or set kubernetes_namespace",
        )  # fmt: skip
        return
    except EngineError:
        return
    if (found.get("status") or {}).get("phase") == "Terminating":
        yield Finding(
            "namespace-missing", f"namespace {client.namespace!r} is being deleted", client.where,
            "set kubernetes_namespace to another one",
        )  # fmt: skip


def _may(client: Client, right: tuple[str, str, str, str]) -> Iterator[Finding]:
    verb, group, resource, part = right
    asked = {"namespace": client.namespace, "verb": verb, "group": group, "resource": resource}
    if part:
        asked["subresource"] = part
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    try:
        found = client.request(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body
        )
    except MLRunLikeError:
        return
    if (found.get("status") or {}).get("allowed") is False:
        name = f"{resource}/{part}" if part else resource
        yield Finding(
            "forbidden", f"these credentials may not {verb} {name} in {client.namespace!r}",
            client.where,
            f"kubectl create role mlrun-like --verb={verb} --resource={name}, bound to this user",
        )  # fmt: skip


def _there(client: Client, item: References, where: str) -> Iterator[Finding]:
    try:
        namespace = "" if item.kind == "PriorityClass" else client.namespace
        found = client.get(path_of(item.api, item.kind, namespace, item.name))
    except NotFoundError:
        yield Finding(
            f"{item.kind.lower()}-missing", f"{item.what} {item.name!r} does not exist "
            f"in namespace {client.namespace!r}", where, item.fix,
        )  # fmt: skip
        return
    except MLRunLikeError:
        return  # it may not be read by us: the pod will tell
    data = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
    for key in item.keys:
        if key not in data:
            yield Finding(
                "key-missing", f"{item.what} {item.name!r} has no key {key!r}", where,
                f"its keys: {', '.join(sorted(data)) or 'none'}",
            )  # fmt: skip
