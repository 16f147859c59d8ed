"""Threads that make steps: the process can end although one of them does not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from mlrun_like.tracking.meant import in_this_session

__all__ = ["Threads"]


class Threads:
    """A few daemon threads; those of `concurrent.futures` are waited for when Python ends.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None]
        self._calls = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        """Make a call, which must not raise, in one of the threads."""
        self._calls.put((in_this_session(call), args))
        if len(self._threads) < self._most:
            name = f"pipeline-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def shutdown(self, wait: bool = True) -> None:
        """Let the threads end when they have made their calls; wait: until they have."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            call, args = item
            call(*args)
            del item, call, args  # nothing is kept while waiting
