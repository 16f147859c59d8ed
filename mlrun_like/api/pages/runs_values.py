"""Runs by their results and parameters: conditions such as `accuracy > 0.9`, and sorting.

The store has no index of values, so they are looked at among the newest runs that fit the other
filters; the page says among how many.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.types import Document

__all__ = ["NEWEST", "PARTS", "Condition", "by_value", "conditions_of", "value_of"]

NEWEST = 1000
"""Among so many runs values are looked at."""

PARTS = {
    "result": ("status", "results"),
    "param": ("spec", "parameters"),
    "label": ("metadata", "labels"),
}
"""Where columns of each kind are in a run's document."""

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq,
    ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_CONDITION = re.compile(r"\s*([^<>=!]+?)\s*(>=|<=|!=|==|=|>|<)\s*([^<>=!\s].*?)\s*", re.DOTALL)
_MOST = 8


def value_of(run: Document, column: str) -> Any:
    """What a run has in a column.

    >>> value_of({"spec": {"parameters": {"lr": 0.1}}}, "param.lr")
    0.1
    """
    kind, _, name = column.partition(".")
    part = PARTS.get(kind)
    if part is None:
        return None
    return ((run.get(part[0]) or {}).get(part[1]) or {}).get(name)


@dataclass(frozen=True)
class Condition:
    """One comparison of a value.

    Args:
        name: Of a result or a parameter; `param.lr` says which.
        sign: `>`, `>=`, `<`, `<=`, `=` or `!=`.
        value: A number, or a text.

    >>> Condition("lr", "<", 0.5).fits({"spec": {"parameters": {"lr": 0.1}}})
    True
    """

    name: str
    sign: str
    value: float | str

    def fits(self, run: Document) -> bool:
        """Whether a run has such a value; one that has none does not fit."""
        found = value_of(run, self.name)
        for kind in ("result", "param"):
            found = value_of(run, f"{kind}.{self.name}") if found is None else found
        if found is None:
            return False
        test = _TESTS[self.sign]
        if isinstance(self.value, float):
            is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
            return test(found, self.value) if is_number else self.sign == "!="
        words = str(found).lower() if isinstance(found, bool) else str(found)
        return test(words, self.value)


def conditions_of(words: str) -> list[Condition]:
    """Comparisons as they are typed, with commas or `and` between them.

    Raises:
        InvalidArgumentError: if one cannot be read.

    >>> conditions_of("accuracy > 0.9 and kind = gbm")
    [Condition(name='accuracy', sign='>', value=0.9), Condition(name='kind', sign='=', value='gbm')]
    """
    parts = [one for one in re.split(r",|\s+and\s+", words) if one.strip()]
    found = []
    for part in parts[:_MOST]:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise InvalidArgumentError(
                f"{part.strip()[:60]!r} is no comparison",
                fix="write: accuracy > 0.9, kind = gbm",
            )
        name, sign, value = match[1], match[2].replace("==", "="), match[3].strip("\"'")
        try:
            number: float | str = float(value)
        except ValueError:
            number = value
        found.append(Condition(name, sign, number))
    return found


def by_value(runs: Sequence[Document], column: str, *, descending: bool) -> list[Document]:
    """Runs in the order of a column; those without a value, and NaN, at the end.

    >>> rows = [{"status": {"results": {"a": one}}} for one in (1, None, 3)]
    >>> [value_of(run, "result.a") for run in by_value(rows, "result.a", descending=True)]
    [3, 1, None]
    """
    numbers, words, rest = [], [], []
    for run in runs:
        value = value_of(run, column)
        if isinstance(value, (int, float)) and not (isinstance(value, float) and math.isnan(value)):
            numbers.append((value, run))
        elif isinstance(value, str):
            words.append((value, run))
        else:
            rest.append(run)
    numbers.sort(key=lambda one: one[0], reverse=descending)
    words.sort(key=lambda one: one[0], reverse=descending)
    return [*(run for _, run in numbers), *(run for _, run in words), *rest]
