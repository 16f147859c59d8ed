"""Stop conditions: comparisons over a trial's results, evaluated without `eval`.

accuracy >= 0.9 and loss < 0.1
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.parsing import parse

__all__ = ["Comparison", "compile_condition", "explain_condition", "names_in"]

_LONGEST = 500  # characters, and so the depth of the expression
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def compile_condition(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """Turn an expression into a test of a results mapping; a missing result makes it false.

    Numbers, text, names of results, comparisons, + - * /, and, or, not are allowed.

    Raises:
        InvalidArgumentError: if the expression holds anything else.

    >>> compile_condition("loss < 0.1 and not acc < 0.5")({"loss": 0.05, "acc": 0.9})
    True
    """
    tree = _parsed(text)

    def test(results: Mapping[str, Any]) -> bool:
        try:
            return bool(_value(tree, results))
        except (KeyError, TypeError, ArithmeticError):
            return False

    return test


class Comparison(NamedTuple):
    """One comparison in a condition: its text, both sides (None: not known), the verdict."""

    text: str
    left: Any
    right: Any
    holds: bool


def explain_condition(text: str, results: Mapping[str, Any]) -> list[Comparison]:
    """The comparisons inside a condition, each with its verdict.

    Raises:
        InvalidArgumentError: as `compile_condition`.

    >>> explain_condition("auc >= 0.9", {"auc": 0.8})
    [Comparison(text='auc >= 0.9', left=0.8, right=0.9, holds=False)]
    """
    found = []
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
                one = ast.Compare(left, [op], [right])
                values = _known(left, results), _known(right, results)
                try:
                    holds = bool(_value(one, results))
                except (KeyError, TypeError, ArithmeticError):
                    holds = False
                found.append(Comparison(ast.unparse(one), *values, holds))
    return found


def names_in(text: str) -> list[str]:
    """The names of results that a condition asks for.

    >>> names_in("auc >= 0.9 and loss < auc")
    ['auc', 'loss']
    """
    names = (node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name))
    return list(dict.fromkeys(names))


def _known(node: ast.AST, results: Mapping[str, Any]) -> Any:
    try:
        return _value(node, results)
    except (KeyError, TypeError, ArithmeticError):
        return None


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise _refuse(text)
    try:
        tree = parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise _refuse(text) from exc
    for node in ast.walk(tree):
        if (
            not isinstance(node, _ALLOWED)
            or (isinstance(node, ast.BinOp) and type(node.op) not in _ARITHMETIC)
            or (isinstance(node, ast.Compare) and any(type(op) not in _COMPARE for op in node.ops))
        ):
            raise _refuse(text)
    return tree


_ALLOWED = (
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.operator,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
)


def _refuse(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"condition {text[:80]!r} is not a comparison of results",
        fix="write for example 'accuracy >= 0.9 and loss < 0.1'",
    )


def _value(node: ast.AST, results: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return results[node.id]
    if isinstance(node, ast.BoolOp):
        test = all if isinstance(node.op, ast.And) else any
        return test(_value(item, results) for item in node.values)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, results)
        if isinstance(node.op, ast.Not):
            return not value
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, results), _value(node.right, results)
        if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
            raise TypeError("arithmetic is for numbers")
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.Compare):
        left = _value(node.left, results)
        for op, item in zip(node.ops, node.comparators, strict=True):
            right = _value(item, results)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True
    raise TypeError(type(node).__name__)
