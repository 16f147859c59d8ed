"""New versions of a function: start, smoke requests, steps, and the way back."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from mlrun_like.errors import EngineError, MLRunLikeError, NotFoundError, StateError
from mlrun_like.gateway.deployment import Share, Version
from mlrun_like.gateway.releases.describing import describe_rollout
from mlrun_like.gateway.releases.rollout import Rollout, shares_of_step
from mlrun_like.gateway.releases.smoke import smoke
from mlrun_like.gateway.releases.split import settled
from mlrun_like.gateway.releases.traffic import Traffic, now_text
from mlrun_like.gateway.releases.watchdog import Tally, Watchdog

__all__ = ["Releases"]

_log = logging.getLogger("mlrun_like.gateway")
_SMOKE_TIMEOUT = 30.0
_HOPELESS = 0.5
"""A new version that rests longer after crashes than this has crashed several times in a row."""
T = TypeVar("T")


class Releases:
    """The rollouts of a function, one at a time.

    Args:
        traffic: Of the function.
        tick: Seconds between two looks at a rollout.
    """

    def __init__(self, traffic: Traffic, tick: float) -> None:
        self._traffic, self._tick = traffic, tick
        self.lock = asyncio.Lock()
        self.held = False
        """Whether nothing is decided now: another gateway takes over."""
        self._watchdog: Watchdog | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def resume(self) -> None:
        """Go on where the last gateway was."""
        watch = self._traffic.deployment.watch
        if watch is not None and watch["state"] == "starting":
            self.spawn(self._restart())
        elif watch is not None:
            self._begin_watching()

    async def _restart(self) -> None:
        async with self.lock:
            watch = self._traffic.deployment.watch
            if watch is not None and watch["state"] == "starting":
                try:
                    await self._start(watch)
                except MLRunLikeError as exc:
                    _log.warning("%s: %s", self._traffic.deployment.key, exc)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something to its end, even if who asked for it has gone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Leave everything as it is; `resume` of another service goes on with it."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def deploy(self, version: Version, plan: Rollout, by: str) -> Version:
        """See `FunctionService.deploy`."""
        async with self.lock:
            traffic, deployment = self._traffic, self._traffic.deployment
            known = list(deployment.versions.values())
            same = [one for one in known if version.digest and one.digest == version.digest]
            moving = deployment.watch is not None and deployment.watch["state"] == "moving"
            watched = deployment.watch["version"] if deployment.watch and moving else 0
            if same and (same[-1].number == watched or traffic.shares_of(same[-1].number)):
                return same[-1]
            number = same[-1].number if same else traffic.next_number()
            created = version.created or now_text()
            version = dataclasses.replace(version, number=number, created=created, by=by)
            base, prior = deployment.traffic, deployment.previous
            fields: dict[str, Any] = {}
            if deployment.watch is not None:  # a rollout under way makes room
                base, prior = _before(deployment.watch)
                fields = {"traffic": base, "previous": prior, "shadow": None}
            watch = {
                "version": number, "plan": plan.to_dict(), "state": "starting", "step": 0, "by": by,
                "since": now_text(), "base": _rows(base), "prior": _rows(prior),
            }  # fmt: skip
            versions = {**deployment.versions, number: version}
            await traffic.change("starting", number, by, versions=versions, watch=watch, **fields)
            self.stop_watching()
            await self._start(watch)
            return version

    async def _start(self, watch: dict[str, Any]) -> None:
        """Start the version that is watched, let it answer smoke requests, move traffic."""
        number, plan = watch["version"], Rollout.from_dict(watch["plan"])
        try:
            await self.ready(number, plan.smoke)
            await self._move(0)
        except MLRunLikeError as exc:
            await self._traffic.change("failed", number, watch["by"], str(exc), watch=None)
            raise

    async def ready(self, number: int, requests: tuple[dict[str, Any], ...] = ()) -> None:
        """Have a version ready that answers its smoke requests.

        Raises:
            EngineError: if it does not start, or fails one.
        """
        where = f"version {number} of {self._traffic.deployment.key}"
        lane = self._traffic.lanes.open(number)
        try:
            await lane.pool.start_one()
            await smoke(lane.pool, [*lane.version.options.smoke, *requests], _SMOKE_TIMEOUT, where)
        except Exception as exc:  # whatever hinders the start: no traffic moves
            self._traffic.give_up(number)
            if isinstance(exc, MLRunLikeError):
                raise
            raise EngineError(f"{where} does not start: {type(exc).__name__}: {exc}") from exc

    async def _move(self, step: int) -> None:
        """Take a step of the rollout."""
        traffic = self._traffic
        watch = dict(traffic.deployment.watch or {})
        plan, (base, _) = Rollout.from_dict(watch["plan"]), _before(watch)
        number = watch["version"]
        if step == 0:
            old = self._old_tally(base)
            watch["before"] = {"requests": old.requests, "errors": old.errors}
        watch.update(state="moving", step=step, since=now_text())
        shares = shares_of_step(plan, step, number, base)
        fields: dict[str, Any] = {"watch": watch, "sticky": plan.sticky}
        if plan.strategy == "shadow":
            shares = base or settled(number)
            fields["shadow"] = Share(number, plan.share) if base else None
        if shares != base:
            fields["previous"] = base
        if not base or plan.strategy == "direct":
            fields["watch"] = None
        fields["traffic"] = shares
        await traffic.lanes.prepare(shares)
        await traffic.change("step" if step else "deployed", number, watch["by"], **fields)
        if traffic.deployment.watch is not None:
            self._begin_watching()

    async def promote(self, by: str) -> None:
        """See `FunctionService.promote`."""
        traffic, watch = self._traffic, self._traffic.deployment.watch
        if watch is None or watch["state"] != "moving":
            raise StateError(
                f"no rollout of {traffic.deployment.key} is under way, so nothing can be promoted",
                fix="shift the traffic, or deploy a version as a canary first",
            )
        shares = settled(watch["version"])
        await traffic.lanes.prepare(shares)
        base, _ = _before(watch)
        await traffic.change(
            "promoted", watch["version"], by,
            traffic=shares, previous=base, watch=None, shadow=None,
        )  # fmt: skip
        self.stop_watching()

    async def back(self, version: int, by: str, why: str) -> None:
        """See `FunctionService.rollback`."""
        traffic, deployment = self._traffic, self._traffic.deployment
        watch = deployment.watch
        if version and version not in deployment.versions:
            raise NotFoundError(
                f"{deployment.key} has no version {version}",
                fix=f"versions: {', '.join(map(str, deployment.versions))}",
            )
        if version:
            shares, previous = settled(version), deployment.traffic
        elif watch is not None and watch["base"]:
            shares, previous = _before(watch)
        elif deployment.previous:
            shares, previous = deployment.previous, deployment.traffic
        else:
            raise StateError(f"{deployment.key} has no version before this one to go back to")
        for share in shares:  # one that sleeps, or had no replica since the gateway began
            lane = traffic.lanes.live.get(share.version)
            if lane is None or not lane.replicas:
                await self.ready(share.version)
        await traffic.lanes.prepare(shares)
        about = watch["version"] if watch else max(one.version for one in shares)
        await traffic.change(
            "rolled back", about, by, why,
            traffic=shares, previous=previous, watch=None, shadow=None,
        )  # fmt: skip
        self.stop_watching()

    def _old_tally(self, base: list[Share]) -> Tally:
        """What became of the requests of the version that has most of the traffic."""
        share = max(base, key=lambda one: one.weight, default=None)
        lane = self._traffic.lanes.live.get(share.version) if share is not None else None
        return lane.tally.copy() if lane is not None else Tally()

    def _begin_watching(self) -> None:
        watch = self._traffic.deployment.watch
        if watch is None:
            return
        live, now = self._traffic.lanes.live, time.monotonic()
        if self._watchdog is None:
            before = self._old_tally(_before(watch)[0])
            if not before.requests:  # the last gateway counted
                told = watch.get("before") or {}
                before.requests = int(told.get("requests") or 0)
                before.errors = int(told.get("errors") or 0)
            self._watchdog = Watchdog(Rollout.from_dict(watch["plan"]), now, before)
        dog = self._watchdog
        dog.begin(now)
        for lane in live.values():
            lane.feed = dog.passed_new if lane.number == watch["version"] else dog.passed_old
        if self._watcher is None:
            self._watcher = self.spawn(self._watch())

    def stop_watching(self) -> None:
        """Somebody decided."""
        self._watchdog = None
        for lane in self._traffic.lanes.live.values():
            lane.feed = None
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not asyncio.current_task():
            watcher.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._tick)
            if self.held:
                continue
            async with self.lock:
                try:
                    await self._look()
                except MLRunLikeError as exc:  # the disk is full, perhaps: try again
                    _log.error("%s: %s", self._traffic.deployment.key, exc)
                except Exception:  # noqa: BLE001 - nobody would roll back any more
                    _log.exception("%s: its rollout fails", self._traffic.deployment.key)
                if self._watcher is not asyncio.current_task():
                    return

    async def _look(self) -> None:
        """Roll back, take the next step, or wait."""
        traffic, dog = self._traffic, self._watchdog
        watch = traffic.deployment.watch
        if watch is None or dog is None:
            self.stop_watching()
            return
        number, plan, now = watch["version"], dog.plan, time.monotonic()
        reason = self._crashes(number) or ("" if plan.strategy == "shadow" else dog.look(now))
        if reason and plan.automatic and plan.strategy != "shadow":
            await self.back(0, "gateway", f"version {number}: {reason}")
        elif reason and reason != watch.get("warning"):
            changed = {**watch, "warning": reason}
            await traffic.change("warned", number, "gateway", reason, watch=changed)
        elif not watch.get("warning") and plan.strategy != "shadow":
            requests, seconds = dog.left(now)
            if seconds or (requests and plan.strategy == "canary"):
                return
            if watch["step"] + 1 < plan.stages:
                await self._move(watch["step"] + 1)
            elif plan.strategy != "canary" or (plan.steps and plan.steps[-1] >= 100):
                await traffic.change("completed", number, "gateway", watch=None)
                self.stop_watching()

    def _crashes(self, number: int) -> str:
        lane = self._traffic.lanes.live.get(number)
        numbers = lane.pool.numbers() if lane is not None else None
        if numbers is None or numbers.ready or numbers.backoff < _HOPELESS:
            return ""
        return f"its replicas end: {numbers.last_error}"

    def status(self) -> dict[str, Any] | None:
        """The rollout under way, with what it waits for in a sentence; None: there is none."""
        watch = self._traffic.deployment.watch
        if watch is None:
            return None
        return describe_rollout(watch, Rollout.from_dict(watch["plan"]), self._watchdog)


def _rows(shares: list[Share]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(share) for share in shares]


def _before(watch: dict[str, Any]) -> tuple[list[Share], list[Share]]:
    """Traffic before a rollout, and what it was before that."""
    return [Share(**row) for row in watch["base"]], [Share(**row) for row in watch["prior"]]
