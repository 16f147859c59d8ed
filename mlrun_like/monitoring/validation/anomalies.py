"""Anomaly: one way in which data is not what its schema says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["KINDS", "Anomaly", "shown"]

KINDS = (
    "type", "range", "domain", "new_category", "missing_column", "missing_values", "not_unique",
    "unexpected_column", "duplicate_column", "length", "pattern", "class_balance", "order",
    "row_count", "drift", "skew",
)  # fmt: skip
"""What anomalies there are."""

_WIDTH = 60


@dataclass(frozen=True)
class Anomaly:
    """One finding.

    Args:
        column: The column; empty: the whole data set.
        kind: One of `KINDS`.
        what: One sentence.
        count: Rows concerned; 0 when it is not about rows.
        share: The same as a share of the rows that were looked at.
        examples: Some values, masked if they are personal data.
        severity: "error" or "warning".
        fix: The line of the schema to change, or what to do about the data.
    """

    column: str
    kind: str
    what: str
    count: int = 0
    share: float = 0.0
    examples: tuple[str, ...] = ()
    severity: str = "error"
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "examples": list(self.examples), "share": round(self.share, 6)}


def shown(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as short texts.

    >>> shown([1, "x" * 70])[0]
    '1'
    """
    texts = [value if isinstance(value, str) else repr(value) for value in values]
    return tuple(t if len(t) <= _WIDTH else t[: _WIDTH - 1] + "…" for t in texts)
