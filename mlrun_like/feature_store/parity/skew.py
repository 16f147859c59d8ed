"""Training-serving skew: are the values that are served like those that a model was trained on?

PSI is that of `statistics.distances`: by custom below 0.1 nothing has changed, above 0.25 much has.
Empty bins count as half a value, for a few served values fill few bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mlrun_like.feature_store.parity.comparing import is_missing
from mlrun_like.feature_store.parity.tables import as_html, as_text
from mlrun_like.statistics import distances

__all__ = ["FeatureSkew", "Served", "SkewReport", "psi", "skew_of"]

_SLIGHT, _MUCH = 0.1, 0.25
_STEPS = 3.0
"""Standard errors that a mean may be away, if there is no histogram."""


@dataclass
class Served:
    """The served values of one feature, as they come.

    Args:
        edges: Edges of the bins of the training data's histogram; empty: none.
    """

    edges: Sequence[float] = ()
    count: int = 0
    missing: int = 0
    mean: float = 0.0
    square: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    bins: np.ndarray[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.bins = np.zeros(max(0, len(self.edges) - 1), dtype=np.int64)

    def add(self, values: Iterable[Any]) -> None:
        """The next values; what is no number counts, and has no mean."""
        given = list(values)
        known = [value for value in given if not is_missing(value)]
        self.missing += len(given) - len(known)
        numbers = np.array(
            [float(value) for value in known if isinstance(value, (int, float, np.number))]
        )
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            mean = float(numbers.mean())
            total = self.count + len(numbers)
            delta = mean - self.mean
            self.square += float(((numbers - mean) ** 2).sum())
            self.square += delta**2 * self.count * len(numbers) / total
            self.mean += delta * len(numbers) / total
            self.low = min(self.low, float(numbers.min()))
            self.high = max(self.high, float(numbers.max()))
            if len(self.bins):
                # values beyond the training data belong to the outer bins
                inner = np.asarray(self.edges[1:-1], dtype=float)
                places = np.searchsorted(inner, numbers, side="right")
                self.bins += np.bincount(places, minlength=len(self.bins))
        self.count += len(known) if not len(numbers) else len(numbers)

    @property
    def std(self) -> float:
        """The standard deviation of a sample, as pandas has it."""
        return math.sqrt(self.square / (self.count - 1)) if self.count > 1 else math.nan


def psi(expected: Sequence[float], found: Sequence[float]) -> float:
    """The population stability index of two histograms with the same bins.

    >>> round(psi([50, 50], [50, 50]), 6), round(psi([50, 50], [90, 10]), 3)
    (0.0, 0.879)
    """
    return distances.psi(np.maximum(expected, 0.5), np.maximum(found, 0.5), least=0)


@dataclass(frozen=True)
class FeatureSkew:
    """One feature: trained on, and served.

    Args:
        feature: Its name.
        verdict: `same`, `slight`, `shifted`, or `unknown` without statistics.
        psi: The population stability index; None: there is no histogram.
        trained_mean: Mean of the training data.
        served_mean: Mean of the served values.
        trained_std: Standard deviation of the training data.
        served_std: Standard deviation of the served values.
        trained_missing: Share of missing values, 0 to 1; None: unknown.
        served_missing: The same of the served values.
        count: How many values were served.
        outside: Whether served values lie outside of the training data's range.
    """

    feature: str
    verdict: str
    psi: float | None
    trained_mean: float | None
    served_mean: float | None
    trained_std: float | None
    served_std: float | None
    trained_missing: float | None
    served_missing: float
    count: int
    outside: bool


@dataclass(frozen=True)
class SkewReport:
    """All features of a vector: trained on, and served."""

    features: tuple[FeatureSkew, ...]

    @property
    def shifted(self) -> list[str]:
        """The features that have moved much."""
        return [one.feature for one in self.features if one.verdict == "shifted"]

    @property
    def ok(self) -> bool:
        """Whether none has."""
        return not self.shifted

    def _rows(self) -> list[list[Any]]:
        return [[_plain(value) for value in asdict(one).values()] for one in self.features]

    def _headings(self) -> list[str]:
        return [
            "feature", "verdict", "PSI", "mean trained", "served", "std trained", "served",
            "missing trained", "served", "count", "outside",
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"training-serving skew\n{as_text(self._headings(), self._rows())}"

    def _repr_html_(self) -> str:
        return as_html(self._headings(), self._rows(), "training-serving skew")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {one.feature: asdict(one) for one in self.features}


def skew_of(served: Mapping[str, Served], trained: Mapping[str, Mapping[str, Any]]) -> SkewReport:
    """Compare what was served with statistics.

    Args:
        served: Feature -> served values.
        trained: Feature -> statistics as feature sets and vectors keep them.
    """
    return SkewReport(tuple(_one(name, one, trained.get(name, {})) for name, one in served.items()))


def _one(name: str, served: Served, stats: Mapping[str, Any]) -> FeatureSkew:
    total = served.count + served.missing
    mean, std = _number(stats.get("mean")), _number(stats.get("std"))
    rows, count = _number(stats.get("rows")), _number(stats.get("count"))
    missing = None if not rows or count is None else 1 - count / rows
    numeric = served.low <= served.high
    hist = stats.get("hist")
    index = psi(hist[0], served.bins.tolist()) if hist and served.bins.sum() else None
    low, high = _number(stats.get("min")), _number(stats.get("max"))
    outside = numeric and (
        (low is not None and served.low < low) or (high is not None and served.high > high)
    )
    return FeatureSkew(
        feature=name,
        verdict=_verdict(served, index, mean, std),
        psi=index,
        trained_mean=mean,
        served_mean=served.mean if numeric else None,
        trained_std=std,
        served_std=served.std if numeric else None,
        trained_missing=missing,
        served_missing=served.missing / total if total else 0.0,
        count=total,
        outside=outside,
    )


def _verdict(served: Served, index: float | None, mean: float | None, std: float | None) -> str:
    if index is not None:
        # a few values fill few bins, which is no shift of the whole
        expected = (len(served.bins) - 1) / max(1, int(served.bins.sum()))
        index = max(0.0, index - expected)
        return "shifted" if index > _MUCH else "slight" if index > _SLIGHT else "same"
    if mean is None or std is None or not served.count or served.low > served.high:
        return "unknown"
    away = abs(served.mean - mean) * math.sqrt(served.count)
    return "shifted" if away > _STEPS * std + 1e-12 * abs(mean) else "same"


def _number(value: Any) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if usable and math.isfinite(value) else None


def _plain(value: Any) -> Any:
    return ("yes" if value else "") if isinstance(value, bool) else value
