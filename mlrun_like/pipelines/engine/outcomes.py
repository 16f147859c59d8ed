"""What became of the steps of a running plan, and what that means for those after them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlrun_like.pipelines.engine.instances import Index, Instance
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import CollectRef, OneOfRef, producers
from mlrun_like.pipelines.run import StepRun
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Outcomes"]


class Outcomes:
    """Steps that have ended, gates that were decided, loops that were skipped.

    Args:
        plan: What runs.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._done: dict[Instance, StepRun] = {}
        self._gates: dict[Instance, tuple[int | None, StepRun | None]] = {}
        self._skipped: dict[Instance, StepRun] = {}
        self._failed: dict[Instance, str] = {}
        self._collected = {name for ref in _all_refs(plan) for name in _collected(ref)}

    def ended(self, instance: Instance, run: StepRun) -> None:
        """A step is over."""
        self._done[instance] = run
        if run.failed:
            loops = self._plan.places[instance.name].loops
            for depth, loop in enumerate(loops):
                self._failed.setdefault(Instance(loop, instance.round[:depth]), instance.name)

    def loop_skipped(self, loop: Instance, verdict: StepRun) -> None:
        """A loop does not run."""
        self._skipped[loop] = verdict
        for name in self._plan.inside(loop.name):
            self._done.setdefault(Instance(name, loop.round), verdict)

    def round_ended(self, round_: Instance) -> None:
        """Forget what nobody can ask for any more."""
        for name in self._plan.inside(round_.name):
            if name not in self._collected:
                self._done.pop(Instance(name, round_.round), None)
        for place in self._plan.places.values():
            if place.loops and place.loops[-1] == round_.name and isinstance(place.node, Branch):
                self._gates.pop(Instance(place.name, round_.round), None)

    def verdict(self, step: Step, index: Index) -> StepRun | None:
        """Why a step does not run; None: it runs."""
        place = self._plan.places[step.name]
        closed = self._closed(place, index)
        if closed is not None:
            return closed
        if step.policy.even_after_failure or self._is_handler(place):
            return None
        for name in step.after:
            failed = self._failure(name, index)
            if failed:
                return StepRun("skipped", reason=failed, blocked=True)
        return self._missing(step.references(), place, index)

    def _is_skipped(self, name: str, index: Index) -> bool:
        run = self._done.get(Instance(name, index))
        return run is None or run.state == "skipped"

    def _closed(self, place: Place, index: Index) -> StepRun | None:
        """Why the innermost gate around a node is closed; None: it is open."""
        for above in reversed(place.above):
            if isinstance(above.node, Loop):
                return None
            if isinstance(above.node, Branch):
                depth = len(self._plan.places[above.node.name].loops)
                arm, reason = self._gates[Instance(above.node.name, index[:depth])]
                return None if arm == above.arm else reason
        return None

    def _missing(self, refs: Any, place: Place, index: Index) -> StepRun | None:
        """What a node cannot do without these values; None: all are there."""
        for ref in refs:
            if isinstance(ref, OneOfRef):
                choices = [self._missing(choice.inner(), place, index) for choice in ref.choices]
                if all(choice is not None for choice in choices):
                    return next((c for c in choices if c and c.blocked), choices[0])
                continue
            for name in producers(ref):
                failed = self._failure(name, index)
                if failed:
                    return StepRun("skipped", reason=failed, blocked=True)
                skipped = self._skip_of(name, ref, place, index)
                if skipped is not None:
                    reason = f"step {name!r} was skipped ({skipped.reason})"
                    return StepRun("skipped", reason=reason)
        return None

    def _skip_of(self, name: str, ref: Ref, place: Place, index: Index) -> StepRun | None:
        other = self._plan.places[name]
        further = [loop for loop in other.loops if loop not in place.loops]
        if further:
            depth = len(self._plan.places[further[0]].loops)
            return self._skipped.get(Instance(further[0], index[:depth]))
        run = self._done.get(Instance(name, index[: len(other.loops)]))
        return run if run is not None and run.state == "skipped" else None

    def _failure(self, name: str, index: Index) -> str:
        """Why what comes after a step, loop or group must not run; empty: it may."""
        place = self._plan.places[name]
        if isinstance(place.node, Step) and len(place.loops) <= len(index):
            run = self._done.get(Instance(name, index[: len(place.loops)]))
            if run is None or not run.failed:
                return ""
            return f"step {name!r} {'was skipped' if run.state == 'skipped' else 'failed'}"
        if isinstance(place.node, Step):
            loop = place.loops[len(index)] if len(index) < len(place.loops) else place.loops[-1]
            return self._failure(loop, index)
        if isinstance(place.node, Loop):
            key = Instance(name, index[: len(place.loops)])
            verdict = self._skipped.get(key)
            if verdict is not None and verdict.failed:
                return f"loop {name!r} was skipped"
            failed = self._failed.get(key)
            return f"step {failed!r} failed" if failed else ""
        return next(
            (why for step in self._plan.inside(name) if (why := self._failure(step, index))), ""
        )

    def _is_handler(self, place: Place) -> bool:
        above = place.above[-1].node if place.above else None
        return isinstance(above, Guard) and above.handler is place.node

    def _status(self, guard: str, index: Index) -> dict[str, Any]:
        node = self._plan.places[guard].node
        names = [
            n
            for n in self._plan.inside(guard)
            if not isinstance(node, Guard) or n != node.handler.name
        ]
        runs = {n: r for n in names if (r := self._done.get(Instance(n, index))) is not None}
        failed = {n: r for n, r in runs.items() if r.state in ("error", "aborted")}
        loops = [why for n in names if (why := self._failure(n, index)) and n not in runs]
        error = "; ".join([*(f"{n}: {r.reason}" for n, r in failed.items()), *dict.fromkeys(loops)])
        return {
            "state": "error" if error else "completed",
            "error": error,
            "steps": {n: r.state for n, r in runs.items()},
        }


def _all_refs(plan: Plan) -> Iterator[Ref]:
    for step in plan.steps:
        yield from step.references()
    for place in plan.places.values():
        if isinstance(place.node, Branch):
            yield from refs_in([arm.condition for arm in place.node.arms])
        elif isinstance(place.node, Loop):
            yield from refs_in(place.node.items)
    for value in (plan.outputs or {}).values():
        yield from refs_in(value)


def _collected(ref: Ref) -> Iterator[str]:
    if isinstance(ref, CollectRef):
        yield from producers(ref)
    elif isinstance(ref, OneOfRef):
        for choice in ref.choices:
            yield from _collected(choice)
