"""Why a pod waits or has failed: from its status, its exit code and the cluster's events.

Reasons are those of the kubelet, the scheduler and the job controller (Kubernetes documentation,
"Pod Lifecycle", "Pod failure policy" and the API reference of core/v1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlrun_like.runtimes.kubernetes.causes import (
    Cause,
    container_config,
    exit_of,
    image_pull,
    start_error,
    unschedulable,
)
from mlrun_like.runtimes.kubernetes.quotas import failed_create

__all__ = ["Cause", "explain_end", "explain_job", "explain_wait", "state_of", "statuses_of"]

_PULLING = ("ErrImagePull", "ImagePullBackOff")
_DISRUPTIONS = {
    "PreemptionByScheduler": (
        "the pod was preempted: a pod of higher priority needed its place",
        "fn.with_priority_class(...), or retry=Retry(count=2)",
    ),
    "DeletionByTaintManager": (
        "the pod's node was lost or drained (it has a taint that the pod does not tolerate)",
        "retry=Retry(count=2) starts it again on another node",
    ),
    "EvictionByEvictionAPI": (
        "the pod was evicted through the API, as when a node is drained",
        "retry=Retry(count=2) starts it again on another node",
    ),
    "DeletionByPodGC": (
        "the pod's node no longer exists",
        "retry=Retry(count=2) starts it again on another node",
    ),
    "TerminationByKubelet": (
        "the node ended the pod, because it ran out of resources or shuts down",
        "fn.with_requests(...) with what the run really needs, or retry=Retry(count=2)",
    ),
}


def statuses_of(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statuses of all containers, those that run first first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def state_of(pod: Mapping[str, Any]) -> str:
    """The pod's state in the words of state thresholds; empty: it has ended."""
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if phase == "Running":
        return "executing"
    if phase != "Pending":
        return ""
    if any(_waiting(item)[0] in _PULLING for item in statuses_of(pod)):
        return "image_pull_backoff"
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "True" or statuses_of(pod):
        return "pending_scheduled"
    return "pending_not_scheduled"


def explain_wait(pod: Mapping[str, Any], events: Iterable[Mapping[str, Any]] = ()) -> Cause | None:
    """Why a pod does not run yet; None: nothing is wrong."""
    for item in statuses_of(pod):
        reason, message = _waiting(item)
        image = str(item.get("image") or "")
        if reason in (*_PULLING, "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"):
            return image_pull(reason, f"{message} {_pull_message(events)}", image)
        if reason in ("CreateContainerConfigError", "CreateContainerError"):
            return container_config(reason, message)
        if reason in ("RunContainerError", "StartError", "ContainerCannotRun"):
            return start_error(message)
        if reason == "CrashLoopBackOff":
            last = (item.get("lastState") or {}).get("terminated") or {}
            what = exit_of(last, "").what if last else message
            return Cause(
                "crash-loop",
                f"container {item.get('name')!r} crashes again and again: {what}",
                "see its log, and correct its command or code",
                True,
            )
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return unschedulable(str(scheduled.get("message") or scheduled.get("reason") or ""))
    return _from_events(events)


