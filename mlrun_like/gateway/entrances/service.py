"""An API gateway as the front sees it: requests are given to its functions by their shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.entrances.entrance import Entrance
from mlrun_like.gateway.http.limits import Buckets
from mlrun_like.gateway.releases.split import Table
from mlrun_like.gateway.replicas.dispatching import refusal, refuse

__all__ = ["EntranceService"]


class EntranceService:
    """Answers requests by the functions it leads to; who may call them directly does not matter.

    Args:
        entrance: What it is.
        services: All deployed functions by key, as they come and go.
    """

    def __init__(self, entrance: Entrance, services: Mapping[str, Any]) -> None:
        self.entrance = entrance
        self.key = entrance.place
        self._services = services
        keys = dict(enumerate(entrance.functions))
        self._table: Table[str] = Table(entrance.shares, keys, salt=entrance.place)
        self._below = entrance.path.rstrip("/").encode()

    @property
    def version(self) -> Version:
        """What the front has to know: its own, and what its functions want of all requests."""
        rows = [service.version.options for service in self._answering()]
        options = _together(self.entrance.options, rows)
        return Version(0, "api-gateway", {}, options)

    @property
    def ready(self) -> bool:
        """Whether all its functions are deployed."""
        return all(key in self._services for key in self.entrance.functions)

    @property
    def proxies(self) -> bool:
        """Whether it takes upgrades: if one of its functions does."""
        return any(getattr(service, "proxies", False) for service in self._answering())

    def submit(self, call: Call) -> None:
        """Answer a call by its reply, now or later; never raises."""
        service = self._of(call)
        if service is not None:
            service.submit(call)

    def open(self, tunnel: Any, call: Call) -> Any:
        """Let a client and an application talk as they like: see `http/tunnel.py`."""
        service = self._of(call)
        return service.open(tunnel, call) if service is not None else None

    def cancel(self, call: Call) -> None:
        """Nobody waits for a call any more."""
        if call.service is not None:
            call.service.cancel(call)

    def _answering(self) -> list[Any]:
        """Its functions that are deployed and get requests: the others decide nothing."""
        keys = zip(self.entrance.functions, self.entrance.shares, strict=True)
        found = [self._services.get(key) for key, share in keys if share.weight]
        return [service for service in found if service is not None]

    def _of(self, call: Call) -> Any:
        path = call.target.partition(b"?")[0]
        if self._below and path != self._below and not path.startswith(self._below + b"/"):
            told = f"API gateway {self.entrance.key} answers below {self.entrance.path} only"
            refuse(call, 404, refusal(told, "route"))
            return None
        key = self._table.pick(call)
        service = self._services.get(key)
        if service is None:
            told = (
                f"function {key}, which API gateway {self.entrance.key} leads to, is not deployed"
            )
            refuse(call, 503, refusal(told, "not_deployed", 5.0))
        call.service = service
        return service


def _together(own: Options, rows: Sequence[Options]) -> Options:
    """Options with what functions limit; what one of them takes is not refused."""
    if not rows:
        return own
    limits = [Buckets(row.rate_limit, row.burst) for row in rows if row.rate_limit > 0]
    limited = len(limits) == len(rows)
    everything = any(not row.methods for row in rows)
    return replace(
        own,
        max_body=0 if any(not row.max_body for row in rows) else max(row.max_body for row in rows),
        audit=min(row.audit for row in rows),  # a body is not written down for another's sake
        methods=() if everything else tuple(dict.fromkeys(m for row in rows for m in row.methods)),
        rate_limit=max(one.rate for one in limits) if limited else 0.0,
        burst=int(max(one.burst for one in limits)) if limited else 0,
        cors=rows[0].cors if all(row.cors == rows[0].cors for row in rows) else {},
    )
