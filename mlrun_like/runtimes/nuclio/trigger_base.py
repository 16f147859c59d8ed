"""What triggers of all kinds share."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NuclioTrigger", "worker_counts"]


class NuclioTrigger:
    """A trigger of any kind.

    Args:
        struct: The trigger as Nuclio writes it, without its name.

    >>> NuclioTrigger({"kind": "nats", "url": "nats://n:4222", "attributes": {"topic": "t"}}).kind
    'nats'
    """

    kind: ClassVar[str] = ""

    def __init__(self, struct: Mapping[str, Any] | None = None) -> None:
        self._struct: dict[str, Any] = copy.deepcopy(dict(struct or {}))
        if not self.kind:
            self.kind = str(self._struct.get("kind", ""))  # type: ignore[misc]

    def to_dict(self) -> dict[str, Any]:
        """The trigger as plain data."""
        return copy.deepcopy(self._struct)

    def disable(self, disabled: bool = True) -> Self:
        """Keep the trigger in the configuration without using it."""
        self._struct["disabled"] = bool(disabled)
        return self

    def workers(self, workers: int = 4) -> Self:
        """How many events are worked on at a time, each by a process of its own."""
        self._struct.update(worker_counts(workers))
        return self

    @property
    def get_workers(self) -> int | None:
        """How many workers it has; None: Nuclio's default. The name is nuclio-jupyter's."""
        found: int | None = self._struct.get("maxWorkers")
        return found

    def batch(self, size: int = 10, timeout: str = "1s") -> Self:
        """Give the handler lists of events (http triggers): when full, or after `timeout`.

        The handler returns a list of responses, each with the `event_id` of its event.
        """
        self._struct["batch"] = {"mode": "enable", "batchSize": size, "timeout": timeout}
        return self

    def _made(self, attributes: Mapping[str, Any], extra: Mapping[str, Any] | None) -> None:
        """Fill in the attributes that were given."""
        kept = {name: value for name, value in attributes.items() if value is not None}
        self._struct.setdefault("attributes", {}).update({**kept, **(extra or {})})

    def _acked(self, mode: str | None) -> None:
        """Handlers acknowledge events themselves: then the worker that has one must keep it."""
        if mode:
            self._struct["explicitAckMode"] = mode
            if mode != "disable":
                self._struct["attributes"]["workerAllocationMode"] = "static"


def worker_counts(number: int) -> dict[str, int]:
    """How many workers, for a trigger."""
    # Nuclio called it maxWorkers until 1.12 and still reads that; later ones prefer numWorkers.
    return {"numWorkers": int(number), "maxWorkers": int(number)} if number else {}
