"""The parameters of a pipeline, from the signature of its body."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from mlrun_like.pipelines.nodes import REQUIRED, Parameter

__all__ = ["parameters_of"]

_PLAIN = (int, float, str, bool, list, dict)


def parameters_of(body: Callable[..., Any], signature: inspect.Signature) -> dict[str, Parameter]:
    """Name, default and (if it is a plain one) type of each parameter."""
    try:
        hints = typing.get_type_hints(body)
    except (NameError, TypeError, AttributeError):  # names that exist for type checkers only
        hints = {}
    found = {}
    for name, item in signature.parameters.items():
        hint = hints.get(name, item.annotation)
        plain = typing.get_origin(hint) or hint
        default = REQUIRED if item.default is item.empty else item.default
        found[name] = Parameter(default, plain if plain in _PLAIN else None)
    return found
