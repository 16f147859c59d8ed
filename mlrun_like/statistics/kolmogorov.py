"""The distribution of Kolmogorov's statistic, for one sample and for two.

One sample of n values (two-sided): the method is chosen as R. Simard and P. L'Ecuyer advise
("Computing the Two-Sided Kolmogorov-Smirnov Distribution", J. Stat. Softw. 39(11), 2011):
the matrix of Marsaglia, Tsang and Wang (J. Stat. Softw. 8(18), 2003), the expansion of Pelz and
Good (J. R. Stat. Soc. B 38, 1976), and in the tail twice the one-sided sum of Smirnov. Two small
samples: lattice paths (J. L. Hodges, Ark. Mat. 3, 1958).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["kolmogorov_sf", "paths_outside"]

_Floats = np.ndarray[Any, np.dtype[np.float64]]
_MATRIX = 140
"""Up to so many values the matrix is exact and quick."""
_TERMS = 8192
"""Terms of Smirnov's sum; more are a smooth function, and summed in steps."""
_STIRLING = [0.0] + [
    math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    for n in range(1, 16)
]


def kolmogorov_sf(d: float, n: int) -> float:
    """How likely a sample of n values is at least d away from its distribution, two-sided.

    Args:
        d: The largest distance of the two distribution functions, 0 to 1.
        n: Number of values, 1 or more.

    >>> round(kolmogorov_sf(0.05, 1000), 6)
    0.013012
    """
    if d <= 0.5 / n:
        return 1.0
    if d >= 1:
        return 0.0
    squared = n * d * d
    if squared >= 370:  # below the smallest float
        return 0.0
    if n * d >= n - 1:
        return 2 * (1 - d) ** n
    if d >= 0.5 or squared >= (4.0 if n <= _MATRIX else 2.2):
        return min(1.0, 2 * _one_sided(d, n))
    if n <= _MATRIX or (n <= 100_000 and n * d**1.5 <= 1.4):
        return min(1.0, max(0.0, 1 - _matrix(d, n)))
    return min(1.0, max(0.0, 1 - _pelz_good(d, n)))


def _one_sided(d: float, n: int) -> float:
    """Smirnov's sum, each term a binomial probability times d / (d + j/n)."""
    last = math.floor(n * (1 - d))
    step = max(1, last // _TERMS)
    j = np.arange(0, last + 1, step, dtype=np.float64)
    p = d + j / n
    keep = p < 1
    j, p = j[keep], p[keep]
    return float((d / p * _binomial(j, n, p)).sum() * step)


def _binomial(j: _Floats, n: int, p: _Floats) -> _Floats:
    """Binomial probabilities by the saddle point (C. Loader, 2000): no loss of digits."""
    found = np.exp(n * np.log1p(-p))
    inner = (j > 0) & (j < n)
    k, q = j[inner], p[inner]
    log = _stirling(np.array([float(n)]))[0] - _stirling(k) - _stirling(n - k)
    log -= _deviance(k, n * q) + _deviance(n - k, n * (1 - q))
    found[inner] = np.exp(log) * np.sqrt(n / (2 * math.pi * k * (n - k)))
    found[j == n] = p[j == n] ** n
    made: _Floats = found
    return made


def _stirling(n: _Floats) -> _Floats:
    """ln n! minus Stirling's formula."""
    square = n * n
    many = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square)
            / square) / n  # fmt: skip
    few = n < 16
    many[few] = np.array(_STIRLING)[n[few].astype(int)]
    return many


def _deviance(x: _Floats, mean: _Floats) -> _Floats:
    """x ln(x / mean) + mean - x, by a series where both are close."""
    away = x - mean
    found = x * np.log(x / mean) - away
    close = np.abs(away) < 0.1 * (x + mean)
    if close.any():
        xs, means, aways = x[close], mean[close], away[close]
        ratio = aways / (xs + means)
        total = aways * ratio
        part = 2 * xs * ratio
        for power in range(1, 12):
            part = part * ratio * ratio
            total = total + part / (2 * power + 1)
        found[close] = total
    return found


