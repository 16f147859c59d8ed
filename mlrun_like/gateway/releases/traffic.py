"""Who answers a function's requests now; changes are on disk before they hold."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Share, Version
from mlrun_like.gateway.releases.lanes import Lane, Lanes, PoolMaker
from mlrun_like.gateway.releases.shadow import Shadow
from mlrun_like.gateway.releases.split import Table
from mlrun_like.gateway.replicas.dispatching import refusal, refuse

__all__ = ["KEPT_VERSIONS", "Traffic", "now_text"]

KEPT_VERSIONS = 10
_KEPT_HISTORY = 100


class Traffic:
    """The way of a request to a version, and the only writer of a deployment.

    Args:
        deployment: What is deployed; changed by `change` only.
        make_pool: Makes the replicas of a version.
        save: Writes a deployment so that a kill at any moment leaves the old or the new one; it is
            called in a thread unless it is a coroutine function.
        grace: Seconds that requests under way are given when replicas end.
    """

    def __init__(
        self,
        deployment: Deployment,
        make_pool: PoolMaker,
        save: Callable[[Deployment], Any],
        grace: float,
    ) -> None:
        self.deployment = deployment
        self.lanes = Lanes(deployment, make_pool, grace)
        self.shadow: Shadow | None = None
        self.on_main: Callable[[], None] | None = None
        """Called when another version has most of the traffic: the front has its options."""
        self._save = save
        self._only: Lane | None = None
        self._table: Table[Lane] | None = None

    def submit(self, call: Call) -> None:
        """Answer a call by its reply, now or later."""
        lane = self._only
        if lane is None:
            if self._table is None:
                self._refuse(call)
                return
            lane = self._table.pick(call)
        call.version = lane.number
        if self.shadow is not None:
            self.shadow.take(call)
        lane.pool.submit(call)

    def open(self, tunnel: Any, call: Call) -> Any:
        """Let a client and an application talk as they like: see `http/tunnel.py`.

        Returns:
            What gets the client's bytes; None: the call was refused.
        """
        if self._only is None and self._table is None:
            self._refuse(call)
            return None
        lane = self._only or self._table.pick(call)  # type: ignore[union-attr]
        enter = getattr(lane.pool, "open", None)
        if enter is None:
            what = f"version {lane.number} of {self.deployment.key} is no application"
            refuse(call, 426, refusal(what, "upgrade"))
            return None
        call.version = lane.number
        return enter(tunnel, call)

    def cancel(self, call: Call) -> None:
        """Nobody waits for a call any more."""
        self.lanes.cancel(call)

    def _refuse(self, call: Call) -> None:
        key, deployment = self.deployment.key, self.deployment
        if deployment.replicas.get("stopped"):
            refuse(call, 503, refusal(f"function {key} is stopped", "stopped", 60.0))
            return
        last = deployment.history[-1] if deployment.history else {}
        why = f": {last['why']}" if last.get("why") else " yet"
        text = f"no version of function {key} is ready{why}"
        refuse(call, 503, refusal(text, "no_version", 5.0))

    def resubmit(self, call: Call) -> None:
        """Give a call to whoever gets it now; no copy of it is made."""
        if self._only is None and self._table is None:
            self._refuse(call)
            return
        lane = self._only or self._table.pick(call)  # type: ignore[union-attr]
        call.version = lane.number
        lane.pool.submit(call)

    async def change(
        self, what: str, version: int = 0, by: str = "", why: str = "", **fields: Any
    ) -> None:
        """Change fields of the deployment: on disk first, then for the requests.

        Args:
            what: For the history, such as `deployed`.
            version: Which version it is about.
            by: Who asked for it.
            why: The reason, if it needs one.
            fields: New values of the deployment's fields.

        Raises:
            StoreUnavailableError: if it cannot be written; nothing has changed then.
        """
        row = {"when": now_text(), "what": what, "version": version, "by": by, "why": why}
        found = {name: value for name, value in row.items() if value}
        shares = fields.get("traffic", self.deployment.traffic)
        found["traffic"] = {str(one.version): round(one.weight, 3) for one in shares}
        history = [*self.deployment.history, found][-_KEPT_HISTORY:]
        changed = dataclasses.replace(self.deployment, **fields, history=history)
        changed.versions = _kept(changed)
        if inspect.iscoroutinefunction(self._save):
            await self._save(changed)
        else:
            await asyncio.to_thread(self._save, changed)
        before = self.main
        for item in dataclasses.fields(changed):
            setattr(self.deployment, item.name, getattr(changed, item.name))
        self.compile()
        if self.on_main is not None and self.main != before:
            self.on_main()

    def compile(self) -> None:
        """Let the requests follow the deployment; what nobody needs any more ends."""
        deployment, live = self.deployment, dict(self.lanes.live)
        self._only = self._table = None
        if deployment.traffic and not deployment.replicas.get("stopped"):
            lanes = {share.version: self.lanes.open(share.version) for share in deployment.traffic}
            self._table = Table(deployment.traffic, lanes, deployment.sticky, deployment.key)
            self._only = self._table.only
        self._set_shadow()
        for number in live:
            if number not in self.needed():
                self.lanes.move_waiting(number, self.resubmit)
        self.lanes.tidy(self.needed())

    def give_up(self, number: int) -> None:
        """End the replicas of a version that could not be started, unless it answers requests."""
        shadow = self.deployment.shadow
        if not self.shares_of(number) and (shadow is None or shadow.version != number):
            self.lanes.drop(number)

    def needed(self) -> dict[int, bool]:
        """The versions that must be there; those kept for a rollback may end when idle: False."""
        deployment = self.deployment
        if deployment.replicas.get("stopped"):
            return {}
        found = {share.version: False for share in deployment.previous}
        found.update({share.version: True for share in deployment.traffic})
        if deployment.watch is not None:
            found[deployment.watch["version"]] = True
        if deployment.shadow is not None:
            found[deployment.shadow.version] = True
        return found

    def _set_shadow(self) -> None:
        wanted, shadow = self.deployment.shadow, self.shadow
        if self.deployment.replicas.get("stopped"):
            wanted = None
        if shadow is not None and (
            wanted is None or (shadow.version, shadow.share) != (wanted.version, wanted.weight)
        ):
            shadow.close()
            self.shadow = None
        if wanted is not None and self.shadow is None:
            plan = (self.deployment.watch or {}).get("plan") or {}
            ignore = tuple(plan.get("ignore") or ("id", "timestamp", "model_version"))
            pool = self.lanes.open(wanted.version).pool
            self.shadow = Shadow(wanted.version, pool, wanted.weight, ignore)

    @property
    def main(self) -> int:
        """The version with most traffic; the newest one if none has any, 0 if there is none."""
        shares = self.deployment.traffic
        share = max(shares, key=lambda one: (one.weight, one.version), default=None)
        return share.version if share is not None else self.deployment.newest

    def next_number(self) -> int:
        """Of a new version; a number is never used again."""
        told = [int(row.get("version") or 0) for row in self.deployment.history]
        return max(self.deployment.newest, *told, 0) + 1

    async def close(self, grace: float) -> None:
        """End all replicas."""
        self._only = self._table = None
        if self.shadow is not None:
            self.shadow.close()
            self.shadow = None
        await self.lanes.close(grace)

    def shares_of(self, version: int) -> list[Share]:
        """The shares that a version has."""
        return [share for share in self.deployment.traffic if share.version == version]


def _kept(deployment: Deployment) -> dict[int, Version]:
    """The last versions, and older ones that are in use."""
    used = {share.version for share in [*deployment.traffic, *deployment.previous]}
    watch = deployment.watch
    if watch is not None:
        used |= {watch["version"], *(row["version"] for row in watch["base"])}
        used |= {row["version"] for row in watch["prior"]}
    if deployment.shadow is not None:
        used.add(deployment.shadow.version)
    last = sorted(deployment.versions)[-KEPT_VERSIONS:]
    return {
        number: version
        for number, version in sorted(deployment.versions.items())
        if number in used or number in last
    }


def now_text() -> str:
    """Now, in ISO form."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
