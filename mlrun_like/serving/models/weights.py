"""Weights of routes: checked, complete, with the sum 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["normalized"]


def normalized(
    weights: Mapping[str, Any] | None, names: Sequence[str], router: str
) -> dict[str, float]:
    """A weight for each route, with the sum 1; equal ones by default, 0 for those not named.

    >>> normalized({"a": 3, "b": 1}, ["a", "b", "c"], "vote")
    {'a': 0.75, 'b': 0.25, 'c': 0.0}

    Raises:
        InvalidArgumentError: if there is no mapping, a weight is negative, a name unknown, or all
            are 0.
    """
    if weights is None:
        return dict.fromkeys(names, 1.0 / len(names)) if names else {}
    where = f"router {router!r}"
    if not isinstance(weights, Mapping):
        raise InvalidArgumentError(
            f"weights must be a mapping of routes to numbers, not {weights!r:.60}",
            where=where,
            fix='weights={"model": 1}',
        )
    for name, value in weights.items():
        if name not in names:
            raise InvalidArgumentError(
                f"there is a weight for {name!r:.60}, but no such route",
                where=where,
                fix=f"routes: {', '.join(names)}",
            )
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < float("inf"):
            raise InvalidArgumentError(
                f"the weight of {name!r} is {value!r:.60}, not a number from 0", where=where
            )
    total = float(sum(weights.values()))
    if total <= 0:
        raise InvalidArgumentError("all weights are 0", where=where, fix='weights={"model": 1}')
    return {name: weights.get(name, 0) / total for name in names}
