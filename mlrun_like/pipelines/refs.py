"""What is not known before the run: parameters, outputs of steps, and conditions on them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from mlrun_like.errors import PipelineError

__all__ = ["Condition", "OutputRef", "ParamRef", "Ref", "refs_in", "substitute"]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Ref:
    """A value of the run to come; comparing it makes a `Condition`."""

    @property
    def text(self) -> str:
        """How it is shown."""
        raise NotImplementedError

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition(self, "==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition(self, "!=", other)

    def __lt__(self, other: Any) -> Condition:
        return Condition(self, "<", other)

    def __le__(self, other: Any) -> Condition:
        return Condition(self, "<=", other)

    def __gt__(self, other: Any) -> Condition:
        return Condition(self, ">", other)

    def __ge__(self, other: Any) -> Condition:
        return Condition(self, ">=", other)

    def __hash__(self) -> int:
        return id(self)

    def _unknown(self, use: str) -> NoReturn:
        raise PipelineError(
            f"{self.text} is not known while the pipeline is built, so it cannot be {use}",
            fix=f"compare it in a gate: with when({self.text} >= 0.9): ...   "
            "or pass it to a step, which gets its value",
        )

    def __bool__(self) -> bool:
        self._unknown("tested by 'if', 'and' or 'not'")

    def __iter__(self) -> Iterator[Any]:
        self._unknown("looped over")

    def __format__(self, spec: str) -> str:
        self._unknown("put into a text")

    def __str__(self) -> str:
        self._unknown("made a text")


@dataclass(frozen=True, eq=False, repr=False)
class ParamRef(Ref):
    """A parameter of the pipeline."""

    name: str

    @property
    def text(self) -> str:
        """The parameter's name."""
        return self.name

    def __repr__(self) -> str:
        return f"<parameter {self.name}>"


@dataclass(frozen=True, eq=False, repr=False)
class OutputRef(Ref):
    """An output of a step: a result's value or an artifact's URI."""

    step: str
    key: str

    @property
    def text(self) -> str:
        """`step.key`."""
        return f"{self.step}.{self.key}"

    def __repr__(self) -> str:
        return f"<output {self.key!r} of step {self.step!r}>"


@dataclass(frozen=True, eq=False)
class Condition:
    """A comparison that is decided when its values are there."""

    left: Any
    operator: str
    right: Any
    negated: bool = False

    def __invert__(self) -> Condition:
        return replace(self, negated=not self.negated)

    def __bool__(self) -> bool:
        raise PipelineError(
            f"{self.text} is decided when the pipeline runs, not while it is built",
            fix=f"with when({self.text}): ...   and nest gates instead of 'and'",
        )

    @property
    def text(self) -> str:
        """`step.key >= 0.95`."""
        body = f"{_show(self.left)} {self.operator} {_show(self.right)}"
        return f"not ({body})" if self.negated else body

    def decide(self, resolve: Callable[[Ref], Any]) -> tuple[bool, str]:
        """Whether the gate is open, and why, such as `auc 0.91 >= 0.95 is false`.

        Raises:
            PipelineError: if the two values cannot be compared.
        """
        sides = [
            (item, resolve(item) if isinstance(item, Ref) else item)
            for item in (self.left, self.right)
        ]
        try:
            held = bool(_OPERATORS[self.operator](sides[0][1], sides[1][1]))
        except (TypeError, ValueError) as exc:
            raise PipelineError(f"gate {self.text} cannot be decided: {exc}") from exc
        left, right = (
            f"{item.key if isinstance(item, OutputRef) else item.text} {value!r}"
            if isinstance(item, Ref)
            else repr(value)
            for item, value in sides
        )
        return held is not self.negated, f"{left} {self.operator} {right} is {str(held).lower()}"


def _show(value: Any) -> str:
    return value.text if isinstance(value, Ref) else repr(value)


def refs_in(value: Any) -> Iterator[Ref]:
    """The references in a value, also inside lists, tuples, mappings and conditions."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Condition):
        yield from refs_in(value.left)
        yield from refs_in(value.right)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)


def substitute(value: Any, resolve: Callable[[Ref], Any]) -> Any:
    """The value with every reference replaced.

    >>> substitute({"a": [ParamRef("x"), 2]}, lambda ref: 1)
    {'a': [1, 2]}
    """
    if isinstance(value, Ref):
        return resolve(value)
    if isinstance(value, dict):
        return {key: substitute(item, resolve) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, resolve) for item in value]
    if type(value) is tuple:
        return tuple(substitute(item, resolve) for item in value)
    return value
