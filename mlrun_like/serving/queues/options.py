"""How a function reads its queue."""

from __future__ import annotations

from dataclasses import dataclass

from mlrun_like.errors import InvalidArgumentError

__all__ = ["ConsumeOptions"]


@dataclass(frozen=True)
class ConsumeOptions:
    """The options of a stream worker.

    Args:
        name: This process's name in the consumer group. One that restarts under its old name goes
            on at once with what it had begun; by default a new name each time.
        batch: Most records of a batch. Batches are smaller while steps are slow.
        attempts: How often an event is tried before it becomes a dead letter. Errors of the event
            itself (status below 500, such as a wrong value) are not tried again.
        backoff: Seconds before the second attempt; doubled each time. Events with other keys go on
            meanwhile.
        deliveries: How often a record may kill its reader before it becomes a dead letter; at
            least 3, because only from the third time on it is handed out alone.
        dead_letter: URL of the stream for events that failed for good; by default that of the queue
            with `-dead-letters` added to its name.
        max_in_flight: Events under way at once, for graphs with `async` or blocking steps; events
            with one key are never.
        max_depth: Stop reading while this many records wait in a queue that this function pushes
            to; by default 100,000 for streams in memory and Redis, no limit for Kafka.
        commit_events: For graphs with steps that hold events back (`Batch`): after so many events
            they give what they hold, and all of it is acknowledged (storey's
            max_events_before_commit).
        commit_seconds: The same after so many seconds (max_time_before_commit).

    >>> ConsumeOptions(attempts=5).attempts
    5

    Raises:
        InvalidArgumentError: naming the option that cannot be used.
    """

    name: str = ""
    batch: int = 1000
    attempts: int = 3
    backoff: float = 0.1
    deliveries: int = 5
    dead_letter: str = ""
    max_in_flight: int = 32
    max_depth: int | None = None
    commit_events: int = 20_000
    commit_seconds: float = 45.0

    def __post_init__(self) -> None:
        counts = ("batch", "attempts", "deliveries", "max_in_flight", "max_depth", "commit_events")
        for name in counts:
            value = getattr(self, name)
            if value is None and name == "max_depth":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(f"{name} must be a whole number from 1, not {value!r}")
        if self.deliveries < 3:
            raise InvalidArgumentError(f"deliveries must be 3 or more, not {self.deliveries}")
        for name in ("backoff", "commit_seconds"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 <= value <= 3600:
                raise InvalidArgumentError(f"{name} must be 0 to 3600 seconds, not {value!r}")
