"""Assert: checks on the events that pass, for tests of flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar, TypeVar

from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep, reader
from mlrun_like.serving.steps.checks import check_callable

__all__ = ["Assert"]

_Self = TypeVar("_Self", bound="Assert")


class Assert(FlowStep):
    """Checks events as they pass, and their number and values when the flow ends.

    Each method adds a check and returns the step. A check that fails raises `AssertionError`.

    Args:
        options: The arguments that all steps share; see `FlowStep`. With `full_event` the checks
            see events instead of bodies.

    >>> check = Assert().exactly(1)
    >>> check.flush()
    Traceback (most recent call last):
    AssertionError: Expected event count == 1, got 0 instead
    """

    kind: ClassVar[Kind] = "many"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._read = reader(self.full_event, self.input_path)
        self._each: list[Callable[[Any], Any]] = []
        self._at_end: list[Callable[[], None]] = []
        self._keeps_values = False
        self.begin()

    def begin(self) -> None:
        self._count = 0
        self._values: list[Any] = []

    def each_event(self: _Self, predicate: Callable[[Any], Any]) -> _Self:
        """Every body fulfils `predicate`."""
        self._each.append(check_callable(predicate, "predicate", "Assert"))
        return self

    def greater_or_equal_to(self: _Self, expected: int) -> _Self:
        """At least `expected` events pass."""
        return self._counted(">=", expected, lambda count: count >= expected)

    def greater_than(self: _Self, expected: int) -> _Self:
        """More than `expected` events pass."""
        return self._counted(">", expected, lambda count: count > expected)

    def less_than(self: _Self, expected: int) -> _Self:
        """Fewer than `expected` events pass."""
        return self._counted("<", expected, lambda count: count < expected)

    def less_or_equal_to(self: _Self, expected: int) -> _Self:
        """At most `expected` events pass."""
        return self._counted("<=", expected, lambda count: count <= expected)

    def exactly(self: _Self, expected: int) -> _Self:
        """`expected` events pass."""
        return self._counted("==", expected, lambda count: count == expected)

    def match_exactly(self: _Self, expected: Collection[Any]) -> _Self:
        """The bodies are the values of `expected`, each as often as there, in any order."""

        def same(values: list[Any]) -> bool:
            missing = list(expected)
            for item in values:
                if item not in missing:
                    return False
                missing.remove(item)
            return not missing

        return self._compared("exactly", expected, same)

    def contains_all_of(self: _Self, expected: Collection[Any]) -> _Self:
        """Each of `expected` is among the bodies."""
        return self._compared(
            "all of", expected, lambda values: all(item in values for item in expected)
        )

    def contains_any_of(self: _Self, expected: Collection[Any]) -> _Self:
        """One of `expected` is among the bodies."""
        return self._compared(
            "any of", expected, lambda values: any(item in values for item in expected)
        )

    def contains_none_of(self: _Self, expected: Collection[Any]) -> _Self:
        """None of `expected` is among the bodies."""
        return self._compared(
            "none of", expected, lambda values: not any(item in values for item in expected)
        )

    def _counted(self: _Self, sign: str, expected: int, holds: Callable[[int], bool]) -> _Self:
        def check() -> None:
            if not holds(self._count):
                raise AssertionError(
                    f"Expected event count {sign} {expected}, got {self._count} instead"
                )

        self._at_end.append(check)
        return self

    def _compared(
        self: _Self, how: str, expected: Collection[Any], holds: Callable[[list[Any]], bool]
    ) -> _Self:
        def check() -> None:
            if not holds(self._values):
                raise AssertionError(f"Expected {how} {expected!r}, got {self._values!r}")

        self._keeps_values = True
        self._at_end.append(check)
        return self

    def process(self, event: Event) -> Iterable[Event]:
        value = self._read(event)
        for holds in self._each:
            if not holds(value):
                raise AssertionError(f"Predicate results in False for Event {value!r}")
        self._count += 1
        if self._keeps_values:
            self._values.append(value)
        return (event,)

    def flush(self) -> Iterable[Event]:
        for check in self._at_end:
            check()
        return ()
