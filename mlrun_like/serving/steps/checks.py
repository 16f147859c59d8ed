"""Checks of constructor arguments that every step shares."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest

__all__ = [
    "check_callable",
    "check_count",
    "check_seconds",
    "check_strings",
    "is_async",
    "refuse_unknown",
]


def check_callable(value: Any, argument: str, step: str) -> Callable[..., Any]:
    """`value`, if it can be called.

    Raises:
        InvalidTypeError: if it cannot.

    >>> check_callable(len, "fn", "Map").__name__
    'len'
    """
    if callable(value):
        found: Callable[..., Any] = value
        return found
    fix = f"give {step} a function"
    if isinstance(value, str):
        fix += f", or in a graph document write _{argument}: {value}"
    raise InvalidTypeError(
        f"Expected a callable, got {type(value)}: {argument}={value!r:.80}",
        where=f"step class {step}",
        fix=fix,
    )


def check_count(value: Any, argument: str, step: str, *, least: int = 1) -> int:
    """`value`, if it is a whole number of at least `least`.

    Raises:
        InvalidTypeError: if it is not an integer.
        InvalidArgumentError: if it is too small.

    >>> check_count(3, "max_events", "Batch")
    3
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(
            f"{argument} must be an integer, got {type(value).__name__}: {value!r:.80}",
            where=f"step class {step}",
            fix=f"give a whole number, such as {argument}={max(least, 8)}",
        )
    if value < least:
        raise InvalidArgumentError(
            f"{argument} must be at least {least}, got {value!r:.80}",
            where=f"step class {step}",
            fix=f"give a whole number from {least} up",
        )
    return value


def check_seconds(value: Any, argument: str, step: str) -> float:
    """`value`, if it is a number of seconds that is not negative.

    Raises:
        InvalidTypeError: if it is not a number.
        InvalidArgumentError: if it is negative or not finite.

    >>> check_seconds(0.5, "flush_after_seconds", "Batch")
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidTypeError(
            f"{argument} must be a number, got {type(value).__name__}: {value!r:.80}",
            where=f"step class {step}",
            fix=f"give seconds, such as {argument}=1.5",
        )
    if value < 0 or not math.isfinite(value):
        raise InvalidArgumentError(
            f"{argument} cannot be negative or infinite: {value!r:.80}",
            where=f"step class {step}",
            fix="give a number from 0 up",
        )
    return value


def check_strings(values: Any, argument: str, step: str) -> list[Any]:
    """`values` as a list; one name alone is a list of one.

    Raises:
        InvalidTypeError: if it is neither a name nor several.

    >>> check_strings("a", "columns", "DropColumns")
    ['a']
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    if isinstance(values, dict):
        raise InvalidTypeError(
            f"{argument}={values!r:.80} is a dictionary",
            where=f"step class {step}",
            fix=f"give a list of names, such as {argument}={list(values)!r:.80}",
        )
    return list(values)


def is_async(fn: Any) -> bool:
    """Whether calling `fn` gives a coroutine.

    >>> is_async(len)
    False
    """
    while hasattr(fn, "func") and hasattr(fn, "keywords"):  # functools.partial
        fn = fn.func
    call = inspect.getattr_static(type(fn), "__call__", None)
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(call)


def refuse_unknown(given: Iterable[str], known: Iterable[str], step: str) -> None:
    """Say which arguments a step does not have, and which were perhaps meant.

    Raises:
        InvalidTypeError: if `given` is not empty.
    """
    names = sorted(given)
    if names:
        raise InvalidTypeError(
            f"{step} has no argument {names[0]!r}.{nearest(names[0], known)}",
            where=f"step class {step}",
            fix=f"leave out {', '.join(names)}, or take it in your own __init__",
        )
