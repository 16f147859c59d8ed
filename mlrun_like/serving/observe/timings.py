"""The newest requests with the time of each of their steps, kept in memory."""

from __future__ import annotations

import time
from collections import deque
from time import perf_counter
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observer import Observer

__all__ = ["RequestTiming", "StepTiming", "Timings"]


class StepTiming(NamedTuple):
    """One call of a step: when it began after the request, and how long it took, in seconds."""

    step: str
    start: float
    seconds: float
    error: str = ""


class RequestTiming(NamedTuple):
    """One request: when it came (seconds since 1970), how long it took, its status and steps."""

    event_id: str
    path: str
    time: float
    seconds: float
    status: int
    error: str
    steps: tuple[StepTiming, ...]


class Timings(Observer):
    """Keeps the newest requests; about a microsecond per event and half per step.

    Args:
        size: How many requests are kept.

    Raises:
        InvalidArgumentError: if the size is less than 1.

    >>> from mlrun_like.serving.event import Event
    >>> timings = Timings()
    >>> event = Event(id="e1")
    >>> timings.begin(event)
    >>> token = timings.before_step(event, "clean", {})
    >>> timings.after_step(event, "clean", token, {}, None)
    >>> timings.end(event, None, None)
    >>> request = timings.recent()[0]
    >>> request.event_id, [step.step for step in request.steps]
    ('e1', ['clean'])
    """

    def __init__(self, size: int = 200) -> None:
        if size < 1:
            raise InvalidArgumentError(f"size cannot be {size!r}", fix="keep 1 request or more")
        self._kept: deque[tuple[Any, ...]] = deque(maxlen=size)

    def begin(self, event: Event) -> None:
        """An event enters the graph."""
        event._timings = [perf_counter()]  # type: ignore[attr-defined]

    def before_step(self, event: Event, step: str, body: Any) -> float:
        """A step is about to be called."""
        return perf_counter()

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        """The step gave this body, or failed."""
        steps = event.__dict__.get("_timings")  # shared by the branches of an event
        if steps is not None:
            name = type(error).__name__ if error is not None else ""
            steps.append((step, token, perf_counter(), name))

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        """The event is answered, or failed."""
        steps = event.__dict__.get("_timings")
        if steps is None:
            return
        if response is not None:
            status = response.status_code
        else:
            status = 499 if error is None else getattr(error, "status", 500)
        name = type(error).__name__ if error is not None else ""
        self._kept.append((event.id, event.path, perf_counter(), status, name, steps))

    def recent(self, count: int | None = None) -> list[RequestTiming]:
        """The newest requests, newest first.

        Steps that run after the answer appear once they are through.

        Args:
            count: At most so many; None: all that are kept.
        """
        offset = time.time() - perf_counter()
        newest = list(self._kept)[::-1]
        found = []
        for event_id, path, end, status, error, record in newest[:count]:
            begin, *steps = list(record)
            found.append(
                RequestTiming(
                    str(event_id),
                    path,
                    begin + offset,
                    end - begin,
                    status,
                    error,
                    tuple(
                        StepTiming(name, start - begin, done - start, failed)
                        for name, start, done, failed in steps
                    ),
                )
            )
        return found
