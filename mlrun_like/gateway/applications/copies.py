"""The replicas of one version of an application: starts, crashes, rests, ends."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import deque
from pathlib import Path

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.gateway.applications.containers import container_launch, image_of
from mlrun_like.gateway.applications.folders import code_folder, own_folder
from mlrun_like.gateway.applications.launch import Launch, Place, free_port, launch_of
from mlrun_like.gateway.applications.replica import READY, STARTING, Replica
from mlrun_like.gateway.applications.users import User, user_for
from mlrun_like.gateway.applications.watching import watch
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.places import log_file
from mlrun_like.gateway.replicas.dispatching import Backoff
from mlrun_like.gateway.replicas.environments import Environments

__all__ = ["Copies"]

_SETTLED = 5.0
"""Seconds after which a replica counts as one that works."""
_LOST_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL of a replica that nobody needs."""
_now = time.monotonic


class Copies:
    """Processes that run one version.

    Args:
        key: `<project>/<name>`.
        version: What they run.
        home: The gateway's folder.
        log: Where starts, ends and crashes are told.
    """

    def __init__(self, key: str, version: Version, home: Path, log: logging.Logger) -> None:
        self.key, self.version, self.options = key, version, version.options
        self.minimum = self.options.min_replicas
        self.maximum = max(1, self.options.max_replicas, self.minimum)
        self.wanted = 0
        self.why = ""
        """Why so many are wanted."""
        self.workers: list[Replica] = []
        """Those that take requests, or will."""
        self.leaving: list[Replica] = []
        """Those that finish what they have."""
        self.backoff = Backoff()
        self.last_error = ""
        self.started = self.restarts = 0
        self.cold_start = 0.0
        self.cold_starts: deque[dict[str, float]] = deque(maxlen=20)
        self.closed = False
        self._home, self._log = home, log
        self._loop = asyncio.get_running_loop()
        self._starting: dict[asyncio.Task[None], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._helpers: list[asyncio.Task[None]] = []
        self._unpacking = asyncio.Lock()

    # For those who decide --------------------------------------------------------------------

    def bounds(self, minimum: int | None = None, maximum: int | None = None) -> None:
        """Change how few and how many there may be; they follow at once."""
        self.minimum = self.minimum if minimum is None else max(0, minimum)
        self.maximum = self.maximum if maximum is None else max(1, maximum)
        self.maximum = max(self.maximum, self.minimum)
        self.resize(max(self.minimum, min(self.wanted, self.maximum)), "the bounds were changed")

    async def scale(self, wanted: int, why: str) -> None:
        """Have so many replicas soon: further ones are started, surplus ones finish and end."""
        self.resize(wanted, why)

    def resize(self, wanted: int, why: str) -> None:
        """See `scale`."""
        self.wanted, self.why = max(self.minimum, min(wanted, self.maximum)), why
        surplus = len(self.workers) - self.wanted
        if surplus > 0:
            order = sorted(self.workers, key=lambda one: (one.state == READY, one.busy))
            for replica in order[:surplus]:
                self._leave(replica, why)
        self.check()

    async def start_one(self) -> None:
        """Have at least one replica that is ready.

        Raises:
            EngineError: naming why it cannot start.
        """
        if any(one.state == READY for one in self.workers):
            return
        self.wanted = max(1, self.wanted)
        if not self._starting:
            self.backoff.until = 0.0
            self._start()
        await asyncio.wait(list(self._starting))
        if not any(one.state == READY for one in self.workers):
            raise EngineError(
                self.last_error or "no replica could be started",
                where=f"application {self.key}",
                fix=f"mlrun-like logs {self.key}",
            )

    async def end(self, grace: float) -> None:
        """End all replicas: each finishes what it has, within `grace` seconds."""
        self.closed = True
        self.wanted = 0
        if self._retry is not None:
            self._retry.cancel()
        starting = [*self._starting, *self._helpers]
        self._helpers = []
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        rest = [*self.workers, *self.leaving]
        until = _now() + grace
        await asyncio.gather(*(self._stop(one, until) for one in rest))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _stop(self, replica: Replica, until: float) -> None:
        while replica.busy and _now() < until:
            await asyncio.sleep(0.02)
        await replica.stop(max(1.0, min(_LOST_GRACE, until - _now())))

    # What happens ----------------------------------------------------------------------------

    @property
    def spawning(self) -> int:
        """Replicas that were asked for and have no process yet."""
        return len(self._new())

    def helpers(self) -> list[asyncio.Task[None]]:
        """What runs as long as there are, or were, replicas."""
        return [self._loop.create_task(watch(self.workers))]

    def demand(self) -> bool:
        """Whether something waits for a replica."""
        return False

    def feed(self) -> None:
        """There is room in a replica."""

    def hopeless(self) -> None:
        """Several starts failed and there is no replica."""

    def check(self) -> None:
        """Start what is missing, unless it rests after a crash."""
        if self.closed or not self.maximum:
            return
        wanted = max(self.minimum, self.wanted, 1 if self.demand() else 0)
        missing = wanted - len(self.workers) - len(self._new())
        if missing <= 0:
            return
        left = self.backoff.left(_now())
        if left:
            if self._retry is None:
                self._retry = self._loop.call_later(left, self._again)
            return
        if self.backoff.failures:  # one shows whether it works again
            missing = 0 if self._starting else 1
        for _ in range(missing):
            self._start()

    def _new(self) -> list[int]:
        """Numbers of those that are started and not in `workers` yet."""
        there = {one.number for one in self.workers}
        return [number for number in self._starting.values() if number not in there]

    def _again(self) -> None:
        self._retry = None
        self.check()

    def _start(self) -> None:
        taken = {one.number for one in (*self.workers, *self.leaving)}
        taken.update(self._starting.values())
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        task = self._loop.create_task(self._bring_up(number), name=f"start {self.key} {number}")
        self._starting[task] = number
        task.add_done_callback(self._brought_up)
        self.started += 1

    def _brought_up(self, task: asyncio.Task[None]) -> None:
        self._starting.pop(task, None)
        self.check()

    async def _bring_up(self, number: int) -> None:
        asked = _now()
        replica = None
        try:
            place, launch, prepared = await self._prepare(number)
            replica = Replica(
                place, launch, self.options, log_file(self._home, self.key), self._ended
            )
            self.workers.append(replica)
            if not self._helpers:
                self._helpers = self.helpers()
            replica.phases["prepare"] = prepared - asked
            await replica.start()
        except (MLRunLikeError, OSError) as exc:
            if not self.closed:
                self._failed(str(exc))
            return
        except asyncio.CancelledError:
            if replica is not None:
                await asyncio.shield(replica.stop(0))
            raise
        took = _now() - asked
        self.cold_start = took if not self.cold_start else self.cold_start * 0.7 + took * 0.3
        self.cold_starts.append({**replica.phases, "total": took})
        self._loop.call_later(_SETTLED, self._settled, replica)
        self._log.info("%s: replica %d listens on %d", self.key, number, replica.listener.port)
        self.feed()

    async def _prepare(self, number: int) -> tuple[Place, Launch, float]:
        if sys.platform != "linux":
            raise EngineError("the gateway runs applications on Linux only", where=self.key)
        python = ""
        if self.options.requirements or self.options.python:
            python = str(await Environments(self._home / "envs").python_of(self.version))
        image = "" if self.options.command else image_of(self.version)
        wanted = self.options.internal_port
        if any(one.place.port == wanted for one in (*self.workers, *self.leaving)):
            wanted = 0
        if image:
            port = free_port()
            place = Place(self.key, number, port, Path("/"), Path("/"))
            launch = await asyncio.to_thread(container_launch, self.version, place, image)
            return place, launch, _now()
        user = user_for(self.key)
        async with self._unpacking:  # two that start at once: the second finds the code there
            folder, own = await asyncio.to_thread(self._folders, number, user)
        place = Place(self.key, number, free_port(wanted), folder, own, user=user)
        if python:
            place = Place(self.key, number, place.port, folder, own, python, user)
        return place, launch_of(self.version, place), _now()

    def _folders(self, number: int, user: User) -> tuple[Path, Path]:
        folder = code_folder(self._home, self.key, self.version, user)
        own = own_folder(self._home, self.key, f"{self.version.number}-{number}", user)
        return folder, own

    def _settled(self, replica: Replica) -> None:
        if replica.state == READY:
            self.backoff.worked()

    def _failed(self, why: str) -> None:
        rest = self.backoff.failed(why, _now())
        self.last_error = why
        self._log.warning(
            "%s: a replica could not start, tried again in %g s: %s",
            self.key, rest, why.replace("\n", " | "),
        )  # fmt: skip
        if not self.workers:
            self.hopeless()

    def _ended(self, replica: Replica) -> None:
        asked = replica in self.leaving or self.closed
        for group in (self.workers, self.leaving):
            if replica in group:
                group.remove(replica)
        if not asked and replica.ready_at:
            self.restarts += 1
            tail = replica.tail()
            self.last_error = replica.why + (f"; it ended with:\n{tail}" if tail else "")
            self._log.warning("%s: replica %d: %s", self.key, replica.number, replica.why)
            self.backoff.failed(self.last_error, _now())
        self.check()

    def _leave(self, replica: Replica, why: str) -> None:
        if replica.state == STARTING and not replica.ready_at:
            for task, number in self._starting.items():
                if number == replica.number:
                    task.cancel()
        self.workers.remove(replica)
        self.leaving.append(replica)
        replica.why = replica.why or why
        task = self._loop.create_task(self._stop(replica, _now() + 30.0))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
