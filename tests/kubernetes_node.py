"""The job controller and the one node of the test cluster: pods are processes of this machine.

A container's command runs for real. Its volumes are folders; a mount path in the command, the
arguments and the variables is replaced by the folder's path. Claims and host paths are this
machine's own folders.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kubernetes_api import Cluster

Obj = dict[str, Any]

SCRIPTS = (
    "unschedulable",
    "evict",
    "oom",
    "preempt",
    "node-lost",
    "delete",
    "mount-secret",
    "slow-start",
    "no-command",
)
"""What can happen to a pod: before it runs, or as soon as it has printed something."""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason

    def status(self) -> Obj:
        """The answer's body."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Log:
    """The output of a container: lines with the time each came."""

    def __init__(self, coarse: bool) -> None:
        self._lines: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        self._coarse = coarse
        self._ended = False

    def add(self, line: bytes) -> None:
        moment = time.time_ns()
        if self._coarse:
            moment -= moment % 200_000_000
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1_000_000_000))
        with self._changed:
            self._lines.append((f"{whole}.{moment % 1_000_000_000:09}Z", line))
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._lines)

    def lines(self, follow: bool) -> Iterator[tuple[str, bytes | None]]:
        """The lines, then those that come; None now and then."""
        at = 0
        while True:
            with self._changed:
                if at == len(self._lines) and follow and not self._ended:
                    self._changed.wait(0.1)
                news, ended = self._lines[at:], self._ended
            yield from news
            at += len(news)
            if not news and (ended or not follow):
                return
            yield "", None


