"""Calling user code with a time limit, without letting it stop the controller.

Applications run in a thread of the controller's process: a process for each would cost more than
most windows take. A thread cannot be ended, so one that hangs is left behind; its application
rests until the thread ends or the process is replaced, which the service does.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlrun_like.errors import MLRunLikeError

__all__ = ["Outcome", "Runner"]

_TRACE = 4000  # characters of a traceback that are kept


class Outcome(NamedTuple):
    """Values of the calls that went well, in their order, and why the next one failed (empty: it
    did not)."""

    values: list[Any]
    error: str = ""


@dataclass
class _Job:
    """Some calls and what became of them."""

    calls: Sequence[Callable[[], Any]]
    budget: float
    context: contextvars.Context
    done: threading.Event = field(default_factory=threading.Event)
    values: list[Any] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    error: str = ""


class Runner:
    """Runs calls one after another in a thread."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[_Job | None] | None = None
        self._thread: threading.Thread | None = None
        self._hung: dict[str, threading.Thread] = {}

    def hanging(self, name: str = "") -> list[str]:
        """Names whose calls still hang; only this name, if it is given."""
        self._hung = {key: one for key, one in self._hung.items() if one.is_alive()}
        return [key for key in self._hung if not name or key == name]

    def run(
        self, name: str, calls: Sequence[Callable[[], Any]], timeout: float, budget: float = 1.0
    ) -> Outcome:
        """Call them in their order until one fails or the budget is used up.

        They are handed over together, because changing threads costs more than most calls.

        Args:
            name: Whose calls they are.
            calls: What to do.
            timeout: Seconds that each may take. One that takes longer goes on, and its value is
                lost.
            budget: Seconds after which no further one is begun.
        """
        inbox = self._inbox
        if inbox is None:
            inbox = self._inbox = queue.SimpleQueue()
            self._thread = threading.Thread(
                target=_work, args=(inbox,), name="monitoring-application", daemon=True
            )
            self._thread.start()
        job = _Job(calls, budget, contextvars.copy_context())
        inbox.put(job)
        while not job.done.wait(max(0.001, job.begun + timeout - time.monotonic())):
            if time.monotonic() < job.begun + timeout:
                continue  # the next call has begun meanwhile
            if self._thread is not None:
                self._hung[name] = self._thread
            inbox.put(None)  # if it comes back after all, its thread ends
            self._inbox = self._thread = None
            error = (
                f"it took longer than {timeout:g} s for one window; make it faster, or register "
                "it with a larger timeout"
            )
            return Outcome(list(job.values), error)
        return Outcome(job.values, job.error)

    def close(self) -> None:
        """End the thread."""
        inbox, thread = self._inbox, self._thread
        self._inbox = self._thread = None
        if inbox is not None:
            inbox.put(None)
        if thread is not None:
            thread.join(5)


def _work(inbox: queue.SimpleQueue[_Job | None]) -> None:
    while (job := inbox.get()) is not None:
        job.context.run(_do, job)
        job.done.set()
        del job


def _do(job: _Job) -> None:
    first = job.begun = time.monotonic()
    for call in job.calls:
        job.begun = time.monotonic()
        if job.begun - first > job.budget:
            return
        try:
            job.values.append(call())
        except MLRunLikeError as exc:
            job.error = str(exc)
            return
        except BaseException as exc:  # noqa: BLE001 - the boundary to user code, even sys.exit()
            trace = "".join(traceback.format_exception(exc)[-4:])
            job.error = f"{type(exc).__name__}: {exc}\n{trace}"[:_TRACE]
            return
