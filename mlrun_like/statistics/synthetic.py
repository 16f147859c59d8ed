"""Pairs of data sets with a known shift, or none: to measure what a drift detector finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError

__all__ = ["KINDS", "Shift", "make_shift"]

KINDS = ("mean", "variance", "category", "missing", "correlation", "none")
_COLOURS = np.array(["red", "green", "blue", "amber", "white", "black", "violet", "grey"])


@dataclass
class Shift:
    """A reference and new data.

    Args:
        kind: What has changed; see `KINDS`.
        size: How much, in the units of the kind (see `make_shift`).
        columns: Which columns have changed.
        reference: The data before.
        current: The data now.
    """

    kind: str
    size: float
    columns: list[str]
    reference: pd.DataFrame
    current: pd.DataFrame


def make_shift(kind: str, seed: int) -> Shift:
    """A random pair of data sets, the same for the same seed.

    The reference has 1,000 to 20,000 rows, the new data 500 to 20,000, both 3 to 40 numeric columns
    of normal, uniform, exponential, lognormal, Student t (3), two-humped, count and rounded values,
    and 1 to 5 columns of categories; some columns have missing values, the first two numeric ones
    are correlated. Sizes of shifts:

    mean         one column moves by 0.2 to 1 standard deviations (of its middle 98 %)
    variance     one column is wider or narrower by a factor of 1.3 to 2.5
    category     a new category has 2 % to 15 % of the rows of a column
    missing      3 % to 30 % more of a column are missing
    correlation  that of the first two columns changes by 0.25 to 0.9
    none         nothing changes

    Args:
        kind: One of `KINDS`.
        seed: Any number.

    >>> made = make_shift("none", 1)
    >>> list(made.reference.columns) == list(made.current.columns), made.columns
    (True, [])

    Raises:
        InvalidArgumentError: if there is no such kind.
    """
    if kind not in KINDS:
        raise InvalidArgumentError(f"no shift is of kind {kind!r}\nfix: one of {', '.join(KINDS)}")
    random = np.random.default_rng([seed, KINDS.index(kind)])
    rows = int(random.choice([1_000, 3_000, 10_000, 20_000]))
    now = int(random.choice([500, 1_000, 5_000, 20_000]))
    numbers, texts = int(random.integers(3, 41)), int(random.integers(1, 6))
    shapes = [str(name) for name in random.choice(_SHAPES, numbers)]
    together = float(random.choice([-0.6, 0.0, 0.3, 0.7]))
    shares = [random.dirichlet(np.full(int(random.integers(2, 8)), 2.0)) for _ in range(texts)]
    gaps = random.choice([0.0, 0.0, 0.02, 0.1], numbers)
    frames: list[pd.DataFrame] = []
    size = _size(kind, random, together)
    for count, correlation in ((rows, together), (now, together)):
        if kind == "correlation" and frames:
            correlation = together + size
        frames.append(_frame(random, count, (shapes, correlation, shares, gaps)))
    before, after = frames
    columns = _change(kind, size, before, after, random)
    return Shift(kind, size, columns, before, after)


_SHAPES = ("normal", "uniform", "exponential", "lognormal", "student", "humps", "counts", "rounded")


def _size(kind: str, random: np.random.Generator, together: float) -> float:
    if kind == "mean":
        return float(random.uniform(0.2, 1.0) * random.choice([-1, 1]))
    if kind == "variance":
        return float(random.uniform(1.3, 2.5) ** random.choice([-1, 1]))
    if kind == "category":
        return float(random.uniform(0.02, 0.15))
    if kind == "missing":
        return float(random.uniform(0.03, 0.3))
    if kind == "correlation":
        return float(random.uniform(0.25, 0.9) * (-1 if together > 0 else 1))
    return 0.0


def _frame(random: np.random.Generator, rows: int, plan: Any) -> pd.DataFrame:
    shapes, correlation, shares, gaps = plan
    base = random.normal(size=(len(shapes), rows))
    base[1] = correlation * base[0] + np.sqrt(1 - correlation**2) * base[1]
    columns: dict[str, Any] = {}
    for at, shape in enumerate(shapes):
        # the correlated ones keep their shape
        values = base[at] if at < 2 else _shaped(shape, base[at], random)
        columns[f"n{at}"] = np.where(random.random(rows) < gaps[at], np.nan, values)
    for at, share in enumerate(shares):
        columns[f"c{at}"] = random.choice(_COLOURS[: len(share)], rows, p=share)
    return pd.DataFrame(columns)


def _shaped(shape: str, base: Any, random: np.random.Generator) -> Any:
    rows = len(base)
    if shape == "uniform":
        return random.uniform(-3, 5, rows)
    if shape == "exponential":
        return random.exponential(10, rows)
    if shape == "lognormal":
        return np.exp(base)
    if shape == "student":
        return random.standard_t(3, rows)
    if shape == "humps":
        return base + random.choice([-3.0, 3.0], rows)
    if shape == "counts":
        return random.poisson(4, rows).astype(float)
    return np.round(base * 2) if shape == "rounded" else base * 100 + 1e4


def _change(
    kind: str, size: float, before: pd.DataFrame, after: pd.DataFrame, random: np.random.Generator
) -> list[str]:
    """Change one column of the new data."""
    if kind == "none":
        return []
    if kind == "correlation":
        return ["n0", "n1"]
    letter = "c" if kind == "category" else "n"
    names = [str(name) for name in before.columns if str(name).startswith(letter)]
    name = str(random.choice(names))
    values = after[name]
    hit = random.random(len(after)) < size
    if kind == "category":
        after[name] = values.where(~hit, "new")
    elif kind == "missing":
        after[name] = values.where(~hit)
    else:
        known = before[name]
        middle = known[known.between(*known.quantile([0.01, 0.99]))]
        scale = float(middle.std())
        shifted = values + size * scale
        wider = (values - float(known.median())) * size + float(known.median())
        after[name] = shifted if kind == "mean" else wider
    return [name]
