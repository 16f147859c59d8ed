"""How far the loops of a run are: rounds are opened a few at a time, so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlrun_like.pipelines.engine.instances import Instance

__all__ = ["Rounds"]


@dataclass
class _Loop:
    total: int
    children: int
    most: int
    next: int = 0
    open: int = 0


class Rounds:
    """The loops that are under way.

    Args:
        ahead: Rounds that are open at a time when a loop does not say how many.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._loops: dict[Instance, _Loop] = {}
        self._left: dict[Instance, int] = {}

    def begin(self, loop: Instance, total: int, children: int, parallelism: int) -> None:
        """Take note of a loop, its number of rounds, and how many nodes each has."""
        self._loops[loop] = _Loop(total, children, parallelism or self._ahead)

    def opened(self, loop: Instance) -> Iterator[int]:
        """The rounds to open now."""
        state = self._loops[loop]
        while state.next < state.total and state.open < state.most:
            number = state.next
            state.next, state.open = number + 1, state.open + 1
            self._left[Instance(loop.name, (*loop.round, number))] = state.children
            yield number

    def child_ended(self, round_: Instance) -> bool:
        """A node of a round is over; True: it was the last one, and so is the round."""
        self._left[round_] -= 1
        if self._left[round_]:
            return False
        del self._left[round_]
        self._loops[Instance(round_.name, round_.round[:-1])].open -= 1
        return True

    def over(self, loop: Instance) -> bool:
        """Whether no round is open or to come; such a loop is forgotten."""
        state = self._loops.get(loop)
        if state is None or state.open or state.next < state.total:
            return False
        del self._loops[loop]
        return True
