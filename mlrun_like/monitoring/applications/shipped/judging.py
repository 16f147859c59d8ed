"""From a number and two thresholds to a status."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)

__all__ = ["Thresholds", "judged"]


class Thresholds:
    """When a number is worth a look, and when it is an incident.

    Args:
        potential: From here on (or down to here) it may be a problem; None: never.
        detected: From here on it is one; None: never.

    A number gets worse towards `detected`: upwards if `detected` is above `potential`, else
    downwards. With one threshold it gets worse upwards, with `low=True` downwards.

    >>> Thresholds(0.1, 0.2).status(0.15).name
    'potential_detection'
    >>> Thresholds(0.9, 0.8).status(0.7).name
    'detected'
    """

    def __init__(
        self, potential: float | None = None, detected: float | None = None, *, low: bool = False
    ) -> None:
        for one in (potential, detected):
            if one is not None and (isinstance(one, bool) or not isinstance(one, (int, float))):
                raise InvalidArgumentError(f"threshold {one!r} is not a number")
        both = potential is not None and detected is not None
        if both and potential == detected:
            potential = None
        self.potential, self.detected = potential, detected
        both = potential is not None and detected is not None
        self._sign = -1.0 if (both and detected < potential) or (not both and low) else 1.0  # type: ignore[operator]

    def status(self, value: float) -> ResultStatusApp:
        """The status of a number; NaN has none."""
        if value != value or (self.potential is None and self.detected is None):
            return ResultStatusApp.irrelevant
        for limit, status in (
            (self.detected, ResultStatusApp.detected),
            (self.potential, ResultStatusApp.potential_detection),
        ):
            if limit is not None and self._sign * value >= self._sign * limit:
                return status
        return ResultStatusApp.no_detection


def judged(
    name: str, value: float, kind: ResultKindApp, limits: Thresholds, **extra: Any
) -> ModelMonitoringApplicationResult:
    """A result with the status that the thresholds give, and the thresholds in its extra data."""
    extra |= {"potential_from": limits.potential, "detected_from": limits.detected}
    return ModelMonitoringApplicationResult(name, value, kind, limits.status(value), extra)
