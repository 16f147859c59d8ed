"""A pool as the gateway uses it: scaled, and heard by the trigger host."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.replicas.autoscale import Autoscaler
from mlrun_like.gateway.replicas.nursery import Nursery
from mlrun_like.gateway.replicas.pool import Pool
from mlrun_like.gateway.replicas.workers import Worker
from mlrun_like.gateway.wire import ACKED

__all__ = ["ScaledPool"]

_log = logging.getLogger("mlrun_like.gateway")


class ScaledPool(Pool):
    """A pool whose number of replicas the autoscaler decides.

    Args:
        key: `<project>/<name>` of the function.
        version: What runs.
        nursery: Who starts replicas.
        on_finished: Called once for each request that is over.
        autoscaler: Who decides, until the pool is drained.
        on_acked: Is told the key and what a handler acknowledged itself.
    """

    def __init__(
        self,
        key: str,
        version: Version,
        nursery: Nursery,
        on_finished: Callable[[Call], None],
        autoscaler: Autoscaler,
        on_acked: Callable[[str, dict[str, Any]], None],
    ) -> None:
        super().__init__(key, version, nursery, on_finished, _log)
        self._nurse, self._autoscaler, self._on_acked = nursery, autoscaler, on_acked
        autoscaler.add(self)

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """The autoscaler's last changes, the youngest last."""
        return self._autoscaler.decisions(self)

    def worker_ready(self, worker: Worker) -> None:
        """See Owner."""
        worker.on_note = self._noted
        super().worker_ready(worker)

    def _noted(self, worker: Worker, kind: int, content: bytes) -> None:
        if kind != ACKED:
            return
        try:
            message = json.loads(content)
        except ValueError:
            message = None
        if isinstance(message, dict):
            self._on_acked(self.key, message)

    async def drain(self, grace: float) -> None:
        """Finish what is under way, then end."""
        self._autoscaler.remove(self)
        await super().drain(grace)
        self._nurse.forget(self.version, self.key)
