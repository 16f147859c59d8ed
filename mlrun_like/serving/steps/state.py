"""MapWithState: a function that also sees, and changes, what earlier events left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from mlrun_like.errors import InvalidTypeError
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, reader, writer
from mlrun_like.serving.steps.checks import check_callable, is_async
from mlrun_like.serving.steps.drivers import key_text

__all__ = ["MapWithState"]


class MapWithState(FlowStep):
    """Turns each body into what a function of body and state gives; it also gives the next state.

    The state is one for all events, or one for each `event.key`. Events are taken one at a time,
    in the order in which they come.

    Args:
        initial_state: The first state. With `group_by_key`: a dictionary of states by key, or a
            table (or its URL, looked up in the context) whose rows are the states. A key that is
            not in it starts with an empty dictionary. It is closed with the flow, if it can be.
        fn: Called with body and state; gives the new body and the new state. May be `async`.
        group_by_key: Whether there is a state for each key.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if `fn` cannot be called, or the state cannot hold states by key.

    >>> count = MapWithState(0, lambda body, seen: (seen, seen + 1))
    >>> [event.body for name in "ab" for event in count.process(Event(name))]
    [0, 1]
    """

    kind: ClassVar[Kind] = "many"

    def __init__(
        self,
        initial_state: Any,
        fn: Callable[..., Any],
        group_by_key: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fn = check_callable(fn, "fn", type(self).__name__)
        self.initial_state = _looked_up(initial_state, self.context)
        self.group_by_key = group_by_key
        if group_by_key and not _holds_states(self.initial_state):
            raise InvalidTypeError(
                f"initial_state={initial_state!r:.80} cannot hold a state for each key",
                where=f"step class {type(self).__name__}",
                fix="give a dictionary or a table, or leave out group_by_key",
            )
        # a table may have to ask a server
        self.blocking = group_by_key and not isinstance(self.initial_state, dict)  # type: ignore[misc]
        self._state = self.initial_state
        self._read = reader(self.full_event, self.input_path)
        self._write = writer(self.full_event, self.result_path)
        if is_async(fn):
            vars(self)["process"] = self._by_key_async if group_by_key else self._process_async
        elif group_by_key:
            vars(self)["process"] = self._by_key

    def begin(self) -> None:
        self._state = self.initial_state

    def process(self, event: Event) -> Iterable[Event]:
        result, self._state = self.fn(self._read(event), self._state)
        return (self._write(event, result),)

    async def _process_async(self, event: Event) -> Iterable[Event]:
        result, self._state = await self.fn(self._read(event), self._state)
        return (self._write(event, result),)

    def _by_key(self, event: Event) -> Iterable[Event]:
        key = _state_key(event.key)
        result, state = self.fn(self._read(event), self._of(key))
        self._state[key] = state
        return (self._write(event, result),)

    async def _by_key_async(self, event: Event) -> Iterable[Event]:
        key = _state_key(event.key)
        result, state = await self.fn(self._read(event), self._of(key))
        self._state[key] = state
        return (self._write(event, result),)

    def _of(self, key: Any) -> Any:
        try:
            return self._state[key]
        except KeyError:
            return {}

    def close(self) -> None:
        close = getattr(self.initial_state, "close", None)
        if callable(close):
            close()


def _state_key(key: Any) -> Any:
    # a list cannot be a key of a dictionary
    return key_text(key) if isinstance(key, list) else key


def _holds_states(state: Any) -> bool:
    return hasattr(state, "__getitem__") and hasattr(state, "__setitem__")


def _looked_up(state: Any, context: Any) -> Any:
    if not isinstance(state, str) or "://" not in state:
        return state
    if context is None or not hasattr(context, "get_table"):
        raise InvalidTypeError(
            f"initial_state={state!r:.120} is the URL of a table, but there is no context",
            where="step class MapWithState",
            fix="pass context=, or the table itself",
        )
    return context.get_table(state)
