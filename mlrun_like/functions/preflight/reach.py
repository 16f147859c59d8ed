"""Which functions of a file a handler can lead to; the others are of no concern to its run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from mlrun_like.packaging.statements import is_main_guard

__all__ = ["out_of_reach"]

_DYNAMIC = frozenset({"globals", "exec", "eval", "vars", "locals"})
"""Code that calls these may reach any name."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def out_of_reach(tree: ast.Module, handler: str) -> frozenset[int]:
    """The `id()` of each function whose body neither loading the file nor the handler leads to.

    Whatever is named anywhere on the way counts as reached, called or not.

    Args:
        tree: The file.
        handler: The function or class that is called; empty: the file runs as a program, and
            nothing is out of reach.

    >>> tree = ast.parse("def a(): c()\\ndef b(): ...\\ndef c(): ...")
    >>> out_of_reach(tree, "a") == {id(tree.body[1])}
    True
    """
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not handler or names & _DYNAMIC:
        return frozenset()
    defined: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.setdefault(node.name, []).append(node)
    if handler not in defined:
        return frozenset()
    reached: set[str] = set()
    pending = {handler, *_named(_at_load(tree.body))}
    while pending:
        name = pending.pop()
        if name in defined and name not in reached:
            reached.add(name)
            pending |= _named(defined[name])
    away = [node for name in defined.keys() - reached for node in defined[name]]
    return frozenset(id(node) for node in _functions(away))


def _at_load(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What runs when the file is loaded as a module."""
    for node in body:
        if isinstance(node, _Function):
            yield from (*node.decorator_list, node.args)
        elif isinstance(node, ast.ClassDef):
            yield from (*node.decorator_list, *node.bases, *node.keywords)
            yield from _at_load(node.body)
        elif not is_main_guard(node):
            yield node


def _named(nodes: Iterable[ast.AST]) -> set[str]:
    return {inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _functions(nodes: Iterable[ast.AST]) -> Iterator[_Function]:
    for node in nodes:
        if isinstance(node, _Function):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body)
