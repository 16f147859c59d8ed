"""Why pods wait and end, from what the kubelet, the scheduler and the controllers write."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.runtimes.kubernetes.causes import exit_of, image_pull, sentence, unschedulable
from mlrun_like.runtimes.kubernetes.explain import (
    explain_end,
    explain_job,
    explain_wait,
    state_of,
)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    row = {"name": "base", "image": "reg/x:1", "state": state}
    return {"status": {"phase": "Pending", "containerStatuses": [row]}}


def ended(code: int, reason: str = "Error", **status: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason}}
    row = {"name": "base", "image": "reg/x:1", "state": state}
    return {"metadata": {}, "status": {"phase": "Failed", "containerStatuses": [row], **status}}


def event(reason: str, message: str) -> dict[str, Any]:
    return {"reason": reason, "message": message, "lastTimestamp": "2024-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("pod", "events", "code", "words", "fatal"),
    [
        (waiting("ErrImagePull", "manifest unknown"), [], "image-pull", "no such image", False),
        (waiting("ImagePullBackOff", "not found"), [], "image-pull", "fn.deploy()", True),
        (waiting("ImagePullBackOff", 'Back-off pulling image "x"'),
         [event("Failed", "Failed to pull image: unauthorized")], "image-pull",
         "docker-registry", True),
        (waiting("ImagePullBackOff", "dial tcp: i/o timeout"), [], "image-pull", "reach", False),
        (waiting("ImagePullBackOff", "x509: unknown authority"), [], "image-pull", "trust", True),
        (waiting("ImagePullBackOff", "toomanyrequests: You have"), [], "image-pull", "limit",
         False),
        (waiting("ImagePullBackOff", "no match for platform in manifest"), [], "image-pull",
         "kubernetes.io/arch", True),
        (waiting("InvalidImageName", "couldn't parse"), [], "image-name", "not the name", True),
        (waiting("ErrImageNeverPull", ""), [], "image-never-pull", "IfNotPresent", True),
        (waiting("CreateContainerConfigError", 'secret "s" not found'), [], "secret-missing",
         "kubectl create secret generic s", True),
        (waiting("CreateContainerConfigError", "couldn't find key K in Secret ns/s"), [],
         "key-missing", "no key 'K'", True),
        (waiting("CreateContainerConfigError", 'configmap "c" not found'), [],
         "configmap-missing", "kubectl create configmap c", True),
        (waiting("CreateContainerConfigError",
                 "container has runAsNonRoot and image will run as root"), [], "runs-as-root",
         "run_as_user=1000", True),
        (waiting("RunContainerError", 'exec: "python3": executable file not found in $PATH'), [],
         "command-missing", "no program 'python3'", True),
        (waiting("CrashLoopBackOff", "back-off 10s"), [], "crash-loop", "again and again", True),
        (waiting("ContainerCreating"), [event("FailedMount", 'secret "s" not found')], "mount",
         "secret 's'", False),
        (waiting("ContainerCreating"),
         [event("FailedMount", "references non-existent secret key: k")], "mount", "no key 'k'",
         False),
        (waiting("ContainerCreating"), [event("FailedCreatePodSandBox", "no network")], "sandbox",
         "network plug-in", False),
    ],
)  # fmt: skip
def test_waiting(
    pod: dict[str, Any], events: list[dict[str, Any]], code: str, words: str, fatal: bool
) -> None:
    cause = explain_wait(pod, events)
    assert cause is not None
    assert (cause.code, cause.fatal) == (code, fatal)
    assert words in str(cause)
    assert cause.fix


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "enough nvidia.com/gpu"),
        ("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.", "enough memory"),
        ("1 node(s) had untolerated taint {gpu: yes}", "taint gpu: yes"),
        ("node(s) didn't match Pod's node affinity/selector", "--show-labels"),
        ('persistentvolumeclaim "data" not found', "claim 'data'"),
        ("pod has unbound immediate PersistentVolumeClaims", "storage class"),
        ("2 node(s) had volume node affinity conflict", "zone"),
        ("node(s) didn't match pod anti-affinity rules", "affinity="),
        ("1 Too many pods", "as many pods"),
        ("1 node(s) were unschedulable", "closed"),
        ("no nodes available to schedule pods", "no node"),
        ("Scheduling is blocked due to non-empty scheduling gates", "gate"),
        ("something else", "something else"),
    ],
)
def test_no_node(message: str, words: str) -> None:
    cause = unschedulable(message)
    assert words in str(cause)
    assert cause.fix and not cause.fatal


@pytest.mark.parametrize(
    ("pod", "tail", "code", "words"),
    [
        (ended(137, "OOMKilled"), "", "oom", "with_limits"),
        (ended(137), "", "killed", "ran out of memory"),
        (ended(137, "ContainerStatusUnknown"), "", "node-lost", "lost the container"),
        (ended(1), "ModuleNotFoundError: No module named 'torch.nn'", "module-missing",
         '["torch"]'),
        (ended(1), "/usr/bin/python3: No module named mlrun_like", "package-missing", "deploy"),
        (ended(1), "ModuleNotFoundError: No module named 'mlrun_like'", "package-missing",
         "deploy"),
        (ended(139), "", "exit", "SIGSEGV"),
        (ended(127), "", "exit", "not found"),
        (ended(3), "", "exit", "exit code 3"),
        (ended(128, "StartError"), "", "container-start", "cannot be started"),
        ({"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}, "",
         "evicted", "low on memory"),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}, "", "deadline",
         "active_deadline"),
        ({"status": {"phase": "Unknown", "reason": "NodeLost"}, "spec": {"nodeName": "n7"}}, "",
         "node-lost", "'n7'"),
        ({"status": {"phase": "Failed", "reason": "OutOfcpu", "message": "m"}}, "",
         "rejected-by-node", "OutOfcpu"),
        ({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}, "", "deleted",
         "from outside"),
        ({"status": {"conditions": [{"type": "DisruptionTarget", "status": "True",
                                     "reason": "PreemptionByScheduler"}]}}, "", "disrupted",
         "higher priority"),
        ({"status": {"phase": "Failed", "initContainerStatuses": [
            {"name": "i", "state": {"terminated": {"exitCode": 2}}}]}}, "", "init-container",
         "'i'"),
        ({}, "", "ended", "no exit code"),
    ],
)  # fmt: skip
def test_ends(pod: dict[str, Any], tail: str, code: str, words: str) -> None:
    cause = explain_end(pod, "base", tail)
    assert cause.code == code
    assert words in str(cause)
    assert cause.fix
    lost = code in ("evicted", "disrupted", "node-lost", "deleted", "killed")
    assert sentence(cause).startswith("the run was lost") == lost


def test_a_pod_without_problems() -> None:
    assert explain_wait(waiting("ContainerCreating")) is None
    assert explain_wait({"status": {"phase": "Pending"}}) is None
    assert explain_wait({}) is None
    assert exit_of({}, "").fix


@pytest.mark.parametrize(
    ("message", "code", "fatal"),
    [
        ("exceeded quota: q, requested: cpu=4, used: cpu=1, limited: cpu=4", "quota", False),
        ("exceeded quota: q, requested: cpu=4,memory=1Gi, used: cpu=0, limited: cpu=2,memory=8Gi",
         "quota", True),
        ("exceeded quota: q, requested: memory=1500Mi, used: , limited: memory=1Gi", "quota",
         True),
        ('violates PodSecurity "restricted:latest": runAsNonRoot != true', "pod-refused", True),
        ("failed calling webhook: context deadline exceeded: timeout", "pod-refused", False),
        ('serviceaccount "x" not found', "pod-refused", True),
    ],
)  # fmt: skip
def test_pods_that_may_not_be_created(message: str, code: str, fatal: bool) -> None:
    cause = explain_job(
        {}, [event("FailedCreate", f"Error creating: pods is forbidden: {message}")]
    )
    assert cause is not None
    assert (cause.code, cause.fatal) == (code, fatal)


def test_jobs_that_failed() -> None:
    rows = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
    cause = explain_job({"spec": {"activeDeadlineSeconds": 9}, "status": {"conditions": rows}})
    assert cause is not None and "9 s" in cause.what
    rows = [{"type": "Failed", "status": "True", "reason": "X", "message": "why"}]
    cause = explain_job({"status": {"conditions": rows}})
    assert cause is not None and "why" in cause.what
    assert explain_job({}) is None


def test_states_of_thresholds() -> None:
    assert state_of({}) == "pending_not_scheduled"
    assert state_of(waiting("ContainerCreating")) == "pending_scheduled"
    assert state_of(waiting("ImagePullBackOff")) == "image_pull_backoff"
    assert state_of({"status": {"phase": "Running"}}) == "executing"
    assert state_of({"status": {"phase": "Failed"}}) == ""


def test_a_first_refusal_to_pull_is_not_the_last_word() -> None:
    assert not image_pull("ErrImagePull", "not found", "x").fatal
    assert image_pull("ImagePullBackOff", "not found", "x").fatal
