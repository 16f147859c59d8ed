"""Looks after the processes of workers: memory, number and CPU, each quarter of a second.

What takes more than it may is killed whole, with all that it started, and `ps` says why. Where
control groups can be made the kernel enforces the limits by itself; what is told here is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.replicas.cgroups import Group, Groups
from mlrun_like.gateway.replicas.trees import (
    Process,
    end_tree,
    members,
    processes,
    proportional,
    some,
)
from mlrun_like.gateway.replicas.workers import ENDED, Worker

__all__ = ["Watcher"]

_EACH = 0.25
_SELDOM, _WHOLE = 4, 16
"""Every so many turns also those that do nothing, and all processes of the machine, are looked
at."""
_MEASURE = 5.0
"""Seconds between two measurements of memory that are for show only: they take milliseconds."""
_log = logging.getLogger("mlrun_like.gateway")


@dataclass
class _Watched:
    worker: Worker
    options: Options
    name: str
    alone: bool
    group: Group | None = None
    known: set[tuple[int, int]] = field(default_factory=set)
    measured: float = 0.0
    resident: int = 0
    used: float = 0.0
    at: float = 0.0
    ended: bool = False

    @property
    def uid(self) -> int:
        return self.worker.uid if self.alone and self.worker.uid is not None else -1


class Watcher:
    """Watches workers; on the gateway's loop, its reading and killing in threads.

    Args:
        groups: Control groups; None: those that can be made here.
    """

    def __init__(self, groups: Groups | None = None) -> None:
        self._watched: dict[Worker, _Watched] = {}
        self._groups = Groups() if groups is None else groups
        self._names = itertools.count(1)
        self._looking = ThreadPoolExecutor(1, "watching")
        self._ending = ThreadPoolExecutor(2, "ending")
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def enforced(self) -> tuple[str, ...]:
        """What the kernel enforces: of memory, pids, cpu."""
        return self._groups.controllers

    def add(self, worker: Worker, options: Options, *, alone: bool = False) -> None:
        """Watch a worker whose process id is known.

        Args:
            worker: Whom.
            options: Its limits.
            alone: Whether no other process has its user.
        """
        row = _Watched(worker, options, f"{next(self._names)}", alone)
        self._watched[worker] = row
        worker.killer = self.kill
        self._ending.submit(self._confine, row)
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    def kill(self, worker: Worker) -> None:
        """End its processes, all of them."""
        row = self._watched.get(worker)
        if row is not None:
            self._ending.submit(_end, row, worker.pid)

    def remove(self, worker: Worker, then: Callable[[], None]) -> None:
        """It ended; what it left behind is ended too.

        Args:
            worker: Which.
            then: Called when nothing of it is left.
        """
        row = self._watched.pop(worker, None)
        if row is None:
            then()
            return
        row.ended = True
        if row.group is not None and not worker.asked and (which := row.group.verdict()):
            worker.why = _over(which, row.options)
        if row.group is not None or row.known or row.uid >= 0:
            cleaned = self._loop.run_in_executor(self._ending, self._clean, row)
            cleaned.add_done_callback(lambda _: then())
        else:
            then()

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        for row in list(self._watched.values()):
            self._ending.submit(_end, row, row.worker.pid)
            self._ending.submit(self._clean, row)
        self._watched.clear()
        await asyncio.to_thread(self._ending.shutdown)
        self._looking.shutdown(wait=False)
        self._groups.close()

    async def _run(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(_EACH)
            # one that does nothing, and that the kernel bounds, is looked at less often
            rows = [
                row
                for row in self._watched.values()
                if row.worker.pid
                and (row.worker.busy or row.group is None or not row.at or turn % _SELDOM == 0)
            ]
            if not rows:
                continue
            whole = turn % _WHOLE == 0
            try:
                found = await self._loop.run_in_executor(self._looking, _look, rows, whole)
                for row, why in found:
                    if row.worker.state != ENDED and not row.ended:
                        _log.warning("replica %d: %s", row.worker.number, why)
                        row.worker.kill(why)
            except Exception:  # noqa: BLE001  (what is odd about one process must not end watching)
                _log.exception("workers could not be watched")

    def _confine(self, row: _Watched) -> None:
        options = row.options
        group = self._groups.make(row.name, options.memory, options.processes, options.cpu)
        if group is None:
            return
        if row.ended or not group.join(row.worker.pid):
            group.remove()
            return
        row.group = group
        if row.ended:  # it ended meanwhile
            group.remove()

    def _clean(self, row: _Watched) -> None:
        group = row.group
        if group is not None:
            group.kill()
        left = members(processes(users=row.uid >= 0), (), row.known, row.uid)
        if any(not one.zombie for one in left):
            end_tree(0, row.known, row.uid)
        for _ in range(20):
            if group is None or group.remove():
                return
            time.sleep(0.01)


def _end(row: _Watched, pid: int) -> None:
    if row.group is not None:
        row.group.kill()
        if not row.known and row.uid < 0:
            return
    end_tree(pid, row.known, row.uid)


def _look(rows: list[_Watched], whole: bool) -> list[tuple[_Watched, str]]:
    """Who takes more than it may.

    Args:
        rows: Whom to look at.
        whole: Whether to look through all processes of the machine; else only through those in
            the control groups, where there are groups.
    """
    table: dict[int, Process] | None = None
    now = time.monotonic()
    found = []
    for row in rows:
        worker = row.worker
        if row.group is not None and not whole:
            all_ = list(some(row.group.processes()).values())
        else:
            if table is None:
                table = processes(users=any(one.uid >= 0 for one in rows))
            all_ = members(table, [worker.pid], row.known, row.uid)
        alive = [one for one in all_ if not one.zombie]
        row.known = {(one.pid, one.started) for one in alive if one.pid != worker.pid}
        why = _judge(row, alive, now)
        if why:
            found.append((row, why))
    return found


def _judge(row: _Watched, alive: list[Process], now: float) -> str:
    worker, options = row.worker, row.options
    worker.processes = len(alive)
    used = sum(one.cpu for one in alive)
    if row.at and now > row.at:
        worker.cpu = max(0.0, used - row.used) / (now - row.at)
    row.used, row.at = used, now
    if options.processes and len(alive) > options.processes:
        return _over("processes", options, len(alive))
    resident = sum(one.memory for one in alive)
    over = bool(options.memory) and resident > options.memory
    shown = now - row.measured > _MEASURE and resident != row.resident
    if over or shown or not row.measured:
        # pages that it shares with the process it was forked from are not its own alone
        worker.memory = sum(proportional(one.pid) for one in alive) or resident
        row.measured, row.resident = now, resident
    if options.memory and worker.memory > options.memory and over:
        return _over("memory", options, worker.memory)
    if row.group is not None and (which := row.group.verdict()):
        with contextlib.suppress(ValueError):
            return _over(which, options)
    return ""


def _over(which: str, options: Options, found: int = 0) -> str:
    if which == "memory":
        limit = f"{options.memory >> 20} MiB"
        used = f"{found >> 20} MiB of memory" if found else "more memory than it may"
        return f"it used {used}; its limit is {limit}"
    count = f"{found} processes" if found else "more processes than it may"
    return f"it started {count}; its limit is {options.processes}"
