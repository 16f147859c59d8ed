"""Requests past their time: 504 for one that a replica works on, 503 for one behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.replicas.dispatching import refusal, refuse
from mlrun_like.gateway.replicas.workers import Worker

if TYPE_CHECKING:
    from mlrun_like.gateway.replicas.pool import Pool

__all__ = ["overdue"]


def overdue(pool: Pool, worker: Worker, now: float) -> None:
    """Answer what is late in a replica, and end the replica.

    A process can not be made to leave one request, so it is killed. Others that it works on at the
    same time are not at fault: it gets nothing new then, and ends when they are done.
    """
    limit = pool.options.queue_timeout
    late = False
    for call in list(worker.busy.values()):
        if not call.deadline:
            if limit and worker.slots == 1 and not call.finished and now - call.received > limit:
                worker.cancel(call)  # sent ahead, and not begun
                pool.refuse_late(call, limit)
        elif now > call.deadline:
            late = True
            if not call.cancelled:
                _answer(pool, worker, call)
    if not late:
        return
    worker.excused = True
    why = f"a request took longer than request_timeout, {pool.options.request_timeout:g} s"
    others = any(not call.cancelled and call.deadline for call in worker.busy.values())
    if worker.slots == 1 or not others:
        worker.kill(why)
    elif worker in pool.workers:
        pool.leave(worker, why)
        pool.check()


def _answer(pool: Pool, worker: Worker, call: Call) -> None:
    pool.timeouts += 1
    worker.cancel(call)
    call.cancelled = False
    text = f"the function did not answer within {pool.options.request_timeout:g} s"
    refuse(call, 504, refusal(text, "request_timeout"))
    call.cancelled = True
    pool.finished(call)
