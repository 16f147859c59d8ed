"""Batches of operations of many clients, in as few commits as there can be.

While one group of batches is written, the others gather; then all of them are written together, in
one transaction. One thread does that, however many clients wait: none is woken to find its work
done by another. If somebody's data are refused there, each batch is written alone, and what is bad
in it is found by halves; the others go on. Nothing is kept for later here: a database that is away
is told to the clients, which keep what they have until it is taken.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread

from mlrun_like.errors import MLRunLikeError, SpecError
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.store import SqlStore

__all__ = ["Deliveries", "Refused"]

Refused = list[tuple[int, MLRunLikeError]]
"""Places in a batch, and why those were not taken."""
_TRIES = 20  # times that a deadlock's victim tries again
_TOGETHER = 20_000  # operations in one transaction
_REMEMBERED = 4096


@dataclass
class _Ticket:
    operations: Sequence[Operation]
    durable: bool
    written: asyncio.Future[None]
    refused: Refused = field(default_factory=list)
    error: BaseException | None = None


class Deliveries:
    """Takes batches for one store; made and used in one event loop.

    Args:
        store: The store.
    """

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.loop = asyncio.get_running_loop()
        self._waiting: deque[_Ticket] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._answered: OrderedDict[tuple[str, str], Refused] = OrderedDict()
        # not one of the threads of the requests: when those are all busy, this must go on
        self._thread = CapacityLimiter(1)

    async def deliver(
        self, sender: str, batch: str, operations: Sequence[Operation], durable: bool
    ) -> Refused:
        """Write a batch, in order; what was refused of it.

        Args:
            sender: Whose it is.
            batch: Its id; one that was written is not written again.
            operations: What it holds.
            durable: Whether to wait until the disk has it.

        Raises:
            StoreUnavailableError: if nothing can be written now.
        """
        key = (sender, batch)
        known = self._answered.get(key)
        if known is not None:
            return known
        ticket = _Ticket(operations, durable, self.loop.create_future())
        self._waiting.append(ticket)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        await ticket.written
        if ticket.error is not None:
            raise ticket.error
        if batch:
            self._answered[key] = ticket.refused
            while len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        return ticket.refused

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                tickets: list[_Ticket] = []
                size = 0
                while self._waiting and size < _TOGETHER:
                    tickets.append(self._waiting.popleft())
                    size += len(tickets[-1].operations)
                await to_thread.run_sync(self._commit, tickets, limiter=self._thread)
                for ticket in tickets:
                    if not ticket.written.done():  # nobody may wait for it any more
                        ticket.written.set_result(None)
        finally:
            self._writing = None

    def _commit(self, tickets: list[_Ticket]) -> None:
        try:
            with self.store.database.lock:
                self.store.writer.ready()
                everything = [one for ticket in tickets for one in ticket.operations]
                if len(tickets) == 1 or not self._taken(
                    everything, any(t.durable for t in tickets)
                ):
                    for ticket in tickets:
                        self._alone(ticket, range(len(ticket.operations)))
        except BaseException as exc:  # noqa: BLE001 - it is the error of each request
            for ticket in tickets:
                ticket.error = exc

    def _alone(self, ticket: _Ticket, places: range) -> None:
        operations = [ticket.operations[place] for place in places]
        if not operations or self._taken(operations, ticket.durable):
            return
        if len(places) == 1:
            what = f"the store refused a {operations[0][0]} record: its data cannot be stored"
            ticket.refused.append((places[0], SpecError(what)))
            return
        middle = len(places) // 2
        self._alone(ticket, places[:middle])
        self._alone(ticket, places[middle:])

    def _taken(self, operations: Sequence[Operation], durable: bool) -> bool:
        """Whether they are written; False: some of them are bad."""
        database, afresh = self.store.database, False
        for _attempt in range(_TRIES):
            try:
                database.commit(operations, durable=durable)
                return True
            except Exception as exc:
                if database.retry_at_once(exc):
                    continue
                if database.unavailable(exc):
                    raise database.error(exc) from exc
                if afresh:
                    return False
                # a remembered id may be of a record deleted since; it is forgotten by now
                afresh = True
        return False
