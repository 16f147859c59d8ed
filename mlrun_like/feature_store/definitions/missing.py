"""Which values are missing, without pandas."""

from __future__ import annotations

import decimal
import math
from typing import Any

__all__ = ["is_missing"]

_MISSING = ("NaTType", "NAType")


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA.

    >>> is_missing(float("nan")), is_missing(0), is_missing("")
    (True, False, False)
    """
    if value is None or type(value).__name__ in _MISSING:
        return True
    if isinstance(value, (float, decimal.Decimal)):
        return math.isnan(value)
    return bool(getattr(value, "ndim", 1) == 0 and value != value)
