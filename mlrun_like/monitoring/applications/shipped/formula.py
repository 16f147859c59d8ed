"""Expressions over the columns of a window, worked out without `eval`.

    sum(price * (prediction == 1)) / count()
    mean(latency_us) / 1000
    share(amount > 100 and country != "DE")

Allowed: numbers, text, names of columns, + - * / // % **, comparisons, and, or, not, `x if c else
y`, `col("a name with spaces")` and the functions in `FUNCTIONS`. Everything else is refused when
the expression is compiled, before it meets any data.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.parsing import parse

__all__ = ["FUNCTIONS", "Formula"]

_LONGEST = 2000  # characters
_MOST_NODES = 400
_LARGEST_POWER = 64.0


def _numbers(values: Any) -> Any:
    """Numbers without missing ones."""
    if isinstance(values, pd.Series):
        return pd.to_numeric(values, errors="coerce").dropna().to_numpy(dtype="float64")
    found = np.atleast_1d(np.asarray(values, dtype="float64"))
    return found[~np.isnan(found)]


def _reduced(function: Callable[[Any], Any]) -> Callable[..., float]:
    def call(values: Any) -> float:
        found = _numbers(values)
        return float(function(found)) if len(found) else float("nan")

    return call


def _quantile(values: Any, share: Any) -> float:
    found = _numbers(values)
    if not 0 <= float(share) <= 1:
        raise InvalidArgumentError(f"the quantile {share!r} is not in [0, 1]")
    return float(np.quantile(found, float(share))) if len(found) else float("nan")


def _count(values: Any) -> float:
    return float(values.notna().sum()) if isinstance(values, pd.Series) else float(np.size(values))


def _elementwise(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(values: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(values)

    return call


FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "mean": (_reduced(np.mean), 1),
    "sum": (lambda values: float(_numbers(values).sum()), 1),
    "min": (_reduced(np.min), 1),
    "max": (_reduced(np.max), 1),
    "median": (_reduced(np.median), 1),
    "std": (_reduced(np.std), 1),
    "share": (_reduced(np.mean), 1),
    "quantile": (_quantile, 2),
    "count": (_count, 1),
    "unique": (lambda values: float(pd.Series(values).nunique()), 1),
    "missing": (lambda values: float(pd.Series(values).isna().mean()), 1),
    "abs": (_elementwise(np.abs), 1),
    "log": (_elementwise(np.log), 1),
    "exp": (_elementwise(np.exp), 1),
    "sqrt": (_elementwise(np.sqrt), 1),
    "round": (_elementwise(np.round), 1),
}
"""Name -> function and its number of arguments. `count()` without one counts rows."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Formula:
    """An expression, checked.

    Args:
        text: The expression.

    Raises:
        InvalidArgumentError: if it holds anything that is not allowed.

    >>> frame = pd.DataFrame({"price": [1.0, 2.0, 4.0], "sold": [1, 0, 1]})
    >>> Formula("sum(price * (sold == 1)) / count()").value(frame)
    1.6666666666666667
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
            raise _refused(str(text), f"an expression has 1 to {_LONGEST} characters")
        try:
            tree = parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise _refused(text, str(exc)) from exc
        if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
            raise _refused(text, f"it has more than {_MOST_NODES} parts")
        self.text = text.strip()
        self.columns: set[str] = set()
        self._check(tree)
        self._tree = tree

    def value(self, frame: pd.DataFrame) -> float:
        """The number that it has for a window.

        Raises:
            InvalidArgumentError: if a column is not there, or it is no single number.
        """
        for name in self.columns:
            if name not in frame.columns:
                known = [str(one) for one in frame.columns]
                raise InvalidArgumentError(
                    f"the window has no column {name!r}.{nearest(name, known)}",
                    where=f"expression {self.text!r}",
                    fix=f"columns: {', '.join(known[:20])}",
                )
        try:
            found = _value(self._tree, frame)
            if isinstance(found, (pd.Series, np.ndarray)):
                raise TypeError("it gives a column; wrap it in mean(), sum(), share() or another")
            return float(found)
        except ZeroDivisionError:
            return float("nan")
        except (TypeError, ValueError, OverflowError) as exc:
            raise InvalidArgumentError(
                f"it has no value: {exc}", where=f"expression {self.text!r}"
            ) from exc

    def _check(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, (bool, int, float, str)):
                return
        elif isinstance(node, ast.Name):
            self.columns.add(node.id)
            return
        elif isinstance(node, ast.Call):
            self._check_call(node)
            return
        elif isinstance(node, ast.BinOp):
            if type(node.op) in _BINARY or _is_small_power(node):
                self._check(node.left)
                self._check(node.right)
                return
        elif isinstance(node, ast.UnaryOp):
            if isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)):
                self._check(node.operand)
                return
        elif isinstance(node, ast.BoolOp):
            for one in node.values:
                self._check(one)
            return
        elif isinstance(node, ast.Compare):
            if len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
                self._check(node.left)
                self._check(node.comparators[0])
                return
        elif isinstance(node, ast.IfExp):
            for part in (node.test, node.body, node.orelse):
                self._check(part)
            return
        raise _refused(self.text, f"{ast.unparse(node)[:60]!r} is not allowed")

    def _check_call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "col" and len(node.args) == 1 and not node.keywords:
            only = node.args[0]
            if isinstance(only, ast.Constant) and isinstance(only.value, str):
                self.columns.add(only.value)
                return
        if name not in FUNCTIONS or node.keywords:
            raise _refused(self.text, f"there is no function {ast.unparse(node.func)[:60]!r}")
        wanted = FUNCTIONS[name][1]
        if len(node.args) != wanted and not (name == "count" and not node.args):
            raise _refused(self.text, f"{name} takes {wanted} argument(s)")
        for one in node.args:
            if isinstance(one, ast.Starred):
                raise _refused(self.text, "* is not allowed")
            self._check(one)


def _is_small_power(node: ast.BinOp) -> bool:
    """Only constant, small exponents: `9 ** 9 ** 9` would never end."""
    power = node.right
    return (
        isinstance(node.op, ast.Pow)
        and isinstance(power, ast.Constant)
        and isinstance(power.value, (int, float))
        and abs(power.value) <= _LARGEST_POWER
    )


def _value(node: ast.AST, frame: pd.DataFrame) -> Any:
    if isinstance(node, ast.Constant):
        # Python's whole numbers grow without end; doubles do not
        whole = isinstance(node.value, int) and not isinstance(node.value, bool)
        return float(node.value) if whole else node.value  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return frame[node.id]
    if isinstance(node, ast.Call):
        name = node.func.id  # type: ignore[attr-defined]
        if name == "col":
            return frame[node.args[0].value]  # type: ignore[attr-defined]
        if not node.args:
            return float(len(frame))
        return FUNCTIONS[name][0](*(_value(one, frame) for one in node.args))
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, frame), _value(node.right, frame)
        if isinstance(left, str) or isinstance(right, str):
            raise TypeError("arithmetic is for numbers")
        with np.errstate(all="ignore"):
            if isinstance(node.op, ast.Pow):
                return left**right
            return _BINARY[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, frame)
        if isinstance(node.op, ast.Not):
            return ~_truth(value) if _is_column(value) else not value
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BoolOp):
        return _both(node, frame)
    if isinstance(node, ast.Compare):
        sides = _value(node.left, frame), _value(node.comparators[0], frame)
        return _COMPARE[type(node.ops[0])](*sides)
    if isinstance(node, ast.IfExp):
        test = _value(node.test, frame)
        body, other = _value(node.body, frame), _value(node.orelse, frame)
        if _is_column(test):
            return pd.Series(np.where(_truth(test), body, other), index=frame.index)
        return body if test else other
    raise TypeError(type(node).__name__)


def _both(node: ast.BoolOp, frame: pd.DataFrame) -> Any:
    values = [_value(one, frame) for one in node.values]
    if not any(_is_column(one) for one in values):
        return all(values) if isinstance(node.op, ast.And) else any(values)
    found = values[0]
    for one in values[1:]:
        left = _truth(found) if _is_column(found) else bool(found)
        right = _truth(one) if _is_column(one) else bool(one)
        found = left & right if isinstance(node.op, ast.And) else left | right
    return found


def _is_column(value: Any) -> bool:
    return isinstance(value, (pd.Series, np.ndarray))


def _truth(value: Any) -> Any:
    return value.fillna(False).astype(bool) if isinstance(value, pd.Series) else value.astype(bool)


def _refused(text: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"expression {text[:80]!r} cannot be used: {why}",
        fix=f'write for example "mean(price) / count()"; functions: {", ".join(FUNCTIONS)}',
    )
