"""Mismatches of types that are certain before anything runs; what may work is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.pipelines.hints import (
    Kinds,
    argument_hint,
    kinds_of_hint,
    kinds_of_ref,
    kinds_of_value,
)
from mlrun_like.pipelines.nodes import REQUIRED, Branch, Loop, Step
from mlrun_like.pipelines.plan import Plan, all_steps
from mlrun_like.pipelines.values import Comparison, Condition, Joined, Not, Ref, Stand

__all__ = ["type_problems"]

_NUMBERS = frozenset({"bool", "int", "float"})
_TABLES = frozenset({"DataFrame", "Series", "ndarray"})
_HOLDERS = frozenset({"list", "tuple", "set", "dict"})

_WRONG: Mapping[str, frozenset[str]] = {  # given -> wanted that can never be right
    **dict.fromkeys(_NUMBERS, _TABLES | _HOLDERS),
    "str": _NUMBERS,  # it may be the URI of an artifact that holds a list
    "bytes": _NUMBERS | _HOLDERS,
    **dict.fromkeys(("list", "tuple", "set"), _NUMBERS | {"dict"}),
    "dict": _NUMBERS | {"list", "tuple", "set"},
    **dict.fromkeys(_TABLES, _NUMBERS),
}
_ORDERED = frozenset({"<", "<=", ">", ">="})


def type_problems(plan: Plan) -> Iterator[str]:
    """What cannot fit: arguments of steps, defaults of parameters, items of loops, gates."""
    for name, item in plan.parameters.items():
        if item.type and item.default is not REQUIRED:
            given = kinds_of_value(item.default)
            if _wrong(given, kinds_of_hint(item.type)):
                yield (
                    f"parameter {name!r} is annotated {item.type.__name__}, but its default "
                    f"{item.default!r:.60} is {_words(given)}; change one of them"
                )
    for step in all_steps(plan.body):
        yield from (f"step {step.name!r}: {text}" for text in _step_problems(step, plan))
    for name, place in plan.places.items():
        if isinstance(place.node, Loop) and isinstance(place.node.items, Ref):
            given = kinds_of_ref(place.node.items, plan)
            if given and given <= {"float", "str", "bytes", "bool"}:
                yield (
                    f"loop {name!r}: it loops over {place.node.items.text}, which is "
                    f"{_words(given)}; give it a list, or a whole number of rounds"
                )
        if isinstance(place.node, Branch):
            for arm in place.node.arms:
                yield from (
                    f"gate {name!r}: {text}" for text in _condition_problems(arm.condition, plan)
                )


def _step_problems(step: Step, plan: Plan) -> Iterator[str]:
    if step.action != "run" or "handler" in step.options or "runspec" in step.options:
        return
    for name, value in step.params.items():
        wanted = kinds_of_hint(argument_hint(step, name))
        given = _kinds(value, plan)
        if isinstance(value, str) and "://" in value:
            continue  # what lies there is passed
        no_list = isinstance(value, str) and wanted is not None and wanted <= _HOLDERS
        if no_list or _wrong(given, wanted):
            what = f"{value.text} is" if isinstance(value, Ref) else f"{value!r:.60} is"
            yield (
                f"argument {name!r} of {step.function.name}() is annotated {_words(wanted, '')}, "
                f"but {what} {_words(given)}; pass {_words(wanted)}, or correct the annotation"
            )
    for text, value in step.inputs.items():
        name, _, _ = text.partition(":")
        wanted = kinds_of_hint(argument_hint(step, name.strip()))
        given = kinds_of_ref(value, plan) if isinstance(value, Ref) else None
        if _wrong(given, wanted):
            yield (
                f"input {name!r} of {step.function.name}() is annotated {_words(wanted, '')}, but "
                f"{value.text} is {_words(given)}; pass {_words(wanted)}, or correct the annotation"
            )


def _condition_problems(condition: Condition | None, plan: Plan) -> Iterator[str]:
    if isinstance(condition, Not):
        yield from _condition_problems(condition.inner, plan)
    elif isinstance(condition, Joined):
        for part in condition.parts:
            yield from _condition_problems(part, plan)
    elif isinstance(condition, Comparison):
        left, right = (_kinds(side, plan) for side in (condition.left, condition.right))
        if left is None or right is None:
            return
        texts, numbers = frozenset({"str"}), _NUMBERS
        mixed = (left <= texts and right <= numbers) or (left <= numbers and right <= texts)
        if mixed:
            never = "cannot be compared" if condition.operator in _ORDERED else "are never equal"
            yield (
                f"{condition.text} compares {_words(left)} with {_words(right)}, which {never}; "
                "change the value on one side"
            )


def _kinds(value: Any, plan: Plan) -> Kinds:
    if isinstance(value, Ref):
        return kinds_of_ref(value, plan)
    return None if isinstance(value, Stand) else kinds_of_value(value)


def _wrong(given: Kinds, wanted: Kinds) -> bool:
    """Whether no possible kind of what is given can be any of what is wanted."""
    if not given or not wanted:
        return False
    return all(wanted <= _WRONG.get(kind, frozenset()) for kind in given)


def _words(kinds: Kinds, article: str = "a ") -> str:
    names = sorted(kinds or ())
    if article:
        names = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]
    return " or ".join(names)
