"""Threads that do not keep the process from ending, for calls that may never return."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

__all__ = ["Daemons"]

_IDLE = 10.0


class Daemons(Executor):
    """An executor whose threads are daemons; they start when needed and end when idle.

    Args:
        most: Threads at the same time; further calls wait.
        name: The threads' name.

    >>> pool = Daemons(1, "example")
    >>> pool.submit(len, "abc").result()
    3
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], Any, Any]] = (
            queue.SimpleQueue()
        )
        self._lock = threading.Lock()
        self._threads = 0
        self._free = 0
        """Threads that wait and for which no waiting job is meant."""
        self._backlog = 0
        """Jobs that wait until a thread is free."""
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` in a thread.

        Raises:
            RuntimeError: after `shutdown`, as for every executor.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._jobs.put((future, fn, args, kwargs))
            if self._free:
                self._free -= 1
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            else:
                self._backlog += 1
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that run go on.

        Args:
            wait: Not used: who wants to wait has the futures.
            cancel_futures: Cancel the calls that have not begun.
        """
        with self._lock:
            self._closed = True
        while cancel_futures:
            try:
                self._jobs.get_nowait()[0].cancel()
            except queue.Empty:
                return

    def _run(self) -> None:
        while True:
            try:
                future, fn, args, kwargs = self._jobs.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._free or self._closed:
                        self._free -= 1
                        self._threads -= 1
                        return
                continue  # a job is on its way
            if future.set_running_or_notify_cancel():
                try:
                    result = fn(*args, **kwargs)
                except BaseException as exc:  # noqa: BLE001  the future carries it to the caller
                    future.set_exception(exc)
                else:
                    future.set_result(result)
                    del result
            del future, fn, args, kwargs
            with self._lock:
                if self._backlog:
                    self._backlog -= 1
                else:
                    self._free += 1
