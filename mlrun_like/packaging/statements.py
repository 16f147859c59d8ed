"""The top-level statements of a module, one by one."""

from __future__ import annotations

import ast
from typing import NamedTuple

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.scopes import Uses, bound_names, names_used, root_name
from mlrun_like.parsing import parse

__all__ = [
    "DEFINITIONS",
    "IMPORTS",
    "Part",
    "changed_roots",
    "first_line",
    "is_future",
    "is_main_guard",
    "parts_of",
    "replaces",
    "without_decorators",
]

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


class Part(NamedTuple):
    """One top-level statement with its text's origin."""

    node: ast.stmt
    lines: list[str]
    where: str
    binds: frozenset[str]
    uses: Uses
    alone: bool
    """Whether no other statement shares its lines."""


def is_main_guard(node: ast.stmt) -> bool:
    """Whether this is `if __name__ == "__main__":`."""
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Compare)):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and texts == ["__main__"]


def parts_of(source: str, where: str) -> list[Part]:
    """The top-level statements of a module.

    Raises:
        PackagingError: if the text is not valid Python.
    """
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = getattr(exc, "lineno", None)
        raise PackagingError(
            f"the code is not valid Python: {getattr(exc, 'msg', exc)}",
            where=f"{where}:{line}" if line else where,
        ) from exc
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lazy = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )  # fmt: skip
    parts = []
    for index, node in enumerate(tree.body):
        neighbours = tree.body[max(index - 1, 0) : index + 2]
        alone = all(
            other is node or first_line(other) > (node.end_lineno or 0)
            or (other.end_lineno or 0) < first_line(node)
            for other in neighbours
        )  # fmt: skip
        uses = names_used(node, future_annotations=lazy)
        parts.append(Part(node, lines, where, frozenset(bound_names([node])), uses, alone))
    return parts


def first_line(node: ast.stmt) -> int:
    """Where a statement starts, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def replaces(part: Part, name: str) -> bool:
    """Whether a statement gives the name a value that owes nothing to the one before."""
    node = part.node
    if isinstance(node, (*DEFINITIONS, *IMPORTS)):
        return True
    if isinstance(node, ast.Assign):
        return name not in part.uses.hard
    return isinstance(node, ast.AnnAssign) and node.value is not None


def changed_roots(node: ast.stmt) -> set[str]:
    """Variables that a statement outside functions stores into or calls methods of."""
    roots: set[str] = set()
    stack: list[ast.AST] = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, (*DEFINITIONS, ast.Lambda)):
            continue
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(
            inner.ctx, ast.Load
        ):
            roots.add(root_name(inner))
        elif (
            isinstance(inner, ast.Expr)
            and isinstance(inner.value, ast.Call)
            and isinstance(inner.value.func, ast.Attribute)
        ):
            roots.add(root_name(inner.value.func))
        stack.extend(ast.iter_child_nodes(inner))
    return roots - {""}


def without_decorators(node: ast.stmt, dropped: list[ast.expr]) -> ast.stmt:
    """A definition without some of its decorators."""
    fields = {field: getattr(node, field) for field in node._fields if hasattr(node, field)}
    fields["decorator_list"] = [d for d in fields["decorator_list"] if d not in dropped]
    return ast.copy_location(type(node)(**fields), node)


def is_future(node: ast.stmt) -> bool:
    """Whether this is a `from __future__ import`."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
