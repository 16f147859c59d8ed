"""MLRun's distances between histograms, for applications that are written against them.

    tvd        half the sum of |t - u|
    hellinger  sqrt(1 - sum of sqrt(t * u))
    kld        KL(t, u) + KL(u, t), where a share of 0 counts as `zero_scaling`

All work along the last axis, so a matrix of histograms (one a row) gives one number a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HellingerDistance",
    "HistogramDistanceMetric",
    "KullbackLeiblerDivergence",
    "TotalVarianceDistance",
]


class HistogramDistanceMetric(ABC):
    """A distance between two distributions; subclasses: `class Mine(..., metric_name="mine")`.

    Args:
        distrib_t: Shares of the newer data, not negative, with the sum 1.
        distrib_u: Shares of the reference.
    """

    NAME: ClassVar[str]

    def __init__(self, distrib_t: NDArray[Any], distrib_u: NDArray[Any]) -> None:
        self.distrib_t = distrib_t
        self.distrib_u = distrib_u

    def __init_subclass__(cls, *, metric_name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if metric_name:
            cls.NAME = metric_name

    @abstractmethod
    def compute(self) -> Any:
        """The distance."""


class TotalVarianceDistance(HistogramDistanceMetric, metric_name="tvd"):
    """The largest difference in probability that any event can have; in [0, 1].

    >>> float(TotalVarianceDistance(np.array([0.5, 0.5]), np.array([0.0, 1.0])).compute())
    0.5
    """

    def compute(self) -> Any:
        """The distance."""
        return np.abs(self.distrib_t - self.distrib_u).sum(axis=-1) / 2


class HellingerDistance(HistogramDistanceMetric, metric_name="hellinger"):
    """A symmetric distance in [0, 1].

    >>> float(HellingerDistance(np.array([1.0, 0.0]), np.array([0.0, 1.0])).compute())
    1.0
    """

    def compute(self) -> Any:
        """The distance."""
        overlap = np.sqrt(self.distrib_t * self.distrib_u).sum(axis=-1)
        return np.sqrt(np.maximum(1 - overlap, 0.0))  # rounding may give a little more than 1


class KullbackLeiblerDivergence(HistogramDistanceMetric, metric_name="kld"):
    """Relative entropy in both directions together; from 0 without an upper bound."""

    def compute(self, capping: float | None = None, zero_scaling: float = 1e-4) -> Any:
        """The divergence.

        Args:
            capping: What stands for an infinite one.
            zero_scaling: What stands for a share of 0 below the line.
        """
        both = _one_way(self.distrib_t, self.distrib_u, zero_scaling)
        both = both + _one_way(self.distrib_u, self.distrib_t, zero_scaling)
        return np.where(np.isinf(both), capping, both)[()] if capping else both


def _one_way(p: NDArray[Any], q: NDArray[Any], zero_scaling: float) -> Any:
    with np.errstate(over="ignore"):
        ratio = np.where(p > 0, p, 1.0) / np.where(q != 0, q, zero_scaling)
        # 0 * log(0) counts as 0
        return np.where(p > 0, p * np.log(ratio), 0.0).sum(axis=-1)
