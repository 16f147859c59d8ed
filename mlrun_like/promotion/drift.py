"""How far a data set is from the one a model was trained on, feature by feature.

Rows are counted in the bins of the model's statistics; the distances of `statistics.distances`
are of those counts. The verdict of a feature is the mean of tvd and hellinger, as in MLRun. For
tests, categories and what chance explains see `statistics.compare`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.statistics.distances import distances, shares
from mlrun_like.statistics.histogram import count_bins
from mlrun_like.statistics.verdict import DETECTED, NONE, POSSIBLE

__all__ = ["DriftMeter", "FeatureDrift"]


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's distances.

    Args:
        feature: Its name.
        tvd: And the others: see `statistics.distances`.
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
            self._actual[name] += count_bins(numbers[~np.isnan(numbers)], edges)

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
            del apart["js_distance"]
            score = (apart["tvd"] + apart["hellinger"]) / 2
            status = DETECTED if score >= drift else POSSIBLE if score >= possible else NONE
            found.append(
                FeatureDrift(
                    name,
                    **apart,
                    status=status,
                    rows=rows,
                    missing=self._missing[name] / max(1, rows + self._missing[name]),
                    expected=shares(self._expected[name]).tolist(),
                    actual=shares(actual).tolist(),
                    edges=self._edges[name].tolist() if name in self._edges else [],
                )
            )
        return sorted(found, key=lambda one: -one.score)
