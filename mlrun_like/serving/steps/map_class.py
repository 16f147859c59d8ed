"""MapClass: a step whose function is a method that may also drop the event."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import CodeType, FunctionType
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.serving.event import DROP
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import is_async

__all__ = ["MapClass"]

# Of the call under way in this thread or task: whether it called `filter`.
_dropped: ContextVar[bool] = ContextVar("mlrun_like_map_class_dropped", default=False)


class MapClass(FlowStep):
    """Base of steps that define `do(body)`; `self.filter()` inside it drops the event.

    `do` may be `async`, or a generator, which gives a stream.

    Args:
        long_running: Whether `do` takes long without awaiting; an event loop then calls it in a
            thread.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if `do` is `async` or a generator and `long_running` is set.

    >>> class Cheap(MapClass):
    ...     def do(self, event):
    ...         return self.filter() if event["price"] > 9 else event["price"]
    >>> Cheap().do({"price": 3}), Cheap().do({"price": 10})
    (3, DROP)
    """

    kind: ClassVar[Kind] = "maybe"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Watch for `filter()`, but only in classes that may call it: others pay nothing."""
        made = super().__new__(cls, *args, **kwargs)
        if _calls_filter(cls):
            vars(made)["do"] = _watched(made.do)
        return made

    def __init__(self, long_running: bool | None = None, **options: Any) -> None:
        super().__init__(**options)
        do = inspect.unwrap(self.do)
        streams = inspect.isgeneratorfunction(do) or inspect.isasyncgenfunction(do)
        if long_running and (is_async(do) or streams):
            raise InvalidArgumentError(
                "long_running=True cannot be used in conjunction with a coroutine or generator "
                "do()",
                where=f"step class {type(self).__name__}",
                fix="leave out long_running",
            )
        self.blocking = bool(long_running)  # type: ignore[misc]  # instances differ

    def do(self, event: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define do(self, event)")

    def filter(self) -> Any:
        """Drop the event that `do` is working on, whatever `do` returns.

        Raises:
            StateError: if the class of the step has no method that names `filter`.
        """
        if not hasattr(vars(self).get("do"), "watches_filter"):
            raise StateError(
                "filter() was called from outside the step's class, where nothing watches for it",
                where=f"step {self.name!r}",
                fix="call self.filter() in a method of the class",
            )
        _dropped.set(True)
        return DROP


def _watched(do: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if inspect.isgeneratorfunction(do) or inspect.isasyncgenfunction(do):
        return do  # a stream has begun when its code runs: it cannot be dropped as a whole

    if is_async(do):

        @functools.wraps(do)
        async def watched_async(event: Any) -> Any:
            try:
                result = await do(event)
            except BaseException:
                _dropped.set(False)
                raise
            if _dropped.get():
                _dropped.set(False)
                return DROP
            return result

        watched_async.watches_filter = True  # type: ignore[attr-defined]
        return watched_async

    @functools.wraps(do)
    def watched(event: Any) -> Any:
        try:
            result = do(event)
        except BaseException:
            _dropped.set(False)
            raise
        if _dropped.get():
            _dropped.set(False)
            return DROP
        return result

    watched.watches_filter = True  # type: ignore[attr-defined]
    return watched


def _calls_filter(cls: type) -> bool:
    for owner in cls.__mro__[: cls.__mro__.index(MapClass)]:
        for value in vars(owner).values():
            function = inspect.unwrap(getattr(value, "__func__", value), stop=_is_function)
            if isinstance(function, FunctionType) and _names_filter(function.__code__):
                return True
    return False


def _is_function(value: Any) -> bool:
    return isinstance(value, FunctionType) and not hasattr(value, "__wrapped__")


def _names_filter(code: CodeType) -> bool:
    return "filter" in code.co_names or any(
        _names_filter(inner) for inner in code.co_consts if isinstance(inner, CodeType)
    )
