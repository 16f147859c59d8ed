"""Small parts of feature sets that MLRun has as classes and functions of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["FeatureAggregation", "emit_policy_to_dict"]


class FeatureAggregation:
    """An aggregation as data.

    Args:
        name: The start of the features' names.
        column: What is aggregated.
        operations: Such as `["sum", "avg"]`.
        windows: Such as `["1h"]`.
        period: The step of sliding windows.

    >>> FeatureAggregation("bids", "bid", ["sum"], ["1h"]).to_dict()
    {'name': 'bids', 'column': 'bid', 'operations': ['sum'], 'windows': ['1h']}
    """

    def __init__(
        self,
        name: str | None = None,
        column: str | None = None,
        operations: Sequence[str] | None = None,
        windows: Sequence[str] | None = None,
        period: str | None = None,
    ) -> None:
        self.name = name
        self.column = column
        self.operations = list(operations or [])
        self.windows = list(windows or [])
        self.period = period

    def to_dict(self) -> dict[str, Any]:
        """What is set, as plain data."""
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any] | None = None) -> FeatureAggregation:
        """The aggregation of its plain data."""
        return cls(**dict(struct or {}))


def emit_policy_to_dict(policy: Any) -> dict[str, Any]:
    """When an aggregation emits, as plain data."""
    found: dict[str, Any] = policy.to_dict()
    return found
