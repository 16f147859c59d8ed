"""Names: what a statement binds in its module and what it needs from there.

This follows Python's scoping rules, so a local variable that happens to share a global's name does
not drag the global along, and a missing name is really missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mlrun_like.parsing import parse

__all__ = ["Uses", "bound_names", "imports_of", "names_used", "root_name", "string_annotation"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OWN_SCOPE = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)


class Uses(NamedTuple):
    """Names needed from the module, with the line of their first use.

    `hard` names must exist for the code to run; `soft` ones travel if they exist (annotations that
    are not evaluated, names that a class body may find in itself).
    """

    hard: dict[str, int]
    soft: dict[str, int]
    declared: frozenset[str]
    """Names that functions inside assign through `global`."""


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that these statements bind in the scope they stand in (blocks are looked into)."""
    names: set[str] = set()
    for node in _same_scope(nodes):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname or a.name).partition(".")[0] for a in node.names)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            names.update({node.name} - {None})  # type: ignore[arg-type]
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below, not entering scopes of their own, but including walrus targets of
    comprehensions (they bind outside)."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):
            stack.extend(
                inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)
            )
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack.extend([*node.decorator_list, *_outer_parts(node.args)])
        elif isinstance(node, ast.ClassDef):
            stack.extend([*node.decorator_list, *node.bases])
        elif isinstance(node, ast.Lambda):
            stack.extend(_outer_parts(node.args))
        else:
            stack.extend(ast.iter_child_nodes(node))


def _outer_parts(args: ast.arguments) -> list[ast.AST]:
    return [*args.defaults, *(node for node in args.kw_defaults if node is not None)]


