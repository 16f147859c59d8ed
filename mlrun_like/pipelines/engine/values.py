"""What references stand for while a plan runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mlrun_like.errors import PipelineError, nearest
from mlrun_like.pipelines.engine.instances import Index, Instance
from mlrun_like.pipelines.engine.outcomes import Outcomes
from mlrun_like.pipelines.nodes import Branch, Loop, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import (
    CollectRef,
    ItemRef,
    OneOfRef,
    OutputRef,
    ParamRef,
    StatusRef,
    producers,
    substitute,
)
from mlrun_like.pipelines.run import StepRun
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["Values"]

_MOST = sys.maxsize
"""Rounds that a loop can have."""


class Values(Outcomes):
    """Outputs of steps, items of loops and decisions of gates, as far as they are there.

    Args:
        plan: What runs.
        arguments: Values of its parameters.
    """

    def __init__(self, plan: Plan, arguments: Mapping[str, Any]) -> None:
        super().__init__(plan)
        self._arguments = arguments
        self._items: dict[Instance, Sequence[Any]] = {}

    def decide(self, branch: Branch, index: Index) -> None:
        """Find the arm of a branch that runs."""
        place = self._plan.places[branch.name]
        key = Instance(branch.name, index)
        verdict = self._closed(place, index) or self._missing(
            refs_in([arm.condition for arm in branch.arms]), place, index
        )
        if verdict is not None:
            self._gates[key] = (None, verdict)
            return
        reasons: list[str] = []
        try:
            for number, arm in enumerate(branch.arms):
                held, why = (
                    (True, " and ".join(reasons))
                    if arm.condition is None
                    else arm.condition.decide(lambda ref: self.value(ref, place, index))
                )
                if held:
                    self._gates[key] = (number, StepRun("skipped", reason=f"gate: {why}"))
                    return
                reasons.append(why)
        except PipelineError as exc:
            self._gates[key] = (None, StepRun("error", reason=exc.what, error=exc))
            return
        self._gates[key] = (None, StepRun("skipped", reason=f"gate: {' and '.join(reasons)}"))

    def items(self, loop: Loop, index: Index) -> tuple[StepRun | None, Sequence[Any]]:
        """The items of a loop, or why it does not run."""
        place = self._plan.places[loop.name]
        verdict = self._closed(place, index) or self._missing(refs_in(loop.items), place, index)
        if verdict is not None:
            return verdict, ()
        try:
            found = substitute(loop.items, lambda ref: self.value(ref, place, index))
        except PipelineError as exc:
            return StepRun("error", reason=exc.what, error=exc), ()
        found = _listed(found)
        if not isinstance(found, (list, tuple, range)):
            wrong = PipelineError(
                f"loop {loop.name!r} was given {found!r:.80}, which is no list",
                where=f"pipeline {self._plan.name!r}",
            )
            return StepRun("error", reason=wrong.what, error=wrong), ()
        self._items[Instance(loop.name, index)] = found
        return None, found

    def find_items(self) -> None:
        """Find the items of all loops from steps that have ended, whatever gates say."""
        for name, place in self._plan.places.items():
            if isinstance(place.node, Loop):
                depth = len(place.loops)
                for index in {done.round[:depth] for done in self._done} | {()}:
                    if len(index) == depth:
                        with suppress(LookupError, PipelineError):
                            found = self.of_node(place, index, place.node.items)
                            self._items[Instance(name, index)] = _listed(found)

    def of_node(self, place: Place, index: Index, value: Any) -> Any:
        """A value with all references replaced that a node uses."""
        return substitute(value, lambda ref: self.value(ref, place, index))

    def of_step(self, step: Step, index: Index, value: Any) -> Any:
        """A value with all references replaced that a step uses."""
        place = self._plan.places[step.name]
        return substitute(value, lambda ref: self.value(ref, place, index))

    def missing(self, step: Step, index: Index, value: Any) -> bool:
        """Whether a value needs a step that gave nothing."""
        place = self._plan.places[step.name]
        return self._missing(refs_in(value), place, index) is not None

    def value(self, ref: Ref, place: Place, index: Index) -> Any:
        """What a reference stands for, seen from a node.

        Raises:
            PipelineError: if there is no such output or part of an item.
        """
        if isinstance(ref, ParamRef):
            return self._arguments[ref.name]
        if isinstance(ref, OutputRef):
            return self._output(ref, index)
        if isinstance(ref, ItemRef):
            depth = place.loops.index(ref.loop)
            return self._item(ref, index[: depth + 1])
        if isinstance(ref, CollectRef):
            inner: Ref = ref
            while isinstance(inner, CollectRef):
                inner = inner.each
            step = next(producers(inner))
            return self._collect(
                inner, self._plan.places[step], index[: _shared(self._plan.places[step], place)]
            )
        if isinstance(ref, OneOfRef):
            for choice in ref.choices:
                if self._missing(choice.inner(), place, index) is None:
                    return self.value(choice, place, index)
            raise PipelineError(f"none of the steps of {ref.text} gave a value")
        if isinstance(ref, StatusRef):
            return self._status(ref.guard, index)
        raise PipelineError(f"{ref!r} has no value")

    def outputs(self, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
        """The outputs of the whole run; those of steps that did not run are None."""
        if wanted is None:
            return {
                f"{instance.name}.{key}": value
                for instance, run in self._done.items()
                if not instance.round
                for key, value in run.outputs.items()
            }
        top = Place(Step("", None), ())  # type: ignore[arg-type]
        found = {}
        for key, value in wanted.items():
            try:
                found[key] = substitute(value, lambda ref: self.value(ref, top, ()))
            except (PipelineError, KeyError):
                found[key] = None
        return found

    # --------------------------------------------------------------------------------------------

    def _output(self, ref: OutputRef, index: Index) -> Any:
        depth = len(self._plan.places[ref.step].loops)
        outputs = self._done[Instance(ref.step, index[:depth])].outputs
        if ref.key not in outputs:
            raise PipelineError(
                f"step {ref.step!r} gave no output {ref.key!r}.{nearest(ref.key, outputs)} "
                f"It gave: {', '.join(outputs) or 'nothing'}",
                where=f"pipeline {self._plan.name!r}",
            )
        return outputs[ref.key]

    def _item(self, ref: ItemRef, index: Index) -> Any:
        found: Any = self._items[Instance(ref.loop, index[:-1])][index[-1]]
        for key in ref.path:
            try:
                found = found[key]
            except (LookupError, TypeError) as exc:
                raise PipelineError(
                    f"the item of loop {ref.loop!r} is {found!r:.80}, which has no {key!r}",
                    where=f"pipeline {self._plan.name!r}",
                ) from exc
        return found

    def _collect(self, ref: Ref, producer: Place, index: Index) -> Any:
        """The values below an index, as lists in lists; rounds that were skipped are left out."""
        if len(index) == len(producer.loops):
            return self.value(ref, producer, index)
        loop = Instance(producer.loops[len(index)], index)
        found = []
        for number in range(len(self._items.get(loop, ()))):
            deeper = (*index, number)
            if len(deeper) < len(producer.loops) or not self._is_skipped(producer.name, deeper):
                found.append(self._collect(ref, producer, deeper))
        return found


def _listed(found: Any) -> Any:
    """A whole number of rounds as their numbers."""
    is_count = isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _MOST
    return range(found) if is_count else found


def _shared(place: Place, other: Place) -> int:
    """How many loops two nodes are both in."""
    return sum(1 for one, two in zip(place.loops, other.loops, strict=False) if one == two)
