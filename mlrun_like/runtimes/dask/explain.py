"""Dask's errors in words: what happened, to which task, on which machine."""

from __future__ import annotations

import re
from typing import Any

from mlrun_like.runs.tracebacks import error_line
from mlrun_like.runtimes.dask.session import Session

__all__ = ["explain", "explain_future"]

_KILLED = re.compile(
    r"KilledWorker: Attempted to run task (?P<task>.+?) on (?P<count>\d+) different workers"
    r".*?The last worker that attempt to run the task was (?P<worker>\S+?)\.(?:\s|$)",
    re.DOTALL,
)
_MEMORY = re.compile(
    r"(?:memory budget|memory usage|Restarting|[Tt]erminat|SIGKILL|signal 9)[^\n]*"
)
_LOST = (
    *("scheduler-connection-lost", "CommClosedError", "ClosedClientError"),
    *("in <TCP", "Timed out trying to connect"),
)
_SCATTERED = "lost-dependencies"


def explain_future(future: Any, session: Session) -> str:
    """Why a future has no result, explained."""
    error: BaseException | None = None
    if future.status != "cancelled":
        error = future.exception()
    elif session.watch.reason:
        return f"EngineError: {session.watch.reason}"
    error = error or getattr(future._state, "exception", None)
    return explain(error_line(error) if error else "CancelledError: cancelled", session)


def explain(error: str, session: Session) -> str:
    """An error line of a run, in words if it is one of Dask's own; else as it is."""
    address = session.link.address
    if session.watch.reason and "ancelled" in error:
        return f"EngineError: {session.watch.reason}"
    killed = _KILLED.match(error)
    if killed is not None:
        return (
            f"KilledWorker: task {killed['task']} was tried on {killed['count']} workers, and each "
            f"was lost while it ran it (the last: {killed['worker']}). "
            f"{_why(session, killed['worker'])}"
        )
    if any(mark in error for mark in _LOST):
        return (
            f"EngineError: the connection to the Dask scheduler {address} was lost: it was ended, "
            f"or its host is cut off ({error})"
        )
    if _SCATTERED in error:
        gone = ", ".join(dict.fromkeys(session.watch.lost)) or "a worker"
        return f"EngineError: data that only {gone} held was lost with it ({error})"
    return error


def _why(session: Session, worker: str) -> str:
    """What is known of a lost worker's end: its nanny outlives it and has a log."""
    limit, seen = "", ""
    client = session.link.client
    try:
        logs: Any = client.sync(client.scheduler.worker_logs, n=40, nanny=True, callback_timeout=3)
        found = client.sync(client.scheduler.identity, callback_timeout=3)["workers"]
        host = worker.rpartition(":")[0]
        for text in [line for lines in logs.values() for _, line in lines]:
            hit = _MEMORY.search(text)
            if hit and (worker in text or host in text or "worker" in text.lower()):
                seen = hit[0].strip()
                break
        limits = {row.get("memory_limit") for row in found.values()} - {None, 0}
        if limits:
            limit = f" (their limit is {min(limits) / 2**20:.0f} MiB)"
    except Exception:  # noqa: BLE001 - it is only a hint, and the cluster may be gone
        limit = limit or ""
    if "memory" in seen:
        return f"They ran out of memory{limit}: {seen}. Use smaller parts, or with_worker_limits"
    return (
        f"Workers that die like this mostly ran out of memory{limit}, or the task ended its "
        "process (os._exit, a crash in native code): see the workers' logs"
    )
