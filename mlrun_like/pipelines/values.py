"""Values of the run to come, and conditions on them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from mlrun_like.errors import PipelineError, UnknownValueError
from mlrun_like.pipelines.texts import mark
from mlrun_like.pipelines.unknown import Unknown

__all__ = [
    "Comparison",
    "Condition",
    "Joined",
    "Not",
    "Ref",
    "Resolve",
    "Stand",
    "refs_in",
]


Resolve = Callable[["Ref"], Any]


class Stand:
    """What stands for a value of the run, such as a step for its only output."""

    def value(self) -> Ref:
        """The value."""
        raise NotImplementedError


class Ref(Unknown):
    """A value of the run to come; comparing it makes a `Condition`."""

    @property
    def text(self) -> str:
        """How it is shown."""
        raise NotImplementedError

    @property
    def short(self) -> str:
        """How it is shown in the reason of a gate."""
        return self.text

    def inner(self) -> Iterator[Ref]:
        """The values that must be there to know it."""
        yield self

    def _settled(self) -> Ref:
        """Itself, as plans hold it."""
        return self

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: Any) -> Condition:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Condition:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Condition:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Condition:
        return self._compare(">=", other)

    def __hash__(self) -> int:
        return id(self)

    def _compare(self, sign: str, other: Any) -> Condition:
        right = other.value() if isinstance(other, Stand) else other
        right = right._settled() if isinstance(right, Ref) else right
        return Comparison(self._settled(), sign, right)

    def _unknown(self, use: str) -> NoReturn:
        own = self._settled()
        raise UnknownValueError(
            f"{own.text} is not known while the pipeline is built, so it cannot be {use}",
            fix=f"compare it in a gate: with when({own.text} >= 0.9): ...   "
            "or pass it to a step, which gets its value",
        )

    def __bool__(self) -> bool:
        self._unknown("tested by 'if', 'and' or 'not'")

    def __iter__(self) -> Iterator[Any]:
        self._unknown("looped over by 'for' (loop: with dsl.ParallelFor(...) as item:)")

    def __len__(self) -> int:
        self._unknown("counted")

    def __getitem__(self, key: Any) -> Any:
        self._unknown(f"asked for its part [{key!r}] (do that in a step)")

    def __int__(self) -> int:
        self._unknown("made a number")

    def __float__(self) -> float:
        self._unknown("made a number")

    def __format__(self, spec: str) -> str:
        if spec:
            self._unknown(f"formatted as {spec!r}")
        return str(self)

    def __str__(self) -> str:
        return mark(self._settled()) or self._unknown("made a text")


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition:
    """What a gate asks; decided when its values are there."""

    @property
    def text(self) -> str:
        """How it is shown, such as `step.key >= 0.95`."""
        raise NotImplementedError

    def refs(self) -> Iterator[Ref]:
        """The values it needs."""
        raise NotImplementedError

    def decide(self, resolve: Resolve) -> tuple[bool, str]:
        """Whether it holds, and why, such as `auc 0.91 >= 0.95 is false`.

        Raises:
            PipelineError: if the values cannot be compared.
        """
        raise NotImplementedError

    def __and__(self, other: Condition) -> Condition:
        return Joined("and", (self, _condition(other)))

    def __or__(self, other: Condition) -> Condition:
        return Joined("or", (self, _condition(other)))

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> bool:
        raise UnknownValueError(
            f"{self.text} is decided when the pipeline runs, not while it is built",
            fix=f"with when({self.text}): ...   and join conditions with & and |, not 'and', 'or'",
        )


@dataclass(frozen=True, eq=False)
class Comparison(Condition):
    """Two values and an operator between them."""

    left: Any
    operator: str
    right: Any

    @property
    def text(self) -> str:
        """See Condition.text."""
        return f"{_show(self.left)} {self.operator} {_show(self.right)}"

    def refs(self) -> Iterator[Ref]:
        """See Condition.refs."""
        yield from refs_in([self.left, self.right])

    def decide(self, resolve: Resolve) -> tuple[bool, str]:
        """See Condition.decide."""
        sides = [
            (item, resolve(item) if isinstance(item, Ref) else item)
            for item in (self.left, self.right)
        ]
        for (item, value), (_, other) in (sides, sides[::-1]):
            compared = other is not None and not _is_artifact(other)
            if isinstance(item, Ref) and _is_artifact(value) and compared:
                raise PipelineError(
                    f"gate {self.text} cannot be decided: {item.text} is an artifact, {value}",
                    fix=f"compare a result: a number, text or bool that the step returns, such as "
                    f'"{item.short}: result"',
                )
        try:
            held = bool(_OPERATORS[self.operator](sides[0][1], sides[1][1]))
        except (TypeError, ValueError) as exc:
            raise PipelineError(f"gate {self.text} cannot be decided: {exc}") from exc
        left, right = (
            f"{item.short} {value!r}" if isinstance(item, Ref) else repr(value)
            for item, value in sides
        )
        return held, f"{left} {self.operator} {right} is {str(held).lower()}"


@dataclass(frozen=True, eq=False)
class Not(Condition):
    """The opposite."""

    inner: Condition

    @property
    def text(self) -> str:
        """See Condition.text."""
        return f"not ({self.inner.text})"

    def refs(self) -> Iterator[Ref]:
        """See Condition.refs."""
        return self.inner.refs()

    def decide(self, resolve: Resolve) -> tuple[bool, str]:
        """See Condition.decide."""
        held, why = self.inner.decide(resolve)
        return not held, why

    def __invert__(self) -> Condition:
        return self.inner


@dataclass(frozen=True, eq=False)
class Joined(Condition):
    """Several that must all hold (`and`, made by `&`), or one of them (`or`, made by `|`)."""

    word: str
    parts: tuple[Condition, ...]

    @property
    def text(self) -> str:
        """See Condition.text."""
        return f" {self.word} ".join(
            f"({part.text})" if isinstance(part, Joined) else part.text for part in self.parts
        )

    def refs(self) -> Iterator[Ref]:
        """See Condition.refs."""
        for part in self.parts:
            yield from part.refs()

    def decide(self, resolve: Resolve) -> tuple[bool, str]:
        """See Condition.decide; what comes after the part that decides is not looked at."""
        decisive = self.word == "or"
        whys = []
        for part in self.parts:
            held, why = part.decide(resolve)
            if held is decisive:
                return held, why
            whys.append(why)
        return not decisive, " and ".join(whys)


def _is_artifact(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("store://")


def _condition(value: Any) -> Condition:
    if isinstance(value, Condition):
        return value
    raise PipelineError(
        f"{value!r:.80} is not a comparison of an output",
        fix="put each comparison into brackets: (a > 1) & (b > 2)",
    )


def _show(value: Any) -> str:
    return value.text if isinstance(value, Ref) else repr(value)


def refs_in(value: Any) -> Iterator[Ref]:
    """The references in a value, also inside lists, tuples, mappings and conditions."""
    if isinstance(value, Ref):
        yield from value.inner()
    elif isinstance(value, Condition):
        yield from value.refs()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)
