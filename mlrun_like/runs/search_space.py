"""Ranges of hyper-parameters as text: `"loguniform(1e-4, 1e-1)"`, `"int(2, 8)"`, or a list."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.parsing import parse

__all__ = ["Dimension", "read_space"]

_NUMBERS = {
    # name -> whole numbers, logarithmic
    "uniform": (False, False),
    "float": (False, False),
    "loguniform": (False, True),
    "int": (True, False),
    "randint": (True, False),
    "logint": (True, True),
    "FloatDistribution": (False, False),
    "IntDistribution": (True, False),
}
_CHOICES = ("choice", "categorical", "CategoricalDistribution")
_EXAMPLE = '"loguniform(1e-4, 1e-1)", "uniform(0, 1)", "int(2, 8)" or a list of values'


@dataclass(frozen=True)
class Dimension:
    """What one hyper-parameter may be: a range, or one of some values.

    Args:
        choices: The values; empty: it is a range.
        low: The least value.
        high: The largest value, itself included.
        whole: Only whole numbers.
        log: Small values are tried as often as large ones.
        step: Distance of neighbouring values; None: any value (1 for whole numbers).
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False
    step: float | None = None


def read_space(hyperparams: Mapping[str, Any]) -> dict[str, Dimension]:
    """The ranges of a search.

    Args:
        hyperparams: Ranges by parameter: text (`uniform`, `loguniform`, `int`, `logint`, `choice`
            with low, high and perhaps `step=`), lists, or Optuna's distributions.

    Raises:
        InvalidArgumentError: if one cannot be understood.

    >>> read_space({"depth": "int(2, 8, step=2)"})["depth"].step
    2
    >>> read_space({"kind": ["a", "b"]})["kind"].choices
    ('a', 'b')
    """
    if not isinstance(hyperparams, Mapping) or not hyperparams:
        raise InvalidArgumentError(
            f"hyperparams must map parameter names to ranges, not {hyperparams!r:.80}",
            fix='hyperparams={"rate": "loguniform(1e-4, 1e-1)"}',
        )
    return {str(name): _dimension(str(name), given) for name, given in hyperparams.items()}


def _dimension(name: str, given: Any) -> Dimension:
    if isinstance(given, (list, tuple, range)):
        return _choice(name, list(given))
    text = given if isinstance(given, str) else str(given)
    try:
        tree = parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if len(text) > 10_000 or not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise InvalidArgumentError(
            f"the range {text!r:.80} of hyper-parameter {name!r} cannot be understood",
            fix=f"write {_EXAMPLE}",
        )
    kind = tree.func.id
    try:
        values = [ast.literal_eval(node) for node in tree.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in tree.keywords}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"the range {text!r:.80} of hyper-parameter {name!r} holds more than numbers and texts",
            fix=f"write {_EXAMPLE}",
        ) from exc
    if kind in _CHOICES:
        return _choice(name, list(named.get("choices", values)))
    if kind not in _NUMBERS:
        known = [*_NUMBERS, *_CHOICES]
        raise InvalidArgumentError(
            f"hyper-parameter {name!r}: there is no range {kind!r}.{nearest(kind, known)}",
            fix=f"write {_EXAMPLE}",
        )
    return _range(name, text, kind, dict(zip(("low", "high"), values, strict=False)) | named)


def _choice(name: str, values: list[Any]) -> Dimension:
    plain = (bool, int, float, str, type(None))
    if not values or any(not isinstance(value, plain) for value in values):
        raise InvalidArgumentError(
            f"hyper-parameter {name!r} needs values that are numbers, texts, booleans or None, "
            f"not {values!r:.80}",
            fix=f'hyperparams={{"{name}": ["a", "b"]}}',
        )
    return Dimension(choices=tuple(values))


def _range(name: str, text: str, kind: str, given: dict[str, Any]) -> Dimension:
    whole, log = _NUMBERS[kind]
    low, high, step = given.pop("low", None), given.pop("high", None), given.pop("step", None)
    log = bool(given.pop("log", log))
    numbers = [low, high, *([] if step is None else [step])]
    fine = all(
        isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one)
        for one in numbers
    )
    fault = ""
    if given or not fine:
        fault = "needs two numbers, low and high, and perhaps step="
    elif low > high:
        fault = f"begins with {low}, which is more than {high}"
    elif log and low <= 0:
        fault = "is logarithmic, so it must begin above 0"
    elif whole and any(one != int(one) for one in numbers):
        fault = "is for whole numbers"
    elif step is not None and step <= 0:
        fault = "needs a step above 0"
    elif log and step not in (None, 1):
        fault = "is logarithmic, so it has no step"
    if fault:
        raise InvalidArgumentError(
            f"the range {text!r:.80} of hyper-parameter {name!r} {fault}", fix=f"write {_EXAMPLE}"
        )
    return Dimension((), low, high, whole, log, None if log else step)
