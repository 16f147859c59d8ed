"""What a parity check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.feature_store.parity.tables import as_html, as_text

if TYPE_CHECKING:
    from mlrun_like.feature_store.parity.skew import SkewReport

__all__ = ["Counts", "Difference", "ParityResult"]

_COLUMNS = ("time", "feature", "entities", "online", "offline", "reason")


@dataclass(frozen=True)
class Difference:
    """A value that was served, and is another offline.

    Args:
        time: When it was served.
        feature: The feature's name in the vector.
        entities: The entity.
        online: What was served; None: nothing.
        offline: What the join at that time gives; None: nothing.
        reason: The likely reason; empty: not looked for.
    """

    time: datetime
    feature: str
    entities: Mapping[str, Any]
    online: Any
    offline: Any
    reason: str = ""

    def __str__(self) -> str:
        who = ", ".join(f"{name}={value!r}" for name, value in self.entities.items())
        text = (
            f"{self.feature} at {self.time.isoformat()} for {who}: "
            f"online {self.online!r}, offline {self.offline!r}"
        )
        return f"{text}\n  likely reason: {self.reason}" if self.reason else text


@dataclass
class Counts:
    """Of one feature: how many values were compared, and how they differ.

    Args:
        compared: Values that were served.
        different: Those that are others offline.
        only_online: Of these, the offline value is missing.
        only_offline: Of these, the served value was missing.
        greatest: The greatest difference of two numbers.
    """

    compared: int = 0
    different: int = 0
    only_online: int = 0
    only_offline: int = 0
    greatest: float = 0.0


@dataclass(frozen=True)
class ParityResult:
    """Whether served vectors are what the offline join gives.

    Args:
        vector: URI of the feature vector.
        rows: Served vectors that were compared.
        counts: Feature -> counts.
        frame: The differences by time: time, feature, entities, online, offline, reason.
        first: The first of them; None: there are none.
        firsts: Of each feature that differs, its first.
        left_out: Columns that were served and cannot be compared, with the reason.
        tolerance: See `check`.
        skew: The served values against the statistics of the training data; None: not asked.
    """

    vector: str
    rows: int
    counts: Mapping[str, Counts]
    frame: pd.DataFrame
    first: Difference | None
    firsts: Sequence[Difference] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 1e-9
    skew: SkewReport | None = None

    @property
    def ok(self) -> bool:
        """Whether all compared values are the same, and there were some."""
        return self.rows > 0 and not any(one.different for one in self.counts.values())

    @property
    def different(self) -> int:
        """How many values differ."""
        return sum(one.different for one in self.counts.values())

    def _rows(self) -> list[list[Any]]:
        return [list((name, *asdict(one).values())) for name, one in self.counts.items()]

    def _headings(self) -> list[str]:
        return ["feature", "compared", "different", "only online", "only offline", "greatest"]

    def _summary(self) -> str:
        if not self.rows:
            return f"{self.vector}: nothing was served that could be compared"
        if self.ok:
            return f"{self.vector}: {self.rows:,} served vectors are as the offline join gives them"
        return (
            f"{self.vector}: {self.different:,} values of {self.rows:,} served vectors "
            "are not what the offline join gives"
        )

    def __str__(self) -> str:
        parts = [self._summary()]
        if self.first is not None:
            parts.append(f"first difference: {self.first}")
        if self.counts:
            parts.append(as_text(self._headings(), self._rows()))
        parts += [f"not compared: {name}: {why}" for name, why in self.left_out.items()]
        if self.skew is not None:
            parts.append(str(self.skew))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        found = as_html(self._headings(), self._rows(), self._summary())
        if self.firsts:
            rows = [[getattr(one, name) for name in _COLUMNS] for one in self.firsts]
            found += as_html(_COLUMNS, rows, "first difference of each feature")
        return found + (self.skew._repr_html_() if self.skew is not None else "")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "vector": self.vector,
            "ok": self.ok,
            "rows": self.rows,
            "different": self.different,
            "tolerance": self.tolerance,
            "first": None if self.first is None else _document(self.first),
            "firsts": [_document(one) for one in self.firsts],
            "counts": {name: asdict(one) for name, one in self.counts.items()},
            "left_out": dict(self.left_out),
            "skew": None if self.skew is None else self.skew.to_dict(),
        }


def _document(one: Difference) -> dict[str, Any]:
    return {**asdict(one), "time": one.time.isoformat()}
