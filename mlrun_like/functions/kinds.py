"""The kinds a function may have, also those without a runtime here, and their classes."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.registry import BUILT_IN, known, resolve

__all__ = ["FOREIGN_KINDS", "called_handler", "check_kind", "class_of"]

FOREIGN_KINDS = (
    *("handler", "job", "nuclio", "remote", "serving", "application", "dask", "mpijob", "spark"),
    *("remote-spark", "databricks"),
)
"""MLRun's kinds: a function may have one without a runtime here, and run with `local=True`."""
_SERVERS = ("serving", "application", "nuclio:serving")
"""Kinds whose functions are not called by the name of a handler."""


def check_kind(kind: Any, where: str) -> str:
    """The kind, if there is such a one.

    Raises:
        FunctionError: if there is none; the message lists those that exist.
    """
    if not kind:
        raise FunctionError(
            "please specify the function kind",
            where=where,
            fix='code_to_function(..., kind="local"); kind="job" runs with local=True anywhere',
        )
    names = sorted({*FOREIGN_KINDS, *known("runtimes")})
    if not isinstance(kind, str) or (kind not in names and not kind.startswith("nuclio:")):
        raise FunctionError(
            f"unsupported runtime ({kind}).{nearest(str(kind), names)}",
            where=where,
            fix=f"use one of: {', '.join(names)}",
        )
    return kind


def called_handler(handler: str, kind: str, where: str) -> str:
    """The handler, or nothing for a server, in whose place old code names the server's own.

    Raises:
        FunctionError: if a server shall have one and the setting `strict_arguments` is on.
    """
    if handler and kind in _SERVERS:
        if config.strict_arguments:
            raise FunctionError(
                f"kind {kind!r} takes no handler", where=where, fix="leave handler out"
            )
        return ""
    return handler


def class_of(kind: str) -> type[Function[..., Any]]:
    """The class of functions of a kind: some kinds have methods of their own."""
    path = BUILT_IN["functions"].get(kind.partition(":")[0])  # `nuclio:serving` is a nuclio
    found: type[Function[..., Any]] = resolve(path) if path else Function
    return found
