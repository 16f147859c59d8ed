"""The gateway: deployed functions, and all that works for them, put together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    MLRunLikeError,
    NotFoundError,
    nearest,
)
from mlrun_like.gateway.applications.application import Application
from mlrun_like.gateway.applications.folders import remove_folders
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.control.following import size_of
from mlrun_like.gateway.control.telling import tell_growth, with_log, write_audit
from mlrun_like.gateway.control.wanted import shares_of, shown_options, version_of
from mlrun_like.gateway.deployment import Deployment, Version
from mlrun_like.gateway.fitting import ScaledPool
from mlrun_like.gateway.places import log_file
from mlrun_like.gateway.releases.rollout import Rollout
from mlrun_like.gateway.releases.service import FunctionService
from mlrun_like.gateway.replicas.autoscale import Autoscaler
from mlrun_like.gateway.replicas.nursery import Nursery
from mlrun_like.gateway.states import DeploymentFiles, check_key

__all__ = ["Functions"]

_log = logging.getLogger("mlrun_like.gateway")


class Functions:
    """All deployed functions of a gateway.

    Args:
        home: The gateway's folder.
        changed: Called when a function came, went or has other options.
    """

    def __init__(self, home: Path, changed: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.home = home
        self.files = DeploymentFiles(home)
        self.nursery = Nursery(home)
        self.autoscaler = Autoscaler()
        self.services: dict[str, FunctionService] = {}
        self.frozen = ""
        """Why nothing may be changed now; empty: it may."""
        self._changed = changed
        self._moves: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    # Beginning and end -----------------------------------------------------------------------

    async def begin(self, replicas: Mapping[str, Any]) -> None:
        """Serve what the state files say.

        Args:
            replicas: How many each version had in the gateway that this one follows:
                key -> {number of version: replicas}; they are started and waited for.
        """
        self.autoscaler.start()
        waits = []
        for key, deployment in (await asyncio.to_thread(self.files.load)).items():
            try:
                service = self._service(deployment)
                service.resume()
            except Exception as exc:  # noqa: BLE001 - the others must not suffer by it
                told = f"{key} cannot be served: {type(exc).__name__}: {exc}; deploy it again"
                self.files.set_aside.append(told)
                _log.exception("%s", told)
                continue
            self.services[key] = service
            for number, count in dict(replicas.get(key) or {}).items():
                lane = service.traffic.lanes.live.get(int(number))
                if lane is not None and count:
                    waits.append(self._ready(lane.pool, int(count)))
        await asyncio.gather(*waits)

    async def _ready(self, pool: Any, count: int) -> None:
        """Have as many replicas as the gateway before had."""
        try:
            await pool.scale(count, "as many as before the restart")
            await pool.start_one()
            end = time.monotonic() + config.gateway_grace
            while time.monotonic() < end:
                numbers = pool.numbers()
                if getattr(numbers, "ready", count) >= count or getattr(numbers, "backoff", 0):
                    return
                await asyncio.sleep(0.01)
        except MLRunLikeError as exc:  # it was in trouble before: the others must not wait
            _log.warning("%s", exc)

    async def prepare(self) -> None:
        """Have ready what the next replicas of each function with traffic are forked from."""
        for key, service in list(self.services.items()):
            for share in list(service.deployment.traffic):
                version = service.deployment.versions[share.version]
                if version.kind == "application":
                    continue
                try:
                    await self.nursery.prepare(version, key)
                except MLRunLikeError as exc:  # told again when somebody wants it
                    _log.warning("%s: %s", key, exc.what)

    def acknowledged(self, key: str, message: dict[str, Any]) -> None:
        """A handler acknowledged a stream's event itself."""

    def replicas(self) -> dict[str, dict[int, int]]:
        """What `begin` of the gateway that follows needs."""
        return {
            key: {lane.number: lane.replicas for lane in service.traffic.lanes.live.values()}
            for key, service in self.services.items()
        }

    async def close(self, grace: float) -> None:
        """End all replicas; what is deployed stays so."""
        await self.autoscaler.close()
        ends = [service.close(grace) for service in self.services.values()]
        await asyncio.gather(*ends, return_exceptions=True)
        await self.nursery.close()

    # Looking ---------------------------------------------------------------------------------

    def get(self, key: str) -> FunctionService:
        """A deployed function.

        Raises:
            NotFoundError: if it is not deployed.
        """
        service = self.services.get(key)
        if service is None:
            raise NotFoundError(
                f"function {key!r:.100} is not deployed.{nearest(key, self.services)}",
                fix="mlrun-like ps; fn.deploy()",
            )
        return service

    def status(self, key: str) -> dict[str, Any]:
        """All that `ps` shows of a function; values of its variables are not in it."""
        service = self.get(key)
        version = service.version
        return {
            **service.status(),
            "options": shown_options(version.options),
            "log": str(log_file(self.home, key)),
        }

    def why(self, key: str) -> list[dict[str, Any]]:
        """Decisions about replicas, of all versions, the youngest last."""
        rows = []
        for version in self.get(key).status()["versions"]:
            for row in version.get("decisions") or ():
                rows.append({"version": version["number"], **row})
        return sorted(rows, key=lambda row: row.get("time") or 0)

    # Changing --------------------------------------------------------------------------------

    async def deploy(self, wanted: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
        """Deploy a version, told line by line; gives the function's status.

        Raises:
            InvalidArgumentError: if what is wanted makes no sense.
            EngineError: with the function's own words if it does not start.
        """
        key = str(wanted.get("key") or "")
        project, name = check_key(key)
        version = version_of(wanted)
        Rollout.from_dict(wanted.get("rollout"))
        async with self._lock(key):
            self._may_change()
            self._check_port(key, version.options.port)
            service = self.services.get(key)
            is_new = service is None
            if service is None:
                service = self._service(Deployment(project, name))
                self.services[key] = service
            before = set(service.deployment.versions)
            start, began = size_of(log_file(self.home, key)), time.monotonic()
            say(f"{key}: starting version {version.digest[:8]}")
            teller = asyncio.create_task(tell_growth(log_file(self.home, key), start, say))
            try:
                deployed = await service.deploy(version, wanted.get("rollout"), version.by)
            except Exception as exc:  # cancelled, it stays: the next gateway goes on with it
                if is_new:
                    await self._forget(key)
                self._note(key, "refused", version, wanted)
                if not isinstance(exc, MLRunLikeError):
                    raise
                raise await with_log(exc, key, log_file(self.home, key), start) from exc
            finally:
                teller.cancel()
                await asyncio.wait([teller])
            if deployed.number in before:
                say(f"{key}: version {deployed.number} has this code and these options already")
            else:
                took = time.monotonic() - began
                say(f"{key}: version {deployed.number} is ready after {took:.2f} s")
            self._note(key, "deployed", deployed, wanted)
            await self._changed()
            return self.status(key)

    async def change(self, key: str, what: str, values: dict[str, Any], by: str) -> dict[str, Any]:
        """Scale a function, or move its traffic; gives its status."""
        service = self.get(key)
        async with self._lock(key):
            self._may_change()
            if what == "scale":
                low, high = values.get("min"), values.get("max")
                await service.scale(low, high, by)
            elif what == "shift":
                await service.shift(shares_of(values), by)
            elif what == "shadow":
                share = float(values.get("weight") or 100.0)
                await service.set_shadow(int(values.get("version") or 0), share, by)
            elif what == "rollback":
                await service.rollback(int(values.get("version") or 0), by)
            else:
                await service.promote(by)
            write_audit(self.home, {"what": what, "function": key, "by": by})
            await self._changed()
            return self.status(key)

    async def delete(self, key: str, by: str) -> None:
        """End a function and forget it."""
        self.get(key)
        async with self._lock(key):
            self._may_change()
            await self._forget(key)
            write_audit(self.home, {"what": "deleted", "function": key, "by": by})

    # Inside ----------------------------------------------------------------------------------

    async def _forget(self, key: str) -> None:
        # first the file: if it cannot go, the function stays
        await asyncio.to_thread(self.files.delete, key)
        service = self.services.pop(key)
        service.hold(True)
        await self._changed()
        await service.close(config.gateway_grace)
        # a rollout may have written a step meanwhile
        await asyncio.to_thread(self.files.delete, key)
        if any(one.kind == "application" for one in service.deployment.versions.values()):
            await asyncio.to_thread(remove_folders, self.home, key)

    def _service(self, deployment: Deployment) -> FunctionService:
        key = deployment.key

        def make(version: Version, finished: Callable[[Call], None]) -> Any:
            if version.kind == "application":
                return Application(key, version, self.home, finished, _log)
            return ScaledPool(
                key, version, self.nursery, finished, self.autoscaler, self.acknowledged
            )

        service = FunctionService(deployment, make, self.files.save, grace=config.gateway_grace)
        service.traffic.on_main = self._moved
        return service

    def _moved(self) -> None:
        """Traffic went to another version, maybe by itself: its auth, ports and triggers hold."""
        task = asyncio.get_running_loop().create_task(self._changed())
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    def _may_change(self) -> None:
        if self.frozen:
            refused = ConflictError(self.frozen, fix="try again in a moment")
            refused.status = 503  # the next gateway will do it: clients ask again
            raise refused

    def _check_port(self, key: str, port: int) -> None:
        for other, service in self.services.items():
            if port and other != key and service.version.options.port == port:
                raise ConflictError(
                    f"port {port} belongs to function {other!r}",
                    where=f"function {key!r}",
                    fix="another port in fn.with_http(port=...)",
                )

    def _note(self, key: str, what: str, version: Version, wanted: Mapping[str, Any]) -> None:
        write_audit(self.home, {
            "what": what, "function": key, "by": version.by, "version": version.number,
            "kind": version.kind, "digest": version.digest,
            "strategy": (wanted.get("rollout") or {}).get("strategy") or "direct",
        })  # fmt: skip
