"""What watches a graph: metrics, traces and recordings are observers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.serving.engine.binding import BoundStep
    from mlrun_like.serving.event import Event, Response

__all__ = ["Observer", "watching"]


class Observer:
    """Told of events and steps; override what you need.

    Code that calls observers is generated only for servers that have some.

    Attributes:
        steps: False: only whole events are watched, and steps run as fast as without.
    """

    steps: bool = True

    def begin(self, event: Event) -> None:
        """An event enters the graph."""

    def before_step(self, event: Event, step: str, body: Any) -> Any:
        """A step is about to be called; the result is given to `after_step`."""

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        """The step gave this body, or failed."""

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        """The event is answered, or failed."""

    def close(self) -> None:
        """The server closes: write what is held."""


class _Several(Observer):
    """Observers of steps as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def before_step(self, event: Event, step: str, body: Any) -> Any:
        return [each.before_step(event, step, body) for each in self._observers]

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        for each, own in zip(self._observers, token, strict=True):
            each.after_step(event, step, own, body, error)


def watching(observers: Sequence[Observer]) -> Callable[[BoundStep, Any, bool], Any]:
    """Wraps the call of a step; the wrapper takes the event, whatever the step takes."""
    watcher = observers[0] if len(observers) == 1 else _Several(observers)
    before, after = watcher.before_step, watcher.after_step

    def observe(bound: BoundStep, call: Any, is_async: bool) -> Any:
        name = bound.name
        gives_event = bound.whole and bound.kind in ("map", "maybe") and not bound.streams
        whole = bound.whole or bound.kind == "many"

        def watched(event: Event) -> Any:
            token = before(event, name, event.body)
            try:
                found = call(event if whole else event.body)
            except BaseException as exc:
                after(event, name, token, None, exc)
                raise
            after(event, name, token, getattr(found, "body", found) if gives_event else found, None)
            return found

        async def watched_async(event: Event) -> Any:
            token = before(event, name, event.body)
            try:
                found = await call(event if whole else event.body)
            except BaseException as exc:
                after(event, name, token, None, exc)
                raise
            after(event, name, token, getattr(found, "body", found) if gives_event else found, None)
            return found

        return watched_async if is_async and not bound.streams else watched

    return observe
