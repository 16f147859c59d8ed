"""Names that the shipped code uses and nothing defines."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping

from mlrun_like.errors import nearest
from mlrun_like.functions.preflight.files import Files, certain_lines
from mlrun_like.packaging.scopes import bound_names, names_used
from mlrun_like.packaging.statements import is_main_guard
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_names"]

_DUNDERS = ("__name__", "__file__", "__doc__", "__spec__", "__loader__", "__package__", "__path__")
_KNOWN = frozenset(dir(builtins)) | {*_DUNDERS, "__annotations__", "__builtins__", "WindowsError"}
_DYNAMIC = frozenset({"globals", "exec", "eval", "vars", "locals"})
"""Code that calls these may define names in ways that cannot be read."""
_USUAL = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "sns": "import seaborn as sns",
    "tf": "import tensorflow as tf",
    "nn": "from torch import nn",
    "Path": "from pathlib import Path",
    "datetime": "from datetime import datetime",
    "defaultdict": "from collections import defaultdict",
    "partial": "from functools import partial",
    "train_test_split": "from sklearn.model_selection import train_test_split",
}
_MODULES = frozenset(
    {
        *("collections", "copy", "csv", "datetime", "functools", "glob", "io", "itertools", "json"),
        *("logging", "math", "numpy", "os", "pandas", "pathlib", "pickle", "random", "re", "torch"),
        *("requests", "scipy", "shutil", "sklearn", "subprocess", "sys", "time", "uuid"),
    }
)
_IN_NOTEBOOKS = frozenset({"display", "get_ipython", "spark", "sc", "dbutils"})
_ROUNDS = 50


def check_names(files: Files, handler: str) -> Iterator[Finding]:
    """Names that no line of their file defines: an error if they are certainly reached.

    Args:
        files: The shipped files.
        handler: The entry point: `function`, or `Class::method`; empty: the file is a program.
    """
    for path, tree in files.trees.items():
        yield from _check_file(tree, files.label(path), handler if path == files.main else "::")


def _check_file(tree: ast.Module, file: str, handler: str) -> Iterator[Finding]:
    if _is_dynamic(tree):
        return
    # without a handler the file runs as a program, with that part
    guarded = [node for node in tree.body if handler and is_main_guard(node)]
    body = [node for node in tree.body if node not in guarded]
    lazy = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body
    )
    uses = {id(node): names_used(node, future_annotations=lazy) for node in tree.body}
    known = _KNOWN | bound_names(body)
    for used in uses.values():
        known |= used.declared
    late = bound_names(guarded) - known
    reached = _reached(body, uses, handler.partition("::")[0])
    seen: set[str] = set()
    for node in body:
        sure = certain_lines(node, handler) if id(node) in reached else frozenset()
        for name, line in uses[id(node)].hard.items():
            if name in known or name in seen:
                continue
            seen.add(name)
            yield Finding(
                "name-missing",
                *_words(name, name in late, known),
                severity="error" if line in sure else "warning",
            )._replace(where=f"{file}:{line}")


def _is_dynamic(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(item.name == "*" for item in node.names):
            return True
        if isinstance(node, ast.Name) and node.id in _DYNAMIC:
            return True
    return False


def _reached(body: list[ast.stmt], uses: Mapping[int, object], handler: str) -> set[int]:
    """Statements that run at a load, and definitions that these or the handler lead to."""
    defined = {
        node.name: node
        for node in body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    reached = {id(node) for node in body if node not in defined.values()}
    # A class body runs at the load; what its methods use counts only for a class that is called.
    pending = [handler] if handler in defined else []
    for _ in range(_ROUNDS * len(body) + 1):
        if not pending:
            break
        node = defined[pending.pop()]
        if id(node) in reached:
            continue
        reached.add(id(node))
        if isinstance(node, ast.ClassDef):
            continue
        called = _called(node)
        pending += [name for name in called if name in defined]
    return reached


def _called(node: ast.AST) -> set[str]:
    """Functions that a definition certainly calls by their plain name."""
    lines = certain_lines(node)
    return {
        inner.func.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call)
        and isinstance(inner.func, ast.Name)
        and inner.lineno in lines
    }


def _words(name: str, late: bool, known: frozenset[str] | set[str]) -> tuple[str, str, str]:
    what = f"the code uses the name {name!r}, which nothing defines"
    if late:
        return (
            f"the code uses the name {name!r}, which is defined only below "
            '`if __name__ == "__main__"`; that part does not run here',
            "",
            f"define {name!r} at the top level of the file, or make it a parameter",
        )
    if name in _USUAL:
        return what, "", f"add `{_USUAL[name]}`"
    if name in _MODULES:
        return what, "", f"add `import {name}`"
    if name in _IN_NOTEBOOKS:
        return (
            f"{what} outside a notebook",
            "",
            "leave that line out of the function, or mark the cell with `# mlrun: ignore`",
        )
    near = nearest(name, sorted(known - _KNOWN) or sorted(known))
    return what + f".{near}" if near else what, "", "define or import it, or make it a parameter"
