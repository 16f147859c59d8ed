"""When the results of windows are sent on: emit policies and their form as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.serving.steps.checks import check_count, check_seconds

__all__ = [
    "EmissionType",
    "EmitAfterDelay",
    "EmitAfterMaxEvent",
    "EmitAfterPeriod",
    "EmitAfterWindow",
    "EmitEveryEvent",
    "EmitPolicy",
    "LateDataHandling",
    "emit_policy_of",
]


class EmissionType(Enum):
    """What is sent each time: everything, or what has changed since the last time."""

    All = 1
    Incremental = 2


class LateDataHandling(Enum):
    """Where the `Window` step puts a value that is older than the newest one."""

    Nothing = 1
    Sort_before_emit = 2


class EmitPolicy:
    """When results are sent on.

    Args:
        emission_type: All keys each time, or those with new events.
    """

    mode = ""

    def __init__(self, emission_type: EmissionType = EmissionType.All) -> None:
        if not isinstance(emission_type, EmissionType):
            raise InvalidTypeError(f"emission_type={emission_type!r:.80} is not an EmissionType")
        self.emission_type = emission_type

    @classmethod
    def name(cls) -> str:
        """What the policy is called in data."""
        return cls.mode

    def to_dict(self) -> dict[str, Any]:
        """The policy as data; `emit_policy_of` reads it."""
        return {"mode": self.mode}

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if k != "emission_type")
        return f"{type(self).__name__}({values})"


class EmitEveryEvent(EmitPolicy):
    """Each event is sent on with the aggregates of its key."""

    mode = "everyEvent"


class EmitAfterMaxEvent(EmitPolicy):
    """Every n-th event of a key is sent on.

    Args:
        max_events: n.
        timeout_secs: How long an event waits for further ones at most; then the newest is sent.
            None: for ever.
        emission_type: See `EmitPolicy`.
    """

    mode = "maxEvents"

    def __init__(
        self,
        max_events: int,
        timeout_secs: float | None = None,
        emission_type: EmissionType = EmissionType.All,
    ) -> None:
        self.max_events = check_count(max_events, "max_events", "EmitAfterMaxEvent")
        if timeout_secs is not None:
            check_seconds(timeout_secs, "timeout_secs", "EmitAfterMaxEvent")
        self.timeout_secs = timeout_secs
        super().__init__(emission_type)

    def to_dict(self) -> dict[str, Any]:
        """The policy as data."""
        found = {"mode": self.mode, "maxEvents": self.max_events}
        if self.timeout_secs is None:
            return found
        return {**found, "timeout": self.timeout_secs}


class _ByClock(EmitPolicy):
    def __init__(
        self, delay_in_seconds: float | None = 0, emission_type: EmissionType = EmissionType.All
    ) -> None:
        self.delay_in_seconds = check_seconds(
            delay_in_seconds or 0, "delay_in_seconds", type(self).__name__
        )
        super().__init__(emission_type)

    def to_dict(self) -> dict[str, Any]:
        return {"mode": self.mode, "delay": self.delay_in_seconds}


class EmitAfterPeriod(_ByClock):
    """At the end of each period of the first aggregator's windows, all keys are sent.

    Args:
        delay_in_seconds: How much later than that.
        emission_type: See `EmitPolicy`.
    """

    mode = "afterPeriod"


class EmitAfterWindow(_ByClock):
    """At the end of each of the first aggregator's shortest windows, all keys are sent.

    Args:
        delay_in_seconds: How much later than that.
        emission_type: See `EmitPolicy`.
    """

    mode = "afterWindow"


class EmitAfterDelay(_ByClock):
    """A key is sent so long after its first event that was not sent yet.

    Args:
        delay_in_seconds: How long.
        emission_type: See `EmitPolicy`.
    """

    mode = "afterDelay"

    def __init__(
        self, delay_in_seconds: float, emission_type: EmissionType = EmissionType.All
    ) -> None:
        super().__init__(delay_in_seconds, emission_type)


_ARGUMENTS: Mapping[str, tuple[type[EmitPolicy], dict[str, str], str]] = {
    "everyEvent": (EmitEveryEvent, {}, ""),
    "maxEvents": (
        EmitAfterMaxEvent,
        {"maxEvents": "max_events", "timeout": "timeout_secs"},
        "maxEvents",
    ),
    "afterDelay": (EmitAfterDelay, {"delay": "delay_in_seconds"}, "delay"),
    "afterWindow": (EmitAfterWindow, {"delay": "delay_in_seconds"}, ""),
    "afterPeriod": (EmitAfterPeriod, {"delay": "delay_in_seconds"}, ""),
}
"""Mode -> class, names of the arguments in data, which of them must be there."""


def emit_policy_of(value: Any) -> EmitPolicy:
    """The policy that `value` is or describes.

    Args:
        value: A policy, or its form as data: `{"mode": "maxEvents", "maxEvents": 3}`; modes are
            everyEvent, maxEvents (with `timeout` in seconds, if wanted), afterDelay, afterWindow,
            afterPeriod (with `delay` in seconds).

    Raises:
        InvalidTypeError: if it is neither, or the mode is unknown.
        InvalidArgumentError: if an argument is missing, unknown or wrong.

    >>> emit_policy_of({"mode": "maxEvents", "maxEvents": 3}).max_events
    3
    """
    if isinstance(value, EmitPolicy):
        return value
    if not isinstance(value, Mapping):
        found = value.__name__ if isinstance(value, type) else type(value).__name__
        raise InvalidTypeError(
            f"emit_policy parameter must be of type EmitPolicy, or dict. Found {found} instead.",
            fix='such as EmitEveryEvent() or {"mode": "everyEvent"}',
        )
    mode = value.get("mode")
    row = _ARGUMENTS.get(mode) if isinstance(mode, str) else None
    if row is None:
        raise InvalidTypeError(
            f"unsupported emit policy type: {mode!r}.{nearest(str(mode), _ARGUMENTS)}",
            fix=f"use one of: {', '.join(_ARGUMENTS)}",
        )
    made, names, needed = row
    given = {key: item for key, item in value.items() if key != "mode"}
    if needed and needed not in given:
        raise InvalidArgumentError(f"{needed} parameter must be specified for {mode} emit policy")
    unknown = {key: item for key, item in given.items() if key not in names}
    if unknown:
        raise InvalidArgumentError(
            f"got unexpected arguments for emit policy: {unknown!r:.200}",
            fix=f"{mode} has: {', '.join(names) or 'none'}",
        )
    return made(**{names[key]: item for key, item in given.items()})
