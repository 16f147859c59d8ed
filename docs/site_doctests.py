"""Examples in docstrings become code on the page; they stand as `>>>` lines, without a heading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe

__all__ = ["Doctests"]


class Doctests(griffe.Extension):
    """Puts fences around the examples of every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object that was read."""
        if obj.docstring is not None and ">>>" in obj.docstring.value:
            obj.docstring.value = "\n".join(_fenced(obj.docstring.value.splitlines()))


def _fenced(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if not inside and line.lstrip().startswith(">>>"):
            inside = True
            yield "```pycon"
        elif inside and not line.strip():
            inside = False
            yield "```"
        yield line
    if inside:
        yield "```"
