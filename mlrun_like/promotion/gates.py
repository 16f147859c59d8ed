"""What a gate is: one question about a model version, answered with yes or no, and by how much."""

from __future__ import annotations

import ast
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.parsing import parse
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.scores import SCORES
from mlrun_like.runs.expression import compile_condition, explain_condition, names_in

__all__ = ["CustomGate", "Gate", "GateResult", "MetricGate", "number", "verdict"]


@dataclass(frozen=True)
class GateResult:
    """How a gate judged.

    Args:
        gate: Its name.
        passed: Whether the model may pass.
        message: Why, in words.
        value: What was measured.
        limit: What it was held against.
        gap: By how much the limit was missed (0 or more), or cleared (negative); None: no number.
        details: More rows, such as one for each slice.
    """

    gate: str
    passed: bool
    message: str
    value: float | None = None
    limit: float | None = None
    gap: float | None = None
    details: list[dict[str, Any]] = field(default_factory=list)


class Gate(ABC):
    """One question. Subclasses are frozen data classes that check their options when made."""

    kind: str
    """How plain data names it: `{"gate": "latency", "p99": 20}`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The question in short."""

    @abstractmethod
    def judge(self, case: Case) -> GateResult:
        """The answer. Raises errors of this package if the question cannot be asked."""


def number(value: float) -> str:
    """A number for messages.

    >>> number(0.8500000001), number(1234567.0)
    ('0.85', '1234567')
    """
    return f"{value:.7g}"


def verdict(
    gate: str, value: float, limit: float, *, most: bool = False, unit: str = "", of: str = ""
) -> GateResult:
    """The result of holding a number against a limit.

    Args:
        gate: The gate's name.
        value: What was measured; NaN never passes.
        limit: At least this much, or with `most` at most.
        most: Which of the two.
        unit: Of both numbers.
        of: What was measured, for the message.

    >>> verdict("auc", 0.85, 0.9).message
    'auc is 0.85, 0.05 less than 0.9'
    """
    gap = value - limit if most else limit - value
    passed = gap <= 0
    word = "more" if (value > limit) else "less"
    unit = f" {unit}" if unit else ""
    text = f"{of or gate} is {number(value)}{unit}, "
    if math.isnan(value):
        text += "not a number"
    elif value == limit:
        text += f"as much as the limit {number(limit)}{unit}"
    else:
        text += f"{number(abs(gap))}{unit} {word} than {number(limit)}{unit}"
    return GateResult(gate, passed, text, value, limit, None if math.isnan(gap) else gap)


@dataclass(frozen=True)
class MetricGate(Gate):
    """Metrics against limits, as an expression.

    A metric is computed on the test set if there is one and it is one of `scores.SCORES`, else
    taken from the model's record.

    Args:
        expression: Such as `"auc >= 0.9"` or `"f1 > 0.8 and latency < 20"`.
        rows: A metric that is computed needs a test set of so many rows.

    Raises:
        InvalidArgumentError: if it is no comparison of metrics.

    >>> MetricGate("auc >= 0.9").name
    'auc >= 0.9'
    """

    expression: str
    rows: int = 30
    kind = "metric"

    def __post_init__(self) -> None:
        compile_condition(self.expression)
        tree = parse(self.expression.strip(), mode="eval").body
        if not names_in(self.expression) or not _compares(tree):
            raise InvalidArgumentError(
                f"gate {self.expression!r:.80} compares no metric with a limit", fix='"auc >= 0.9"'
            )

    @property
    def name(self) -> str:
        return self.expression

    def judge(self, case: Case) -> GateResult:
        values: dict[str, Any] = {}
        for metric in names_in(self.expression):
            found = case.value(metric, self.rows)[0]
            if found is None:
                known = sorted({*case.metrics, *(SCORES if case.test_set is not None else ())})
                return GateResult(
                    self.name,
                    False,
                    f"{case.name} has no metric {metric!r}; known: {', '.join(known) or 'none'}",
                )
            if not math.isfinite(found):  # NaN is neither less nor more: `not auc < 1` would hold
                text = f"{metric} of {case.name} is {found}, not a number to compare with"
                return GateResult(self.name, False, text, found)
            values[metric] = found
        passed = compile_condition(self.expression)(values)
        parts = explain_condition(self.expression, values)
        missed = [part for part in parts if not part.holds]
        shown = parts if passed else missed or parts
        text = "; ".join(self._say(part.text, part.left, part.right) for part in shown)
        one = (missed or parts)[:1]
        sides = (one[0].left, one[0].right) if one else (None, None)
        if not all(isinstance(side, (int, float)) for side in sides):
            return GateResult(self.name, passed, text)
        left, right = float(sides[0]), float(sides[1])  # type: ignore[arg-type]
        gap = abs(left - right) * (-1 if passed else 1)
        return GateResult(self.name, passed, text, left, right, None if math.isnan(gap) else gap)

    def _say(self, text: str, left: Any, right: Any) -> str:
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return f"{text}: {left!r}, {right!r}"
        side = text.partition(" ")[0]
        return verdict(side, float(left), float(right)).message


def _compares(node: ast.expr) -> bool:
    """Whether an expression is made of comparisons: `auc` alone would hold for any number."""
    if isinstance(node, ast.BoolOp):
        return all(map(_compares, node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _compares(node.operand)
    return isinstance(node, ast.Compare)


@dataclass(frozen=True)
class CustomGate(Gate):
    """A function of the case: its answer is True or False, a text (why it is refused; empty: it
    passes), a pair of both, or a `GateResult`.

    Args:
        function: Called with the `Case`.
        label: The gate's name; by default the function's.
    """

    function: Callable[[Case], Any]
    label: str = ""
    kind = "custom"

    @property
    def name(self) -> str:
        return self.label or getattr(self.function, "__name__", type(self.function).__name__)

    def judge(self, case: Case) -> GateResult:
        try:
            answer = self.function(case)
        except Exception as exc:  # noqa: BLE001 - user code: an error is a refusal that says why
            return GateResult(self.name, False, f"it raised {type(exc).__name__}: {exc!s:.300}")
        if isinstance(answer, GateResult):
            return answer
        if isinstance(answer, tuple) and len(answer) == 2:
            return GateResult(self.name, bool(answer[0]), str(answer[1]))
        if isinstance(answer, str):
            return GateResult(self.name, not answer, answer or "passed")
        if type(answer).__name__ in ("bool", "bool_"):
            return GateResult(self.name, bool(answer), "passed" if answer else "it answered False")
        return GateResult(
            self.name, False, f"it answered {answer!r:.80}, which is neither True, False nor a text"
        )
