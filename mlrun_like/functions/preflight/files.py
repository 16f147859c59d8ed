"""The shipped files of a function, parsed, and which of their lines certainly run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Files", "certain_lines"]


class Files(NamedTuple):
    """The shipped files of a function.

    Args:
        trees: Their parsed text by relative path.
        main: The function's own file.
        name: The name that file is imported as.
        shown: How it is called in messages.
    """

    trees: Mapping[str, ast.Module]
    main: str
    name: str
    shown: str

    def path_of(self, module: str) -> str:
        """The file of a module; empty if it is not shipped."""
        stem = module.replace(".", "/")
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if path in self.trees:
                return path
        return ""

    def is_folder(self, module: str) -> bool:
        """Whether shipped files lie below a folder of that name."""
        head = module.replace(".", "/") + "/"
        return any(path.startswith(head) for path in self.trees)

    def label(self, path: str) -> str:
        """A file as messages call it."""
        return self.shown if path == self.main else path


def certain_lines(node: ast.AST, handler: str = "") -> frozenset[int]:
    """Lines of a statement that run whenever it does: none of a branch, a nested function.

    Args:
        node: A statement at the top of a file; a definition counts as called.
        handler: For a class: `Class::method`, whose lines count as well.
    """
    found: set[int] = set()
    method = handler.partition("::")[2]
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if part.name in ("__init__", method):
                    _collect(part.body, found)
            else:
                _collect([part], found)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        _collect(node.body, found)
    else:
        _collect([node], found)
    return frozenset(found)


def _collect(nodes: list[ast.stmt] | list[ast.AST], found: set[int]) -> bool:
    """Add the lines of these statements; False if what follows them may not be reached."""
    for node in nodes:
        if isinstance(node, ast.If):
            _lines(node.test, found)
            leaves = (ast.Return, ast.Raise, ast.Continue, ast.Break)
            if any(isinstance(inner, leaves) for inner in ast.walk(node)):
                return False
        elif isinstance(node, ast.Try):
            if not node.handlers:
                _collect(node.body, found)
            _collect(node.finalbody, found)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                _lines(item.context_expr, found)
            if not _collect(node.body, found):
                return False
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            _lines(node.iter, found)
        elif isinstance(node, ast.While):
            _lines(node.test, found)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        elif isinstance(node, ast.Match):
            _lines(node.subject, found)
            return False
        else:
            _lines(node, found)
            if isinstance(node, (ast.Return, ast.Raise)):
                return False
    return True


def _lines(node: ast.AST, found: set[int]) -> None:
    skipped = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.comprehension)
    stack = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, skipped):
            continue
        if isinstance(inner, (ast.Name, ast.Import, ast.ImportFrom, ast.Call, ast.Subscript)):
            found.add(inner.lineno)
        stack.extend(ast.iter_child_nodes(inner))
