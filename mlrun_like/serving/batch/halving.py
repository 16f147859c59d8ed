"""Calls with many rows in which a row that fails, fails alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Failure", "by_halves"]


@dataclass(frozen=True)
class Failure:
    """Stands where a row's value would be: the row failed, in this step if it is named."""

    error: Exception
    step: str = ""


def by_halves(
    rows: Sequence[Any],
    call: Callable[[Sequence[Any]], Sequence[Any]],
    one: Callable[[Any], Any],
    least: int = 1,
) -> list[Any]:
    """One value or `Failure` for each row; what fails together is tried in halves.

    Args:
        rows: What `call` takes.
        call: Many rows to as many values; another number of values counts as a failure.
        one: A single row to its value, for parts that are no longer worth halving.
        least: Rows up to which a failing part goes through `one`.

    >>> def inverse(rows): return [1 / row for row in rows]
    >>> found = by_halves([1, 2, 0, 4], inverse, lambda row: 1 / row)
    >>> [type(item.error).__name__ if isinstance(item, Failure) else item for item in found]
    [1.0, 0.5, 'ZeroDivisionError', 0.25]
    """
    found: list[Any] = []
    waiting = [rows] if len(rows) else []
    while waiting:
        part = waiting.pop()
        if len(part) > 1:
            try:
                values = list(call(part))
                if len(values) == len(part):
                    found += values
                    continue
            except Exception:  # noqa: BLE001  users' code; the rows are tried apart
                pass
            if len(part) > least:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
        for row in part:
            try:
                found.append(one(row))
            except Exception as exc:  # noqa: BLE001  users' code: this row's value is its error
                found.append(Failure(exc))
    return found
