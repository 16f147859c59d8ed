"""The worst slices of a table, found automatically.

Breadth-first as SliceFinder (Y. Chung et al., "Slice Finder: Automated Data Slicing for Model
Validation", ICDE 2019): all single conditions, all pairs of conditions of two columns, and if asked
triples that extend the worst pairs. Each slice is held against all other rows by Welch's test,
one-sided; the false discovery rate of all slices together is kept (Benjamini, Hochberg 1995).

Of what is left, the slice whose difference is surest to be large comes first. A fault is told once,
by its simplest slice: one with more conditions must be worse than the other rows of each slice with
one condition less, and a later slice must be worse on its rows outside those before it; both at the
level `alpha` shared by all slices that were looked at (Bonferroni).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.statistics.conditions import Coded, Condition
from mlrun_like.statistics.evaluators import Evaluator, Groups
from mlrun_like.statistics.intervals import Interval, benjamini_hochberg
from mlrun_like.statistics.search_options import SearchOptions
from mlrun_like.statistics.student import normal_quantile, t_tail

__all__ = ["Found", "Search", "SearchOptions", "describe_slice", "search_slices"]

_WORK = 1_000_000_000
_TRIED = 300
_BEAM = 30


@dataclass(frozen=True)
class Found:
    """One slice.

    Args:
        conditions: Its conditions; all of them hold in its rows.
        rows: How many rows it has.
        share: Of all rows.
        value: The metric in it.
        interval: Of the value.
        rest: The metric in all other rows.
        gap: By how much the slice is worse; in the metric's unit.
        effect: The gap in standard deviations of a row (Slice Finder, section 2.3).
        chance: p value of "it is not worse than the rest".
        adjusted: The same for all slices that were looked at, as a false discovery rate.
    """

    conditions: tuple[Condition, ...]
    rows: int
    share: float
    value: float
    interval: Interval
    rest: float
    gap: float
    effect: float
    chance: float
    adjusted: float

    @property
    def name(self) -> str:
        """Its conditions in words."""
        return " and ".join(map(str, self.conditions))


class Search(NamedTuple):
    """What was found, and how many slices were looked at."""

    slices: list[Found]
    tested: int


class _Level(NamedTuple):
    """Slices of one combination of columns."""

    columns: tuple[int, ...]
    codes: Any
    chance: Any
    bound: Any


def search_slices(
    coded: Sequence[Coded], evaluator: Evaluator, lower: bool, options: SearchOptions | None = None
) -> Search:
    """The worst slices, the surest and largest difference first.

    Args:
        coded: The columns, by `conditions.encode`.
        evaluator: The metric.
        lower: Whether less of it is better.
        options: How to search.
    """
    chosen = options or SearchOptions()
    if not coded or not len(coded[0].codes):
        return Search([], 0)
    count = len(coded[0].codes)
    least = chosen.rows or max(30, math.ceil(count * 0.005))
    walk = _Walk(coded, evaluator, lower, least, chosen)
    walk.run()
    return Search(walk.distinct(), walk.tested)


class _Walk:
    """The state of one search."""

    def __init__(
        self,
        coded: Sequence[Coded],
        evaluator: Evaluator,
        lower: bool,
        least: int,
        options: SearchOptions,
    ) -> None:
        self._coded, self._evaluator, self._options = coded, evaluator, options
        self._sign = 1.0 if lower else -1.0
        self._least = least
        self._z = normal_quantile((1 + options.confidence) / 2)
        self._score = normal_quantile(1 - options.alpha)
        self._keys = [one.codes.astype(np.int64) for one in coded]
        self._levels: list[_Level] = []
        self.tested = 0

    def run(self) -> None:
        """All levels."""
        for number in range(len(self._coded)):
            self._look((number,))
        if self._options.depth > 1:
            for pair in self._pairs():
                self._look(pair)
        if self._options.depth > 2:
            for triple in self._triples():
                self._look(triple)

    def _pairs(self) -> Iterator[tuple[int, ...]]:
        """Pairs of columns: all, or those of the most telling columns if that is too much work."""
        count = len(self._coded)
        rows = len(self._coded[0].codes)
        most = int(math.sqrt(2 * _WORK / rows)) if self._evaluator.exhaustive else 4
        worst = sorted(range(count), key=lambda at: min(self._levels[at].chance, default=1.0))[
            : max(2, most)
        ]
        yield from itertools.combinations(sorted(worst), 2)

    def _triples(self) -> Iterator[tuple[int, ...]]:
        pairs = [level for level in self._levels if len(level.columns) == 2 and len(level.chance)]
        beam = sorted(pairs, key=lambda level: float(level.chance.min()))
        seen: set[tuple[int, ...]] = set()
        for level in beam[: _BEAM if self._evaluator.exhaustive else 2]:
            for number in range(len(self._coded)):
                triple = tuple(sorted({*level.columns, number}))
                if len(triple) == 3 and triple not in seen:
                    seen.add(triple)
                    yield triple

    def _look(self, columns: tuple[int, ...]) -> None:
        """Test the slices of all conditions of these columns; keep those that seem worse."""
        keys = self._keys[columns[0]]
        size = len(self._coded[columns[0]].conditions)
        for number in columns[1:]:
            width = len(self._coded[number].conditions)
            keys = keys * width + self._keys[number]
            size *= width
        if size > max(100_000, 2 * len(keys)):
            return
        found = self._evaluator.groups(keys, size)
        others = len(keys) - found.rows
        able = (found.rows >= self._least) & (others >= 2) & np.isfinite(found.value)
        gap, chance, error = self._test(found)
        able &= np.isfinite(chance) & (found.counted >= min(10, self._least))
        self.tested += int(able.sum())
        worse = able & (chance <= self._options.alpha) & (gap > 0)
        at = np.flatnonzero(worse)
        bound = gap[at] - self._z * error[at]
        self._levels.append(_Level(columns, at, chance[at], bound))

    def _test(self, found: Groups) -> tuple[Any, Any, Any]:
        """How much worse each group is than the rest, the p value, and the standard error."""
        gap = self._sign * (found.value - found.rest)
        with np.errstate(divide="ignore", invalid="ignore"):
            # equal rows have no variance; under the null hypothesis they have that of the rest
            own = np.where(
                found.variance > 0,
                found.variance,
                found.rest_variance * found.rest_counted / found.counted,
            )
            both = own + found.rest_variance
            freedom = both**2 / (
                own**2 / (found.counted - 1) + found.rest_variance**2 / (found.rest_counted - 1)
            )
            error = np.sqrt(both)
            score = np.where(error > 0, gap / error, np.where(gap > 0, np.inf, 0.0))
        chance = np.ones(len(gap))
        # tails of t are heavier than normal ones: below this no p value reaches alpha
        some = np.flatnonzero(score > (self._score if len(gap) > 9 else -np.inf))
        chance[some] = t_tail(score[some], np.where(np.isnan(freedom[some]), np.inf, freedom[some]))
        chance[np.isnan(score)] = np.nan
        return gap, chance, error

    def distinct(self) -> list[Found]:
        """The slices that tell something of their own."""
        chances = np.concatenate([level.chance for level in self._levels])
        if not len(chances):
            return []
        adjusted = benjamini_hochberg(chances, self.tested)
        bounds = np.concatenate([level.bound for level in self._levels])
        owner = np.repeat(
            np.arange(len(self._levels)), [len(level.codes) for level in self._levels]
        )
        codes = np.concatenate([level.codes for level in self._levels])
        able = np.flatnonzero(adjusted <= self._options.alpha)
        # of equal ones that with fewer conditions
        order = able[np.lexsort((owner[able], -np.round(bounds[able], 12)))]
        told: list[Found] = []
        covered = np.zeros(len(self._coded[0].codes), dtype=bool)
        for at in order[:_TRIED]:
            conditions, masks = self._rows_of(self._levels[owner[at]].columns, int(codes[at]))
            mask = np.logical_and.reduce(masks)
            if not self._adds(mask, covered) or not self._worse_than_parents(masks, covered):
                continue
            made = self._found(conditions, mask, float(adjusted[at]))
            if made.gap >= self._options.least_gap:
                told.append(made)
                covered |= mask
            if len(told) == self._options.most:
                break
        return told

    def _adds(self, mask: Any, covered: Any) -> bool:
        """Whether the rows of a slice outside the reported ones are worse, too."""
        new = mask & ~covered
        if not covered.any():
            return True
        return int(new.sum()) >= self._least and self._worse(new, ~mask & ~covered)

    def _worse_than_parents(self, masks: list[Any], covered: Any) -> bool:
        """Whether a slice is worse than what is beside it in each slice of one condition less."""
        if len(masks) == 1:
            return True
        inside = np.logical_and.reduce(masks) & ~covered
        for number in range(len(masks)):
            parent = np.logical_and.reduce(masks[:number] + masks[number + 1 :])
            beside = parent & ~inside & ~covered
            # what is nearly the parent itself is told by the parent
            if int(beside.sum()) < 2 or not self._worse(inside, beside):
                return False
        return True

    def _worse(self, inside: Any, outside: Any) -> bool:
        one, two = self._evaluator.one(inside), self._evaluator.one(outside)
        found = one._replace(rest=two.value, rest_variance=two.variance, rest_counted=two.counted)
        gap, chance, _ = self._test(found)
        return bool(gap[0] > 0 and chance[0] * max(1, self.tested) <= self._options.alpha)

    def _rows_of(
        self, columns: tuple[int, ...], key: int
    ) -> tuple[tuple[Condition, ...], list[Any]]:
        conditions, masks = [], []
        for number in reversed(columns):
            key, code = divmod(key, len(self._coded[number].conditions))
            conditions.append(self._coded[number].conditions[code])
            masks.append(self._coded[number].codes == code)
        return tuple(reversed(conditions)), masks

    def _found(self, conditions: tuple[Condition, ...], mask: Any, adjusted: float) -> Found:
        made = describe_slice(self._evaluator, mask, self._sign > 0, self._options.confidence)
        return replace(made, conditions=conditions, adjusted=adjusted)


def describe_slice(evaluator: Evaluator, mask: Any, lower: bool, confidence: float = 0.95) -> Found:
    """The numbers of the slice of a mask; NaN where its rows do not tell them."""
    found = evaluator.one(mask)
    walk = _Walk((), evaluator, lower, 1, SearchOptions(confidence=confidence))
    _, chance, _ = walk._test(found)
    value, rest = (float(evaluator.shown(one[0])) for one in (found.value, found.rest))
    spread = found.variance[0] * found.counted[0] + found.rest_variance[0] * found.rest_counted[0]
    raw = (found.value[0] - found.rest[0]) * (1 if lower else -1)
    rows = int(found.rows[0])
    return Found(
        (), rows, rows / max(1, len(mask)), value, evaluator.interval(found, 0, confidence), rest,
        (value - rest) * (1 if lower else -1),
        float(raw * math.sqrt(2 / spread)) if spread > 0 else math.nan,
        float(chance[0]), float(chance[0]),
    )  # fmt: skip
