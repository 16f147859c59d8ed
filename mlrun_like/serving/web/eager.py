"""Coroutines begun at once: most of what a server awaits is there already."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

__all__ = ["Rest", "begin"]

_T = TypeVar("_T")


class Rest(Generic[_T]):
    """What is left of a coroutine that has begun, to be awaited.

    Args:
        coroutine: Has given `waited`.
        waited: What it waits for.
    """

    def __init__(self, coroutine: Any, waited: Any) -> None:
        self._coroutine = coroutine
        self._waited = waited

    def __await__(self) -> Generator[Any, Any, _T]:
        waited, coroutine = self._waited, self._coroutine
        while True:
            try:
                sent = yield waited
            except BaseException as exc:  # noqa: BLE001  handed on: the coroutine decides
                resume, value = coroutine.throw, exc
            else:
                resume, value = coroutine.send, sent
            try:
                waited = resume(value)
            except StopIteration as stop:
                found: _T = stop.value
                return found


def begin(work: Awaitable[_T]) -> tuple[_T | None, Awaitable[_T] | None]:
    """The result of a coroutine that does not need to wait, else the rest of it, to be awaited.

    >>> async def ready():
    ...     return 5
    >>> begin(ready())
    (5, None)
    """
    coroutine: Any = work
    try:
        return None, Rest(coroutine, coroutine.send(None))
    except StopIteration as stop:
        found: _T = stop.value
        return found, None
    except AttributeError:
        if hasattr(work, "send"):
            raise
        return None, work  # not a coroutine: some servers give futures
