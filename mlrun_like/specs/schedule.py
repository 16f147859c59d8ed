"""When a function runs by itself: the document, and the small value that users write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.model import Model
from mlrun_like.specs.run import RunDoc

__all__ = ["CONCURRENCY", "MISSED", "Schedule", "ScheduleDoc", "ScheduleSpec"]

CONCURRENCY = ("forbid", "allow", "replace")
MISSED = ("once", "skip", "all")


@dataclass(frozen=True)
class Schedule:
    """When a function runs by itself.

    Args:
        cron: Five fields (minute, hour, day of month, month, day of week; six start with seconds),
            or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Days of the week are 0 or 7
            (Sunday) to 6, or `MON` to `SUN`.
        time_zone: An IANA name such as `"Europe/Berlin"`; empty: UTC. In the night when clocks go
            back a time runs once, in the one when they go forward right after the gap.
        concurrency: While the last run still goes on: `forbid` a new one (it is noted as skipped),
            `allow` it, or `replace` the old one, which is aborted.
        missed: What becomes of times at which nothing was there to run them: `once` for the last
            of them, `skip`, or `all` of them, at most 100.
        grace: Seconds after which a time counts as missed.
        name: The schedule's name; by default the run's.

    Raises:
        InvalidArgumentError: if an option is unknown or out of its range.

    >>> Schedule("0 9 * * MON-FRI", time_zone="Europe/Berlin").missed
    'once'
    """

    cron: str
    time_zone: str = ""
    concurrency: str = "forbid"
    missed: str = "once"
    grace: float = 60.0
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("cron", "time_zone", "concurrency", "missed", "name"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InvalidArgumentError(
                    f"{name} {value!r} of a schedule must be a text",
                    fix='Schedule("0 9 * * *", time_zone="Europe/Berlin")',
                )
        for name, known in (("concurrency", CONCURRENCY), ("missed", MISSED)):
            if getattr(self, name) not in known:
                raise InvalidArgumentError(
                    f"{name} {getattr(self, name)!r} of a schedule is unknown",
                    fix=f"use one of: {', '.join(known)}",
                )
        number = isinstance(self.grace, (int, float)) and not isinstance(self.grace, bool)
        if not number or not 0 <= self.grace < 1e9:
            raise InvalidArgumentError(
                f"grace {self.grace!r} of a schedule must be seconds, 0 or more", fix="grace=60"
            )


class ScheduleSpec(Model):
    """The times, or the trigger with its state, and what runs then."""

    cron: str = ""
    time_zone: str = ""
    concurrency: str = "forbid"
    missed: str = "once"
    grace: float = 60.0
    trigger: dict[str, Any] = Field(default_factory=dict)
    state: dict[str, Any] = Field(default_factory=dict)
    function: str = ""
    run: RunDoc = Field(default_factory=RunDoc)


class ScheduleDoc(Model):
    """A whole schedule; times are ISO texts."""

    kind: str = "schedule"
    name: str = ""
    project: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    creation_time: str = ""
    next_run_time: str | None = None
    paused: bool = False
    spec: ScheduleSpec = Field(default_factory=ScheduleSpec)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        document = super().to_dict()
        document["spec"]["run"] = self.spec.run.to_dict()
        return document
