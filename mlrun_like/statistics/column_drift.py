"""How far one column is from its reference, as plain numbers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from mlrun_like.statistics.verdict import NONE, Aspect, CompareOptions, score_of, status_of

__all__ = ["ColumnDrift"]

_EXCESS = 1 / (8 * math.log(2))


@dataclass
class ColumnDrift:
    """One column of two data sets. What does not fit its kind is None.

    Args:
        name: The column.
        kind: `number`, `datetime` (seconds since 1970), `bool`, `category`, `text` (compared by
            its length), or empty: neither side has a value.
        status: `no drift`, `possible drift` or `drift detected`; see `verdict`.
        score: 1 and more is drift, 0.5 and more possible drift, 0: explained by chance.
        reason: One sentence.
        tvd: And hellinger, kl, psi, js, js_distance: see `distances`; of values, not missing ones.
        ks: The largest distance of the distribution functions; ks_p: how likely by chance.
        chi2: Of the table of categories; chi2_p: how likely by chance.
        expected_rows: Rows of the reference.
        actual_rows: Rows of the new data.
        expected_missing: Share of missing values, 0 to 1; actual_missing: in the new data.
        expected_mean: Mean of finite numbers (of texts: of their lengths); and so on.
        new_categories: Those that only the new data have, with their rows.
        missing_categories: Those that the new data do not have, with the reference's rows.
        expected: Share of each bin or category in the reference; actual: in the new data.
        edges: Edges of the inner bins: the first and last share are below and above them.
        labels: Categories that the shares are of; the last may be `…`: all others.
        aspects: What was tested.
        excess: Jensen-Shannon divergence, missing values as a bin, above what chance gives.
    """

    name: str
    kind: str = ""
    status: str = NONE
    score: float = 0.0
    reason: str = "there are no values to compare"
    tvd: float | None = None
    hellinger: float | None = None
    kl: float | None = None
    psi: float | None = None
    js: float | None = None
    js_distance: float | None = None
    ks: float | None = None
    ks_p: float | None = None
    chi2: float | None = None
    chi2_p: float | None = None
    expected_rows: int = 0
    actual_rows: int = 0
    expected_missing: float = 0.0
    actual_missing: float = 0.0
    expected_mean: float | None = None
    actual_mean: float | None = None
    expected_std: float | None = None
    actual_std: float | None = None
    expected_min: float | None = None
    actual_min: float | None = None
    expected_max: float | None = None
    actual_max: float | None = None
    new_categories: dict[str, int] = field(default_factory=dict)
    missing_categories: dict[str, int] = field(default_factory=dict)
    expected: list[float] = field(default_factory=list, repr=False)
    actual: list[float] = field(default_factory=list, repr=False)
    edges: list[float] = field(default_factory=list, repr=False)
    labels: list[str] = field(default_factory=list, repr=False)
    aspects: list[Aspect] = field(default_factory=list, repr=False)
    excess: float = 0.0

    def judge(self, level: float, options: CompareOptions) -> None:
        """Give score, status and reason.

        Args:
            level: The p-value of one test that is no chance any more.
            options: The limits.
        """
        self.score = score_of(self.aspects, level, options)
        self.status = status_of(self.score)
        if self.status != NONE:
            told = [a for a in self.aspects if a.p <= level]
            told.sort(key=lambda aspect: -aspect.size / options.limit(aspect.name))
            texts = [a.text for a in told if a.size / options.limit(a.name) >= 0.5]
            self.reason = "; ".join(texts)
        elif any(a.p <= level for a in self.aspects):
            self.reason = "a change that is not chance, and too small to matter"
        elif self.aspects:
            self.reason = "nothing that chance does not explain"

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; numbers that are not finite are None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