def imports_of(node: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Every import below a node, inside functions too."""
    return [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]


def root_name(node: ast.AST) -> str:
    """`a` for `a.b(c).d[0]`, else an empty string."""
    while True:
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node.id if isinstance(node, ast.Name) else ""


def string_annotation(node: ast.AST) -> ast.expr | None:
    """The expression written as text in an annotation, or None."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return None
    try:
        return parse(node.value.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def names_used(node: ast.stmt, *, future_annotations: bool = False) -> Uses:
    """What a top-level statement needs from its module (its own bindings included)."""
    reader = _Reader(future_annotations)
    reader.read(node, _Scope(None))
    soft = {name: line for name, line in reader.soft.items() if name not in reader.hard}
    return Uses(reader.hard, soft, frozenset(reader.declared))


class _Scope:
    """A function or class scope; `parent` None is the module."""

    def __init__(self, parent: _Scope | None, names: set[str] | None = None) -> None:
        self.parent = parent
        self.names = names or set()
        self.globals: set[str] = set()
        self.is_class = False


class _Reader:
    def __init__(self, future_annotations: bool) -> None:
        self.hard: dict[str, int] = {}
        self.soft: dict[str, int] = {}
        self.declared: set[str] = set()
        self._lazy = future_annotations
        self._soft_depth = 0

    def read(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Name):
            self._name(node, scope)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, scope)
        elif isinstance(node, ast.Lambda):
            self._all(_outer_parts(node.args), scope)
            inner = _Scope(scope, _parameters(node.args) | bound_names([node.body]))
            self.read(node.body, inner)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, scope)
        elif isinstance(node, ast.AnnAssign):
            # Annotations of a function's local variables are never evaluated.
            local = scope.parent is not None and not scope.is_class
            self._annotation(node.annotation, scope, unused=local)
            self.read(node.target, scope)
            if node.value is not None:
                self.read(node.value, scope)
        elif isinstance(node, ast.Global):
            self.declared.update(node.names)
            for name in node.names:
                self.soft.setdefault(name, node.lineno)
        elif isinstance(node, ast.Try) and _catches_name_error(node):
            self._soft_depth += 1
            self._all(node.body, scope)
            self._soft_depth -= 1
            self._all([*node.handlers, *node.orelse, *node.finalbody], scope)
        elif type(node).__name__ == "TypeAlias":
            self._type_alias(node, scope)
        else:
            self._all(ast.iter_child_nodes(node), scope)

    def _all(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        for node in nodes:
            self.read(node, scope)

    def _name(self, node: ast.Name, scope: _Scope) -> None:
        if scope.parent is None and not isinstance(node.ctx, ast.Load):
            return
        at: _Scope | None = scope
        while at is not None and at.parent is not None:
            if node.id in at.globals:
                break
            if node.id in at.names and (at is scope or not at.is_class):
                if at.is_class and isinstance(node.ctx, ast.Load):
                    # `x = x` in a class body reads the module's x; only running it would tell.
                    self.soft.setdefault(node.id, node.lineno)
                return
            at = at.parent
        target = self.soft if self._soft_depth else self.hard
        target.setdefault(node.id, node.lineno)

    def _annotation(self, node: ast.AST | None, scope: _Scope, unused: bool = False) -> None:
        if node is None:
            return
        lazy = self._lazy or unused
        self._soft_depth += lazy
        self.read(node, scope)
        self._soft_depth -= lazy
        self._soft_depth += 1
        for inner in ast.walk(node):
            expression = string_annotation(inner)
            if expression is not None:
                self.read(expression, scope)
        self._soft_depth -= 1

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        self._all(node.decorator_list, scope)
        self._all(_outer_parts(node.args), scope)
        outer = self._type_scope(node, scope)
        for arg in _arguments(node.args):
            self._annotation(arg.annotation, outer)
        self._annotation(node.returns, outer)
        inner = _function_scope(node.body, outer, _parameters(node.args))
        self._all(node.body, inner)

    def _class(self, node: ast.ClassDef, scope: _Scope) -> None:
        self._all(node.decorator_list, scope)
        outer = self._type_scope(node, scope)
        self._all([*node.bases, *(keyword.value for keyword in node.keywords)], outer)
        inner = _function_scope(node.body, outer, {"__module__", "__qualname__"})
        inner.is_class = True
        # `__class__` (from super()) is a cell of the methods, not a global.
        holder = _Scope(inner.parent, {"__class__"})
        inner.parent = holder
        self._all(node.body, inner)

    def _type_scope(self, node: ast.AST, scope: _Scope) -> _Scope:
        parameters = getattr(node, "type_params", [])
        if not parameters:
            return scope
        inner = _Scope(scope, {parameter.name for parameter in parameters})
        for parameter in parameters:
            self._all(ast.iter_child_nodes(parameter), inner)
        return inner

    def _type_alias(self, node: ast.AST, scope: _Scope) -> None:
        inner = self._type_scope(node, scope)
        self._soft_depth += 1
        self.read(node.value, inner)  # type: ignore[attr-defined]
        self._soft_depth -= 1

    def _comprehension(self, node: ast.AST, scope: _Scope) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        self.read(generators[0].iter, scope)
        targets = bound_names(generator.target for generator in generators)
        inner = _Scope(scope, targets)
        for index, generator in enumerate(generators):
            if index:
                self.read(generator.iter, inner)
            self._all(generator.ifs, inner)
            self.read(generator.target, inner)
        for field in ("elt", "key", "value"):
            part = getattr(node, field, None)
            if part is not None:
                self.read(part, inner)


def _catches_name_error(node: ast.Try) -> bool:
    """Whether the code itself reckons with a missing name."""
    caught = [
        inner for handler in node.handlers if handler.type for inner in ast.walk(handler.type)
    ]
    return any(isinstance(inner, ast.Name) and inner.id == "NameError" for inner in caught)


def _function_scope(body: list[ast.stmt], parent: _Scope, names: set[str]) -> _Scope:
    scope = _Scope(parent, names | bound_names(body))
    for node in _same_scope(body):
        if isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.names.difference_update(node.names)
    return scope


def _arguments(args: ast.arguments) -> list[ast.arg]:
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return found + [arg for arg in (args.vararg, args.kwarg) if arg is not None]


def _parameters(args: ast.arguments) -> set[str]:
    return {arg.arg for arg in _arguments(args)}
