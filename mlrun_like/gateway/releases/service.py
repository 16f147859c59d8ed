"""A deployed function: what the front, triggers, the control API and `ps` talk to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Options, Share, Version
from mlrun_like.gateway.releases.describing import describe
from mlrun_like.gateway.releases.lanes import PoolMaker
from mlrun_like.gateway.releases.releases import Releases
from mlrun_like.gateway.releases.rollout import Rollout
from mlrun_like.gateway.releases.split import check_shares
from mlrun_like.gateway.releases.traffic import Traffic

__all__ = ["FunctionService"]


class FunctionService:
    """A deployed function. All is called on the gateway's event loop.

    Changes of one function happen one after the other, and are on disk before they hold: a service
    that is made from what a killed gateway had saved goes on where that was, by `resume`. No change
    loses a request: what waits for a version that ends is given to the others, and what it works on
    is finished.

    Args:
        deployment: What is deployed.
        make_pool: Makes the replicas of a version: `make_pool(version, on_finished)`.
        save: Writes the deployment so that a kill at any moment leaves the old one or the new one;
            called in a thread, unless it is a coroutine function.
        grace: Seconds that requests under way are given when replicas end.
        tick: Seconds between two looks at a rollout.
    """

    def __init__(
        self,
        deployment: Deployment,
        make_pool: PoolMaker,
        save: Callable[[Deployment], Any],
        *,
        grace: float = 30.0,
        tick: float = 0.5,
    ) -> None:
        self.deployment = deployment
        self.traffic = Traffic(deployment, make_pool, save, grace)
        self._releases = Releases(self.traffic, tick)
        self.submit: Callable[[Call], None] = self.traffic.submit
        """Answers a call by its reply, now or later; never raises."""
        self.cancel: Callable[[Call], None] = self.traffic.cancel
        """Nobody waits for a call any more."""
        self.open: Callable[[Any, Any], Any] = self.traffic.open
        """Begins a tunnel to an application: see `http/tunnel.py`."""

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return self.deployment.key

    @property
    def version(self) -> Version:
        """The version with most traffic; the newest one if none has any; an empty one, number 0,
        while the first one is being written."""
        found = self.deployment.versions.get(self.traffic.main)
        return found or Version(0, "", {}, Options())

    @property
    def proxies(self) -> bool:
        """Whether it takes upgrades, such as websockets: an application does."""
        return any(one.kind == "application" for one in self.deployment.versions.values())

    def pools(self) -> list[Any]:
        """The replicas of all versions that have some, or may have."""
        return [lane.pool for lane in self.traffic.lanes.live.values()]

    def resume(self) -> None:
        """Go on with what is deployed: call it once, after making the service."""
        self.traffic.compile()
        self._releases.resume()

    async def close(self, grace: float = 30.0) -> None:
        """End all replicas; what is deployed stays so.

        Args:
            grace: Seconds for requests under way.
        """
        await self._releases.close()
        await self.traffic.close(grace)

    async def deploy(
        self, version: Version, rollout: Mapping[str, Any] | None = None, by: str = ""
    ) -> Version:
        """Roll out a version; done when traffic has begun to move.

        It is started, and has answered its smoke requests, before that.

        Args:
            version: What to run; its number is given here. Same digest, same version: one that
                has traffic, or is being rolled out, is left as it is.
            rollout: See `Rollout.from_dict`; None: all traffic at once.
            by: Who deploys; empty: `version.by`.

        Returns:
            The version with its number.

        Raises:
            InvalidArgumentError: if the rollout makes no sense.
            EngineError: if it does not start, or fails a smoke request; traffic has not moved.
        """
        plan = Rollout.from_dict(rollout)
        work = self._releases.deploy(version, plan, by or version.by)
        return await asyncio.shield(self._releases.spawn(work))

    async def promote(self, by: str = "") -> None:
        """Give the version that is rolled out all traffic now.

        Raises:
            StateError: if no rollout is under way.
        """
        async with self._releases.lock:
            await self._releases.promote(by)

    async def rollback(self, version: int = 0, by: str = "", why: str = "") -> None:
        """Go back: from a rollout under way to what was before it, else to what was before the
        last change; twice is back again.

        Args:
            version: Give all traffic to this version instead.
            by: Who asked for it.
            why: For the history.

        Raises:
            NotFoundError: if there is no such version.
            StateError: if nothing was before.
            EngineError: if that version has no replicas any more and does not start.
        """
        async with self._releases.lock:
            await self._releases.back(version, by, why)

    async def shift(
        self,
        shares: Mapping[Any, float] | Iterable[Share],
        by: str = "",
        sticky: str | None = None,
    ) -> None:
        """Set who answers how much by hand; a rollout under way ends by that.

        Args:
            shares: Percent by version, adding up to 100, or shares with headers.
            by: Who asked for it.
            sticky: As in `Rollout`; None: as it is.

        Raises:
            InvalidArgumentError: if a version is not there, or they do not add up.
            EngineError: if a version that had no traffic does not start.
        """
        if isinstance(shares, Mapping):
            shares = [Share(_version(number), weight) for number, weight in shares.items()]
        wanted = check_shares(shares, self.deployment.versions)
        async with self._releases.lock:
            deployment = self.deployment
            for share in wanted:
                if not self.traffic.shares_of(share.version):
                    await self._releases.ready(share.version)
            await self.traffic.lanes.prepare(wanted)
            await self.traffic.change(
                "shifted", 0, by,
                traffic=wanted, previous=deployment.traffic, watch=None, shadow=None,
                sticky=deployment.sticky if sticky is None else sticky,
            )  # fmt: skip
            self._releases.stop_watching()

    async def set_shadow(self, version: int, share: float = 100.0, by: str = "") -> None:
        """Let a version answer copies, which are compared and thrown away.

        Args:
            version: Which one; 0: none any more.
            share: Percent of the requests.
            by: Who asked for it.

        Raises:
            InvalidArgumentError: if the version is not there or has traffic, or the share is out
                of range.
            EngineError: if it does not start.
        """
        if version and (version not in self.deployment.versions or not 0 < share <= 100):
            raise InvalidArgumentError(
                f"version {version!r} with {share!r} % can be no shadow",
                fix=f"versions {', '.join(map(str, self.deployment.versions))}; above 0 to 100 %",
            )
        if version and self.traffic.shares_of(version):
            raise InvalidArgumentError(f"version {version} answers requests: it is no shadow")
        async with self._releases.lock:
            if version:
                await self._releases.ready(version)
            shadow = Share(version, float(share)) if version else None
            await self.traffic.change("shadow", version, by, shadow=shadow)

    async def scale(
        self, minimum: int | None = None, maximum: int | None = None, by: str = ""
    ) -> None:
        """Set how few and how many replicas each version may have.

        Args:
            minimum: 0: none while there is nothing to do; None: as it is.
            maximum: 1 or more; None: as it is.
            by: Who asked for it.

        Raises:
            InvalidArgumentError: if a number is out of range.
        """
        found = dict(self.deployment.replicas)
        for name, value, lowest in (("min", minimum, 0), ("max", maximum, 1)):
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= 1000:
                raise InvalidArgumentError(f"{name}_replicas {value!r} must be {lowest} to 1000")
            found[name] = value
        options = self.version.options
        least, most = found.get("min", options.min_replicas), found.get("max", options.max_replicas)
        if least > most:
            raise InvalidArgumentError(f"min_replicas {least} is more than max_replicas {most}")
        async with self._releases.lock:
            await self.traffic.change("scaled", 0, by, f"{least} to {most}", replicas=found)
            self.traffic.lanes.refresh()

    async def stop(self, by: str = "") -> None:
        """Answer nothing any more: requests get 503; what is under way is finished."""
        async with self._releases.lock:
            replicas = {**self.deployment.replicas, "stopped": 1}
            await self.traffic.change("stopped", 0, by, replicas=replicas)

    async def start(self, by: str = "") -> None:
        """The opposite of `stop`."""
        async with self._releases.lock:
            replicas = {k: v for k, v in self.deployment.replicas.items() if k != "stopped"}
            await self.traffic.change("started", 0, by, replicas=replicas)

    def hold(self, held: bool) -> None:
        """Let a rollout under way stay where it is, or go on: of two gateways one decides."""
        self._releases.held = held

    def status(self) -> dict[str, Any]:
        """All that `ps` shows: versions with their numbers, decisions of the autoscaler, the
        rollout and what it waits for."""
        shadow = self.traffic.shadow
        return {
            **describe(self.deployment, self.traffic.lanes),
            "rollout": self._releases.status(),
            "shadow": shadow.status() if shadow is not None else None,
        }


def _version(number: Any) -> int:
    try:
        return int(number)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"version {number!r} is no number", fix='{"1": 90}') from None
