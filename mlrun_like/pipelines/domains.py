"""Sets of values that comparisons leave: intervals of numbers, and other values one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["ALL", "Domain", "no_outcomes", "of_comparison", "outcomes"]

_OUTCOMES = frozenset({"less", "equal", "greater", "neither"})
_TRUE_IF = {
    "<": frozenset({"less"}),
    "<=": frozenset({"less", "equal"}),
    ">": frozenset({"greater"}),
    ">=": frozenset({"greater", "equal"}),
    "==": frozenset({"equal"}),
    "!=": frozenset({"less", "greater", "neither"}),
}

Interval = tuple[float, bool, float, bool]
"""Lower end, whether it belongs to it, upper end, whether that belongs to it."""
_LINE: Interval = (-math.inf, True, math.inf, True)


@dataclass(frozen=True)
class Domain:
    """A set of values.

    Args:
        numbers: Intervals that do not overlap, in order.
        others: Values that are no numbers; those that are left out if `all_others`.
        all_others: Whether all values that are no numbers are in, but `others`.
        nan: Whether the number that is none is in.
    """

    numbers: tuple[Interval, ...] = (_LINE,)
    others: frozenset[Any] = frozenset()
    all_others: bool = True
    nan: bool = True

    @property
    def empty(self) -> bool:
        """Whether no value is in it."""
        return not (self.numbers or self.others or self.all_others or self.nan)

    def without(self) -> Domain:
        """All values that are not in it."""
        ends: list[Interval] = []
        low, closed = -math.inf, True
        for begin, begin_in, end, end_in in self.numbers:
            ends += _interval(low, closed, begin, not begin_in)
            low, closed = end, not end_in
        if not (low == math.inf and not closed):
            ends += _interval(low, closed, math.inf, True)
        return Domain(tuple(ends), self.others, not self.all_others, not self.nan)

    def both(self, other: Domain) -> Domain:
        """The values that are in both."""
        found: list[Interval] = []
        for a in self.numbers:
            for b in other.numbers:
                low, low_in = max((a[0], not a[1]), (b[0], not b[1]))
                high, high_in = min((a[2], a[3]), (b[2], b[3]))
                found += _interval(low, not low_in, high, high_in)
        if self.all_others and other.all_others:
            others, every = self.others | other.others, True
        elif self.all_others:
            others, every = other.others - self.others, False
        elif other.all_others:
            others, every = self.others - other.others, False
        else:
            others, every = self.others & other.others, False
        return Domain(tuple(found), others, every, self.nan and other.nan)

    def whole(self) -> Domain:
        """Only the whole numbers of it, as intervals that are empty if there is none."""
        found: list[Interval] = []
        for low, low_in, high, high_in in self.numbers:
            begin = low if math.isinf(low) else math.ceil(low)
            end = high if math.isinf(high) else math.floor(high)
            if begin == low and not low_in and not math.isinf(low):
                begin += 1
            if end == high and not high_in and not math.isinf(high):
                end -= 1
            if begin <= end:
                found.append((begin, True, end, True))
        return Domain(tuple(found), self.others, self.all_others, self.nan)


ALL = Domain()
"""All values."""


def _interval(low: float, low_in: bool, high: float, high_in: bool) -> list[Interval]:
    fits = low < high or (low == high and low_in and high_in)
    return [(low, low_in, high, high_in)] if fits else []


def of_comparison(operator: str, constant: Any) -> Domain | None:
    """The values that a comparison with a constant holds for; None: cannot be said.

    >>> of_comparison(">", 5).both(of_comparison("<=", 5)).empty
    True
    """
    if isinstance(constant, (bool, int, float)):
        if isinstance(constant, float) and math.isnan(constant):
            return ALL if operator == "!=" else Domain((), frozenset(), False, False)
        value = constant if abs(constant) < 2**53 else None
        if value is None:
            return None
        intervals: dict[str, tuple[Interval, ...]] = {
            "<": ((-math.inf, True, value, False),),
            "<=": ((-math.inf, True, value, True),),
            ">": ((value, False, math.inf, True),),
            ">=": ((value, True, math.inf, True),),
            "==": ((value, True, value, True),),
        }
        if operator == "!=":
            return Domain(intervals["=="], frozenset(), False, False).without()
        return Domain(intervals[operator], frozenset(), False, False)
    if operator not in ("==", "!=") or not isinstance(constant, (str, bytes, type(None))):
        return None
    same = Domain((), frozenset([constant]), False, False)
    return same if operator == "==" else same.without()


def outcomes(operator: str) -> frozenset[str]:
    """How two values may stand to each other if a comparison of them holds."""
    return _TRUE_IF[operator]


def no_outcomes(found: frozenset[str]) -> frozenset[str]:
    """The others."""
    return _OUTCOMES - found
