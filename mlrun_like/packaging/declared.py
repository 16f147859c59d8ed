"""What a file's own `@function(...)` says of a handler, read without running the file."""

from __future__ import annotations

import ast
from typing import Any

from mlrun_like.parsing import parse
from mlrun_like.specs.values import Resources, Retry

__all__ = ["declared_options"]

_PACKAGE = "mlrun_like"
_VALUES = {"Resources": Resources, "Retry": Retry}


def declared_options(code: str, handler: str) -> dict[str, Any]:
    """The options of the decorator of this package on a top-level function.

    Args:
        code: The file's source.
        handler: The function's name.

    Returns:
        What is written as literals, `Resources(...)` or `Retry(...)`; empty without a decorator,
        or if the text is not valid Python.

    >>> declared_options('''
    ... import mlrun_like as ml
    ... @ml.function(returns=["total"], timeout=5)
    ... def add(a): ...
    ... ''', "add")
    {'returns': ['total'], 'timeout': 5}
    """
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # whoever captures the code says what is wrong, with file and line
    names = _names(tree)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == handler:
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in names:
                    return _options(decorator)
    return {}


def _names(tree: ast.Module) -> set[str]:
    """How the file spells the decorator."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == _PACKAGE:
                    found.add(f"{alias.asname or alias.name}.function")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _PACKAGE:
            found.update(a.asname or a.name for a in node.names if a.name == "function")
    return found


def _options(call: ast.Call) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for keyword in call.keywords:
        value = keyword.value
        kind = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
        try:
            if keyword.arg and isinstance(value, ast.Call) and kind in _VALUES:
                given = {k.arg: ast.literal_eval(k.value) for k in value.keywords if k.arg}
                places = [ast.literal_eval(item) for item in value.args]
                options[keyword.arg] = _VALUES[kind](*places, **given)
            elif keyword.arg:
                options[keyword.arg] = ast.literal_eval(value)
        except (ValueError, TypeError):
            continue  # computed when the file runs, so unknown before
    return options
