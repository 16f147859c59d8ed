"""One attempt of a SparkApplication, followed from its creation to its end.

States as in the operator's API reference, type ApplicationState. Threads watch the application and
its driver's pod and read the driver's log; what they see comes here through one queue.
"""

from __future__ import annotations

import contextlib
import queue
import time
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError, StoreUnavailableError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.concluding import catch_up, record
from mlrun_like.runtimes.kubernetes.causes import Cause, sentence
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.explain import explain_end, explain_wait, state_of
from mlrun_like.runtimes.kubernetes.logs import LogStream
from mlrun_like.runtimes.kubernetes.output import LogOutput
from mlrun_like.runtimes.kubernetes.thresholds import Thresholds
from mlrun_like.runtimes.kubernetes.watch import Change, Watch
from mlrun_like.runtimes.spark.explain import cause_in
from mlrun_like.runtimes.spark.manifest import API_VERSION, KIND
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT

__all__ = ["DRIVER_CONTAINER", "Following"]

DRIVER_CONTAINER = "spark-kubernetes-driver"
_COMPLETED, _FAILED = ("COMPLETED",), ("FAILED",)
_GOING_DOWN = ("SUBMISSION_FAILED", "FAILING", "UNKNOWN")
"""States that the operator leaves soon, if it lives."""
_ASK_EVERY = 0.5
_OWN_LIMIT = 2.0
_UNSEEN = 30.0
"""Seconds in which a running operator takes a new application up."""
_STUCK = 60.0
_LOG_AFTER_END = 15.0
_NEVER = float("inf")


class Following:
    """Follows an application.

    Args:
        client: The cluster.
        job: Whose run it is.
        name: The application's name, also the value of the label `mlrun/job` of its pods.
        output: Takes the driver's log.
    """

    def __init__(self, client: Client, job: Job, name: str, output: LogOutput) -> None:
        self._client = client
        self._job = job
        self._path = path_of(API_VERSION, KIND, client.namespace, name)
        self._output = output
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue()
        chosen = f"mlrun/job={name}"
        self._watches = [
            Watch(client, path_of(API_VERSION, KIND, client.namespace),
                  lambda c: self._queue.put(("application", c)), chosen),
            Watch(client, path_of("v1", "Pod", client.namespace),
                  lambda c: self._queue.put(("pod", c)), f"{chosen},spark-role=driver"),
        ]  # fmt: skip
        self._limits = Thresholds(job.function.spec.state_thresholds)
        self._application: dict[str, Any] = {}
        self._pod: dict[str, Any] = {}
        self._log: LogStream | None = None
        self._log_ended = False
        self._cause: Cause | None = None
        self.stop = ""
        now = time.monotonic()
        self._started, self._ask, self._state_since = now, now, now
        self._state = ""
        self._running_since = self._ended_at = _NEVER
        self._told = ""

    def run(self) -> Cause:
        """Follow to the end; gives why it ended. `stop` says whether it was stopped.

        Raises:
            KeyboardInterrupt: after the application was deleted.
        """
        for watch in self._watches:
            watch.start()
        try:
            while not self._finished():
                with contextlib.suppress(queue.Empty):
                    self._take(*self._queue.get(timeout=_ASK_EVERY / 2))
                self._tick()
        except KeyboardInterrupt:
            self._delete()
            raise
        finally:
            for watch in self._watches:
                watch.stop()
            if self._log is not None:
                self._log.stop()
            while not self._queue.empty():
                kind, value = self._queue.get_nowait()
                if kind == "log" and value is not None:
                    self._output.write(value)
            self._output.end()
        return self._cause or self._why()

    # -- what the threads see -------------------------------------------------------------

    def _take(self, kind: str, value: Any) -> None:
        if kind == "log":
            if value is None:
                self._log_ended = True
            else:
                self._output.write(value)
            return
        change: Change = value
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
            if self._application and self._ended_at == _NEVER:
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
            self._read_log(pod or f"{item['metadata']['name']}-driver")
            self._running_since = min(self._running_since, time.monotonic())
        if state in (*_COMPLETED, *_FAILED):
            self._end()

    def _see_pod(self, pod: dict[str, Any]) -> None:
        self._pod = pod
        phase = str((pod.get("status") or {}).get("phase") or "")
        if phase in ("Running", "Succeeded", "Failed"):
            self._read_log(pod["metadata"]["name"])
        if phase in ("Succeeded", "Failed") and self._log is not None:
            self._log.container_ended()

    def _read_log(self, pod: str) -> None:
        if self._log is None:
            self._log = LogStream(
                self._client,
                (self._client.namespace, pod),
                DRIVER_CONTAINER,
                lambda data: self._queue.put(("log", data)),
            )
            self._log.start()

    # -- what has to be done now and then -------------------------------------------------

    def _finished(self) -> bool:
        if self._ended_at == _NEVER:
            return False
        read = self._log is None or self._log_ended
        return read or time.monotonic() - self._ended_at > _LOG_AFTER_END

    def _tick(self) -> None:
        now = time.monotonic()
        if self._ended_at < _NEVER:
            return
        if now >= self._ask:
            self._ask = now + _ASK_EVERY
            self._keep_alive()
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
        waits = explain_wait(self._pod) if self._running_since == _NEVER and self._pod else None
        if waits is not None:
            self._say_once(f"the driver's pod waits: {waits.what}\n  fix: {waits.fix}")
            if waits.fatal:
                self._end_with(waits)
                return
        exceeded = self._limits.exceeded(state_of(self._pod)) if self._pod else ""
        if exceeded:
            fix = "fn.set_state_thresholds({...}) gives it more time"
            self._abort(Cause("threshold", exceeded, waits.fix if waits is not None else fix))

    def _keep_alive(self) -> None:
        meta = self._job.run.metadata
        try:
            state = self._job.store.heartbeat(meta.project, meta.uid, meta.iteration)
        except (NotFoundError, StoreUnavailableError):
            return  # not recorded yet, or not reachable: the run goes on
        if state in ("aborting", "aborted") and not self.stop:
            self._abort(Cause("aborted", "the run was aborted", ""))

    def _abort(self, cause: Cause) -> None:
        """Record the end first: what the driver records while it is ended does not change it."""
        self.stop, self._cause = ABORT, cause
        catch_up(self._job)
        record(self._job, "aborted", sentence(cause), self._output.tail())
        self._delete()

    def _end_with(self, cause: Cause) -> None:
        self._cause = cause
        self._delete()

    def _delete(self) -> None:
        """Have the application deleted; the operator ends its driver, and that its executors."""
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
        if self._log is not None:
            self._log.container_ended()

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
