"""Patterns of schemas: matched in linear time, whoever wrote them.

Bulk matching is RE2's (through Arrow), which never backtracks. Single values of a serving graph
are matched by Python's `re` when the pattern is so simple that it cannot blow up, else by RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import SchemaError

__all__ = ["LONGEST_PATTERN", "check_pattern", "match_all", "matcher"]

LONGEST_PATTERN = 1000
"""Characters that a pattern may have."""

_UNBOUNDED = re.compile(r"[*+]|\{\d*,\d*\}")
_RISKY = re.compile(r"\)[*+?{]|\(\?|\\[1-9A-Za-ce-rt-vx-z]|\|")


@lru_cache(maxsize=1024)
def check_pattern(pattern: str, where: str = "") -> str:
    """The pattern, if RE2 can match it.

    Raises:
        SchemaError: if it is too long, or not a pattern of RE2.

    >>> check_pattern("[A-Z]{2}[0-9]+")
    '[A-Z]{2}[0-9]+'
    """
    if len(pattern) > LONGEST_PATTERN:
        raise SchemaError(
            f"the pattern has {len(pattern):,} characters, {LONGEST_PATTERN:,} are allowed: "
            f"{pattern[:40]!r}...",
            where=where,
            fix="write a shorter one, or list the values in domain",
        )
    try:
        pc.match_substring_regex(pa.array(["a"]), _whole(pattern))
    except pa.ArrowException as exc:
        raise SchemaError(
            f"{pattern[:80]!r} is not a pattern: {str(exc)[:200]}",
            where=where,
            fix="the syntax is RE2's: no look-around and no back references",
        ) from exc
    return pattern


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def match_all(values: pa.Array, pattern: str) -> pa.Array:
    """Which texts match as a whole; null stays null.

    >>> match_all(pa.array(["a1", "b"]), "[a-z][0-9]").to_pylist()
    [True, False]
    """
    return pc.match_substring_regex(values, _whole(pattern))


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether one text matches as a whole.

    >>> matcher("[a-z][0-9]")("a1"), matcher("(a+)+b")("a" * 100_000)
    (True, False)
    """
    check_pattern(pattern)
    if not _RISKY.search(pattern) and len(_UNBOUNDED.findall(pattern)) <= 1:
        found = re.compile(pattern, re.ASCII).fullmatch
        return lambda text: found(text) is not None
    whole = _whole(pattern)
    return lambda text: bool(pc.match_substring_regex(pa.scalar(text), whole).as_py())