class Node:
    """Makes pods for jobs and plays their lives."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._logs: dict[str, Log] = {}
        self._playing: dict[str, threading.Thread] = {}
        self._refused: set[str] = set()
        self._started: dict[str, float] = {}
        self._made: set[str] = set()
        self.seconds: list[float] = []
        """How long each container's process lived; for benchmarks."""
        self._thread = threading.Thread(target=self._loop, name="test-node")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)
        for thread in list(self._playing.values()):
            thread.join(10)

    def log_of(self, pod: Obj) -> Log | None:
        """The log of a pod's container, once it has started."""
        return self._logs.get(pod["metadata"]["uid"])

    def admit(self, pod: Obj) -> None:
        """What admission refuses: accounts and classes that are not there, quotas."""
        name = pod["metadata"]["name"]
        namespace = pod["metadata"].get("namespace", "default")
        account = pod["spec"].get("serviceAccountName", "default")
        accounts = {item["metadata"]["name"] for item in self._cluster.all("serviceaccounts")}
        if account not in {"default", *accounts}:
            raise Refused(
                403,
                "Forbidden",
                f'pods "{name}" is forbidden: error looking up service account '
                f'{namespace}/{account}: serviceaccount "{account}" not found',
            )
        wanted = pod["spec"].get("priorityClassName")
        if wanted and self._cluster.find("priorityclasses", "", wanted) is None:
            raise Refused(
                403, "Forbidden", f'pods "{name}" is forbidden: no PriorityClass with name {wanted}'
                " was found",
            )  # fmt: skip
        for container in pod["spec"]["containers"]:
            limits = container.get("resources", {}).get("limits", {})
            for resource, most in self._cluster.faults.quota.items():
                used = self._cluster.faults.used
                if float(limits.get(resource, 0) or 0) + used > most:
                    raise Refused(
                        403,
                        "Forbidden",
                        f'pods "{name}" is forbidden: exceeded quota: compute, requested: '
                        f"limits.{resource}={limits[resource]}, used: limits.{resource}={used:g}, "
                        f"limited: limits.{resource}={most:g}",
                    )

    # -- the job controller ---------------------------------------------------------------

    def _loop(self) -> None:
        cluster = self._cluster
        while not cluster.closing:
            with cluster.changed:
                cluster.changed.wait(0.05)
            for job in cluster.all("jobs"):
                self._control(job)
            for pod in cluster.all("pods"):
                uid = pod["metadata"]["uid"]
                if uid not in self._playing:
                    thread = threading.Thread(target=self._play, args=(pod,), name=f"pod-{uid}")
                    self._playing[uid] = thread
                    thread.start()

    def _control(self, job: Obj) -> None:
        if any(row["type"] in ("Complete", "Failed") for row in _conditions(job)):
            return
        spec, uid = job["spec"], job["metadata"]["uid"]
        pods = [pod for pod in self._cluster.all("pods") if _owned(pod, uid)]
        if not spec.get("suspend") and not job["status"].get("startTime"):
            self._started[uid] = time.time()
            self._cluster.change(job, lambda o: o["status"].update(startTime=now()))
            return
        started, limit = self._started.get(uid), spec.get("activeDeadlineSeconds")
        if started and limit and time.time() - started > limit:
            said = "Job was active longer than specified deadline"
            self._finish(job, "Failed", "DeadlineExceeded", said)
            for pod in pods:
                self._cluster.delete(pod, None)
            return
        if pods:
            phase = pods[0].get("status", {}).get("phase")
            if phase == "Succeeded":
                self._finish(job, "Complete", "CompletionsReached", "")
            elif phase == "Failed":
                self._finish(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified "
                             "backoff limit")  # fmt: skip
        elif uid in self._made:
            self._finish(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified "
                         "backoff limit")  # fmt: skip
        elif job["status"].get("startTime"):
            self._make_pod(job)

    def _make_pod(self, job: Obj) -> None:
        meta, template = job["metadata"], job["spec"]["template"]
        labels = {
            **template["metadata"].get("labels", {}),
            "job-name": meta["name"],
            "batch.kubernetes.io/job-name": meta["name"],
            "controller-uid": meta["uid"],
        }
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **template["metadata"],
                "name": f"{meta['name']}-{uuid.uuid4().hex[:5]}",
                "namespace": meta["namespace"],
                "labels": labels,
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        try:
            self._cluster.create(pod, "", "pods", meta["namespace"], False)
        except Refused as exc:
            if meta["uid"] not in self._refused:
                self._refused.add(meta["uid"])
                self._event(job, "FailedCreate", f"Error creating: {exc}")
            return
        self._made.add(meta["uid"])

    def _finish(self, job: Obj, kind: str, reason: str, message: str) -> None:
        row = {"type": kind, "status": "True", "reason": reason, "message": message}
        self._cluster.change(job, lambda o: o["status"].update(conditions=[row]))

    # -- the kubelet ----------------------------------------------------------------------

    def _play(self, pod: Obj) -> None:
        faults = self._cluster.faults
        script = faults.scripts.pop(0) if faults.scripts else ""
        try:
            self._live(pod, script)
        finally:
            log = self._logs.get(pod["metadata"]["uid"])
            if log is not None:
                log.end()

    def _live(self, pod: Obj, script: str) -> None:
        if script == "unschedulable":
            message = (
                "0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't match Pod's node "
                "affinity/selector."
            )
            self._status(pod, condition=("PodScheduled", "False", "Unschedulable", message))
            self._event(pod, "FailedScheduling", message)
            self._wait(pod, lambda: False)
            return
        self._status(pod, condition=("PodScheduled", "True", "", ""))
        self._waiting(pod, "ContainerCreating", "")
        if script == "mount-secret":
            self._event(pod, "FailedMount", 'MountVolume.SetUp failed for volume "x" : secret '
                        '"absent" not found')  # fmt: skip
        if script == "slow-start":
            self._wait(pod, lambda: False, 1.0)
        container = pod["spec"]["containers"][0]
        if container["image"] in self._cluster.faults.missing_images:
            said = f'failed to pull and unpack image "{container["image"]}": not found'
            self._waiting(pod, "ErrImagePull", said)
            self._wait(pod, lambda: False, 0.3)
            self._waiting(pod, "ImagePullBackOff", f"Back-off pulling image: {said}")
            self._wait(pod, lambda: False)
            return
        prepared = self._prepare(pod, container)
        if prepared is None:
            return
        if script == "no-command":
            self._end(pod, 128, "StartError", 'exec: "python3": executable file not found in $PATH')
            self._wait(pod, lambda: False)
            return
        self._execute(pod, script, *prepared)

    def _prepare(self, pod: Obj, container: Obj) -> tuple[list[str], dict[str, str], str] | None:
        """Folders of volumes and variables; None if the pod was deleted while they lacked."""
        root = self._cluster.folder / pod["metadata"]["uid"]
        folders: dict[str, str] = {}
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        found: dict[str, str] = {}

        def ready() -> bool:
            for mount in container.get("volumeMounts", []):
                folder = self._volume(pod, volumes[mount["name"]], root / mount["name"])
                if folder is None:
                    return False
                folders[mount["mountPath"]] = str(folder)
            problem = self._variables(pod, container, found)
            if problem:
                self._waiting(pod, "CreateContainerConfigError", problem)
            return not problem

        if not self._wait(pod, ready):
            return None

        paths = "|".join(re.escape(path) for path in sorted(folders, key=len, reverse=True))

        def here(text: str) -> str:
            if not paths:
                return text
            return re.sub(paths, lambda found: folders[found[0]], text)

        command = [
            here(part) for part in [*container.get("command", []), *container.get("args", [])]
        ]
        if command and command[0] == "python3":
            command[0] = sys.executable
        env = {key: here(value) for key, value in found.items()}
        kept = ("PATH", "LANG", "PYTHONPATH")  # compiled modules make starts fast
        base = {key: os.environ[key] for key in kept if key in os.environ}
        cwd = here(container.get("workingDir") or str(root / "cwd"))
        Path(cwd).mkdir(parents=True, exist_ok=True)
        return command, {**base, **env}, cwd

    def _volume(self, pod: Obj, volume: Obj, folder: Path) -> Path | None:
        claim = volume.get("persistentVolumeClaim") or volume.get("hostPath")
        if claim is not None:
            mounts = pod["spec"]["containers"][0]["volumeMounts"]
            return next(Path(m["mountPath"]) for m in mounts if m["name"] == volume["name"])
        folder.mkdir(parents=True, exist_ok=True)
        rows = volume.get("projected", {}).get("sources", [volume])
        for row in rows:
            for kind, plural in (("configMap", "configmaps"), ("secret", "secrets")):
                if kind not in row:
                    continue
                name = row[kind].get("name") or row[kind].get("secretName")
                data = self._data(plural, pod, name)
                if data is None:
                    return None
                items = row[kind].get("items") or [{"key": k, "path": k} for k in data]
                for item in items:
                    (folder / item["path"]).write_bytes(data[item["key"]])
        return folder

    def _data(self, plural: str, pod: Obj, name: str) -> dict[str, bytes] | None:
        item = self._cluster.find(plural, pod["metadata"]["namespace"], name)
        if item is None:
            return None
        if plural == "secrets":
            return {k: base64.b64decode(v) for k, v in item.get("data", {}).items()}
        texts = {k: v.encode() for k, v in item.get("data", {}).items()}
        return {**texts, **{k: base64.b64decode(v) for k, v in item.get("binaryData", {}).items()}}

    def _variables(self, pod: Obj, container: Obj, found: dict[str, str]) -> str:
        for row in container.get("env", []):
            source = row.get("valueFrom", {})
            for kind, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
                if kind not in source:
                    continue
                chosen, word = source[kind], "secret" if plural == "secrets" else "configmap"
                data = self._data(plural, pod, chosen["name"])
                if data is None and not chosen.get("optional"):
                    return f'{word} "{chosen["name"]}" not found'
                if data is not None and chosen["key"] not in data:
                    where = f"{pod['metadata']['namespace']}/{chosen['name']}"
                    kind_name = "Secret" if word == "secret" else "ConfigMap"
                    return f"couldn't find key {chosen['key']} in {kind_name} {where}"
                if data is not None:
                    found[row["name"]] = data[chosen["key"]].decode()
            if "value" in row:
                found[row["name"]] = row["value"]
        return ""

    def _execute(
        self, pod: Obj, script: str, command: list[str], env: dict[str, str], cwd: str
    ) -> None:
        log = self._logs[pod["metadata"]["uid"]] = Log(self._cluster.faults.coarse_clock)
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        output = process.stdout
        assert output is not None

        def read() -> None:
            for line in output:
                log.add(line)

        reader = threading.Thread(target=read)
        reader.start()
        self._state(pod, "Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
        try:
            self._until_end(pod, script, process, log)
        finally:
            _signal(process, signal.SIGKILL)
            process.wait(10)
            reader.join(10)
            output.close()
            log.end()
            self.seconds.append(time.perf_counter() - begun)
        code = process.returncode
        if script in ("oom", "evict") and code < 0:
            reason = "OOMKilled" if script == "oom" else "Error"
            self._end(pod, 137, reason, "", evicted=script == "evict")
        elif script != "node-lost":
            self._end(pod, code if code >= 0 else 128 - code, "Error" if code else "Completed", "")
        self._wait(pod, lambda: False)

    def _until_end(self, pod: Obj, script: str, process: Any, log: Log) -> None:
        played, killed = False, float("inf")
        while process.poll() is None and not self._cluster.closing:
            now = self._cluster.find("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            if now is None:
                return
            meta = now["metadata"]
            if meta.get("deletionTimestamp") and script != "node-lost":
                if killed == float("inf"):
                    _signal(process, signal.SIGTERM)
                    killed = time.monotonic() + meta["deletionGracePeriodSeconds"]
                elif time.monotonic() > killed:
                    return
            if script and not played and len(log) >= 1:
                played = True
                self._interfere(now, script, process)
            time.sleep(0.02)

    def _interfere(self, pod: Obj, script: str, process: Any) -> None:
        if script in ("oom", "evict"):
            _signal(process, signal.SIGKILL)
        elif script == "preempt":
            said = "preempting to accommodate a higher priority pod"
            row = ("DisruptionTarget", "True", "PreemptionByScheduler", said)
            self._status(pod, condition=row)
            self._cluster.delete(pod, 2)
        elif script == "node-lost":
            said = "Taint manager: deleting due to NoExecute taint"
            row = ("DisruptionTarget", "True", "DeletionByTaintManager", said)
            self._status(pod, condition=row)
            self._cluster.delete(pod, 1)
        elif script == "delete":
            self._cluster.delete(pod, 2)

    def _wait(self, pod: Obj, done: Callable[[], bool], seconds: float = 1e9) -> bool:
        """Wait for something; a deleted pod goes away meanwhile."""
        end, meta = time.monotonic() + seconds, pod["metadata"]
        while not self._cluster.closing and time.monotonic() < end:
            now = self._cluster.find("pods", meta["namespace"], meta["name"])
            if now is None:
                return False
            lost = any(row["type"] == "DisruptionTarget" and "Taint" in row["reason"]
                       for row in _conditions(now))  # fmt: skip
            if now["metadata"].get("deletionTimestamp") and not lost:
                self._cluster.remove(now)
                return False
            if done():
                return True
            time.sleep(0.02)
        return False

    def _waiting(self, pod: Obj, reason: str, message: str) -> None:
        self._state(pod, "Pending", {"waiting": {"reason": reason, "message": message}})

    def _end(self, pod: Obj, code: int, reason: str, message: str, evicted: bool = False) -> None:
        ended = {"exitCode": code, "reason": reason, "message": message}
        self._state(pod, "Failed" if code else "Succeeded", {"terminated": ended})
        if evicted:
            text = "The node was low on resource: memory. Threshold quantity: 100Mi."
            self._cluster.change(pod, lambda o: o["status"].update(reason="Evicted", message=text))

    def _state(self, pod: Obj, phase: str, state: Obj) -> None:
        container = pod["spec"]["containers"][0]
        row = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": "running" in state,
            "started": "running" in state,
            "restartCount": 0,
            "state": state,
        }

        def edit(item: Obj) -> None:
            item["status"].update(phase=phase, containerStatuses=[row])

        self._cluster.change(pod, edit)

    def _status(self, pod: Obj, condition: tuple[str, str, str, str]) -> None:
        row = dict(zip(("type", "status", "reason", "message"), condition, strict=True))

        def edit(item: Obj) -> None:
            kept = [old for old in _conditions(item) if old["type"] != row["type"]]
            item["status"]["conditions"] = [*kept, row]

        self._cluster.change(pod, edit)

    def _event(self, item: Obj, reason: str, message: str) -> None:
        meta = item["metadata"]
        self._cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": f"{meta['name']}.{uuid.uuid4().hex[:8]}",
                    "namespace": meta["namespace"],
                },
                "involvedObject": {"kind": item["kind"], "name": meta["name"], "uid": meta["uid"]},
                "reason": reason,
                "message": message,
                "type": "Warning",
                "lastTimestamp": now(),
            }
        )


def _conditions(item: Obj) -> list[Obj]:
    return list(item.get("status", {}).get("conditions") or [])


def _owned(pod: Obj, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", []))


def _signal(process: Any, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