def explain_end(pod: Mapping[str, Any], container: str, tail: str) -> Cause:
    """Why a pod has ended without its run being recorded.

    Args:
        pod: The pod, as it was seen last.
        container: The one that executes the run.
        tail: The last lines that were printed.
    """
    status = pod.get("status") or {}
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    disrupted = _condition(pod, "DisruptionTarget")
    if reason == "Evicted":
        return Cause(
            "evicted",
            f"the pod was evicted from its node: {message or 'no reason given'}",
            "fn.with_requests(mem=...) with what the run really needs, so that the node "
            "keeps room; or retry=Retry(count=2)",
        )
    if reason == "DeadlineExceeded":
        return Cause(
            "deadline",
            f"the pod exceeded its active deadline: {message}".rstrip(": "),
            "a larger fn.spec.active_deadline (seconds)",
        )
    if disrupted.get("status") == "True":
        what, fix = _DISRUPTIONS.get(
            str(disrupted.get("reason")),
            (f"the pod was disrupted ({disrupted.get('reason')})", "retry=Retry(count=2)"),
        )
        return Cause("disrupted", f"{what}: {disrupted.get('message') or ''}".rstrip(": "), fix)
    if reason in ("NodeLost", "NodeShutdown", "Terminated", "Shutdown") or (
        status.get("phase") == "Unknown"
    ):
        return Cause(
            "node-lost",
            f"the pod's node {_node(pod)!r} was lost or shut down: {message}".rstrip(": "),
            "retry=Retry(count=2) starts it again on another node",
        )
    if reason in (
        "Preempting",
        "OutOfcpu",
        "OutOfmemory",
        "OutOfpods",
        "NodeAffinity",
        "UnexpectedAdmissionError",
    ):
        return Cause(
            "rejected-by-node",
            f"node {_node(pod)!r} did not take the pod ({reason}): {message}",
            "retry=Retry(count=2), or ask for other resources",
        )
    if pod.get("metadata", {}).get("deletionTimestamp") and not _out_of_memory(status):
        return Cause(
            "deleted",
            "the pod was deleted from outside",
            "kubectl get events tells who; retry=Retry(count=2) starts it again",
        )
    for item in status.get("initContainerStatuses") or ():
        ended = (item.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            inner = exit_of(ended, "")
            return Cause(
                "init-container",
                f"init container {item.get('name')!r} failed: {inner.what}",
                inner.fix,
            )
    for item in status.get("containerStatuses") or ():
        ended = (item.get("state") or {}).get("terminated")
        if item.get("name") == container and ended:
            return exit_of(ended, tail)
    return Cause(
        "ended",
        f"the pod ended in phase {status.get('phase')!r} and its container left "
        f"no exit code: {message or reason or 'no reason given'}",
        "kubectl describe pod, while it is there",
    )


def explain_job(job: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = ()) -> Cause | None:
    """Why a job has no pod, or has failed as a whole; None: nothing is wrong."""
    for row in (job.get("status") or {}).get("conditions") or ():
        if row.get("status") != "True" or row.get("type") not in ("Failed", "FailureTarget"):
            continue
        message = str(row.get("message") or "")
        if row.get("reason") == "DeadlineExceeded":
            limit = (job.get("spec") or {}).get("activeDeadlineSeconds")
            return Cause(
                "deadline",
                f"the job exceeded its active deadline of {limit} s",
                "a larger fn.spec.active_deadline (seconds)",
                True,
            )
        return Cause(
            "job-failed",
            f"the job failed ({row.get('reason')}): {message}",
            "kubectl describe job tells more",
            True,
        )
    return _from_events(events)


def _from_events(events: Iterable[Mapping[str, Any]]) -> Cause | None:
    """What warnings say that are no part of a status."""
    for event in sorted(events, key=_time_of, reverse=True):
        reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
        if reason == "FailedCreate":
            return failed_create(message)
        if reason in ("FailedMount", "FailedAttachVolume"):
            return _mount(message)
        if reason == "FailedScheduling":
            return unschedulable(message)
        if reason in ("FailedCreatePodSandBox", "NetworkNotReady"):
            return Cause(
                "sandbox",
                f"the node cannot set up the pod: {message[:500]}",
                "often gone after a while; else the cluster's network plug-in is broken",
            )
    return None


def _mount(message: str) -> Cause:
    missing = re.search(r'(secret|configmap|persistentvolumeclaim) "([^"]+)" not found', message)
    if missing is not None:
        return Cause(
            "mount",
            f"{missing[1]} {missing[2]!r}, which is mounted into the pod, does not exist",
            f"create it in the namespace: kubectl create {missing[1]} ...",
        )
    key = re.search(r"references non-existent (secret|config) key: (\S+)", message)
    if key is not None:
        return Cause(
            "mount",
            f"the mounted {key[1]} has no key {key[2]!r}",
            "add the key, or change items= of the mount",
        )
    return Cause(
        "mount",
        f"a volume cannot be mounted: {message[:500]}",
        "kubectl describe pod; a claim may be in use on another node",
    )


def _pull_message(events: Iterable[Mapping[str, Any]]) -> str:
    for event in events:
        if event.get("reason") == "Failed" and "pull" in str(event.get("message")):
            return str(event["message"])
    return ""


def _waiting(item: Mapping[str, Any]) -> tuple[str, str]:
    waiting = (item.get("state") or {}).get("waiting") or {}
    return str(waiting.get("reason") or ""), str(waiting.get("message") or "")


def _condition(pod: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    for row in (pod.get("status") or {}).get("conditions") or ():
        if row.get("type") == kind:
            return dict(row)
    return {}


def _out_of_memory(status: Mapping[str, Any]) -> bool:
    ended = [
        (item.get("state") or {}).get("terminated") or {}
        for item in status.get("containerStatuses") or ()
    ]
    return any(item.get("reason") == "OOMKilled" for item in ended)


def _node(pod: Mapping[str, Any]) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "?")


def _time_of(event: Mapping[str, Any]) -> str:
    return str(
        event.get("lastTimestamp")
        or event.get("eventTime")
        or (event.get("metadata") or {}).get("creationTimestamp")
        or ""
    )
