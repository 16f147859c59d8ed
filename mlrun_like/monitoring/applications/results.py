"""What a monitoring application gives: results with kind and status, metrics, statistics.

Names and numbers of kinds and statuses are MLRun's.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.types import Document

__all__ = [
    "ModelMonitoringApplicationMetric",
    "ModelMonitoringApplicationResult",
    "ModelMonitoringApplicationStats",
    "ResultKindApp",
    "ResultStatusApp",
    "as_results",
]

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class ResultKindApp(Enum):
    """What a result is about."""

    data_drift = 0
    concept_drift = 1
    model_performance = 2
    system_performance = 3
    mm_app_anomaly = 4


class ResultStatusApp(Enum):
    """How serious a result is."""

    irrelevant = -1
    no_detection = 0
    potential_detection = 1
    detected = 2


class _Named(ABC):
    """Something with a name that can be part of a URL, a query and a file's name."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InvalidArgumentError(
                f"{self.name!r} cannot name a result or metric",
                fix="names comply with the regex [a-zA-Z_][a-zA-Z0-9_]*",
            )

    @abstractmethod
    def to_dict(self) -> Document:
        """As plain data, in MLRun's words."""


@dataclass
class ModelMonitoringApplicationResult(_Named):
    """A judged number of a window.

    Args:
        name: Unique in its application; letters, digits and `_`.
        value: The number.
        kind: What it is about.
        status: How serious it is.
        extra_data: More about it, plain data; what is too large is stored as an artifact.

    Raises:
        InvalidArgumentError: if the name, value, kind or status cannot be used.

    >>> ModelMonitoringApplicationResult(
    ...     "drift", 0.5, ResultKindApp.data_drift, ResultStatusApp.potential_detection
    ... ).to_dict()["result_status"]
    1
    """

    name: str
    value: float
    kind: ResultKindApp
    status: ResultStatusApp
    extra_data: Document = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.value = _number(self.name, self.value)
        self.kind = _member(ResultKindApp, self.kind, self.name)
        self.status = _member(ResultStatusApp, self.status, self.name)

    def to_dict(self) -> Document:
        """As plain data, in MLRun's words."""
        return {
            "result_name": self.name,
            "result_value": self.value,
            "result_kind": self.kind.value,
            "result_status": self.status.value,
            "result_extra_data": json.dumps(self.extra_data, default=str),
        }


@dataclass
class ModelMonitoringApplicationMetric(_Named):
    """A number of a window, without a judgement.

    Args:
        name: Unique in its application; letters, digits and `_`.
        value: The number.

    Raises:
        InvalidArgumentError: if the name or value cannot be used.

    >>> ModelMonitoringApplicationMetric("rows", 12).to_dict()
    {'metric_name': 'rows', 'metric_value': 12.0}
    """

    name: str
    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.value = _number(self.name, self.value)

    def to_dict(self) -> Document:
        """As plain data, in MLRun's words."""
        return {"metric_name": self.name, "metric_value": self.value}


@dataclass
class ModelMonitoringApplicationStats(_Named):
    """Statistics of a window; of each name only the newest are kept.

    Args:
        name: Such as `current_stats` or `drift_measures`.
        stats: Plain data, or what makes it when it is needed.
        timestamp: When they were true, as ISO text.
    """

    name: str
    stats: Document | Callable[[], Document] = field(default_factory=dict)
    timestamp: str = ""

    def document(self) -> Document:
        """The statistics, made now if they were not yet."""
        return self.stats() if callable(self.stats) else self.stats

    def to_dict(self) -> Document:
        """As plain data, in MLRun's words."""
        return {"stats_name": self.name, "stats": self.document(), "timestamp": self.timestamp}


Given = (
    ModelMonitoringApplicationResult,
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationStats,
)


def as_results(given: Any, application: str) -> list[Any]:
    """What an application returned as a list: one, several, a dict of metrics, or nothing.

    Raises:
        InvalidArgumentError: if it is something else, or two have one name.
    """
    if given is None:
        return []
    if isinstance(given, dict):
        given = [ModelMonitoringApplicationMetric(name, value) for name, value in given.items()]
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    seen: set[str] = set()
    for one in found:
        if not isinstance(one, Given):
            raise InvalidArgumentError(
                f"do_tracking gave {type(one).__name__} {str(one)[:60]!r}",
                where=f"monitoring application {application!r}",
                fix="return a result, a metric, a list of them, or a dict of name: number",
            )
        if isinstance(one, ModelMonitoringApplicationStats):
            continue
        if one.name in seen:
            raise InvalidArgumentError(
                f"do_tracking gave {one.name!r} twice",
                where=f"monitoring application {application!r}",
                fix="give each result and metric a name of its own",
            )
        seen.add(one.name)
    return found


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(f"{name!r} must be a number, not {value!r}") from exc
    return number if not math.isinf(number) else math.copysign(1.7976931348623157e308, number)


def _member(kind: type[Enum], value: Any, name: str) -> Any:
    """An enum's member, also by its number or name."""
    try:
        return kind[value] if isinstance(value, str) else kind(value)
    except (KeyError, ValueError) as exc:
        raise InvalidArgumentError(
            f"{value!r} is no {kind.__name__}",
            where=f"result {name!r}",
            fix=f"use one of: {', '.join(kind.__members__)}",
        ) from exc
