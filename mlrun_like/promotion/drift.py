"""How far a data set is from the one a model was trained on, feature by feature.

With p the shares of the training set in the bins of its histogram and q those of the new data:

tvd        total variation distance, 1/2 Σ |p - q|, 0 to 1
hellinger  sqrt(1 - Σ sqrt(p q)), 0 to 1 (E. Hellinger, J. reine angew. Math. 136, 1909)
psi        population stability index, Σ (q - p) ln(q / p); 0.1 is a small change, 0.25 a large one
           (N. Siddiqi, "Credit Risk Scorecards", 2006)
kl         Kullback-Leibler divergence of q from p, Σ q ln(q / p) (Ann. Math. Statist. 22, 1951)
js         Jensen-Shannon divergence with log2, 0 to 1 (J. Lin, IEEE Trans. Inf. Theory 37, 1991)

psi and kl need shares that are not 0: a bin without rows counts as 0.0001 of them. The verdict of a
feature is the mean of tvd and hellinger, as in MLRun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["DETECTED", "NONE", "POSSIBLE", "DriftMeter", "FeatureDrift", "distances"]

NONE, POSSIBLE, DETECTED = "no drift", "possible drift", "drift detected"
_LEAST = 1e-4


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's distances.

    Args:
        feature: Its name.
        tvd: And the others: see the module.
        status: `no drift`, `possible drift` or `drift detected`.
        rows: Rows with a value.
        missing: Share of the rows without one.
        expected: Shares of the training set, with the bins' edges; for pictures.
        actual: Shares of the new data.
        edges: The finite edges of the bins; empty for categories.
    """

    feature: str
    tvd: float
    hellinger: float
    psi: float
    kl: float
    js: float
    status: str
    rows: int
    missing: float
    expected: list[float] = field(default_factory=list, repr=False)
    actual: list[float] = field(default_factory=list, repr=False)
    edges: list[float] = field(default_factory=list, repr=False)

    @property
    def score(self) -> float:
        """The mean of tvd and hellinger."""
        return (self.tvd + self.hellinger) / 2


def distances(expected: Any, actual: Any) -> dict[str, float]:
    """The five distances between two histograms of the same bins (counts or shares).

    >>> found = distances([1, 1], [1, 1])
    >>> found["tvd"], found["psi"]
    (0.0, 0.0)
    >>> round(distances([1, 0], [0, 1])["js"], 6)
    1.0
    """
    p, q = _shares(expected), _shares(actual)
    middle = (p + q) / 2
    soft_p, soft_q = (np.maximum(one, _LEAST) for one in (p, q))
    soft_p, soft_q = soft_p / soft_p.sum(), soft_q / soft_q.sum()
    ratio = np.log(soft_q / soft_p)
    return {
        "tvd": float(np.abs(p - q).sum() / 2),
        "hellinger": float(np.sqrt(max(0.0, 1 - np.sqrt(p * q).sum()))),
        "psi": float(((soft_q - soft_p) * ratio).sum()),
        "kl": float((soft_q * ratio).sum()),
        "js": (_entropy_part(p, middle) + _entropy_part(q, middle)) / 2,
    }


def _shares(counts: Any) -> Any:
    found = np.asarray(counts, dtype=float)
    total = found.sum()
    return found / total if total else np.full(len(found), 1 / max(1, len(found)))


def _entropy_part(one: Any, middle: Any) -> float:
    held = one > 0
    return float((one[held] * np.log2(one[held] / middle[held])).sum())


class DriftMeter:
    """Counts rows, chunk by chunk, into the bins of a model's `feature_stats`.

    Numbers beyond the training set's range have two bins of their own. Of texts the statistics
    only know the most frequent one: its share is compared with that of all others.

    Args:
        stats: The statistics of the training set, by feature.
    """

    def __init__(self, stats: Mapping[str, Any]) -> None:
        self._expected: dict[str, Any] = {}
        self._edges: dict[str, Any] = {}
        self._tops: dict[str, Any] = {}
        for name, found in stats.items():
            histogram = found.get("hist") if isinstance(found, Mapping) else None
            if histogram and len(histogram) == 2 and len(histogram[0]) + 1 == len(histogram[1]):
                self._expected[name] = np.array([0, *histogram[0], 0], dtype=float)
                self._edges[name] = np.array(histogram[1], dtype=float)
            elif isinstance(found, Mapping) and found.get("freq") and found.get("count"):
                top = float(found["freq"])
                self._expected[name] = np.array([top, float(found["count"]) - top])
                self._tops[name] = found.get("top")
        self._actual = {name: np.zeros(len(bins)) for name, bins in self._expected.items()}
        self._missing = dict.fromkeys(self._expected, 0)
        self.rows = 0

    @property
    def features(self) -> list[str]:
        """The features that can be compared."""
        return list(self._expected)

    def add(self, frame: pd.DataFrame) -> None:
        """Count the rows of a chunk; columns that are not known are left out."""
        self.rows += len(frame)
        for name in self._expected:
            if name not in frame.columns:
                continue
            column = frame[name]
            present = column.dropna()
            self._missing[name] += len(column) - len(present)
            if name in self._tops:
                same = int((present.astype(str) == str(self._tops[name])).sum())
                self._actual[name] += [same, len(present) - same]
                continue
            numbers = pd.to_numeric(present, errors="coerce").to_numpy(dtype=float)
            edges = self._edges[name]
            # the last bin of a histogram holds its right edge, too
            inside = np.histogram(numbers, bins=edges)[0]
            low, high = (numbers < edges[0]).sum(), (numbers > edges[-1]).sum()
            self._actual[name] += [low, *inside, high]

    def result(self, drift: float = 0.7, possible: float = 0.5) -> list[FeatureDrift]:
        """The distances of all features that had values, the farthest first.

        Args:
            drift: From this score on, a feature has drifted.
            possible: From this score on, it may have.
        """
        found = []
        for name, actual in self._actual.items():
            rows = int(actual.sum())
            if not rows:
                continue
            apart = distances(self._expected[name], actual)
            score = (apart["tvd"] + apart["hellinger"]) / 2
            status = DETECTED if score >= drift else POSSIBLE if score >= possible else NONE
            found.append(
                FeatureDrift(
                    name,
                    **apart,
                    status=status,
                    rows=rows,
                    missing=self._missing[name] / max(1, rows + self._missing[name]),
                    expected=_shares(self._expected[name]).tolist(),
                    actual=_shares(actual).tolist(),
                    edges=self._edges[name].tolist() if name in self._edges else [],
                )
            )
        return sorted(found, key=lambda one: -one.score)
