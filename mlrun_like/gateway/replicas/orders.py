"""What a nursery is asked for: one more worker of a version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.replicas.workers import Worker

__all__ = ["Nurse", "Order", "Owner"]


@dataclass(frozen=True)
class Order:
    """A worker that is wanted.

    Args:
        key: `<project>/<name>` of the function.
        version: What it runs, with its limits in `version.options`.
        replica: Its number among the replicas of this version.
        log: File that gets its output; None: the function's file in the gateway's folder.
    """

    key: str
    version: Version
    replica: int
    log: Path | None = None


class Owner(Protocol):
    """Who is told about a worker; on the gateway's loop."""

    def worker_ready(self, worker: Worker) -> None:
        """It is ready."""

    def worker_done(self, worker: Worker, call: Call) -> None:
        """It answered a request, or left a cancelled one."""

    def worker_ended(self, worker: Worker) -> None:
        """It is gone; `busy` has what it did not answer."""


class Nurse(Protocol):
    """Who starts workers."""

    async def spawn(self, order: Order, owner: Owner) -> Worker:
        """Start one; it need not be ready yet.

        Raises:
            EngineError: if it cannot be started.
        """
