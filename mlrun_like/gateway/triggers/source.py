"""What every source of events can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.event import Event

__all__ = ["Source"]


class Source(ABC):
    """Where the events of one trigger come from. All calls come from one thread.

    Args:
        config: The trigger.
        home: The gateway's folder, for what must outlive this process.
    """

    def __init__(self, config: TriggerConfig, home: Path) -> None:
        self.config, self.home = config, home
        self.notes: list[str] = []
        """What people should know of this source, such as that it may lose events."""

    @abstractmethod
    def open(self) -> None:
        """Connect; called again after a failure.

        Raises:
            MLRunLikeError: if it cannot be reached now, or is wrong.
        """

    @abstractmethod
    def read(self, most: int, wait: float) -> list[Event]:
        """The next events, at most so many, after at most so many seconds.

        Raises:
            MLRunLikeError: if it cannot be reached now.
        """

    @abstractmethod
    def ack(self, events: Sequence[Event]) -> None:
        """These are done.

        Raises:
            MLRunLikeError: if it cannot be reached now; called again with the same events.
        """

    def gone(self) -> set[tuple[str, int]]:
        """Topics and shards that went to another reader since the last call: what was handed out
        of them and waits is handed out there."""
        return set()

    def grave(self) -> str:
        """The URL of a stream for dead letters beside this source; empty: it has no such place."""
        return ""

    def depth(self) -> int | None:
        """How many events wait; None: nobody knows. Called from another thread.

        Raises:
            MLRunLikeError: if it cannot be reached now.
        """
        return None

    def overlap(self, event: Event) -> str:
        """What to do with an event while an earlier one is under way: `""` as lanes and workers
        allow, `skip` it, or `replace` the earlier one."""
        del event
        return ""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; what is not acknowledged is handed out again."""
