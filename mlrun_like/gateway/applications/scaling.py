"""How many replicas an application has: what the autoscaler would decide, four times a second."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from mlrun_like.gateway.replicas.autoscale import History, decide
from mlrun_like.gateway.replicas.dispatching import PoolNumbers

if TYPE_CHECKING:
    from mlrun_like.gateway.applications.application import Application

__all__ = ["numbers_of", "scale"]

_EACH = 0.25


async def scale(application: Application, decisions: deque[dict[str, Any]]) -> None:
    """Decide until cancelled.

    Args:
        application: Whose replicas.
        decisions: Gets each change: `time`, `from`, `to`, `why`.
    """
    history = History()
    while True:
        await asyncio.sleep(_EACH)
        one = application
        if one.closed or not one.maximum or not (one.workers or one.queue or one.minimum):
            history.begun = 0.0
            continue
        options = dataclasses.replace(
            one.options, min_replicas=one.minimum, max_replicas=one.maximum
        )
        now, numbers = time.monotonic(), one.numbers()
        decision = decide(numbers, options, now, history)
        if decision.wanted == numbers.alive or (
            decision.wanted > numbers.alive and numbers.backoff
        ):
            continue
        history.begun = now
        decisions.append(
            {"time": time.time(), "from": numbers.alive, "to": decision.wanted, "why": decision.why}
        )
        one.resize(decision.wanted, decision.why)


def numbers_of(one: Application) -> PoolNumbers:
    """What can be counted about an application now."""
    now = time.monotonic()
    p50, p95 = one.delays.quantiles(now)
    queued, busy = len(one.queue), len(one.active)
    ready = sum(1 for replica in one.workers if replica.ready_at)
    return PoolNumbers(
        in_flight=busy,
        waiting=queued,
        queued=queued,
        oldest=now - one.queue[0].received if queued else 0.0,
        delay_p50=p50,
        delay_p95=p95,
        service=one.service,
        cold_start=one.cold_start,
        slots=one.slots,
        ready=ready,
        starting=len(one.workers) - ready + one.spawning,
        draining=len(one.leaving),
        idle=0.0 if busy or queued else now - one.last_call,
        started=one.started,
        restarts=one.restarts,
        timeouts=one.timeouts,
        refused=one.refused,
        retried=one.retried,
        served=one.served,
        last_error=one.last_error,
        backoff=one.backoff.left(now),
        cold_starts=tuple(one.cold_starts),
        replicas=tuple(replica.to_dict() for replica in (*one.workers, *one.leaving)),
    )
