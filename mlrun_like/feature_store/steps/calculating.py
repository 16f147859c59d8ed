"""Calculate: columns computed by expressions of other columns."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.adding import Added, Adding
from mlrun_like.feature_store.steps.base import need_mapping
from mlrun_like.feature_store.steps.columns import is_missing
from mlrun_like.parsing import parse

__all__ = ["Calculate"]

_FIX = 'such as Calculate({"total": "price * count", "cheap": "price < 10 and count > 1"})'
_LONGEST = 2000
_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS = ("abs", "min", "max", "coalesce", "missing")


class Calculate(Adding):
    """Adds columns computed by expressions of columns.

    Expressions know the names of columns, constants, `+ - * /`, comparisons, `and`, `or`, `not`,
    `x if condition else y`, and the functions abs, min, max, coalesce (the first that is there)
    and missing (whether it is not there). What is computed of a missing value is missing, and so
    is what is divided by 0; a condition that is missing does not hold. For other functions, write
    a step.

    Args:
        features: For each new column its expression; a later one may use an earlier one.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if an expression has something else in it.

    >>> Calculate({"total": "price * count"}).do({"price": 2.5, "count": 4})["total"]
    10.0
    """

    def __init__(self, features: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        self.features = need_mapping(features, "features", "Calculate")
        self._added = [_expression(str(name), text) for name, text in self.features.items()]

    def added(self) -> Sequence[Added]:
        return self._added


def _expression(name: str, text: Any) -> Added:
    where = f"feature {name!r} of step class Calculate"
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise InvalidArgumentError(f"{text!r:.80} is no expression", where=where, fix=_FIX)
    try:
        tree = parse(text.strip(), mode="eval").body
        columns: dict[str, int] = {}
        plain = _Plain(columns).made(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        what = exc.what if isinstance(exc, InvalidArgumentError) else f"{exc}"
        raise InvalidArgumentError(
            f"{text!r:.120} is not an expression of columns: {what}", where=where, fix=_FIX
        ) from exc

    def compute(*values: Any) -> Any:
        try:
            found = plain(values)
        except TypeError as exc:
            raise InvalidArgumentError(
                f"{text!r:.120} cannot be computed of {values!r:.120}: {exc}", where=where
            ) from exc
        except OverflowError:
            return None
        return None if is_missing(found) else found

    def on_spark(*values: Any) -> Any:
        return _Spark(columns, values).made(tree)

    return Added(name, tuple(columns), compute, on_spark)


class _Reader:
    """Turns a tree into what computes it; each kind of node that is allowed has a method."""

    def __init__(self, columns: dict[str, int]) -> None:
        self.columns = columns

    def made(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, bool)):
            return self.constant(node.value)
        if isinstance(node, ast.Name):
            return self.column(self.columns.setdefault(node.id, len(self.columns)))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self.divided(self.made(node.left), self.made(node.right))
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self.computed(
                _OPERATORS[type(node.op)], self.made(node.left), self.made(node.right)
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.computed(operator.neg, self.made(node.operand))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.negated(self.made(node.operand))
        if isinstance(node, ast.Compare) and all(type(op) in _OPERATORS for op in node.ops):
            values = [self.made(value) for value in (node.left, *node.comparators)]
            parts = [
                self.computed(_OPERATORS[type(op)], values[place], values[place + 1])
                for place, op in enumerate(node.ops)
            ]
            return parts[0] if len(parts) == 1 else self.all_of(parts)
        if isinstance(node, ast.BoolOp):
            parts = [self.made(value) for value in node.values]
            return self.all_of(parts) if isinstance(node.op, ast.And) else self.any_of(parts)
        if isinstance(node, ast.IfExp):
            return self.chosen(*(self.made(part) for part in (node.test, node.body, node.orelse)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            name = node.func.id
            if name not in _FUNCTIONS:
                raise InvalidArgumentError(
                    f"there is no function {name!r} in expressions.{nearest(name, _FUNCTIONS)}"
                )
            return self.called(name, [self.made(value) for value in node.args])
        raise InvalidArgumentError(f"{ast.unparse(node)!r:.80} is not allowed in expressions")

    def called(self, name: str, values: Sequence[Any]) -> Any:
        single = name in ("abs", "missing")
        if len(values) != 1 if single else len(values) < 2:
            raise InvalidArgumentError(
                f"{name}() takes {'one value' if single else 'two values or more'}"
            )
        return getattr(self, f"f_{name}")(values)

    def constant(self, value: Any) -> Any:
        raise NotImplementedError

    column = constant

    def computed(self, function: Callable[..., Any], *values: Any) -> Any:
        raise NotImplementedError

    divided = negated = chosen = computed

    def all_of(self, values: Sequence[Any]) -> Any:
        raise NotImplementedError

    any_of = all_of


Plain = Callable[[Sequence[Any]], Any]


class _Plain(_Reader):
    """Functions of the values of a row; None is missing."""

    def constant(self, value: Any) -> Plain:
        return lambda row: value

    def column(self, place: Any) -> Plain:
        return lambda row: row[place]

    def computed(self, function: Callable[..., Any], *values: Any) -> Plain:
        if len(values) == 1:
            (only,) = values

            def one(row: Sequence[Any]) -> Any:
                value = only(row)
                return None if value is None else function(value)

            return one
        first, second = values

        def two(row: Sequence[Any]) -> Any:
            left, right = first(row), second(row)
            return None if left is None or right is None else function(left, right)

        return two

    def divided(self, above: Plain, below: Plain) -> Plain:
        def quotient(left: Any, right: Any) -> Any:
            return None if right == 0 else left / right

        return self.computed(quotient, above, below)

    def negated(self, value: Plain) -> Plain:
        return lambda row: not value(row)

    def chosen(self, test: Plain, then: Plain, other: Plain) -> Plain:
        return lambda row: then(row) if test(row) else other(row)

    def all_of(self, values: Sequence[Plain]) -> Plain:
        return lambda row: all(bool(value(row)) for value in values)

    def any_of(self, values: Sequence[Plain]) -> Plain:
        return lambda row: any(bool(value(row)) for value in values)

    def f_abs(self, values: Sequence[Plain]) -> Plain:
        return self.computed(abs, *values)

    def f_missing(self, values: Sequence[Plain]) -> Plain:
        return lambda row: values[0](row) is None

    def f_coalesce(self, values: Sequence[Plain]) -> Plain:
        def first(row: Sequence[Any]) -> Any:
            return next((found for v in values if (found := v(row)) is not None), None)

        return first

    def f_min(self, values: Sequence[Plain]) -> Plain:
        return self._extreme(min, values)

    def f_max(self, values: Sequence[Plain]) -> Plain:
        return self._extreme(max, values)

    def _extreme(self, function: Callable[..., Any], values: Sequence[Plain]) -> Plain:
        def extreme(row: Sequence[Any]) -> Any:
            found = [value(row) for value in values]
            return None if None in found else function(found)

        return extreme


class _Spark(_Reader):
    """The same as columns of Spark."""

    def __init__(self, columns: dict[str, int], values: Sequence[Any]) -> None:
        super().__init__(columns)
        self._values = values

    def constant(self, value: Any) -> Any:
        return spark.literal(None if isinstance(value, float) and math.isnan(value) else value)

    def column(self, place: Any) -> Any:
        return self._values[place]

    def computed(self, function: Callable[..., Any], *values: Any) -> Any:
        return function(*values)

    def divided(self, above: Any, below: Any) -> Any:
        return spark.functions().when(below != 0, above.cast("double") / below.cast("double"))

    def _holds(self, value: Any) -> Any:
        functions = spark.functions()
        return functions.coalesce(value.cast("boolean"), functions.lit(False))

    def negated(self, value: Any) -> Any:
        return ~self._holds(value)

    def chosen(self, test: Any, then: Any, other: Any) -> Any:
        return spark.functions().when(self._holds(test), then).otherwise(other)

    def all_of(self, values: Sequence[Any]) -> Any:
        found = self._holds(values[0])
        for value in values[1:]:
            found = found & self._holds(value)
        return found

    def any_of(self, values: Sequence[Any]) -> Any:
        found = self._holds(values[0])
        for value in values[1:]:
            found = found | self._holds(value)
        return found

    def f_abs(self, values: Sequence[Any]) -> Any:
        return spark.functions().abs(values[0])

    def f_missing(self, values: Sequence[Any]) -> Any:
        return values[0].isNull()

    def f_coalesce(self, values: Sequence[Any]) -> Any:
        return spark.functions().coalesce(*values)

    def f_min(self, values: Sequence[Any]) -> Any:
        return self._extreme("least", values)

    def f_max(self, values: Sequence[Any]) -> Any:
        return self._extreme("greatest", values)

    def _extreme(self, name: str, values: Sequence[Any]) -> Any:
        functions = spark.functions()
        there = values[0].isNotNull()
        for value in values[1:]:
            there = there & value.isNotNull()
        return functions.when(there, getattr(functions, name)(*values))