def _matrix(d: float, n: int) -> float:
    """P(D < d): n! / n^n times the middle of the n-th power of a matrix."""
    k = math.floor(n * d) + 1
    size, rest = 2 * k - 1, k - n * d
    made = np.tri(size, size, 1)
    powers = rest ** np.arange(1, size + 1)
    made[:, 0] -= powers
    made[-1, :] -= powers[::-1]
    if 2 * rest > 1:
        made[-1, 0] += (2 * rest - 1) ** size
    row, column = np.indices((size, size))
    below = np.maximum(row - column + 1, 0)
    factorials = np.cumprod([1.0, *range(1, size + 1)])
    made = made / factorials[below]
    result, scale, power, base = np.eye(size), 0, 0, made
    left = n
    while left:
        if left & 1:
            result, scale = result @ base, scale + power
            result, scale = _scaled(result, scale)
        base, power = _scaled(base @ base, 2 * power)
        left >>= 1
    log = math.log(max(result[k - 1, k - 1], 1e-300)) + scale * math.log(2)
    if n <= _MATRIX:
        exact = math.lgamma(n + 1) - n * math.log(n)
    else:
        exact = 0.5 * math.log(2 * math.pi * n) - n + float(_stirling(np.array([float(n)]))[0])
    return math.exp(log + exact)


def _scaled(matrix: _Floats, scale: int) -> tuple[_Floats, int]:
    """With its largest number near 1, by a power of two, which loses nothing."""
    exponent = math.frexp(float(np.abs(matrix).max()))[1]
    return np.ldexp(matrix, -exponent), scale + exponent


def _pelz_good(d: float, n: int) -> float:
    """P(D < d) by the expansion in 1 / sqrt(n), to the power of -3/2."""
    z = math.sqrt(n) * d
    k = np.arange(-60, 61, dtype=np.float64)
    half = (math.pi * (k + 0.5)) ** 2
    whole = (math.pi * k) ** 2
    e_half, e_whole = np.exp(-half / (2 * z * z)), np.exp(-whole / (2 * z * z))
    root = math.sqrt(math.pi / 2)
    z2, z4, z6, z8 = z**2, z**4, z**6, z**8
    k0 = math.sqrt(2 * math.pi) / z * float(e_half[k >= 0].sum())
    k1 = root / (6 * z4) * float(((half - z2) * e_half).sum())
    terms = 6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * half + (1 - 2 * z2) * half**2
    k2 = root / (72 * z**7) * float((terms * e_half).sum())
    k2 -= root / (36 * z**3) * float((whole * e_whole).sum())
    terms = (5 - 30 * z2) * half**3 + (212 * z4 - 60 * z2) * half**2
    terms = terms + (135 * z4 - 96 * z6) * half - (30 * z6 + 90 * z8)
    k3 = root / (6480 * z**10) * float((terms * e_half).sum())
    k3 += root / (216 * z6) * float(((3 * z2 * whole - whole**2) * e_whole).sum())
    root_n = math.sqrt(n)
    return float(k0 + k1 / root_n + k2 / n + k3 / n**1.5)


def paths_outside(n: int, m: int, most: int, common: int) -> float:
    """The share of lattice paths from (0, 0) to (n, m) that leave a band: the exact p-value.

    Args:
        n: Values of one sample.
        m: Values of the other.
        most: The distance times the least common multiple of n and m, a whole number.
        common: The greatest common divisor of n and m.

    >>> round(paths_outside(3, 3, 3, 3), 6)  # all of one before all of the other: 2 of 20
    0.1
    """
    if most <= 0:
        return 1.0
    if n == m:
        return _equal_samples(n, most)
    step_m, step_n = m // common, n // common
    both = step_m + step_n
    # of the paths to (i, s - i) the share that has been outside: diagonal by diagonal, as
    # (i P(i - 1, j) + j P(i, j - 1)) / s, where nothing is subtracted and no digit is lost
    numbers = np.arange(n + 1, dtype=np.float64)
    outside = np.ones(n + 2)  # of i at i + 1
    outside[1] = 0.0
    before = 0
    for s in range(1, n + m + 1):
        low = max(0, s - m, (s * step_n - most) // both + 1)
        high = min(n, s, -((-s * step_n - most) // both) - 1)
        if high >= low:
            i = numbers[low : high + 1]
            found = i * outside[low : high + 1] + (s - i) * outside[low + 1 : high + 2]
            outside[low + 1 : high + 2] = found / s
        outside[before + 1 : low + 1] = 1.0
        before = low
    return float(min(1.0, outside[n + 1]))


def _equal_samples(n: int, most: int) -> float:
    """Two samples of the same size: paths by reflection (Gnedenko and Korolyuk, 1951)."""
    total, k = 0.0, n // most
    for turn in range(k, 0, -1):
        # binomial(2n, n + turn * most) / binomial(2n, n), as a product
        i = np.arange(turn * most, dtype=np.float64)
        share = math.exp(float(np.log1p(-turn * most / (n + i + 1)).sum()))
        total += (1 if turn % 2 else -1) * share
    return min(1.0, max(0.0, 2 * total))
