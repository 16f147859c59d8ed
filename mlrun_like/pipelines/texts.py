"""Texts that values of the run to come were put into: an f-string keeps a mark for each of them."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

__all__ = ["TEXTS", "is_marked", "mark", "split_text"]

_MARK = re.compile("\x02ref ([0-9]+)\x03")
_SHOWN = re.compile(r"(?:\x02|\\x02)ref [0-9]+")
TEXTS: ContextVar[list[Any] | None] = ContextVar("mlrun_like_texts", default=None)
"""The references that were put into texts while a pipeline's body runs."""


def mark(ref: Any) -> str:
    """What stands for a reference in a text; empty outside a pipeline's body."""
    table = TEXTS.get()
    if table is None:
        return ""
    table.append(ref)
    return f"\x02ref {len(table) - 1}\x03"


def is_marked(text: str) -> bool:
    """Whether there is a reference in a text, or in what `repr` made of one.

    >>> is_marked("plain")
    False
    """
    return "ref " in text and _SHOWN.search(text) is not None


def split_text(text: str, table: list[Any]) -> tuple[Any, ...]:
    """The parts of a text that references were put into, texts and references."""
    pieces = _MARK.split(text)
    parts = [piece if n % 2 == 0 else table[int(piece)] for n, piece in enumerate(pieces)]
    return tuple(part for part in parts if not isinstance(part, str) or part)
