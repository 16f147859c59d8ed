"""The `process` kind: a process of its own for every run, on this machine."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError, SpecError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.child import Request
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.preload import modules_to_preload
from mlrun_like.runtimes.processes import Ending, FreshProcess
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT, Outcome, supervise
from mlrun_like.runtimes.warm_server import Warmth
from mlrun_like.runtimes.workplace import Workplace, own_variables, workplace_of
from mlrun_like.runtimes.zygote_client import start_warm, warm_up
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["ProcessRuntime", "prewarm"]


class ProcessRuntime(Runtime):
    """Runs a function in a process of its own, forked from a warm server or newly started.

    The run has the function's environment variables, working folder and memory limit (`cpu` is
    left to the operating system), its output is the run's log, and it ends with this process.
    With the setting `warm` off, or where forking is not possible, each run gets a new interpreter.
    """

    kind: ClassVar[str] = "process"
    packages_code: ClassVar[bool] = True

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        try:
            place = workplace_of(job.function)
        except MLRunLikeError as exc:
            return _record(job, "error", str(exc), "")
        output = OutputPipe(job)
        try:
            if place.missing:
                names = ", ".join(place.missing)
                output.note(f"mlrun-like: not set here, only in a cluster: {names}")
            with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
                result = Path(folder, "result.json")
                started = utc_now()
                try:
                    outcome = _execute(job, place, output, result)
                except KeyboardInterrupt:
                    _record(job, "aborted", "the run was interrupted from the keyboard", "")
                    raise
                return _conclude(job, result, outcome, (started, output.tail()))
        finally:
            output.close()


def prewarm(doc: FunctionDoc) -> None:
    """Start the warm server for a function in the background, so that its first run is fast.

    Args:
        doc: The function, with its source embedded.

    Raises:
        InvalidArgumentError: if its environment variables cannot be used.
    """
    if _can_fork():
        warm_up(_warmth(doc, own_variables(doc)[0]))


def _can_fork() -> bool:
    return bool(config.warm) and hasattr(os, "fork")


def _warmth(doc: FunctionDoc, own: dict[str, str]) -> Warmth:
    return Warmth(env=own, modules=modules_to_preload(doc))


def _execute(job: Job, place: Workplace, output: OutputPipe, result: Path) -> Outcome:
    request = Request(
        argument=build_payload(job, str(result)),
        cwd=place.cwd,
        path=place.path,
        env=place.env,
        memory=place.memory,
    )
    if _can_fork():
        reason = ""
        for _ in range(2):  # a server may end at the moment it is asked
            process = start_warm(_warmth(job.function, place.own), request, output.write_end)
            if isinstance(process, str):
                reason = process
                break
            try:
                outcome = supervise(process, output, job)
            finally:
                process.close()
            if outcome.ending.started or outcome.stop:
                return outcome
            reason = outcome.ending.reason
        output.note(f"mlrun-like: no warm start ({reason}); using a new interpreter")
    fresh = FreshProcess(request, output.write_end, result.parent)
    output.started()
    try:
        return supervise(fresh, output, job)
    finally:
        fresh.close()


def _conclude(job: Job, result: Path, outcome: Outcome, seen: tuple[str, str]) -> RunDoc:
    """The run as its process recorded it, else as its end tells."""
    recorded = _recorded(result)
    if recorded is not None:
        done = recorded.status.state
        if done in TERMINAL or (done == "pending" and outcome.stop != ABORT):
            return recorded
        job.run = recorded
    else:
        _catch_up(job)
    started, tail = seen
    if outcome.stop == ABORT:
        return _record(job, "aborted", "the run was aborted", tail)
    if outcome.stop == TIMEOUT:
        error = f"the run exceeded its timeout of {job.run.spec.timeout:g} s and was killed"
    else:
        error = _explain(outcome.ending, job)
    job.run.status.attempts.append(
        {"attempt": job.attempt, "error": error, "started": started, "ended": utc_now()}
    )
    return _record(job, "error" if job.last_attempt else "pending", error, tail)


def _recorded(result: Path) -> RunDoc | None:
    try:
        text = result.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return parse(RunDoc, json.loads(text), "the run's result")


def _catch_up(job: Job) -> None:
    """Take over what the process recorded before it was lost."""
    meta = job.run.metadata
    try:
        stored = job.store.read_run(meta.project, meta.uid, meta.iteration)
        job.run = parse(RunDoc, stored)
    except (NotFoundError, StoreUnavailableError, SpecError):
        return  # it never got so far; what we know stands


def _record(job: Job, state: str, error: str, tail: str) -> RunDoc:
    status = job.run.status
    status.state, status.error, status.status_text = state, error, tail
    status.start_time = status.start_time or utc_now()
    status.last_update = utc_now()
    if state in TERMINAL:
        status.end_time = status.last_update
    job.store.store_run(job.run.to_dict())
    return job.run


def _explain(ending: Ending, job: Job) -> str:
    """Why a process ended without recording its run, in words."""
    if ending.code is None:
        return f"the run was lost: {ending.reason}"
    limit = (job.function.spec.resources.get("limits") or {}).get("memory")
    if ending.code >= 0:
        return f"the process ended with exit code {ending.code} before the run was recorded"
    try:
        name = signal.Signals(-ending.code).name
    except ValueError:
        name = "unknown"
    text = f"the process was ended by signal {-ending.code} ({name})"
    if name == "SIGKILL":
        text += ": the machine ran out of memory, or somebody killed it from outside"
    elif name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
        text += ": native code crashed"
        if limit:
            text += f", perhaps at its memory limit of {limit}"
    return text
