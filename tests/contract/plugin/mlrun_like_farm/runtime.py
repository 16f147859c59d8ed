"""The `farm` kind: a run on an engine that is reached by HTTP and cannot reach our store.

The payload goes there as JSON. Records come back in the program's output, which is polled; what is
not a record is the run's log.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any, ClassVar

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.explain import explain_end
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.relayed import Relayed
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT
from mlrun_like.runtimes.workplace import own_variables
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["ADDRESS", "FarmRuntime"]

ADDRESS = "FARM_ADDRESS"
"""Variable with the engine's URL."""
_EVERY = 0.1
_GRACE = 3.0


class FarmRuntime(Runtime):
    """Submits a job to the farm, follows its output, and stops it when asked to."""

    kind: ClassVar[str] = "farm"
    local_form: ClassVar[str] = "process"

    def unavailable(self, document: FunctionDoc) -> str:
        """See Runtime.unavailable."""
        return "" if os.environ.get(ADDRESS) else f"no farm is configured: set {ADDRESS}"

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        if document.spec.node_selector:
            fix = "leave node_selector out"
            yield Finding("no-nodes", "a farm has no nodes to select", "spec.node_selector", fix)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        started = utc_now()
        try:
            variables, _ = own_variables(job.function)
            request = {"payload": build_payload(job, relay=True), "variables": variables}
            identity = str(_ask("POST", "/jobs", request)["id"])
            return _Follower(job, identity).follow(started)
        except MLRunLikeError as exc:
            return record(job, "error", str(exc))


class _Follower:
    """Follows one job of the farm to its end."""

    def __init__(self, job: Job, identity: str) -> None:
        self._job = job
        self._path = f"/jobs/{identity}"
        self._relayed = Relayed(job)
        self._offset = 0
        self._tail = b""
        self._stop = ""
        limit = job.run.spec.timeout
        self._deadline = time.monotonic() + limit + _GRACE if limit else float("inf")

    def follow(self, started: str) -> RunDoc:
        while True:
            answer = _ask("GET", f"{self._path}?offset={self._offset}")
            data = base64.b64decode(answer["output"])
            self._offset += len(data)
            self._take(self._relayed.feed(data))
            code = answer["code"]
            if code is not None and not data:
                break
            self._look()
            if not data:
                time.sleep(_EVERY)
        self._take(self._relayed.end())
        tail = self._tail.decode("utf-8", "replace")
        last = self._relayed.finished
        error = "" if last is not None else explain_end(code, tail)
        return conclude(self._job, last, End(error, self._stop, started, tail))

    def _take(self, text: bytes) -> None:
        meta = self._job.run.metadata
        if text:
            self._tail = (self._tail + text)[-4096:]
            self._job.store.append_log(meta.project, meta.uid, text)
            if self._job.watch:
                sys.stdout.write(text.decode("utf-8", "replace"))

    def _look(self) -> None:
        meta = self._job.run.metadata
        if self._stop:
            return
        try:
            state = self._job.store.heartbeat(meta.project, meta.uid, meta.iteration)
        except MLRunLikeError:
            return  # nothing of it is recorded yet
        if state in ("aborting", "aborted"):
            self._stop = ABORT
        elif time.monotonic() > self._deadline:
            self._stop = TIMEOUT
        if self._stop:
            _ask("DELETE", self._path)


def _ask(method: str, path: str, body: Any = None) -> dict[str, Any]:
    address = os.environ.get(ADDRESS, "")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))
    except (OSError, urllib.error.URLError, ValueError) as exc:
        raise EngineError(
            f"the farm at {address!r} cannot be used: {exc}", fix=f"check {ADDRESS}"
        ) from exc
