"""How a run in another process ends: as that process recorded it, else as its end tells."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import NamedTuple

from mlrun_like.errors import NotFoundError, SpecError, StoreUnavailableError
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import UNWRITTEN
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.processes import Ending
from mlrun_like.runtimes.supervise import ABORT, TIMEOUT
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import TERMINAL, RunDoc

__all__ = ["End", "catch_up", "conclude", "explain_ending", "record", "recorded"]


class End(NamedTuple):
    """What is known at the end of an attempt.

    Args:
        error: Why it ended, in words; used if it did not record its own end.
        stop: ABORT or TIMEOUT if it was stopped for that; else empty.
        started: When the attempt began, ISO time.
        tail: The last lines it printed.
    """

    error: str
    stop: str = ""
    started: str = ""
    tail: str = ""


def conclude(job: Job, last: RunDoc | None, end: End) -> RunDoc:
    """The run at the end of an attempt, recorded.

    Args:
        job: Whose run it is; its `run` is brought up to date.
        last: The document that the other side recorded at its end; None: it did not get so far.
        end: What is known besides.
    """
    if last is not None:
        done = last.status.state
        if done in TERMINAL or (done == "pending" and end.stop != ABORT):
            return last
        job.run = last
    else:
        catch_up(job)
    if end.stop == ABORT:
        return record(job, "aborted", "the run was aborted", end.tail)
    error = end.error
    if end.stop == TIMEOUT:
        error = f"the run exceeded its timeout of {job.run.spec.timeout:g} s and was killed"
    job.run.status.attempts.append(
        {"attempt": job.attempt, "error": error, "started": end.started, "ended": utc_now()}
    )
    return record(job, "error" if job.last_attempt else "pending", error, end.tail)


def recorded(result: Path, job: Job) -> RunDoc | None:
    """The run document that the other side wrote at its end, if it got so far.

    Args:
        result: The file.
        job: Whose run it is; stored here if the other side could not.
    """
    try:
        text = result.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    document = json.loads(text)
    unwritten = document.pop(UNWRITTEN, False)
    run = parse(RunDoc, document, "the run's result")
    if unwritten:
        job.store.store_run(run.to_dict())
    return run


def catch_up(job: Job) -> None:
    """Take over what the other side recorded before it was lost."""
    meta = job.run.metadata
    try:
        stored = job.store.read_run(meta.project, meta.uid, meta.iteration)
        job.run = parse(RunDoc, stored)
    except (NotFoundError, StoreUnavailableError, SpecError):
        return  # it never got so far; what we know stands


def record(job: Job, state: str, error: str, tail: str = "") -> RunDoc:
    """Write the run's state; a terminal one ends it."""
    status = job.run.status
    status.state, status.error, status.status_text = state, error, tail
    status.start_time = status.start_time or utc_now()
    status.last_update = utc_now()
    if state in TERMINAL:
        status.end_time = status.last_update
    job.store.store_run(job.run.to_dict())
    return job.run


def explain_ending(ending: Ending, job: Job) -> str:
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
