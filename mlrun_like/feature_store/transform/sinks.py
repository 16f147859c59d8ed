"""Sink: takes the events that come out of a step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind, Step

__all__ = ["Sink"]


class Sink(Step):
    """Keeps the events that reach it until they are taken.

    Args:
        name: The output that they belong to.
        into: Where they are put, all sinks together, as pairs of output and event.

    >>> held = []
    >>> list(Sink("", held).process(Event({"a": 1}))), len(held)
    ([], 1)
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, name: str, into: list[tuple[str, Any]]) -> None:
        self.name = name
        self._into = into

    def process(self, event: Event) -> Iterable[Event]:
        self._into.append((self.name, event))
        return ()
