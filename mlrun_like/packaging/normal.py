"""Code without what does not change what it does: comments, layout, docstrings, idle annotations.

Annotations count where something reads them: those of the handler's arguments (inputs are converted
by them), of the fields of a class, and of functions with a decorator that may look at them.
Docstrings count in modules that read them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from typing import Any

__all__ = ["MARKER_NAMES", "chains", "short_hash", "stripped", "token_of"]

MARKER_NAMES = ("__doc__", "getdoc", "__annotations__", "get_type_hints", "get_annotations")
"""A module that holds one of these words reads docstrings or annotations itself."""

_BLIND = frozenset(
    {"staticmethod", "classmethod", "property", "setter", "getter", "contextmanager", "lru_cache"}
    | {"cache", "cached_property", "wraps", "abstractmethod", "override", "overload", "fixture"}
)
"""Decorators that do not look at annotations."""


def short_hash(text: str) -> str:
    """16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def stripped(
    node: ast.stmt, is_own: Callable[[ast.expr], bool], *, annotations: bool, docs: bool
) -> ast.stmt:
    """A copy of a statement with nothing but what can change its effect.

    Args:
        node: The statement.
        is_own: Whether a decorator is one of this package, which is left out.
        annotations: Keep those of functions.
        docs: Keep docstrings.
    """
    found = _Strip(is_own, annotations, docs).visit(_copied(node))
    assert isinstance(found, ast.stmt)
    return found


def _copied(value: Any) -> Any:
    """A copy of a tree, several times faster than `copy.deepcopy`."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if not isinstance(value, ast.AST):
        return value
    made = type(value)()
    for name, item in vars(value).items():
        setattr(made, name, _copied(item))
    return made


def token_of(node: ast.AST) -> str:
    """The same for code that does the same, as far as its form tells.

    >>> token_of(ast.parse("f( 1 )  # call")) == token_of(ast.parse("f(1)"))
    True
    """
    return short_hash(ast.dump(node, annotate_fields=False, include_attributes=False))


class _Strip(ast.NodeTransformer):
    def __init__(self, is_own: Callable[[ast.expr], bool], annotations: bool, docs: bool) -> None:
        self._is_own = is_own
        self._annotations = annotations
        self._docs = docs
        self._in_class = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [d for d in node.decorator_list if not self._is_own(d)]
        node.type_comment = None
        if not (self._annotations or any(_may_look(d) for d in node.decorator_list)):
            node.returns = None
            arguments = node.args
            rest = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
                each.annotation = None
        before, self._in_class = self._in_class, False
        self.generic_visit(node)
        self._in_class = before
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [d for d in node.decorator_list if not self._is_own(d)]
        before, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = before
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if self._in_class or self._docs:
            return node
        if node.value is not None:
            made: ast.stmt = ast.Assign(targets=[node.target], value=node.value)
        else:  # it still makes the name a local one
            made = ast.AnnAssign(node.target, ast.Constant(None), None, node.simple)
        return ast.copy_location(made, node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        node.kind = None  # u"text"
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                kept = [each for at, each in enumerate(block) if not self._idle(each, at)]
                setattr(node, name, kept or [ast.Pass()])
        return node

    def _idle(self, node: ast.stmt, at: int) -> bool:
        if isinstance(node, ast.Pass):
            return True
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return False
        return not (self._docs and at == 0 and isinstance(node.value.value, str))


def _may_look(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name not in _BLIND


def chains(node: ast.AST) -> dict[str, set[tuple[str, ...]]]:
    """How names are used: with which attributes; `()`: as they are.

    >>> found = chains(ast.parse("a.b.c(d, a)"))
    >>> sorted(found["a"]), found["d"]
    ([(), ('b', 'c')], {()})
    """
    found: dict[str, set[tuple[str, ...]]] = {}
    stack = [node]
    while stack:
        item = stack.pop()
        path: list[str] = []
        inner: ast.AST = item
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            found.setdefault(inner.id, set()).add(tuple(reversed(path)))
        elif inner is not item:
            stack.append(inner)
        else:
            stack.extend(ast.iter_child_nodes(item))
    return found
