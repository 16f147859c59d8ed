"""Python source as a tree, safely from several threads."""

from __future__ import annotations

import ast
import threading
from typing import Any, Literal, overload

__all__ = ["parse"]

_one = threading.RLock()  # a finalizer that runs meanwhile may come here again
_TRIES = 20


@overload
def parse(source: str | bytes, filename: str = ..., mode: Literal["exec"] = ...) -> ast.Module: ...


@overload
def parse(source: str | bytes, filename: str = ..., *, mode: Literal["eval"]) -> ast.Expression: ...


def parse(source: str | bytes, filename: str = "<unknown>", mode: str = "exec") -> Any:
    """`ast.parse`, one at a time and tried again when CPython mistakes itself.

    CPython before 3.13 counts the depth of the trees it builds in one place for all threads, and
    lets another thread run while it collects garbage in between: it raises a SystemError, "AST
    constructor recursion depth mismatch", about source without a fault (python/cpython issue
    106905). Code outside this package parses too (`inspect`, most compilers), so holding a lock
    is not enough.

    Args:
        source: The text.
        filename: Its name in errors.
        mode: `exec` or `eval`, as `compile` takes it.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    with _one:
        for _ in range(_TRIES):
            try:
                return ast.parse(source, filename, mode)
            except SystemError:
                continue
        return ast.parse(source, filename, mode)
