"""How a step is called: time limit, retries, concurrency, batching."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["StepOptions"]


@dataclass(frozen=True)
class StepOptions:
    """The options of `step.options(...)`.

    Args:
        timeout: Seconds that one call may take; then the caller gets 504. A plain function that
            is over its time cannot be stopped: its thread goes on and its result is dropped.
        retries: How often a failing call is repeated. Errors of the caller's data (status below
            500) are not repeated, nor is a call whose caller would no longer wait for it.
        backoff: Seconds before the first repetition; doubled each time, at most 120.
        max_in_flight: Calls of this step at the same time; further callers wait.
        blocking: Whether it must run in a thread, so that it does not hold up other callers; by
            default what the class says in its attribute `blocking`.
        batching: Collect the bodies of callers into one list for one call: `True`, or
            `{"max_rows": 32, "max_wait_ms": 5}`.

    >>> StepOptions(timeout=2.5, retries=1)
    StepOptions(timeout=2.5, retries=1)

    Raises:
        InvalidArgumentError: naming the option that cannot be used.
    """

    timeout: float | None = None
    retries: int = 0
    backoff: float = 0.1
    max_in_flight: int | None = None
    blocking: bool | None = None
    batching: bool | Mapping[str, Any] = False

    def __post_init__(self) -> None:
        if self.timeout is not None:
            _number("timeout", self.timeout, above=0.0)
        _whole("retries", self.retries, 0)
        _number("backoff", self.backoff, above=-1e-9)
        if self.max_in_flight is not None:
            _whole("max_in_flight", self.max_in_flight, 1)
        if self.blocking is not None and not isinstance(self.blocking, bool):
            raise InvalidArgumentError(f"blocking must be True or False, not {self.blocking!r}")
        if not isinstance(self.batching, (bool, Mapping)):
            raise InvalidArgumentError(
                f"batching must be True or a mapping, not {self.batching!r}",
                fix='batching={"max_rows": 32}',
            )

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return f"StepOptions({inside})"

    @property
    def waits(self) -> bool:
        """Whether a call may have to wait: for its turn, its next attempt, or its time limit."""
        return bool(self.timeout is not None or self.max_in_flight is not None or self.retries)

    def to_dict(self) -> dict[str, Any]:
        """Those that differ from the defaults."""
        return {
            item.name: getattr(self, item.name)
            for item in dataclasses.fields(self)
            if getattr(self, item.name) != item.default
        }


def _number(name: str, value: Any, *, above: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > above:
        raise InvalidArgumentError(
            f"{name} must be a number of seconds above {max(0, int(above))}, not {value!r}"
        )


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidArgumentError(f"{name} must be a whole number from {least}, not {value!r}")
