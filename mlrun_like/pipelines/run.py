"""What happened in a run of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import RunAbortedError, RunError

if TYPE_CHECKING:
    from mlrun_like.pipelines.plan import Plan

__all__ = ["PipelineRun", "StepRun", "StepRuns"]


@dataclass(frozen=True)
class StepRun:
    """What happened to one step.

    Args:
        state: `completed`, `error`, `aborted` or `skipped`.
        uid: The id of its run; empty if it did not start.
        reason: Why it failed, was skipped, or was taken from an earlier run; with caching also why
            it was not.
        outputs: Results and artifact URIs by key.
        error: What its run raised.
        blocked: Skipped because something before it failed, not because of a closed gate.
        seconds: How long it took.
        reused: Whether the run is an earlier one.
    """

    state: str
    uid: str = ""
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    blocked: bool = False
    seconds: float = 0.0
    reused: bool = False

    @property
    def failed(self) -> bool:
        """Whether what needs it cannot run."""
        return self.blocked or self.state in ("error", "aborted")


class StepRuns(Mapping[str, StepRun]):
    """What happened, by step, such as `train` or `train[3]`; outputs of rounds of loops are read
    from their records when they are asked for.

    Args:
        read: Gives the outputs of a run.
    """

    def __init__(self, read: Callable[[str], Mapping[str, Any]]) -> None:
        self._read = read
        self._rows: dict[str, StepRun] = {}
        self._light: set[str] = set()

    def put(self, path: str, run: StepRun, light: bool = False) -> None:
        """Add a step; light: without its outputs."""
        if light and run.outputs:
            self._light.add(path)
            run = replace(run, outputs={})
        self._rows[path] = run

    def __getitem__(self, path: str) -> StepRun:
        run = self._rows[path]
        return replace(run, outputs=self._read(run.uid)) if path in self._light else run

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def in_order(self, names: Sequence[str]) -> StepRuns:
        """Themselves, in the order of the plan's steps, rounds of loops by their number."""
        place = {name: number for number, name in enumerate(names)}

        def key(path: str) -> tuple[int, list[int]]:
            name, _, index = path.partition("[")
            return place[name], [int(part) for part in index.rstrip("]").split(",") if part]

        self._rows = {path: self._rows[path] for path in sorted(self._rows, key=key)}
        return self

    def rows(self) -> Iterator[tuple[str, StepRun]]:
        """All of them as they are kept, without reading anything."""
        return iter(self._rows.items())


@dataclass(frozen=True)
class PipelineRun:
    """A finished run.

    Args:
        name: The pipeline's name.
        uid: The id of this run; the runs of its steps have it as label `workflow`.
        steps: What happened, by step, in the order of the plan.
        outputs: What the pipeline's function returned, resolved; without a return value all
            outputs as `step.key`. Outputs of skipped steps are None.
        plan: What was run; None if it was not planned before.
        failure: Why the run itself failed or was stopped, besides its steps; None: it did not.
    """

    name: str
    uid: str
    steps: StepRuns
    outputs: Mapping[str, Any]
    plan: Plan | None = field(default=None, repr=False, compare=False, kw_only=True)
    failure: RunError | None = field(default=None, repr=False, compare=False, kw_only=True)

    @property
    def state(self) -> str:
        """`completed`, or `error` if a step failed; steps behind closed gates do not count."""
        states = {step.state for _, step in self.steps.rows()}
        if self.failure is not None:
            states.add("aborted" if isinstance(self.failure, RunAbortedError) else "error")
        return next((each for each in ("aborted", "error") if each in states), "completed")

    def to_svg(self) -> str:
        """The plan with the states of its steps as an SVG document; empty without a plan."""
        return "" if self.plan is None else self.plan.to_svg(self.steps)

    def _repr_svg_(self) -> str | None:
        return self.to_svg() or None

    def _repr_html_(self) -> str | None:
        svg = self.to_svg()
        return f'<div style="overflow-x:auto">{svg}</div>' if svg else None

    def check(self) -> PipelineRun:
        """This run, if no step failed.

        Raises:
            RunError: naming the failed steps, and what was skipped because of them; or why the run
                failed without any.
        """
        failed = {name: step for name, step in self.steps.rows() if step.state == "error"}
        if not failed and self.failure is not None:
            raise self.failure
        if not failed:
            return self
        names = ", ".join(map(repr, list(failed)[:5]))
        if len(failed) > 5:
            names += f" and {len(failed) - 5} more"
        first = next(iter(failed.values()))
        blocked = [name for name, step in self.steps.rows() if step.blocked]
        what = f"pipeline {self.name!r}: step {names} failed: {first.reason}"
        if blocked:
            what += f"; skipped because of it: {', '.join(blocked[:20])}"
        where = first.error.where if isinstance(first.error, RunError) else ""
        fix = first.error.fix if isinstance(first.error, RunError) else ""
        raise RunError(
            what,
            where=where,
            fix=fix,
            traceback=getattr(first.error, "traceback", ""),
        ) from first.error
