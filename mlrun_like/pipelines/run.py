"""What happened in a run of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import RunError

__all__ = ["PipelineRun", "StepRun"]


@dataclass(frozen=True)
class StepRun:
    """What happened to one step.

    Args:
        state: `completed`, `error` or `skipped`.
        uid: The id of its run; empty if it did not start.
        reason: Why it failed or was skipped.
        outputs: Results and artifact URIs by key.
        error: What its run raised.
        blocked: Skipped because something before it failed, not because of a closed gate.
        seconds: How long it took.
    """

    state: str
    uid: str = ""
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    blocked: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class PipelineRun:
    """A finished run.

    Args:
        name: The pipeline's name.
        uid: The id of this run; the runs of its steps have it as label `workflow`.
        steps: What happened, by step, in the order of the plan.
        outputs: What the pipeline's function returned, resolved; without a return value all
            outputs as `step.key`. Outputs of skipped steps are None.
    """

    name: str
    uid: str
    steps: Mapping[str, StepRun]
    outputs: Mapping[str, Any]

    @property
    def state(self) -> str:
        """`completed`, or `error` if a step failed; steps behind closed gates do not count."""
        return "error" if any(s.state == "error" for s in self.steps.values()) else "completed"

    def check(self) -> PipelineRun:
        """This run, if no step failed.

        Raises:
            RunError: naming the failed steps, and what was skipped because of them.
        """
        failed = {name: step for name, step in self.steps.items() if step.state == "error"}
        if not failed:
            return self
        names = ", ".join(map(repr, failed))
        first = next(iter(failed.values()))
        blocked = [name for name, step in self.steps.items() if step.blocked]
        what = f"pipeline {self.name!r}: step {names} failed: {first.reason}"
        if blocked:
            what += f"; skipped because of it: {', '.join(blocked)}"
        where = first.error.where if isinstance(first.error, RunError) else ""
        fix = first.error.fix if isinstance(first.error, RunError) else ""
        raise RunError(
            what,
            where=where,
            fix=fix,
            traceback=getattr(first.error, "traceback", ""),
        ) from first.error
