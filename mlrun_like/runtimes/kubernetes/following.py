"""The pod of a job, followed from its creation to its end."""

from __future__ import annotations

import contextlib
import copy
import time
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.causes import Cause
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.explain import explain_end, explain_job, state_of
from mlrun_like.runtimes.kubernetes.follower import NEVER, Follower
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.pod import CONTAINER
from mlrun_like.runtimes.kubernetes.waiting import Waiting
from mlrun_like.runtimes.kubernetes.watch import Change
from mlrun_like.runtimes.supervise import TIMEOUT

__all__ = ["Following"]

_OWN_LIMIT = 2.0
"""Seconds past the time limit in which the run may end by itself and say where it was."""
_LOADING = 60.0
"""Seconds that a container may take until its run begins."""
_GRACE = 30
_AFTER_GRACE = 15.0
_LOG_AFTER_END = 30.0
_LOG_AFTER_GONE = 3.0
_REASON_AFTER_KILL = 2.0
_ENDED = ("Succeeded", "Failed")


class Following(Follower):
    """Follows the pod of a Job, or of what stands for it; see Follower."""

    def __init__(self, client: Client, job: Job, path: str, output: LogOutput) -> None:
        super().__init__(client, job, path, output)
        self._pods_path = path_of("v1", "Pod", client.namespace)
        self._watching("pod", self._pods_path)
        self._gone = False  # the pod was there and is not any more
        quick = copy.copy(client)
        quick.patience = 0.0  # a look that finds nobody is made again, and must not hold us up
        self._waiting = Waiting(quick, job, path, output)
        self._deleted_at = self._gone_at = self._harder = self._lost_at = NEVER

    def run(self) -> Cause:
        """See Follower.run."""
        cause = super().run()
        if self._deleted_at < NEVER and self._pod and not self._gone:
            name = self._pod["metadata"]["name"]
            self._output.note(f"mlrun-like: pod {name} is still there; its node may be lost")
        return cause

    # -- what the threads see -------------------------------------------------------------

    def _seen(self, kind: str, change: Change) -> None:
        if change.kind == "LOST":
            self._cause = Cause(
                "cluster-lost", f"the run was lost: {getattr(change.error, 'what', '')}",
                "the pod may still run: see it with kubectl, and delete its job", True,
            )  # fmt: skip
        elif change.kind == "SYNC":
            mine = [pod for pod in change.items if self._is_newer(pod)]
            if self._pod and not mine:
                self._is_gone()
            for pod in mine:
                self._see(pod)
        elif change.kind == "DELETED":
            if self._uid(change.item) == self._uid(self._pod) or not self._pod:
                self._see(change.item)
                self._is_gone()
        elif self._is_newer(change.item):
            self._see(change.item)

    def _is_gone(self) -> None:
        if not self._gone:
            self._gone, self._gone_at = True, time.monotonic()
            self._log_ends()

    def _is_newer(self, pod: dict[str, Any]) -> bool:
        """A job makes one pod; if there are two all the same, the younger one counts."""
        if not self._pod or self._uid(pod) == self._uid(self._pod):
            return True
        return _created(pod) >= _created(self._pod)

    def _uid(self, pod: dict[str, Any]) -> str:
        return str(pod.get("metadata", {}).get("uid"))

    def _see(self, pod: dict[str, Any]) -> None:
        if self._pod and self._uid(pod) != self._uid(self._pod):
            self._gone = False
        self._pod = pod
        ended = pod.get("status", {}).get("phase") in _ENDED
        state = self._container_state()
        meta = pod.get("metadata", {})
        if "running" in state or "terminated" in state:
            self._read_log(
                (meta.get("namespace") or self._client.namespace, meta["name"]), CONTAINER
            )
        if "running" in state:
            self._running_since = min(self._running_since, time.monotonic())
        if meta.get("deletionTimestamp") and self._lost_at == NEVER:
            grace = float(meta.get("deletionGracePeriodSeconds") or 0)
            self._lost_at = time.monotonic() + grace + _AFTER_GRACE
        if (ended or "terminated" in state) and self._ended_at == NEVER:
            self._ended_at = time.monotonic()
            self._log_ends()

    def _container_state(self) -> dict[str, Any]:
        for item in self._pod.get("status", {}).get("containerStatuses") or ():
            if item.get("name") == CONTAINER:
                return dict(item.get("state") or {})
        return {}

    # -- what has to be done now and then -------------------------------------------------

    def _finished(self) -> bool:
        now = time.monotonic()
        read = self._log is None or self._log_ended
        if self._deleted_at < NEVER:
            if now - self._deleted_at > _GRACE + _AFTER_GRACE:
                return True
            return (self._gone or not self._pod) and (read or now - self._gone_at > _LOG_AFTER_GONE)
        if self._gone:
            return read or now - self._gone_at > _LOG_AFTER_GONE
        return self._ended_at < NEVER and (read or now - self._ended_at > _LOG_AFTER_END)

    def _tick(self, now: float) -> None:
        self._keep_alive(now)
        if self._deleted_at < NEVER:
            if not self._gone and now > self._harder:
                self._harder = now + _AFTER_GRACE
                self._delete(grace=0)
            return
        if self._ended_at < NEVER or self._gone:
            return
        if now > self._lost_at:  # nobody on its node ends it: the node does not answer
            self._cause = explain_end(self._pod, CONTAINER, self._output.tail())
            self._delete(grace=0)
            return
        if now > self._time_is_up():
            self.stop = TIMEOUT
            self._delete(grace=2)
            return
        if self._running_since == NEVER:
            self._cause = self._cause or self._waiting.look(self._pod)
        if self._cause is not None:
            self._delete()
            return
        exceeded = self._limits.exceeded(state_of(self._pod))
        if exceeded:
            last = self._waiting.last if self._running_since == NEVER else None
            longer = "fn.set_state_thresholds({...}) gives it more time"
            fix = f"{last.what}: {last.fix}; {longer}" if last is not None else longer
            self._abort(Cause("threshold", exceeded, fix))

    def _time_is_up(self) -> float:
        """When the run must be ended from outside: its own limit counts from its first record."""
        limit = self._job.run.spec.timeout
        if not limit or self._running_since == NEVER:
            return NEVER
        if self._begun < NEVER:
            return self._begun + limit + _OWN_LIMIT
        return self._running_since + limit + _LOADING

    def _delete(self, grace: int | None = None) -> None:
        # the watch tells when the pod is gone
        now = time.monotonic()
        if self._deleted_at == NEVER:
            self._deleted_at, self._harder = now, now + _GRACE + _AFTER_GRACE / 2
        try:
            self._client.delete(self._path, propagation="Background")
            if grace is not None and self._pod:
                name = self._pod["metadata"]["name"]
                self._client.delete(f"{self._pods_path}/{name}", grace=grace)
        except MLRunLikeError as exc:
            self._output.note(f"mlrun-like: the job could not be deleted: {exc.what}")

    def _why(self) -> Cause:
        """Why it ended, if its run was not recorded."""
        deleted = self._gone or self._pod.get("metadata", {}).get("deletionTimestamp")
        if deleted:
            found = self._why_job_failed()
            if found is not None and found.code == "deadline":
                return found
        cause = explain_end(self._pod, CONTAINER, self._output.tail())
        end = time.monotonic() + _REASON_AFTER_KILL
        while cause.code == "killed" and time.monotonic() < end:
            # who killed it may be written down a moment after the exit code (an eviction is)
            time.sleep(0.1)
            self._look_again()
            cause = explain_end(self._pod, CONTAINER, self._output.tail())
        return cause

    def _look_again(self) -> None:
        with contextlib.suppress(MLRunLikeError):
            self._pod = self._client.get(f"{self._pods_path}/{self._pod['metadata']['name']}")

    def _why_job_failed(self) -> Cause | None:
        try:
            return explain_job(self._client.get(self._path))
        except MLRunLikeError:
            return None


def _created(pod: dict[str, Any]) -> str:
    return str(pod.get("metadata", {}).get("creationTimestamp") or "")
