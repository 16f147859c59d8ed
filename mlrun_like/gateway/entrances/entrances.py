"""All API gateways of a gateway: on disk before they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.gateway.control.telling import write_audit
from mlrun_like.gateway.entrances.entrance import Entrance
from mlrun_like.gateway.entrances.service import EntranceService
from mlrun_like.gateway.states import StateFiles

__all__ = ["EntranceFiles", "Entrances"]


class EntranceFiles(StateFiles[Entrance]):
    """The files of API gateways, below `<home>/entrances`.

    Args:
        home: The gateway's folder.
    """

    def __init__(self, home: Path) -> None:
        super().__init__(home, "entrances")

    def read(self, data: dict[str, Any]) -> Entrance:
        """An API gateway, if it can be used."""
        return Entrance.from_dict(data)


class Entrances:
    """The API gateways.

    Args:
        home: The gateway's folder.
        functions: All deployed functions by key, as they come and go.
        may_change: Raises if nothing may be changed now.
        changed: Called when one came, went or is another one.
    """

    def __init__(
        self,
        home: Path,
        functions: Mapping[str, Any],
        may_change: Callable[[], None],
        changed: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self.services: dict[str, EntranceService] = {}
        """By key; what the front is given."""
        self._home, self._functions = home, functions
        self._may_change, self._changed = may_change, changed
        self._files = EntranceFiles(home)
        self._lock = asyncio.Lock()

    async def begin(self) -> list[str]:
        """Serve what the files say; gives what could not be read."""
        for key, entrance in (await asyncio.to_thread(self._files.load)).items():
            self.services[key] = EntranceService(entrance, self._functions)
        return self._files.set_aside

    def rows(self, project: str = "") -> list[dict[str, Any]]:
        """All of them, or those of a project."""
        kept = sorted(self.services)
        return [self.row(key) for key in kept if not project or key.startswith(f"{project}/")]

    def row(self, key: str) -> dict[str, Any]:
        """One of them, without secrets: `state` is `ready` when its functions are deployed.

        Raises:
            NotFoundError: if there is none.
        """
        service = self._get(key)
        found = service.entrance.to_dict()
        auth = found.pop("auth")
        callers = [str(row.get("name")) for row in auth.get("callers") or ()]
        state = "ready" if service.ready else "waitingForProvisioning"
        return {**found, "auth": auth.get("kind") or "none", "callers": callers, "state": state,
                "place": service.key}  # fmt: skip

    async def put(self, values: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Store one, or another one in its place.

        Args:
            values: See `Entrance`; `auth` may be `kept`: the users and passwords that it has.
            by: Who stores it.

        Raises:
            InvalidArgumentError: naming what cannot be used.
        """
        async with self._lock:
            if values.get("auth") == "kept":
                key = f"{values.get('project')}/{values.get('name')}"
                values = {**values, "auth": self._passwords(key)}
            entrance = Entrance.from_dict({**values, "by": by})
            self._may_change()
            await asyncio.to_thread(self._files.save, entrance)
            self.services[entrance.key] = EntranceService(entrance, self._functions)
            self._note("stored", entrance.key, by)
            await self._changed()
        return self.row(entrance.key)

    async def delete(self, key: str, by: str) -> None:
        """Forget one.

        Raises:
            NotFoundError: if there is none.
        """
        async with self._lock:
            self._get(key)
            self._may_change()
            await asyncio.to_thread(self._files.delete, key)
            del self.services[key]
            self._note("deleted", key, by)
            await self._changed()

    def _passwords(self, key: str) -> dict[str, Any]:
        kept = self.services.get(key)
        auth = kept.entrance.auth if kept is not None else {}
        if auth.get("kind") != "basic":  # else everybody could call what says it wants a password
            raise InvalidArgumentError(
                "basic authentication needs a user and a password",
                where=key,
                fix='gateway.with_basic_auth("anna", password)',
            )
        return auth

    def _get(self, key: str) -> EntranceService:
        service = self.services.get(key)
        if service is None:
            raise NotFoundError(
                f"there is no API gateway {key!r:.100}.{nearest(key, self.services)}",
                fix="project.list_api_gateways(); project.store_api_gateway(...)",
            )
        return service

    def _note(self, what: str, key: str, by: str) -> None:
        write_audit(self._home, {"what": f"API gateway {what}", "function": key, "by": by})
