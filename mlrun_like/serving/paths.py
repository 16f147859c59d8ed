"""Dotted paths into a body: what `input_path` and `result_path` mean."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["get_path", "set_path"]


def get_path(body: Any, path: str) -> Any:
    """The part of `body` at `path`; an empty path is the body itself.

    >>> get_path({"req": {"body": 5}}, "req.body")
    5

    Raises:
        InvalidArgumentError: if there is no such part.
    """
    found = body
    for part in path.split(".") if path else ():
        if not isinstance(found, Mapping) or part not in found:
            held = (
                f"has {sorted(map(str, found))}"
                if isinstance(found, Mapping)
                else (f"is a {type(found).__name__}")
            )
            raise InvalidArgumentError(
                f"the body has nothing at {path!r}: the place of {part!r} {held:.200}",
                fix="send it, or change the step's input_path",
            )
        found = found[part]
    return found


def set_path(body: Any, path: str, value: Any) -> Any:
    """`body` with `value` put at `path`; an empty path or body is replaced.

    >>> set_path({"x": 1}, "out.y", 2)
    {'x': 1, 'out': {'y': 2}}

    Raises:
        InvalidArgumentError: if a part on the way is not a mapping.
    """
    if not path:
        return value
    body = {} if body is None else body
    at = body
    *way, last = path.split(".")
    for part in (*way, None):
        if not isinstance(at, MutableMapping):
            raise InvalidArgumentError(
                f"nothing can be put at {path!r}: the body holds a {type(at).__name__} there",
                fix="change the step's result_path",
            )
        if part is not None:
            at = at.setdefault(part, {})
    at[last] = value
    return body
