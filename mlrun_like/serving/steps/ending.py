"""Steps at the end of a flow: Reduce, which gives its value, and Complete, which answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, reader
from mlrun_like.serving.steps.checks import check_callable, is_async

__all__ = ["Complete", "Reduce"]


class Reduce(FlowStep):
    """Folds all bodies into one value, which the flow gives when it ends; nothing can follow.

    Args:
        initial_value: The value before the first event.
        fn: Called with the value and a body; gives the next value. May be `async`.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if `fn` cannot be called.

    >>> total = Reduce(0, lambda value, body: value + body)
    >>> for n in (1, 2):
    ...     _ = total.process(Event(n))
    >>> total.result()
    3
    """

    kind: ClassVar[Kind] = "many"
    ends: ClassVar[bool] = True

    def __init__(self, initial_value: Any, fn: Callable[[Any, Any], Any], **options: Any) -> None:
        super().__init__(**options)
        self.fn = check_callable(fn, "fn", type(self).__name__)
        self.initial_value = initial_value
        self._read = reader(self.full_event, self.input_path)
        if is_async(fn):
            vars(self)["process"] = self._process_async
        self.begin()

    def begin(self) -> None:
        self._value = self.initial_value

    def process(self, event: Event) -> Iterable[Event]:
        self._value = self.fn(self._value, self._read(event))
        return ()

    async def _process_async(self, event: Event) -> Iterable[Event]:
        self._value = await self.fn(self._value, self._read(event))
        return ()

    def result(self) -> Any:
        return self._value


class Complete(FlowStep):
    """Gives the body to whoever waits for the result of this event, and passes the event on.

    In a flow, that is `controller.emit(...).await_result()`. In a served graph, let the step
    respond instead: `.respond()`.

    Args:
        options: The arguments that all steps share; see `FlowStep`. With `full_event` the result
            is the event.

    >>> Complete().do_event(Event(1)).body
    1
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.answer = _twin if self.full_event else reader(False, self.input_path)

    def do_event(self, event: Event) -> Event:
        awaited = getattr(event, "_awaitable_result", None)
        if awaited is not None:
            awaited.put(self.answer(event))
        elif "originals" in event.__dict__:
            for original in event.__dict__["originals"]:  # the events of a batch
                awaited = getattr(original, "_awaitable_result", None)
                if awaited is not None:
                    awaited.put(self.answer(event))
        return event


def _twin(event: Event) -> Event:
    # later steps must not change what was answered
    return event.with_body(event.body)
