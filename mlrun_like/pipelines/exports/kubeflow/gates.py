"""Conditions as CEL expressions on the inputs of a task."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from mlrun_like.pipelines.refs import ItemRef, OneOfRef, OutputRef, ParamRef
from mlrun_like.pipelines.values import Comparison, Condition, Joined, Not, Ref

__all__ = ["arm_expression", "parameter", "to_cel"]

Use = Callable[[Ref, str], str]
"""Gives the expression of a value that is compared as a `number`, `text` or `flag`."""
KindOf = Callable[[Ref], str]
"""The one view that a value has; empty: none is known."""


def parameter(name: str) -> str:
    """The expression of an input.

    >>> parameter("n")
    "inputs.parameter_values['n']"
    """
    return f"inputs.parameter_values['{name}']"


def arm_expression(conditions: list[str]) -> str:
    """The last of these holds and none of those before; an empty last one stands for `else`.

    >>> arm_expression(["a > 1.0", "b"])
    '!(a > 1.0) && (b)'
    """
    *before, own = conditions
    parts = [f"!({each})" for each in before]
    return " && ".join([*parts, *([f"({own})"] if own and parts else [own] if own else [])])


def to_cel(condition: Condition, use: Use, kind_of: KindOf) -> str | None:
    """The expression of a condition; None: only Python decides it as Python would.

    Args:
        condition: Comparisons, joined and negated.
        use: Makes a value an input.
        kind_of: Says which type a value has; without types there is no expression.
    """
    if isinstance(condition, Not):
        inner = to_cel(condition.inner, use, kind_of)
        return None if inner is None else f"!({inner})"
    if isinstance(condition, Joined):
        sign = " && " if condition.word == "and" else " || "
        parts = [to_cel(part, use, kind_of) for part in condition.parts]
        return None if None in parts else sign.join(f"({part})" for part in parts)
    if not isinstance(condition, Comparison):
        return None
    left, right = condition.left, condition.right
    view = _view(left, right, kind_of)
    if not view or (view == "flag" and condition.operator not in ("==", "!=")):
        return None
    one, other = (use(side, view) if isinstance(side, Ref) else _literal(side) for side in
                  (left, right))  # fmt: skip
    return f"{one} {condition.operator} {other}"


def _view(left: Any, right: Any, kind_of: KindOf) -> str:
    """How two sides are compared; empty: it depends on the run."""
    kinds = {_kind(side, kind_of) for side in (left, right)}
    known = kinds - {"", "any"}
    return "" if "" in kinds or len(known) != 1 else known.pop()


def _kind(value: Any, kind_of: KindOf) -> str:
    """The view of a side; `any`: it has all; empty: nobody knows."""
    if isinstance(value, (OutputRef, OneOfRef)):
        return "any"
    if isinstance(value, (ParamRef, ItemRef)):
        return kind_of(value)
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 2**53:
        return "number"
    return "text" if isinstance(value, str) and value.isprintable() else ""


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(float(value))
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace(
        "'", "\\'"
    ) + "'"  # fmt: skip
