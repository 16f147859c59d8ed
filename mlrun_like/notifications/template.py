"""Templates of messages: `{{ run.status.results.auc }}` is replaced by its value.

The forms are a small part of Jinja's, which MLRun uses: names, `.key`, `["key"]`, `[0]`,
comparisons, `and`, `or`, `not`, `in`, `+ - * /`, and the filters float, int, string, length, lower,
upper and round. Nothing can be called, so a template of a stranger can do no harm.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.parsing import parse

__all__ = ["fill", "holds"]

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FALSE = ("", "false", "0", "0.0", "none", "no")
_NAMES = {"true": True, "false": False, "none": None}
_FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "float": float,
    "int": int,
    "string": str,
    "length": len,
    "lower": lambda value: str(value).lower(),
    "upper": lambda value: str(value).upper(),
    "round": round,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_MATHS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: lambda left, right: float(left) * float(right),
    ast.Div: operator.truediv,
}
_LONGEST = 2000


def fill(text: str, values: Mapping[str, Any]) -> str:
    """A template with its places filled; a key that is not there gives an empty text.

    Args:
        text: The template.
        values: What it may name.

    Raises:
        InvalidArgumentError: if what stands in a place cannot be read or worked out.

    >>> fill("auc {{ run.results['auc'] }}", {"run": {"results": {"auc": 0.9}}})
    'auc 0.9'
    """
    return _PLACE.sub(lambda found: _shown(_value(found.group(1), values)), text)


def holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether a condition is true; an empty one is.

    Raises:
        InvalidArgumentError: see `fill`.

    >>> holds("{{ (auc | float) < 0.95 }}", {"auc": "0.9"})
    True
    """
    if not condition.strip():
        return True
    return fill(condition, values).strip().lower() not in _FALSE


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _value(text: str, values: Mapping[str, Any]) -> Any:
    source = text.strip()
    try:
        if len(source) > _LONGEST:
            raise ValueError(f"longer than {_LONGEST} characters")
        return _eval(parse(source, mode="eval").body, values)
    except (
        SyntaxError,
        ValueError,
        TypeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
    ) as exc:
        raise InvalidArgumentError(
            f"{{{{ {source[:100]} }}}} of a template cannot be worked out: {exc}",
            fix="write for example {{ run.status.results.auc }} or {{ run.status.state }}",
        ) from exc


def _eval(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id] if node.id in values else _NAMES.get(node.id.lower())
    if isinstance(node, ast.Attribute):
        return _part(_eval(node.value, values), node.attr)
    if isinstance(node, ast.Subscript):
        return _part(_eval(node.value, values), _eval(node.slice, values))
    if isinstance(node, ast.BoolOp):
        found = [_eval(item, values) for item in node.values]
        return all(found) if isinstance(node.op, ast.And) else any(found)
    if isinstance(node, ast.UnaryOp):
        value = _eval(node.operand, values)
        return (not value) if isinstance(node.op, ast.Not) else -value
    if isinstance(node, ast.Compare):
        left = _eval(node.left, values)
        for sign, item in zip(node.ops, node.comparators, strict=True):
            right = _eval(item, values)
            if type(sign) not in _COMPARE:
                raise ValueError("'is' cannot be used")
            if not _COMPARE[type(sign)](left, right):
                return False
            left = right
        return True
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.BitOr) and isinstance(node.right, ast.Name):
            if node.right.id not in _FILTERS:
                raise ValueError(f"there is no filter {node.right.id!r}")
            return _FILTERS[node.right.id](_eval(node.left, values))
        if type(node.op) in _MATHS:
            return _MATHS[type(node.op)](_eval(node.left, values), _eval(node.right, values))
    raise ValueError("this form is not known here")


def _part(value: Any, key: Any) -> Any:
    """A key of a mapping or a place of a list; None if it is not there. No attributes."""
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, Sequence) and isinstance(key, int) and not isinstance(value, str):
        return value[key] if -len(value) <= key < len(value) else None
    return None
