"""Orders and positions of lists, as callers give them: checked before they reach a statement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["direction", "position"]

_LARGEST = 2**63 - 1


def direction(sort: str, known: Sequence[str], usual: str) -> tuple[str, bool]:
    """The order and whether it goes down.

    >>> direction("-name", ("started", "name"), "-started")
    ('name', True)

    Raises:
        InvalidArgumentError: if there is no such order.
    """
    wanted = sort or usual
    name = wanted.removeprefix("-")
    if name not in known:
        raise InvalidArgumentError(
            f"lists are not sorted by {name!r}",
            fix=f"use one of: {', '.join(known)}, with - in front to turn it round",
        )
    return name, wanted.startswith("-")


def position(after: Sequence[Any], kinds: Sequence[type]) -> tuple[Any, ...]:
    """A position whose parts are of the order's kinds.

    >>> position([1, 2], (float, int))
    (1.0, 2)

    Raises:
        InvalidArgumentError: if it is not the position of a row in this order.
    """
    if len(after) != len(kinds) or not all(map(_is, after, kinds)):
        raise InvalidArgumentError(
            f"{tuple(after)!r} is no position of this list",
            fix="begin with the first page, and keep its order and filters",
        )
    return tuple(kind(part) for part, kind in zip(after, kinds, strict=True))


def _is(part: Any, kind: type) -> bool:
    if isinstance(part, bool):
        return False
    if kind is str:
        return isinstance(part, str) and "\0" not in part
    if kind is float:
        return isinstance(part, (int, float)) and math.isfinite(part)
    return isinstance(part, int) and abs(part) <= _LARGEST
