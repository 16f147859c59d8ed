"""Whether a run needs mpi4py, and whether the interpreter of its ranks has it."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from collections.abc import Iterator
from functools import lru_cache

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.packaging.unpack import files_of
from mlrun_like.parsing import parse
from mlrun_like.specs.function import FunctionDoc

__all__ = ["has_mpi4py", "why_mpi4py"]

_CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_HAS = "import importlib.util as u, sys; sys.exit(u.find_spec('mpi4py') is None)"
_WITHIN = 10.0


def why_mpi4py(document: FunctionDoc, handler: str) -> str:
    """Why the ranks will import mpi4py; empty if nothing says so.

    Args:
        document: The function, with its code.
        handler: What is called; empty: the file is a program.
    """
    point = document.spec.entry_points.get(handler)
    if point is not None and any(item.name == "comm" for item in point.parameters):
        return f"argument `comm` of {handler}()"
    if not document.spec.build.functionSourceCode:
        return ""
    try:
        texts, main = files_of(document)
        trees = {name: parse(text) for name, text in texts.items()}
    except (MLRunLikeError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # other checks say so
    shown = document.spec.build.origin_filename or main
    name = handler.partition("::")[0]
    for path, tree in trees.items():
        for line in _imports(tree.body, name if path == main else ""):
            return f"`import mpi4py` in {shown if path == main else path}:{line}"
    for node in trees[main].body:
        if getattr(node, "name", None) == name and name and _uses_comm(node):
            return f"`context.comm` in {handler}()"
    return ""


def _imports(body: list[ast.stmt], handler: str) -> Iterator[int]:
    """Lines that import it when the file is loaded or the handler called, whatever happens."""
    for node in body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [] if node.level else [node.module or ""]
        elif isinstance(node, ast.Try):
            if not _is_caught(node):
                yield from _imports(node.body, handler)
            continue
        elif isinstance(node, ast.With):
            yield from _imports(node.body, handler)
            continue
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name == handler:
                yield from _imports(node.body, "")
            continue
        else:
            continue
        if any(name.partition(".")[0] == "mpi4py" for name in names):
            yield node.lineno


def _is_caught(node: ast.Try) -> bool:
    for item in node.handlers:
        names = ast.walk(item.type) if item.type is not None else ()
        if item.type is None or any(getattr(name, "id", "") in _CAUGHT for name in names):
            return True
    return False


def _uses_comm(node: ast.AST) -> bool:
    return any(
        isinstance(inner, ast.Attribute)
        and inner.attr == "comm"
        and isinstance(inner.value, ast.Name)
        and inner.value.id == "context"
        for inner in ast.walk(node)
    )


def has_mpi4py() -> bool:
    """Whether the interpreter of ranks on this machine has it; True if that cannot be told."""
    return _other_has(config.mpi_python) if config.mpi_python else _found_here()


def _found_here() -> bool:
    try:
        return importlib.util.find_spec("mpi4py") is not None
    except (ImportError, ValueError):
        return False


@lru_cache(maxsize=4)
def _other_has(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", _HAS], capture_output=True, timeout=_WITHIN)
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != 1
