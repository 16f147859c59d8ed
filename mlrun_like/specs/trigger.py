"""What starts a stored function besides a time: new data, messages, another run's end, an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["KINDS", "Trigger", "read_trigger"]

KINDS = ("data", "stream", "run", "event")
_STATES = ("completed", "error", "aborted")
_CONCURRENCY = ("forbid", "allow")


@dataclass(frozen=True)
class Trigger:
    """What starts a run, once for each event: `fn.run(schedule=Trigger("data", "s3://bucket/in"))`.

    Args:
        kind: `data` (a file that changes, or new and changed files of a folder or prefix), `stream`
            (a message), `run` (another run's end, or a pipeline's), `event` (a named event, such as
            an alert's: `mlrun-like trigger fire NAME`).
        source: The URL of the data or stream, the run's name (`~part`: contains; empty: any), or
            the event's name.
        param: The parameter of the run that is given the event, a mapping; with `debounce` a list
            of them. Empty: none is.
        states: For `run`: the states that count.
        labels: For `run`: labels it must have.
        interval: Seconds between two looks at the source.
        debounce: Wait until no further event has come for so many seconds, at most ten times as
            long, and start one run for all of them.
        backoff: Seconds to wait after a run that failed; twice as long after each further one, at
            most an hour.
        concurrency: While the last run goes on: `forbid` a new one (its event waits), or `allow`.
        existing: For `data`: files that are there already count as new.
        settle: For `data`: a file counts when its size and time have not changed for so many
            seconds, so that none is taken while it is written; objects with an etag are whole.
        name: The trigger's name; by default the run's.

    Raises:
        InvalidArgumentError: if an option is unknown or out of its range.

    >>> Trigger("event", "drift", param="alert").states
    ('completed',)
    """

    kind: str
    source: str = ""
    param: str = ""
    states: Sequence[str] = ("completed",)
    labels: Mapping[str, str] = field(default_factory=dict)
    interval: float = 10.0
    debounce: float = 0.0
    backoff: float = 10.0
    concurrency: str = "forbid"
    existing: bool = False
    settle: float = 2.0
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("kind", "source", "param", "concurrency", "name"):
            if not isinstance(getattr(self, name), str):
                raise InvalidArgumentError(
                    f"{name} {getattr(self, name)!r} of a trigger must be a text",
                    fix='Trigger("data", "s3://bucket/folder")',
                )
        states = (self.states,) if isinstance(self.states, str) else tuple(self.states)
        object.__setattr__(self, "states", states)
        for what, value, known in (
            ("kind", self.kind, KINDS),
            ("concurrency", self.concurrency, _CONCURRENCY),
            *(("state", state, _STATES) for state in states),
        ):
            if value not in known:
                raise InvalidArgumentError(
                    f"{what} {value!r} of a trigger is unknown.{nearest(str(value), known)}",
                    fix=f"use one of: {', '.join(known)}",
                )
        if not self.source and self.kind != "run":
            raise InvalidArgumentError(
                f"a trigger of kind {self.kind!r} needs a source",
                fix='Trigger("data", "s3://bucket/folder"), Trigger("event", "drift")',
            )
        if not isinstance(self.labels, Mapping):
            raise InvalidArgumentError(f"labels {self.labels!r} of a trigger must be a mapping")
        for name, least in (
            ("interval", 0.1),
            ("debounce", 0.0),
            ("backoff", 0.0),
            ("settle", 0.0),
        ):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not least <= value < 1e9:
                raise InvalidArgumentError(
                    f"{name} {value!r} of a trigger must be seconds, {least:g} or more",
                    fix=f"{name}=10",
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "states": list(self.states), "labels": dict(self.labels)}

    def __str__(self) -> str:
        return f"{self.kind} {self.source}".strip()


def read_trigger(document: Mapping[str, Any]) -> Trigger:
    """A trigger from its fields as plain data.

    Raises:
        InvalidArgumentError: if it cannot be read.
    """
    known = [item.name for item in fields(Trigger)]
    for name in document:
        if name not in known:
            raise InvalidArgumentError(
                f"a trigger has no option {name!r}.{nearest(str(name), known)}",
                fix=f"options: {', '.join(known)}",
            )
    return Trigger(**{"kind": "", **document})
