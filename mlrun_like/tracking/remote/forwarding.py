"""Methods of a store that are one request each, made from the protocol's table."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.remote.protocol import METHODS, wire_of

__all__ = ["forwarding"]

T = TypeVar("T", bound=FullStore)


def forwarding(cls: type[T]) -> type[T]:
    """Give a class every method of the table that it has not itself: it calls `_call`."""
    for name in METHODS:
        if name in cls.__abstractmethods__:
            setattr(cls, name, _forward(name))
    return abc.update_abstractmethods(cls)


def _forward(name: str) -> Callable[..., Any]:
    signature = wire_of(name, False).signature

    @functools.wraps(getattr(FullStore, name))
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(self, *args, **kwargs).arguments
        except TypeError as exc:  # the way of a Python call, but of which one is not in it
            hint = ""
            if "query" in signature.parameters:
                kind = str(signature.parameters["query"].annotation)
                hint = f": it takes one {kind}; filters by name have the methods of a project"
            raise TypeError(f"{name}() {exc}{hint}") from None
        del given["self"]
        return self._call(name, given)

    del method.__isabstractmethod__  # type: ignore[attr-defined]  # copied by `wraps`
    return method
