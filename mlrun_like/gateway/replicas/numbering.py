"""The numbers of a pool, for the autoscaler, `ps` and the metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlrun_like.gateway.replicas.dispatching import PoolNumbers
from mlrun_like.gateway.replicas.workers import Worker

if TYPE_CHECKING:
    from mlrun_like.gateway.replicas.pool import Pool

__all__ = ["numbers_of"]

_SHOWN = 20  # cold starts


def numbers_of(pool: Pool, *, detail: bool = True) -> PoolNumbers:
    """What can be counted about a pool now.

    Args:
        pool: Which.
        detail: Whether with what takes some time: quantiles, cold starts, a row of each replica.
    """
    now = time.monotonic()
    in_flight = ahead = ready = starting = 0
    slots = pool.options.concurrency or 1
    for worker in (*pool.workers, *pool.leaving):
        busy = len(worker.busy)
        taken = min(busy, worker.slots) if worker.ready_at else 0
        in_flight += taken
        ahead += busy - taken
        if worker.ready_at:
            slots = worker.slots
    for worker in pool.workers:
        if worker.ready_at:
            ready += 1
        else:
            starting += 1
    queued = len(pool.queue)
    p50, p95 = pool.delays.quantiles(now) if detail else (0.0, 0.0)
    shown = (*pool.workers, *pool.leaving) if detail else ()
    return PoolNumbers(
        in_flight=in_flight,
        waiting=queued + ahead,
        queued=queued,
        oldest=now - pool.queue[0].received if queued else 0.0,
        delay_p50=p50,
        delay_p95=p95,
        service=pool.service,
        cold_start=pool.cold_start,
        slots=slots,
        ready=ready,
        starting=starting + pool.spawning,
        draining=len(pool.leaving),
        idle=0.0 if in_flight or queued else now - pool.last_call,
        started=pool.started,
        restarts=pool.restarts,
        timeouts=pool.timeouts,
        refused=pool.refused,
        retried=pool.retried,
        served=pool.served,
        last_error=pool.last_error,
        backoff=pool.backoff.left(now),
        cold_starts=tuple(list(pool.cold_starts)[-_SHOWN:]) if detail else (),
        replicas=tuple(_row(worker, now) for worker in shown),
    )


def _row(worker: Worker, now: float) -> dict[str, Any]:
    return {
        "number": worker.number,
        "pid": worker.pid,
        "uid": worker.uid,
        "state": worker.state,
        "busy": len(worker.busy),
        "served": worker.served,
        "memory": worker.memory,
        "processes": worker.processes,
        "cpu": worker.cpu,
        "seconds": now - worker.born,
        "phases": worker.phases,
        "why": worker.why,
        "notes": list(worker.notes),
    }
