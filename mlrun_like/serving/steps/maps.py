"""Steps that call one function for each event: Map, Filter, FlatMap, Flatten, Extend, ForEach."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, reader, writer
from mlrun_like.serving.steps.checks import check_callable, is_async

__all__ = ["Extend", "Filter", "FlatMap", "Flatten", "ForEach", "FunctionStep", "Map"]


class FunctionStep(FlowStep):
    """Base of steps that call a function of the user.

    Args:
        fn: The function; it may be `async`.
        long_running: Whether it takes long without awaiting; an event loop then calls it in a
            thread. Not for `async` functions.
        pass_context: Whether it also receives `context=`.
        fn_select_outlets: Gives the names of the following steps for a body; by default all.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if `fn` cannot be called.
        InvalidArgumentError: if `fn` is `async` and `long_running` is set.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        long_running: bool | None = None,
        pass_context: bool | None = None,
        fn_select_outlets: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        self.fn = check_callable(fn, "fn", step)
        self.is_async = is_async(fn)
        if self.is_async and long_running:
            raise InvalidArgumentError(
                "long_running=True cannot be used in conjunction with a coroutine",
                where=f"step class {step}",
                fix="leave out long_running: an event loop never waits for an async function",
            )
        self.blocking = bool(long_running)  # type: ignore[misc]  # instances differ
        if fn_select_outlets is not None:
            check_callable(fn_select_outlets, "fn_select_outlets", step)
        self.outlets_selector = fn_select_outlets
        if pass_context:
            self.fn = functools.partial(fn, context=self.context)

    def use(self, **methods: Callable[..., Any]) -> None:
        """Let this object answer to these calls in its own way, chosen once."""
        vars(self).update(methods)


class Map(FunctionStep):
    """Turns each body into what a function gives; a generator function gives a stream.

    Arguments and errors as for `FunctionStep`.

    >>> Map(lambda body: body + 1).do(1)
    2
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        long_running: bool | None = None,
        pass_context: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(fn, long_running, pass_context, **options)
        self.use(do=self.fn)

    def do(self, body: Any) -> Any:
        return self.fn(body)


class Filter(FunctionStep):
    """Keeps the events for which a function gives something true.

    Arguments and errors as for `FunctionStep`.

    >>> Filter(lambda body: body > 1).do(1)
    False
    """

    kind: ClassVar[Kind] = "filter"

    def __init__(
        self, fn: Callable[..., Any], long_running: bool | None = None, **options: Any
    ) -> None:
        super().__init__(fn, long_running, **options)
        self.use(do=self.fn)

    def do(self, body: Any) -> Any:
        return self.fn(body)


class ForEach(FunctionStep):
    """Calls a function for each event and passes the event on as it is.

    Arguments and errors as for `FunctionStep`.

    >>> seen = []
    >>> ForEach(seen.append).do(1), seen
    (True, [1])
    """

    kind: ClassVar[Kind] = "filter"

    def __init__(
        self, fn: Callable[..., Any], long_running: bool | None = None, **options: Any
    ) -> None:
        super().__init__(fn, long_running, **options)
        if self.is_async:
            self.use(do=self._do_async)

    def do(self, body: Any) -> bool:
        self.fn(body)
        return True

    async def _do_async(self, body: Any) -> bool:
        await self.fn(body)
        return True


class Extend(FunctionStep):
    """Adds the fields of the dictionary that a function gives to the body.

    With `input_path` the function sees a part of the body; the fields are still added to the
    body. Other arguments and errors as for `FunctionStep`.

    >>> Extend(lambda body: {"b": body["a"] + 1}).do_event(Event({"a": 1})).body
    {'a': 1, 'b': 2}
    """

    def __init__(
        self, fn: Callable[..., Any], long_running: bool | None = None, **options: Any
    ) -> None:
        super().__init__(fn, long_running, **options)
        self._read = reader(self.full_event, self.input_path)
        if self.is_async:
            self.use(do_event=self._do_async)

    def do_event(self, event: Event) -> Any:
        event.body.update(self.fn(self._read(event)))
        return event

    async def _do_async(self, event: Event) -> Event:
        event.body.update(await self.fn(self._read(event)))
        return event


class FlatMap(FunctionStep):
    """Makes an event of each element that a function gives.

    Arguments and errors as for `FunctionStep`.

    >>> [event.body for event in FlatMap(lambda body: [body, body * 10]).process(Event(2))]
    [2, 20]
    """

    kind: ClassVar[Kind] = "many"

    def __init__(
        self, fn: Callable[..., Any], long_running: bool | None = None, **options: Any
    ) -> None:
        super().__init__(fn, long_running, **options)
        self._read = reader(self.full_event, self.input_path)
        self._write = writer(self.full_event, self.result_path)
        if self.is_async:
            self.use(process=self._process_async)

    def process(self, event: Event) -> Iterable[Event]:
        write = self._write
        return [write(event, item) for item in self.fn(self._read(event))]

    async def _process_async(self, event: Event) -> Iterable[Event]:
        write = self._write
        return [write(event, item) for item in await self.fn(self._read(event))]


class Flatten(FlatMap):
    """Makes an event of each element of the body.

    Args:
        options: The arguments that all steps share; `full_event` does not apply.

    >>> [event.body for event in Flatten().process(Event([1, 2]))]
    [1, 2]
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(_elements, **{**options, "full_event": False})


def _elements(body: Any) -> Any:
    return body
