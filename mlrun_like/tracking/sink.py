"""Where a writer's operations go: the seam between the queue and a database or a service."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.operations import Operation

__all__ = ["Refusal", "Sink"]


class Refusal(NamedTuple):
    """An operation that was not taken, and never will be, and why; `final`: no part of it will."""

    operation: Operation
    reason: Exception
    final: bool = False


class Sink(ABC):
    """Takes batches of operations in order."""

    shown: str
    """Its address without secrets."""
    lock: threading.RLock
    """Held by whoever sends."""
    timeout: float
    """Seconds that others wait for who holds the lock."""

    @abstractmethod
    def commit(
        self, batch: Sequence[Operation], *, durable: bool = True, timeout: float | None = None
    ) -> Sequence[Refusal]:
        """Take a batch, in order; what was refused of it. The caller holds `lock`.

        An error means that nothing is known of the batch: it may be sent again as it is, for all
        operations can be. `unavailable` tells whether later, or never in this company.

        Args:
            batch: What to take.
            durable: Wait until a disk has it; else only a power cut can lose it.
            timeout: Seconds to wait for others; None: as usual.
        """

    @abstractmethod
    def unavailable(self, exc: BaseException) -> bool:
        """Whether an error means that it cannot be used now (else: bad data)."""

    @abstractmethod
    def retry_at_once(self, exc: BaseException) -> bool:
        """Whether the same batch may simply be tried again."""

    @abstractmethod
    def error(self, exc: BaseException) -> StoreUnavailableError:
        """The error to show for one that means `unavailable`; holds no secrets."""

    @abstractmethod
    def disconnect(self) -> None:
        """Drop all connections; the next use connects anew."""

    @abstractmethod
    def before_fork(self) -> None:
        """Let everything go that a child must not inherit, and keep others out."""

    @abstractmethod
    def after_fork_in_parent(self) -> None:
        """Go on."""

    @abstractmethod
    def after_fork_in_child(self) -> None:
        """Replace locks of threads that do not exist here."""
