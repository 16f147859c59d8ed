"""Signatures of callables, the same on every Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["signature_of"]


def signature_of(call: Callable[..., Any]) -> inspect.Signature:
    """`inspect.signature`, which before CPython 3.11.4 reads an inherited `__new__` of a class
    although a class nearer to it has an `__init__` (python/cpython issue 105080).

    Args:
        call: A function, an object that can be called, or a class.

    Raises:
        ValueError, TypeError: as `inspect.signature`: there is none.

    >>> class Base:
    ...     def __new__(cls, *args, **kwargs):
    ...         return super().__new__(cls)
    >>> class Step(Base):
    ...     def __init__(self, name, size=1):
    ...         pass
    >>> signature_of(Step)
    <Signature (name, size=1)>
    """
    if not isinstance(call, type) or type(call).__call__ is not type.__call__:
        return inspect.signature(call)
    if getattr(call, "__signature__", None) is not None:
        return inspect.signature(call)
    for base in call.__mro__[:-1]:
        for name in ("__new__", "__init__"):
            if name in vars(base):
                found = inspect.signature(getattr(call, name))
                return found.replace(parameters=list(found.parameters.values())[1:])
    return inspect.signature(call)
