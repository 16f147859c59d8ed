"""Names of features' statistics and histograms, as `mlrun.common.model_monitoring` had them."""

from __future__ import annotations

from typing import Any, NewType

__all__ = ["BinCounts", "BinEdges", "FeatureStats", "Histogram", "pad_features_hist", "pad_hist"]

BinCounts = NewType("BinCounts", list[int])
BinEdges = NewType("BinEdges", list[float])
Histogram = NewType("Histogram", list[Any])
FeatureStats = NewType("FeatureStats", dict[str, dict[str, Any]])

_FAR = 1e20


def pad_hist(hist: Histogram) -> None:
    """Put an empty bin on each side of a histogram, in place, unless it has them.

    >>> hist = Histogram([[2], [0, 1]])
    >>> pad_hist(hist)
    >>> hist
    [[0, 2, 0], [-1e+20, 0, 1, 1e+20]]
    """
    counts, edges = hist
    if edges[0] != -_FAR or edges[-1] != _FAR:
        counts[:] = [0, *counts, 0]
        edges[:] = [-_FAR, *edges, _FAR]


def pad_features_hist(feature_stats: FeatureStats) -> None:
    """The same for each feature that has a histogram."""
    for one in feature_stats.values():
        if "hist" in one:
            pad_hist(Histogram(one["hist"]))
