"""Watching one run's process: its output, its end, its time limit, and the wish to stop it."""

from __future__ import annotations

import selectors
import signal
import time
from typing import NamedTuple

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import Ending, RunProcess

__all__ = ["ABORT", "TIMEOUT", "Outcome", "supervise"]

ABORT, TIMEOUT = "abort", "timeout"
_ASK_EVERY = 0.5
_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL, and between SIGKILL and giving up."""
_OWN_LIMIT = 2.0
"""Seconds past the time limit in which a run's process may end by itself: it watches the limit too
and can say where it was; only a call that never returns to Python needs to be killed."""
_WITHOUT_DESCRIPTOR = 0.02


class Outcome(NamedTuple):
    """How a process ended, and why it was told to: `""`, ABORT or TIMEOUT."""

    ending: Ending
    stop: str = ""


def supervise(process: RunProcess, output: OutputPipe, job: Job) -> Outcome:
    """Wait for the end of a run's process.

    Args:
        process: It; still to be closed by the caller.
        output: Its output, which is read to the end.
        job: Whose run it is.
    """
    watch = _Watch(process, job)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        if process.fileno() >= 0:
            selector.register(process.fileno(), selectors.EVENT_READ)
        step = _ASK_EVERY if process.fileno() >= 0 else _WITHOUT_DESCRIPTOR
        while True:
            for key, _ in selector.select(watch.wait(step)):
                if key.fileobj is output and not output.pump():
                    selector.unregister(output)
            ending = process.poll() or watch.tick()
            if ending is not None:
                break
    output.drain()
    if watch.stop:
        process.signal(signal.SIGKILL)  # what it started and left in its group
    return Outcome(ending, watch.stop)


class _Watch:
    """Decides when to stop a process, and how hard."""

    def __init__(self, process: RunProcess, job: Job) -> None:
        self._process = process
        self._job = job
        self.stop = ""
        now = time.monotonic()
        limit = job.run.spec.timeout
        self._deadline = now + limit + _OWN_LIMIT if limit else float("inf")
        self._ask = now + _ASK_EVERY
        self._kill = self._give_up = float("inf")

    def wait(self, step: float) -> float:
        """Seconds until the next thing to do."""
        due = min(self._deadline, self._kill, self._give_up) - time.monotonic()
        return max(0.0, min(step, due))

    def tick(self) -> Ending | None:
        """Do what is due; an ending only for a process that cannot be killed."""
        now = time.monotonic()
        if now >= self._give_up:
            return Ending(None, True, "it could not be killed")
        if now >= self._kill:
            self._kill, self._give_up = float("inf"), now + _GRACE
            self._process.signal(signal.SIGKILL)
        elif not self.stop and now >= self._deadline:
            # It had its chance to end in order; SIGTERM would be recorded as an abort.
            self.stop, self._deadline, self._kill = TIMEOUT, float("inf"), now
        elif not self.stop and now >= self._ask:
            self._ask = now + _ASK_EVERY
            if self._state() in ("aborting", "aborted"):
                self.stop, self._deadline, self._kill = ABORT, float("inf"), now + _GRACE
                self._process.signal(signal.SIGTERM)
        return None

    def _state(self) -> str:
        meta = self._job.run.metadata
        try:
            return self._job.store.heartbeat(meta.project, meta.uid, meta.iteration)
        except (NotFoundError, StoreUnavailableError):
            return ""  # not recorded yet, or not reachable: the run goes on
