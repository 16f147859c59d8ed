"""The `process` kind: a process of its own for every run, on this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.child import Request
from mlrun_like.runtimes.concluding import End, conclude, explain_ending, record, recorded
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.preload import modules_to_preload
from mlrun_like.runtimes.processes import FreshProcess
from mlrun_like.runtimes.supervise import Outcome, supervise
from mlrun_like.runtimes.warm_server import Warmth
from mlrun_like.runtimes.workplace import Workplace, own_variables, workplace_of
from mlrun_like.runtimes.zygote_client import start_warm, warm_up
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["ProcessRuntime", "prewarm"]


class ProcessRuntime(Runtime):
    """Runs a function in a process of its own, forked from a warm server or newly started.

    The run has the function's environment variables, working folder and memory limit (`cpu` is
    left to the operating system), its output is the run's log, and it ends with this process.
    With the setting `warm` off, or where forking is not possible, each run gets a new interpreter.
    """

    kind: ClassVar[str] = "process"
    packages_code: ClassVar[bool] = True

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        del run
        try:
            workplace_of(document)
        except MLRunLikeError as exc:
            yield Finding("surroundings", exc.what, exc.where, exc.fix)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        try:
            place = workplace_of(job.function, moved=True)
        except MLRunLikeError as exc:
            return record(job, "error", str(exc))
        output = OutputPipe(job)
        try:
            if place.missing:
                names = ", ".join(place.missing)
                output.note(f"mlrun-like: not set here, only in a cluster: {names}")
            if place.note:
                output.note(f"mlrun-like: {place.note}")
            with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
                result = Path(folder, "result.json")
                started = utc_now()
                try:
                    outcome = _execute(job, place, output, result)
                except KeyboardInterrupt:
                    record(job, "aborted", "the run was interrupted from the keyboard")
                    raise
                end = End(explain_ending(outcome.ending, job), outcome.stop, started, output.tail())
                return conclude(job, recorded(result, job), end)
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
        stay=bool(job.together),
    )
    if _can_fork():
        reason = ""
        for _ in range(2):  # a server may end at the moment it is asked
            warmth = _warmth(job.function, place.own)
            process = start_warm(warmth, request, output.write_end, job.together)
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
