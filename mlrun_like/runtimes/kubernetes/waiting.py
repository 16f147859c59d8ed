"""Why a run does not start: looked up now and then, told in its log and its status."""

from __future__ import annotations

import time
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes.causes import Cause
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.explain import explain_job, explain_wait
from mlrun_like.runtimes.kubernetes.output import LogOutput

__all__ = ["Waiting"]

_EVERY = 1.0
_FIRST = 0.3


class Waiting:
    """Looks at the events of a job and its pod until the pod runs.

    Args:
        client: The cluster.
        job: Whose run it is.
        path: Of the Job object.
        output: Takes the notes.
    """

    def __init__(self, client: Client, job: Job, path: str, output: LogOutput) -> None:
        self._client = client
        self._job = job
        self._path = path
        self._output = output
        self._next = time.monotonic() + _FIRST
        self._told = ""
        self.last: Cause | None = None

    def look(self, pod: dict[str, Any]) -> Cause | None:
        """The cause if waiting cannot help, else None; asks the server at most once a second.

        Args:
            pod: The pod; empty: there is none yet.
        """
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + _EVERY
        try:
            self.last = explain_wait(pod, self._events(pod)) if pod else self._why_no_pod()
        except NotFoundError:
            return Cause(
                "deleted",
                "the run was lost: its job was deleted from outside",
                "kubectl get events tells who; retry=Retry(count=2) starts it again",
            )
        except MLRunLikeError:
            return None  # the watch notices if this lasts
        if self.last is None:
            return None
        if self.last.what != self._told:
            self._tell(self.last)
        return self.last if self.last.fatal else None

    def _why_no_pod(self) -> Cause | None:
        found = self._client.get(self._path)
        return explain_job(found, self._events(found))

    def _events(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        path = path_of("v1", "Event", self._client.namespace)
        chosen = f"involvedObject.uid={item['metadata'].get('uid')}"
        found = self._client.get(path, fieldSelector=chosen, limit=50)
        return list(found.get("items") or ())

    def _tell(self, cause: Cause) -> None:
        self._told = cause.what
        self._output.note(f"mlrun-like: the pod waits: {cause.what}\n  fix: {cause.fix}")
        status = self._job.run.status
        if status.state in ("created", "pending"):
            status.state, status.status_text = "pending", f"{cause.what}. To fix it: {cause.fix}"
            status.last_update = utc_now()
            self._job.store.store_run(self._job.run.to_dict(), wait=False)
