"""What is raised for a run that did not end well, or whose record is kept nowhere."""

from __future__ import annotations

from mlrun_like.errors import (
    RecordLostError,
    RunAbortedError,
    RunError,
    RunLostError,
    RunTimeoutError,
)
from mlrun_like.names import RunURI
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import Store

__all__ = ["error_of", "lost_record"]

_TIMED_OUT = "the run exceeded its timeout"
_ENDED = {"error": "failed", "aborted": "was aborted"}
_LOST = (
    "the run's process ended without a word",
    "the run was lost",
    "the process was ended by signal",
    "the process ended with exit code",
)


def error_of(run: RunDoc) -> RunError:
    """The error that stands for a run that did not complete."""
    meta, status = run.metadata, run.status
    uri = str(RunURI(meta.project, meta.uid, meta.iteration))
    what = f"run {meta.name!r} failed: {status.error or status.status_text or 'unknown error'}"
    kind: type[RunError] = RunError
    text = status.error or ""
    if status.state == "aborted":
        kind, what = RunAbortedError, f"run {meta.name!r} was aborted: {text}"
    elif text.startswith(_TIMED_OUT) and not status.traceback:
        kind = RunTimeoutError
    elif text.startswith(_LOST) and not status.traceback:
        kind = RunLostError
    return kind(what, where=uri, fix=f"mlrun-like logs {meta.uid}", traceback=status.traceback)


def lost_record(store: Store, run: RunDoc) -> RecordLostError | None:
    """What to raise if the record of a run that ended lives in this process's memory only."""
    reason = store.unwritten()
    if not reason:
        return None
    name, state = run.metadata.name, run.status.state
    return RecordLostError(
        f"run {name!r} {_ENDED.get(state, state)}, but its record is not kept: {reason}",
        where=str(RunURI(run.metadata.project, run.metadata.uid, run.metadata.iteration)),
        fix="make room: while this process lives the records wait in its memory, and are written "
        "as soon as they can be; the error's `run` has the results",
        run=run.to_dict(),
    )
