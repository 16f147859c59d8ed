"""Whether a handler may return a list, read from its code without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["may_return_list"]

_NO_LIST = (ast.Constant, ast.JoinedStr, ast.Dict, ast.DictComp, ast.Tuple, ast.Compare, ast.Set)
_TEXT_METHODS = frozenset(
    {
        *("Response", "dumps", "encode", "decode", "format", "join", "upper", "lower", "strip"),
        *("isoformat", "strftime", "hex", "to_json", "getvalue", "replace", "title"),
    }
)
_CALLS = frozenset({"str", "dict", "int", "float", "len", "repr", "bytes", "bool", "Response"})
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def may_return_list(tree: ast.Module, function: str) -> bool:
    """Whether the function could return a list; True when it cannot be told.

    >>> may_return_list(ast.parse("def f(context, event): return {'a': [1]}"), "f")
    False
    >>> may_return_list(ast.parse("def f(context, event): return event.body"), "f")
    True
    """
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function:
            return _any_list(node)
    return True


def _any_list(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    inside = list(_own_nodes(function))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in inside):
        return False  # its values are sent as they come
    returned = [node.value for node in inside if isinstance(node, ast.Return) and node.value]
    return not all(_is_no_list(value, inside, 0) for value in returned)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _INNER):
            waiting += ast.iter_child_nodes(node)


def _is_no_list(value: ast.expr, inside: list[ast.AST], depth: int) -> bool:
    if isinstance(value, _NO_LIST):
        return True
    if isinstance(value, ast.IfExp):
        return all(_is_no_list(part, inside, depth) for part in (value.body, value.orelse))
    if isinstance(value, ast.BoolOp):
        return all(_is_no_list(part, inside, depth) for part in value.values)
    if isinstance(value, ast.BinOp):
        return any(isinstance(part, (ast.Constant, ast.JoinedStr)) and _is_text(part)
                   for part in (value.left, value.right))  # fmt: skip
    if isinstance(value, ast.Call):
        called = value.func
        if isinstance(called, ast.Attribute):
            return called.attr in _TEXT_METHODS
        return isinstance(called, ast.Name) and called.id in _CALLS
    if isinstance(value, ast.Name) and depth < 5:
        found = list(_values_of(value.id, inside))
        return bool(found) and all(
            item is not None and _is_no_list(item, inside, depth + 1) for item in found
        )
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )


def _values_of(name: str, inside: list[ast.AST]) -> Iterator[ast.expr | None]:
    """What is assigned to a local name; None: something that cannot be told."""
    for node in inside:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif _binds(target, name) and not isinstance(
                    target, (ast.Subscript, ast.Attribute)
                ):
                    yield None
        elif isinstance(node, ast.AnnAssign):
            if isinstance(node.target, ast.Name) and node.target.id == name and node.value:
                yield node.value
        elif isinstance(node, (ast.AugAssign, ast.For, ast.AsyncFor, ast.NamedExpr)):
            if _binds(node.target, name):
                yield None
        elif (isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names) or (
            isinstance(node, ast.withitem) and _binds(node.optional_vars, name)
        ):
            yield None


def _binds(target: ast.AST | None, name: str) -> bool:
    inside = ast.walk(target) if target is not None else ()
    return any(isinstance(node, ast.Name) and node.id == name for node in inside)
