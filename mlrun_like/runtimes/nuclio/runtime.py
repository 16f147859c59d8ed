"""Runs inside a deployed function: each is a request to it (MLRun's `nuclio:mlrun`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, MLRunLikeError, SpecError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.concluding import record
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.deploying import status_from
from mlrun_like.runtimes.nuclio.http import request
from mlrun_like.runtimes.nuclio.names import nuclio_name, project_of
from mlrun_like.runtimes.nuclio.source import form_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["NuclioRuntime"]

_LONGEST = 24 * 3600.0  # seconds that a run without a timeout may take
_ONLY_RUNS = (
    "a handler of Nuclio answers events, it has no runs",
    'fn.invoke(path, body); or code_to_function(..., kind="nuclio:mlrun") for runs',
)


class NuclioRuntime(Runtime):
    """Sends a run to `<address>/<handler>` and records what comes back.

    The function runs one request per worker at a time; a run cannot be aborted from here.
    """

    kind = "nuclio"
    can_abort: ClassVar[bool] = False
    local_form: ClassVar[str] = "process"

    def unavailable(self, document: FunctionDoc) -> str:
        """No address and nobody to ask for it."""
        if document.status.get("address") or config.nuclio_dashboard_url:
            return ""
        return "the function is not deployed, and no Nuclio dashboard is configured"

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """Whether the function takes runs at all."""
        del run
        if form_of(document) != "mlrun":
            where = f"function {document.metadata.name!r}, kind {document.kind!r}"
            yield Finding("no-runs", _ONLY_RUNS[0], where, _ONLY_RUNS[1])

    def attempt(self, job: Job) -> RunDoc:
        """Send the run once."""
        run, started = job.run, utc_now()
        run.status.state, run.status.start_time = "running", run.status.start_time or started
        job.store.store_run(run.to_dict())
        error = ""
        try:
            found = self._sent(job, _address(job.function))
        except MLRunLikeError as exc:
            error = exc.what
        else:
            run.status = found.status
            if run.status.state == "completed":
                job.store.store_run(run.to_dict())
                return run
            error = run.status.error or f"the function gave the run back as {run.status.state!r}"
        attempt = {"attempt": job.attempt, "error": error, "started": started, "ended": utc_now()}
        run.status.attempts = [
            *(row for row in run.status.attempts if row.get("attempt") != job.attempt),
            attempt,
        ]
        return record(job, "error" if job.last_attempt else "pending", error)

    def _sent(self, job: Job, address: str) -> RunDoc:
        run = job.run
        body = {**run.to_dict(), "status": {}}
        headers = {
            "Content-Type": "application/json",
            "x-nuclio-target": _name(job.function),
            "x-nuclio-log-level": run.spec.log_level or "info",
        }
        url = f"{address}/{run.spec.handler or job.function.spec.default_handler}"
        data = json.dumps(body, default=str).encode()
        reply = request("PUT", url, data, headers, timeout=run.spec.timeout or _LONGEST)
        log = _log_of(reply.headers.get("x-nuclio-logs", ""))
        if log:
            job.store.append_log(run.metadata.project, run.metadata.uid, log.encode())
            if job.watch:
                sys.stdout.write(log)
        if reply.status != 200:
            raise EngineError(
                f"the function answered {reply.status}: {reply.told()}", where=f"PUT {url}"
            )
        found = reply.json()
        if not isinstance(found, Mapping):
            raise SpecError("the function's answer is no run", where=f"PUT {url}")
        known, _ = split_foreign(RunDoc, found)
        back = parse(RunDoc, known, "the function's answer")
        if back.status.state not in TERMINAL:  # MLRun's functions leave that to the caller
            back.status.state = "error" if back.status.error else "completed"
            back.status.end_time = utc_now()
        return back


def _name(document: FunctionDoc) -> str:
    return nuclio_name(document.metadata.name, project_of(document), document.metadata.tag)


def _address(document: FunctionDoc) -> str:
    """Where the function is deployed, without a slash at the end."""
    status: Mapping[str, Any] = document.status
    if not status.get("address"):
        client, name = Dashboard(), _name(document)
        found = client.function(name)
        if found is None:
            raise EngineError(
                f"function {name!r} is not deployed",
                where=f"Nuclio's dashboard at {client.url}",
                fix="fn.deploy()",
            )
        status = status_from(client, name, found)
    urls = status.get("external_invocation_urls") or [status.get("address")]
    url = str(urls[0] or "")
    return (url if "://" in url else f"http://{url}").rstrip("/")


def _log_of(header: str) -> str:
    """Lines of the log that Nuclio sends in a header."""
    try:
        rows = json.loads(header) if header else []
    except ValueError:
        return header + "\n"
    if not isinstance(rows, list):
        return ""
    messages = [row.get("message", "") for row in rows if isinstance(row, Mapping)]
    return "".join(f"{message}\n" for message in messages)
