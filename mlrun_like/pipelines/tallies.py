"""What became of each step so far, its rounds in loops counted: what pictures and progress show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlrun_like.pipelines.nodes import Loop
from mlrun_like.pipelines.run import StepRun, StepRuns
from mlrun_like.tracking.abilities import StepRow

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["ICONS", "Tallies", "Tally", "duration"]

ICONS: Mapping[str, str] = {
    "completed": "\N{CHECK MARK}",
    "reused": "\N{CLOCKWISE OPEN CIRCLE ARROW}",
    "running": "\N{BLACK RIGHT-POINTING TRIANGLE}",
    "error": "\N{BALLOT X}",
    "aborted": "\N{BLACK SQUARE}",
    "skipped": "\N{CIRCLED DIVISION SLASH}",
    "waiting": "\N{MIDDLE DOT}",
}
"""A letter for each state; `reused`: completed, by an earlier run."""


@dataclass
class Tally:
    """One step, in all rounds of the loops around it.

    Args:
        looped: Whether it is in a loop.
        total: How often it runs, as far as that is known.
        running: How many of its runs go on.
        ended: How many ended, by state.
        reused: How many of those are earlier runs.
        seconds: How long they took together.
        reason: Why the first failed, or why it was skipped.
    """

    looped: bool = False
    total: int = 0
    running: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    seconds: float = 0.0
    reason: str = ""

    @property
    def done(self) -> int:
        """How many ended."""
        return self.ended.total()

    @property
    def state(self) -> str:
        """The one that matters most: `running`, `error`, ... `waiting`."""
        if self.running:
            return "running"
        for state in ("error", "aborted"):
            if self.ended[state]:
                return state
        if self.looped and self.done < self.total:
            return "running" if self.done else "waiting"
        if self.ended["completed"]:
            return "reused" if self.reused == self.ended["completed"] else "completed"
        return "skipped" if self.ended["skipped"] else "waiting"

    @property
    def words(self) -> str:
        """The state as a text, with counts of rounds and seconds.

        >>> Tally(ended=Counter(completed=1), seconds=1.25).words
        'completed, 1.2 s'
        """
        parts = [self.state, *self.counts]
        if self.seconds and self.state != "reused":
            parts.append(duration(self.seconds))
        return ", ".join(parts)

    @property
    def counts(self) -> list[str]:
        """How many rounds of loops ended, and how."""
        parts = []
        if self.looped and (self.total or self.done):
            counted = self.total or (0 if self.running else self.done)
            parts.append(f"{self.done}/{counted}" if counted else f"{self.done} done")
            if 0 < self.reused < self.done:
                parts.append(f"{self.reused} reused")
            parts += [f"{n} {s}" for s, n in self.ended.items() if s != "completed" and n]
        return parts

    def end(self, state: str, seconds: float, reused: bool, reason: str) -> None:
        """Count a run that ended."""
        self.ended[state] += 1
        self.reused += reused
        self.seconds += seconds
        if reason and (state == "error" or not self.reason) and state != "completed":
            self.reason = reason


class Tallies:
    """Of all steps of a plan, by name.

    Args:
        plan: The pipeline.
    """

    def __init__(self, plan: Plan) -> None:
        self.steps = {
            step.name: Tally(looped=bool(plan.places[step.name].loops)) for step in plan.steps
        }
        self._in_loop: dict[str, list[Tally]] = {
            name: [
                self.steps[inner]
                for inner in plan.inside(name)
                if plan.places[inner].loops[-1] == name
            ]
            for name, place in plan.places.items()
            if isinstance(place.node, Loop)
        }

    @classmethod
    def of(cls, plan: Plan, states: Any) -> Tallies:
        """From what is known of a run.

        Args:
            plan: The pipeline.
            states: `PipelineRun.steps`, rows of the store, or a mapping of steps (`train`,
                `train[3]`) to states.
        """
        found = cls(plan)
        rows: Iterable[tuple[str, Any]]
        if isinstance(states, StepRuns):
            rows = states.rows()
        elif isinstance(states, Mapping):
            rows = states.items()
        else:
            rows = ((row.step, row) for row in states or ())
        for path, row in rows:
            found._add(path, row)
        return found

    def rounds(self, loop: str, count: int) -> None:
        """A loop has begun, with so many items."""
        for tally in self._in_loop.get(loop, ()):
            tally.total += count

    def started(self, path: str) -> None:
        """A step has begun."""
        tally = self._find(path)
        if tally is not None:
            tally.running += 1

    def ended(self, path: str, run: StepRun) -> None:
        """A step is over, or does not run."""
        tally = self._find(path)
        if tally is not None:
            tally.running = max(0, tally.running - bool(run.uid or run.seconds or run.error))
            tally.end(run.state, run.seconds, run.reused, run.reason)

    def _find(self, path: str) -> Tally | None:
        return self.steps.get(path.partition("[")[0])

    def _add(self, path: str, row: Any) -> None:
        tally = self._find(path)
        if tally is None:
            return
        if isinstance(row, StepRow):
            seconds = max(0.0, row.ended - row.started) if row.ended else 0.0
            known = row.state, seconds, bool(row.body.get("reused")), row.body.get("reason", "")
        elif isinstance(row, StepRun):
            known = row.state, row.seconds, row.reused, row.reason
        else:
            known = str(row), 0.0, False, ""
        if known[0] == "running":
            tally.running += 1
        elif known[0] in ("reused", "completed", "error", "aborted", "skipped"):
            state = "completed" if known[0] == "reused" else known[0]
            tally.end(state, known[1], known[2] or known[0] == "reused", str(known[3]))


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.004), duration(2.34), duration(75), duration(7300)
    ('4 ms', '2.3 s', '1:15 min', '2:01 h')
    """
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"
