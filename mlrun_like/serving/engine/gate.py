"""A limit of calls at the same time that threads and event loops share."""

from __future__ import annotations

import asyncio
import collections
import threading
from concurrent.futures import Future

__all__ = ["Gate"]


class Gate:
    """Lets so many callers in at once; the others wait in the order in which they came.

    A plan may serve plain callers and several event loops at the same time, so neither a
    semaphore of threads nor one of a loop would count all of them.

    Args:
        most: How many are inside at most.

    >>> with Gate(1):
    ...     "inside"
    'inside'
    """

    __slots__ = ("_free", "_lock", "_waiting")

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: collections.deque[Future[None]] = collections.deque()

    def __enter__(self) -> None:
        turn = self._turn()
        if turn is None:
            return
        try:
            turn.result()
        except BaseException:
            self._give_up(turn)
            raise

    def __exit__(self, *exc_info: object) -> None:
        self._leave()

    async def __aenter__(self) -> None:
        turn = self._turn()
        if turn is None:
            return
        try:
            await asyncio.wrap_future(turn)
        except BaseException:
            self._give_up(turn)
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        self._leave()

    def _turn(self) -> Future[None] | None:
        """What tells that it is the caller's turn; None: it is."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            turn: Future[None] = Future()
            self._waiting.append(turn)
            return turn

    def _leave(self) -> None:
        with self._lock:
            while self._waiting:
                turn = self._waiting.popleft()
                if turn.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        turn.set_result(None)

    def _give_up(self, turn: Future[None]) -> None:
        """A caller stops waiting; if its turn has come meanwhile, the next one has it."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        if not turn.cancelled():
            self._leave()
