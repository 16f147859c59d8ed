"""How often an event may come to one step, where ways lead back to earlier steps."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.serving.event import Event

__all__ = [
    "MOST_ROUNDS",
    "check_rounds",
    "count_round",
    "forget_rounds",
    "is_too_often",
    "keep_rounds",
    "most_rounds",
]

MOST_ROUNDS = 100
"""How often an event may come to a step of a graph that says nothing of it (MLRun's)."""

_VARIABLE = "DEFAULT_MAX_ITERATIONS_FOR_CYCLES"
_MOST = 10_000


def most_rounds() -> int:
    """How often an event may come to a step of a flow that says nothing of it (storey's)."""
    return int(environment(_VARIABLE) or _MOST)


def check_rounds(most: Any, where: str) -> int | None:
    """How often an event may come to a step, as it was given; None: as the graph says.

    >>> check_rounds(3, "step 'a'")
    3

    Raises:
        InvalidArgumentError: if it is no whole number from 1.
    """
    if most is None:
        return None
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InvalidArgumentError(
            f"max_iterations must be a whole number from 1, not {most!r:.60}",
            where=where,
            fix="max_iterations=10",
        )
    return most


def count_round(event: Event, step: str, most: int, given: bool = True) -> dict[str, int]:
    """Count that an event has come to a step; each branch of an event counts by itself.

    Args:
        event: The event.
        step: The step's name.
        most: How often it may come.
        given: Whether somebody chose that number.

    Returns:
        How often the event has come to which step.

    Raises:
        RunError: if that was once too often.

    >>> event = Event(id="a")
    >>> count_round(event, "again", 1)
    {'again': 1}
    >>> count_round(event, "again", 1)
    Traceback (most recent call last):
    mlrun_like.errors.running.RunError: Max iterations exceeded in step 'again' for event a
      fix: a cycle needs an exit (select_outlets), or a larger max_iterations= of the topology
    """
    counts = event.__dict__.get("_cyclic_counter", {})  # storey's name
    number = counts.get(step, 0)
    if number >= most:
        error = _too_often(step, event, most, given)
        error.too_often = True  # type: ignore[attr-defined]
        raise error
    counted = {**counts, step: number + 1}
    event._cyclic_counter = counted  # type: ignore[attr-defined]
    return counted


def is_too_often(error: Exception) -> bool:
    """Whether an event came to a step too often, or something else went wrong there."""
    return getattr(error, "too_often", False)


def keep_rounds(event: Event, counts: dict[str, int]) -> None:
    """Let an event that a step made count on where the one that came to the step was.

    An event made of several counts on where each of them came most often.

    >>> first, last, both = Event(), Event(), Event()
    >>> first._cyclic_counter, last._cyclic_counter = {"a": 2, "b": 1}, {"a": 1}
    >>> both.originals = [first, last]
    >>> keep_rounds(both, {"a": 1})
    >>> both._cyclic_counter
    {'a': 2, 'b': 1}
    """
    known = event.__dict__
    if "_cyclic_counter" in known:
        return
    if "originals" in known:
        counts = dict(counts)
        for each in known["originals"]:
            for step, number in getattr(each, "_cyclic_counter", {}).items():
                counts[step] = max(number, counts.get(step, 0))
    event._cyclic_counter = counts  # type: ignore[attr-defined]


def forget_rounds(event: Event) -> None:
    """An event that enters a graph has not been anywhere."""
    event.__dict__.pop("_cyclic_counter", None)


def _too_often(step: str, event: Event, most: int, given: bool) -> RunError:
    if given:
        return RunError(
            f"Max iterations exceeded in step '{step}' for event {event.id}",
            fix="a cycle needs an exit (select_outlets), or a larger max_iterations= of the "
            "topology",
        )
    return RunError(
        f"Step '{step}' exceeded the default cycle limit of {most} iterations for event {event.id}",
        fix="give the cycle an exit (select_outlets), or the step max_iterations=",
    )
