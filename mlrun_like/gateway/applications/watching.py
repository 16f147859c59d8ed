"""Looks after the processes of applications: memory, number and CPU, four times a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from mlrun_like.gateway.applications.replica import ENDED, Replica
from mlrun_like.gateway.replicas.trees import Process, members, processes, proportional

__all__ = ["watch"]

_EACH = 0.25
_MEASURE = 5.0
"""Seconds between two measurements of memory that are for show only: they take milliseconds."""
_log = logging.getLogger("mlrun_like.gateway")


async def watch(replicas: list[Replica]) -> None:
    """Kill whole what takes more than it may, and say why; until cancelled.

    Args:
        replicas: The list of an application, as it changes.
    """
    while True:
        await asyncio.sleep(_EACH)
        rows = [one for one in replicas if one.pid and one.state != ENDED]
        if not rows:
            continue
        try:
            found = await asyncio.to_thread(_look, rows)
        except Exception:  # noqa: BLE001 - what is odd about one process must not end watching
            _log.exception("an application could not be watched")
            continue
        for replica, why in found:
            if replica.state != ENDED:
                _log.warning("%s: replica %d: %s", replica.place.key, replica.number, why)
                replica.kill(why)


def _look(rows: Iterable[Replica]) -> list[tuple[Replica, str]]:
    """Who takes more than it may."""
    table = processes(users=True)
    found = []
    for replica in rows:
        uid = replica.place.user.uid if replica.place.user.alone else -1
        alive = [one for one in members(table, [replica.pid], (), uid) if not one.zombie]
        why = _judge(replica, alive, time.monotonic())
        if why:
            found.append((replica, why))
    return found


def _judge(replica: Replica, alive: list[Process], now: float) -> str:
    options = replica.options
    replica.processes = len(alive)
    used = sum(one.cpu for one in alive)
    before, at = replica.measured
    if at:
        replica.cpu = max(0.0, used - before) / (now - at)
    replica.measured = (used, now)
    if replica.launch.foreign:
        return ""  # its container has the limits
    if options.processes and len(alive) > options.processes:
        return f"it started {len(alive)} processes; its limit is {options.processes}"
    resident = sum(one.memory for one in alive)
    if (options.memory and resident > options.memory) or now - replica.weighed > _MEASURE:
        replica.memory = sum(proportional(one.pid) for one in alive) or resident
        replica.weighed = now
        if options.memory and replica.memory > options.memory:
            mib = replica.memory >> 20
            return f"it used {mib} MiB of memory; its limit is {options.memory >> 20} MiB"
    return ""
