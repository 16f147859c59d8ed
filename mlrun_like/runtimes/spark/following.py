"""One attempt of a SparkApplication, followed from its creation to its end.

States as in the operator's API reference, type ApplicationState.
"""

from __future__ import annotations

import time
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.causes import Cause
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.explain import explain_end, explain_wait, state_of
from mlrun_like.runtimes.kubernetes.follower import NEVER, Follower
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.watch import Change
from mlrun_like.runtimes.spark.explain import cause_in
from mlrun_like.runtimes.spark.manifest import API_VERSION, KIND
from mlrun_like.runtimes.supervise import TIMEOUT

__all__ = ["DRIVER_CONTAINER", "Following"]

DRIVER_CONTAINER = "spark-kubernetes-driver"
_COMPLETED, _FAILED = ("COMPLETED",), ("FAILED",)
_GOING_DOWN = ("SUBMISSION_FAILED", "FAILING", "UNKNOWN")
"""States that the operator leaves soon, if it lives."""
_OWN_LIMIT = 2.0
_UNSEEN = 30.0
"""Seconds in which a running operator takes a new application up."""
_STUCK = 60.0
_LOG_AFTER_END = 15.0


class Following(Follower):
    """Follows an application and its driver's pod; see Follower."""

    def __init__(self, client: Client, job: Job, path: str, output: LogOutput) -> None:
        super().__init__(client, job, path, output)
        self._watching("application", path_of(API_VERSION, KIND, client.namespace))
        self._watching("pod", path_of("v1", "Pod", client.namespace), ",spark-role=driver")
        self._application: dict[str, Any] = {}
        self._started = self._state_since = self._ask
        self._state = ""
        self._told = ""

    # -- what the threads see -------------------------------------------------------------

    def _seen(self, kind: str, change: Change) -> None:
        if change.kind == "LOST":
            self._end_with(Cause(
                "cluster-lost", f"the run was lost: {getattr(change.error, 'what', '')}",
                "the application may still run: kubectl get sparkapplications", True,
            ))  # fmt: skip
        elif kind == "pod":
            items = change.items if change.kind == "SYNC" else (change.item,)
            for item in items:
                self._see_pod(item)
        elif change.kind == "DELETED" or (change.kind == "SYNC" and not change.items):
            if self._application and self._ended_at == NEVER:
                self._end_with(Cause(
                    "deleted", "the run was lost: its SparkApplication was deleted from outside",
                    "kubectl get events tells who; retry=Retry(count=2) starts it again",
                ))  # fmt: skip
        else:
            for item in change.items or (change.item,):
                self._see_application(item)

    def _see_application(self, item: dict[str, Any]) -> None:
        self._application = item
        status = item.get("status") or {}
        state = str((status.get("applicationState") or {}).get("state") or "")
        if state != self._state:
            self._state, self._state_since = state, time.monotonic()
        pod = str((status.get("driverInfo") or {}).get("podName") or "")
        if state == "RUNNING" or (
            pod and state in ("SUCCEEDING", *_COMPLETED, *_FAILED, "FAILING")
        ):
            self._read_driver(pod or f"{item['metadata']['name']}-driver")
            self._running_since = min(self._running_since, time.monotonic())
        if state in (*_COMPLETED, *_FAILED):
            self._end()

    def _see_pod(self, pod: dict[str, Any]) -> None:
        self._pod = pod
        phase = str((pod.get("status") or {}).get("phase") or "")
        if phase in ("Running", "Succeeded", "Failed"):
            self._read_driver(pod["metadata"]["name"])
        if phase in ("Succeeded", "Failed"):
            self._log_ends()

    def _read_driver(self, pod: str) -> None:
        self._read_log((self._client.namespace, pod), DRIVER_CONTAINER)

    # -- what has to be done now and then -------------------------------------------------

    def _finished(self) -> bool:
        if self._ended_at == NEVER:
            return False
        read = self._log is None or self._log_ended
        return read or time.monotonic() - self._ended_at > _LOG_AFTER_END

    def _tick(self, now: float) -> None:
        if self._ended_at < NEVER:
            return
        self._keep_alive(now)
        limit = self._job.run.spec.timeout
        if limit and now > self._running_since + limit + _OWN_LIMIT:
            self.stop = TIMEOUT
            self._delete()
            return
        if not self._state and now - self._started > _UNSEEN:
            self._say_once(
                "the Spark operator has not taken the application up: is it running, and does it "
                f"watch the namespace {self._client.namespace!r}?"
            )
        if self._state in _GOING_DOWN and now - self._state_since > _STUCK:
            self._end_with(self._why())
            return
        waits = explain_wait(self._pod) if self._running_since == NEVER and self._pod else None
        if waits is not None:
            self._say_once(f"the driver's pod waits: {waits.what}\n  fix: {waits.fix}")
            if waits.fatal:
                self._end_with(waits)
                return
        exceeded = self._limits.exceeded(state_of(self._pod)) if self._pod else ""
        if exceeded:
            fix = "fn.set_state_thresholds({...}) gives it more time"
            self._abort(Cause("threshold", exceeded, waits.fix if waits is not None else fix))

    def _end_with(self, cause: Cause) -> None:
        self._cause = cause
        self._delete()

    def _delete(self, grace: int | None = None) -> None:
        """The operator ends the application's driver, and that its executors."""
        del grace
        self._end()
        try:
            self._client.delete(self._path, propagation="Background")
            if self._pod:  # does not wait for an operator that may not run
                name = self._pod["metadata"]["name"]
                self._client.delete(path_of("v1", "Pod", self._client.namespace, name))
        except MLRunLikeError as exc:
            self._output.note(f"mlrun-like: the application could not be deleted: {exc.what}")

    def _end(self) -> None:
        self._ended_at = min(self._ended_at, time.monotonic())
        self._log_ends()

    def _say_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._output.note(f"mlrun-like: {text}")

    def _why(self) -> Cause:
        """Why it ended, if its run was not recorded."""
        status = self._application.get("status") or {}
        message = str((status.get("applicationState") or {}).get("errorMessage") or "").strip()
        found = cause_in(f"{message}\n{self._output.tail()}")
        if found is not None:
            return Cause(found.code, found.what, found.fix)
        if self._pod and (self._pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return explain_end(self._pod, DRIVER_CONTAINER, self._output.tail())
        first = message.splitlines()[0][:500] if message else f"it ended in state {self._state!r}"
        name = self._application.get("metadata", {}).get("name", "")
        return Cause(
            self._state.lower() or "lost",
            f"the Spark operator says: {first}",
            f"kubectl describe sparkapplication {name} shows its events",
        )
