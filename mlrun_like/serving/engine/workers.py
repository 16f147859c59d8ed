"""Threads for steps that block: made when needed, and never in the way of the process's end."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

__all__ = ["Workers"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Shared:
    """What the threads of a pool and the pool both know."""

    def __init__(self) -> None:
        self.work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.idle = 0
        self.threads = 0
        self.process = os.getpid()


class Workers(Executor):
    """An executor like `ThreadPoolExecutor`, for calls that nobody can stop.

    A step that hangs must not keep the process from ending, so the threads are daemons. A child
    process after a fork starts threads of its own. Threads end with the pool.

    Args:
        most: How many threads there may be.
        name: What their names begin with.

    >>> Workers(1, "example").submit(abs, -3).result()
    3
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._shared = _Shared()
        self._end = weakref.finalize(self, self._shared.work.put, None)
        self._end.atexit = False

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Call it in a thread, as soon as one is free.

        Raises:
            RuntimeError: if the pool is closed.
        """
        if self._closed:
            raise RuntimeError("the threads of this server have ended: it is closed")
        if self._shared.process != os.getpid():  # threads do not survive a fork
            self._end.detach()
            self._start()
        shared = self._shared
        future: Future[_R] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = fn(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001  the one who waits gets it, whatever it is
                future.set_exception(exc)
            else:
                future.set_result(found)

        with shared.lock:
            shared.work.put(call)
            if shared.idle:
                shared.idle -= 1
            elif shared.threads < self._most:
                shared.threads += 1
                name = f"{self._name}_{shared.threads}"
                threading.Thread(target=_work, args=(shared,), name=name, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads once what was submitted is done; `wait` is ignored: calls may hang."""
        self._closed = True
        if self._end.alive:
            self._end()


def _work(shared: _Shared) -> None:
    while True:
        call = shared.work.get()
        if call is None:
            shared.work.put(None)  # the next thread must end too
            return
        call()
        del call  # an idle thread must not keep the last event alive
        with shared.lock:
            shared.idle += 1
