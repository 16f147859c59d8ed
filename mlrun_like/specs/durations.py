"""Times that users write, such as `"1h"` or `"1day 20m"`, and the states of pods they limit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["STATE_THRESHOLDS", "check_thresholds", "parse_duration"]

STATE_THRESHOLDS: Mapping[str, str] = MappingProxyType(
    {
        "pending_scheduled": "1h",
        "pending_not_scheduled": "-1",
        "image_pull_backoff": "1h",
        "executing": "24h",
    }
)
"""How long a pod may be in a state before its run is aborted; the defaults are MLRun's."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = re.compile(
    r"\s*([0-9]+(?:\.[0-9]+)?)\s*"
    r"(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)[\s,]*",
    re.IGNORECASE,
)
_SHORTEST = 60.0


def parse_duration(text: str | float) -> float:
    """A time in seconds; `-1` (as text or number) is no limit.

    >>> parse_duration("1day 20m"), parse_duration("90 sec"), parse_duration("-1")
    (87600.0, 90.0, inf)

    Raises:
        InvalidArgumentError: if it is no time.
    """
    written = str(text).strip()
    if written == "-1":
        return math.inf
    seconds, at = 0.0, 0
    while at < len(written) and (match := _WORDS.match(written, at)) is not None:
        seconds += float(match[1]) * _UNITS[match[2][0].lower()]
        at = match.end()
    if not written or at < len(written) or isinstance(text, bool):
        raise InvalidArgumentError(
            f"{text!r} is not a time", fix='write "90s", "15m", "1h 30m" or "2d"; "-1": no limit'
        )
    return seconds


def check_thresholds(value: Any) -> dict[str, str]:
    """State thresholds: known states, times of a minute or more, or `"-1"` for no limit.

    >>> check_thresholds({"executing": "2h"})
    {'executing': '2h'}

    Raises:
        InvalidArgumentError: naming the state and the time.
    """
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f"state_thresholds must map states to times, not {value!r}",
            fix='{"pending_scheduled": "1h", "executing": "24h"}',
        )
    for state, text in value.items():
        if state not in STATE_THRESHOLDS:
            raise InvalidArgumentError(
                f"state {state!r} has no threshold.{nearest(str(state), STATE_THRESHOLDS)}",
                fix=f"states: {', '.join(STATE_THRESHOLDS)}",
            )
        try:
            seconds = parse_duration(text)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                f"the threshold of state {state!r}: {exc.what}", fix=exc.fix
            ) from exc
        if seconds < _SHORTEST:
            raise InvalidArgumentError(
                f"the threshold {text!r} of state {state!r} is shorter than a minute",
                fix=f'{{"{state}": "1m"}} or more; "-1": no limit',
            )
    return {str(state): str(text) for state, text in value.items()}
