"""What a reference may see: parameters, steps that run as often as its user, items of its loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import (
    CollectRef,
    ItemRef,
    OneOfRef,
    OutputRef,
    ParamRef,
    StatusRef,
    producers,
)
from mlrun_like.pipelines.values import Ref, refs_in

__all__ = ["scope_problems"]


def scope_problems(plan: Plan) -> Iterator[str]:
    """What is wrong with the references of steps, gates, loops and returned values."""
    for name, place in plan.places.items():
        word, used = _uses(place)
        for ref in used:
            text = _problem(ref, plan, place.loops) or _handler_problem(ref, place, plan)
            if text:
                yield f"{word} {name!r}: {text}"
    for key, value in (plan.outputs or {}).items():
        for ref in refs_in(value):
            text = _problem(ref, plan, ())
            if text:
                yield f"returned output {key!r}: {text}"


def _uses(place: Place) -> tuple[str, list[Ref]]:
    node: Any = place.node
    if isinstance(node, Step):
        return "step", node.references()
    if isinstance(node, Branch):
        return "gate", list(refs_in([arm.condition for arm in node.arms]))
    return "loop", list(refs_in(node.items)) if isinstance(node, Loop) else []


def _problem(ref: Ref, plan: Plan, loops: tuple[str, ...]) -> str:
    """What is wrong with a reference of something inside these loops; empty: nothing."""
    if isinstance(ref, ParamRef):
        known = ref.name in plan.parameters
        return "" if known else f"parameter {ref.name!r} belongs to another pipeline"
    if isinstance(ref, ItemRef):
        if ref.loop in loops:
            return ""
        return f"it uses the item of loop {ref.loop!r} outside that loop"
    if isinstance(ref, OutputRef):
        return _output_problem(ref, plan, loops)
    if isinstance(ref, CollectRef):
        return _collect_problem(ref, plan, loops)
    if isinstance(ref, OneOfRef):
        found = (_problem(each, plan, loops) for choice in ref.choices for each in choice.inner())
        return next((text for text in found if text), "")
    if isinstance(ref, StatusRef) and ref.guard not in plan.places:
        return f"the status of {ref.guard!r} belongs to another pipeline"
    return ""


def _output_problem(ref: OutputRef, plan: Plan, loops: tuple[str, ...]) -> str:
    place = plan.places.get(ref.step)
    if place is None or not isinstance(place.node, Step):
        return f"it uses an output of {ref.step!r}, which is not a step of this pipeline"
    outputs = place.node.outputs
    if outputs is not None and ref.key not in outputs:
        return (
            f"step {ref.step!r} has no output {ref.key!r}.{nearest(ref.key, outputs)} "
            f"It has: {', '.join(outputs)}"
        )
    further = [name for name in place.loops if name not in loops]
    if further:
        return (
            f"step {ref.step!r} runs once for each item of {further[0]!r}, so {ref.text} is many "
            f"values; take all of them: dsl.Collected({ref.step}...)"
        )
    return ""


def _collect_problem(ref: CollectRef, plan: Plan, loops: tuple[str, ...]) -> str:
    inner: Ref = ref
    while isinstance(inner, CollectRef):
        inner = inner.each
    steps = [name for name in producers(inner) if name in plan.places]
    for name in steps:
        around = plan.places[name].loops
        further = [loop for loop in around if loop not in loops]
        if not further:
            return f"it collects {inner.text}, but step {name!r} is in no loop that has ended here"
        text = next((text for each in inner.inner() if (text := _problem(each, plan, around))), "")
        if text:
            return text
    if not steps:
        return f"it collects {inner.text}, which is no output of a step of this pipeline"
    return ""


def _handler_problem(ref: Ref, place: Place, plan: Plan) -> str:
    """An exit handler runs whatever happened, so it cannot need what may not have happened."""
    above = place.above[-1] if place.above else None
    guard = above.node if above is not None else None
    is_handler = isinstance(guard, Guard) and guard.handler is place.node
    if isinstance(ref, StatusRef):
        return "" if is_handler else "only an exit handler has a status"
    if is_handler and any(name in plan.inside(guard.name) for name in producers(ref)):  # type: ignore[union-attr]
        return f"an exit handler cannot use {ref.text}, which may not be there when it runs"
    return ""
