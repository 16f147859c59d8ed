"""Arms of branches that can never run, and steps that use what cannot be there when they do.

Conditions are turned into sets of values per reference (see domains.py). What cannot be said about
a condition counts as "may hold", so that only what is certain is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.domains import ALL, Domain, no_outcomes, of_comparison, outcomes
from mlrun_like.pipelines.hints import kinds_of_ref
from mlrun_like.pipelines.nodes import Branch, Guard, Loop, Step
from mlrun_like.pipelines.plan import Place, Plan
from mlrun_like.pipelines.refs import OutputRef
from mlrun_like.pipelines.values import Comparison, Condition, Joined, Not, Ref, refs_in

__all__ = ["reach_problems"]

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_MOST = 256  # alternatives of a condition that are told apart
_POINTS = ((0, True, 0, True), (1, True, 1, True))
_NONE = frozenset([None])
_UNIVERSES: Mapping[str, Domain] = {
    "bool": Domain(_POINTS, _NONE, False, False),
    "int": Domain(others=_NONE, all_others=False, nan=False),
    "float": Domain(others=_NONE, all_others=False),
    "str": Domain((), frozenset(), True, False),
}

Key = tuple[str, ...]
Term = dict[Key, "Domain | frozenset[str]"]
"""What must hold together, by what is compared."""
Asked = list[tuple[Condition, bool]]
"""Conditions that hold, or (False) that do not."""


def reach_problems(plan: Plan) -> Iterator[str]:
    """The arms that never run, and the uses of outputs that are never there."""
    logic = _Logic(plan)
    for name, place in plan.places.items():
        if isinstance(place.node, Branch) and logic.possible(_path(place)):
            yield from (
                f"gate {name!r}: {text}; remove that arm or change its condition"
                for text in _arm_problems(place.node, _path(place), logic)
            )
    for name, place in plan.places.items():
        yield from _use_problems(name, place, plan, logic)


def _arm_problems(branch: Branch, outer: Asked, logic: _Logic) -> Iterator[str]:
    earlier: Asked = []
    for arm in branch.arms:
        own: Asked = [] if arm.condition is None else [(arm.condition, True)]
        if not logic.possible([*outer, *earlier, *own]):
            if arm.condition is None:
                yield "its last arm (else) never runs, because one of the arms before always does"
            elif not logic.possible(own):
                yield f"{arm.condition.text} can never hold"
            elif not logic.possible([*outer, *own]):
                yield f"{arm.condition.text} can never hold where {_text(outer)}"
            else:
                yield (
                    f"{arm.condition.text} can never hold here, because the arms before it "
                    f"cover it: {_text([(c, True) for c, _ in earlier], ' or ')}"
                )
        earlier += [(condition, False) for condition, _ in own]


def _use_problems(name: str, place: Place, plan: Plan, logic: _Logic) -> Iterator[str]:
    node = place.node
    if isinstance(node, Step):
        used, word = node.references(), "step"
        if node.policy.even_after_failure:
            return
    elif isinstance(node, Branch):
        used, word = list(refs_in([arm.condition for arm in node.arms])), "gate"
    elif isinstance(node, Loop):
        used, word = list(refs_in(node.items)), "loop"
    else:
        return
    above = place.above[-1].node if place.above else None
    if isinstance(above, Guard) and above.handler is node:
        return
    own = _path(place)
    for ref in used:
        maker = plan.places.get(ref.step) if isinstance(ref, OutputRef) else None
        if maker is None:
            continue
        other = _path(maker)
        if logic.possible(own) and logic.possible(other) and not logic.possible([*own, *other]):
            yield (
                f"{word} {name!r}: it uses {ref.text}, which is never there when it runs: step "
                f"{maker.name!r} runs only where {_text(other)}; use it in the same arm, or take "
                "dsl.OneOf(...) of the arms after them"
            )


def _path(place: Place) -> Asked:
    """What must hold for a node to run, as far as gates decide."""
    found: Asked = []
    for above in place.above:
        if isinstance(above.node, Branch):
            arms = above.node.arms
            found += [
                (arm.condition, False) for arm in arms[: above.arm] if arm.condition is not None
            ]
            condition = arms[above.arm].condition
            found += [(condition, True)] if condition is not None else []
    return found


def _text(asked: Asked, word: str = " and ") -> str:
    return word.join(c.text if holds else f"not ({c.text})" for c, holds in asked)


class _Logic:
    """Says whether conditions can hold together."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._universes: dict[Key, Domain] = {}

    def possible(self, asked: Asked) -> bool:
        """Whether they may hold together."""
        terms: list[Term] = [{}]
        for condition, holds in asked:
            terms = self._and(terms, self._terms(condition, holds))
        return bool(terms)

    def _terms(self, condition: Condition, holds: bool) -> list[Term]:
        """Alternatives of which one must hold; an empty one says nothing."""
        if isinstance(condition, Not):
            return self._terms(condition.inner, not holds)
        if isinstance(condition, Joined):
            parts = [self._terms(part, holds) for part in condition.parts]
            if (condition.word == "and") is holds:
                found: list[Term] = [{}]
                for part in parts:
                    found = self._and(found, part)
                return found
            every = [term for part in parts for term in part]
            return every if len(every) <= _MOST else [{}]
        return self._atom(condition, holds) if isinstance(condition, Comparison) else [{}]

    def _and(self, first: list[Term], second: list[Term]) -> list[Term]:
        found = []
        if len(first) * len(second) > _MOST:
            return first
        for one in first:
            for two in second:
                term = self._joined(one, two)
                if term is not None:
                    found.append(term)
        return found

    def _joined(self, one: Term, two: Term) -> Term | None:
        """Both; None: they contradict each other."""
        term = dict(one)
        for key, values in two.items():
            old = term.get(key)
            if isinstance(values, Domain):
                domain = values.both(old if isinstance(old, Domain) else self._universe(key))
                if key[0] == "int":
                    domain = domain.whole()
                if domain.empty:
                    return None
                term[key] = domain
            else:
                left = values & old if isinstance(old, frozenset) else values
                if not left:
                    return None
                term[key] = left
        return term

    def _universe(self, key: Key) -> Domain:
        return _UNIVERSES.get(key[0], ALL)

    def _atom(self, item: Comparison, holds: bool) -> list[Term]:
        left, sign, right = item.left, item.operator, item.right
        if not isinstance(left, Ref):
            if not isinstance(right, Ref):
                return [{}] if _constant(item) in (holds, None) else []
            left, sign, right = right, _FLIPPED[sign], left
        if not isinstance(right, Ref):
            return self._with_constant(left, sign, right, holds)
        if _name(left) == _name(right):
            allowed = outcomes(sign) if holds else no_outcomes(outcomes(sign))
            return [{}] if allowed & {"equal", "neither"} else []
        if _name(left) > _name(right):
            left, sign, right = right, _FLIPPED[sign], left
        return _outcome(("pair", *_name(left), *_name(right)), sign, holds)

    def _with_constant(self, ref: Ref, sign: str, constant: Any, holds: bool) -> list[Term]:
        domain = of_comparison(sign, constant)
        if domain is None:
            return _outcome(("pair", *_name(ref), "constant", repr(constant)), sign, holds)
        if not holds:
            domain = domain.without()
            if sign not in ("==", "!="):  # what cannot be compared with a number is no else
                domain = Domain(domain.numbers, frozenset(), False, domain.nan)
        kinds = kinds_of_ref(ref, self._plan)
        kind = next(iter(kinds)) if kinds is not None and len(kinds) == 1 else "any"
        key = (kind, *_name(ref))
        found = self._joined({}, {key: domain})
        return [] if found is None else [found]


def _outcome(key: Key, sign: str, holds: bool) -> list[Term]:
    return [{key: outcomes(sign) if holds else no_outcomes(outcomes(sign))}]


def _name(ref: Ref) -> tuple[str, str]:
    return type(ref).__name__.lstrip("_"), ref.text


def _constant(item: Comparison) -> bool | None:
    try:
        return item.decide(lambda ref: ref)[0]
    except PipelineError:
        return None
