"""Means, variances and correlations of a table, in parts.

Parts are merged by the formula of T. Chan, G. Golub and R. LeVeque (Amer. Statist. 37, 1983), for
pairs of columns as for single ones: a merge of parts is the result of the whole up to rounding (a
few units of the last of 15 digits). Rows where one of a pair is missing are left out for that pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MOST_COLUMNS", "CoMoments", "correlations", "products"]

MOST_COLUMNS = 256
"""Tables with more columns have no correlations: the sums grow with the square."""
_ALONE = 250_000
"""Multiplications that OpenBLAS does in one thread."""
_Floats = np.ndarray[Any, np.dtype[np.float64]]


def products(one: _Floats, other: _Floats) -> _Floats:
    """The products of every row of one array with every row of the other.

    In blocks that BLAS works on alone: for larger ones it starts threads that wait for each other
    at full speed, which takes half a second where all processors are busy.
    """
    size, rows = len(one), one.shape[1]
    found = np.zeros((size, len(other)))
    block = max(16, _ALONE // max(1, size * len(other)))
    for start in range(0, rows, block):
        end = start + block
        found += one[:, start:end] @ other[:, start:end].T
    return found


@dataclass
class CoMoments:
    """Sums for every pair of columns.

    Args:
        counts: Rows where both are finite.
        means: Of the first, over those rows.
        products: Sums of the products of the differences to those means.
    """

    counts: _Floats
    means: _Floats
    products: _Floats

    @classmethod
    def empty(cls, columns: int) -> CoMoments:
        """Of no rows."""
        return cls(*(np.zeros((columns, columns)) for _ in range(3)))

    def add(self, columns: _Floats, finite: _Floats | None) -> None:
        """The next rows.

        Args:
            columns: One row of this array for each column.
            finite: True where a number is; None: everywhere.
        """
        size, rows = columns.shape
        if not rows:
            return
        with np.errstate(all="ignore"):  # the largest floats, whose squares are infinite
            if finite is None:
                middle = columns.mean(axis=1, keepdims=True)
                away = columns - middle
                counts = np.full((size, size), float(rows))
                self._merge(counts, np.repeat(middle, size, axis=1), products(away, away))
                return
            held = finite.astype(np.float64)
            some = np.maximum(held.sum(axis=1, keepdims=True), 1)
            clean = np.where(finite, columns, 0.0)
            middle = clean.sum(axis=1, keepdims=True) / some
            away = np.where(finite, columns - middle, 0.0)
            counts = products(held, held)
            least = np.maximum(counts, 1)
            sums = products(away, held)
            found = products(away, away) - sums * sums.T / least
            self._merge(counts, middle + sums / least, found)

    def merge(self, other: CoMoments) -> None:
        """Add what another one has seen."""
        with np.errstate(all="ignore"):
            self._merge(other.counts, other.means, other.products)

    def _merge(self, counts: _Floats, means: _Floats, products: _Floats) -> None:
        both = self.counts + counts
        least = np.maximum(both, 1)
        step = np.where(counts > 0, means - self.means, 0.0)
        self.products += products + step * step.T * self.counts * counts / least
        self.means += step * counts / least
        self.counts = both

    def correlations(self) -> _Floats:
        """Pearson's correlation of every pair; NaN for fewer than 3 rows and constant columns."""
        return correlations(self.counts, self.products, self._squares())

    def _squares(self) -> _Floats:
        # with missing values the sum of squares of a pair's rows is taken as that of the column's
        # rows, in proportion
        own, rows = np.diag(self.products), np.maximum(np.diag(self.counts), 1)
        return (own / rows)[:, None] * self.counts


def correlations(counts: _Floats, products: _Floats, squares: _Floats) -> _Floats:
    """Products over the square roots of both sums of squares."""
    with np.errstate(all="ignore"):
        found = products / np.sqrt(squares * squares.T)
    found = np.where((counts > 2) & np.isfinite(found), np.clip(found, -1, 1), np.nan)
    return found
