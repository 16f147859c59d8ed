"""Waiting until the pods of a Deployment answer, and why they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.gateway.manifests.form import Service
from mlrun_like.runtimes.kubernetes.causes import Cause
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.explain import explain_wait, statuses_of
from mlrun_like.runtimes.kubernetes.names import selector

__all__ = ["wait_for"]

_EVERY = 0.5
_SLOWEST = 120.0  # seconds for nodes and images, besides the function's own start
_TAIL = 20


def wait_for(client: Client, service: Service, say: Callable[[str], None]) -> None:
    """Wait until all pods of the newest version are ready.

    A function that sleeps (KEDA, no pods wanted) is ready at once.

    Raises:
        EngineError: if they do not become ready in time, or waiting cannot help; with the cause and
            the end of the pod's log.
    """
    limit = service.options.start_timeout + _SLOWEST
    end = time.monotonic() + limit
    path = path_of("apps/v1", "Deployment", client.namespace, service.name)
    told = ""
    while True:
        found = client.get(path)
        if _is_ready(found):
            return
        pod, cause = _cause(client, service)
        if cause is not None and cause.what != told:
            told = cause.what
            say(f"waits: {cause.what}")
        if cause is not None and cause.fatal:
            raise _failed(client, service, pod, cause)
        if time.monotonic() > end:
            raise _failed(client, service, pod, cause or Cause(
                "slow", f"its pods are not ready after {limit:g} s",
                "fn.spec.readiness_timeout = 300 gives it more time; kubectl describe pod",
            ))  # fmt: skip
        time.sleep(_EVERY)


def _is_ready(item: Mapping[str, Any]) -> bool:
    status, spec = item.get("status") or {}, item["spec"]
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return False  # the controller has not seen this version yet
    wanted = spec.get("replicas", 1)
    return bool(
        status.get("updatedReplicas", 0) >= wanted
        and status.get("readyReplicas", 0) >= wanted
        and status.get("replicas", 0) <= status.get("updatedReplicas", 0)
    )


def _cause(client: Client, service: Service) -> tuple[dict[str, Any], Cause | None]:
    """The newest pod that is not ready, and why."""
    chosen = selector(service.selector)
    try:
        pods = client.get(path_of("v1", "Pod", client.namespace), labelSelector=chosen)
        waiting = [item for item in pods.get("items") or () if not _answers(item)]
        if not waiting:
            return {}, _refused(client, service)
        pod = max(waiting, key=lambda item: str(item["metadata"].get("creationTimestamp") or ""))
        field = f"involvedObject.uid={pod['metadata'].get('uid')}"
        events = client.get(path_of("v1", "Event", client.namespace), fieldSelector=field, limit=50)
    except EngineError:
        raise
    except MLRunLikeError:
        return {}, None
    rows = list(events.get("items") or ())
    return pod, _crashed(pod) or explain_wait(pod, rows) or _unready(rows)


def _refused(client: Client, service: Service) -> Cause | None:
    """Why there are no pods: quotas and the like."""
    path = path_of("apps/v1", "Deployment", client.namespace, service.name)
    for row in client.get(path).get("status", {}).get("conditions") or ():
        if row.get("type") == "ReplicaFailure" and row.get("status") == "True":
            return Cause("refused", f"pods are refused: {row.get('message')}",
                         "ask for less, or for a larger quota", fatal=True)  # fmt: skip
    return None


def _crashed(pod: Mapping[str, Any]) -> Cause | None:
    """A container that ended twice will do so again."""
    for item in statuses_of(pod):
        ended = (item.get("lastState") or {}).get("terminated") or {}
        if ended and int(item.get("restartCount") or 0) >= 2:
            return Cause(
                "crash-loop",
                f"container {item.get('name')!r} ended {item['restartCount']} times, last with "
                f"exit code {ended.get('exitCode')} ({ended.get('reason') or 'Error'})",
                "the end of its log is above; python -m mlrun_like.gateway.standalone FOLDER runs "
                "the same here",
                fatal=True,
            )
    return None


def _unready(events: list[dict[str, Any]]) -> Cause | None:
    for row in reversed(events):
        if row.get("reason") == "Unhealthy":
            return Cause("unhealthy", str(row.get("message")), "see the pod's log")
    return None


def _answers(pod: Mapping[str, Any]) -> bool:
    return any(
        row.get("type") == "Ready" and row.get("status") == "True"
        for row in pod.get("status", {}).get("conditions") or ()
    )


def _failed(client: Client, service: Service, pod: Mapping[str, Any], cause: Cause) -> EngineError:
    lines = _log(client, pod) if pod else ""
    return EngineError(
        f"{service.name!r} does not become ready: {cause.what}" + (f"\n{lines}" if lines else ""),
        where=f"{client.where}, namespace {client.namespace}",
        fix=cause.fix,
    )


def _log(client: Client, pod: Mapping[str, Any]) -> str:
    """The last lines of a pod's log, also of the container before the present one."""
    path = path_of("v1", "Pod", client.namespace, pod["metadata"]["name"]) + "/log"
    for previous in ("true", ""):
        try:
            response = client.stream(path, 5.0, tailLines=_TAIL, previous=previous)
            text = response.read().decode("utf-8", "replace")
        except MLRunLikeError:
            continue
        lines = text.splitlines()[-_TAIL:]
        if lines:
            return "\n".join(f"  {line}" for line in lines)
    return ""
