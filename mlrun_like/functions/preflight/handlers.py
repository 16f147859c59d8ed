"""Handlers that are methods, or lie in another module: whether they are there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.functions.preflight.files import Files
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_handler"]

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def check_handler(
    files: Files, handler: str, parameters: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """What is wrong with a handler `Class::method`, or with a dotted one that names a class.

    Args:
        files: The shipped files.
        handler: The entry point.
        parameters: The run's; None: there is no run yet, so what its class is made with is open.
    """
    owner, mark, method = handler.partition("::")
    owner = owner.rpartition(":")[2]  # Nuclio's module:function
    tree = files.trees[files.main]
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    if not mark:
        first, _, rest = owner.partition(".")
        if rest and first in classes:
            yield Finding(
                "handler-missing",
                f"handler {handler!r} is a method of the class {first!r}, which has to be made "
                "first",
                files.shown,
                f"handler={f'{first}::{rest}'!r}",
            )
        return
    if "." in owner or (_has_name(tree, owner) and owner not in classes):
        return  # imported, or made by code
    if owner not in classes:
        yield Finding(
            "handler-missing",
            f"there is no class {owner!r} for the handler {handler!r}.{nearest(owner, classes)}",
            files.shown,
            f"classes are: {', '.join(sorted(classes)) or 'none'}",
        )
        return
    methods, complete = _methods(classes, owner)
    if method not in methods and complete:
        public = sorted(name for name in methods if not name.startswith("_"))
        yield Finding(
            "handler-missing",
            f"the class {owner!r} has no method {method!r}.{nearest(method, public)}",
            f"{files.shown}:{classes[owner].lineno}",
            f"methods are: {', '.join(public) or 'none'}",
        )
    made = methods.get("__init__")
    if parameters is not None and made is not None and _decorators(classes[owner]) == 0:
        yield from _check_init(files, owner, made, dict(parameters.get("_init_args") or {}))


def _check_init(
    files: Files, owner: str, made: ast.AST, given: Mapping[str, Any]
) -> Iterator[Finding]:
    args = made.args  # type: ignore[attr-defined]
    positional = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    needed = positional[1 : len(positional) - len(args.defaults)]
    needed += [
        arg.arg
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
        if default is None
    ]
    missing = [name for name in needed if name not in given and name != "context"]
    names = [*positional[1:], *(arg.arg for arg in args.kwonlyargs)]
    unknown = [name for name in given if name not in names and args.kwarg is None]
    where = f"{files.shown}:{made.lineno}"  # type: ignore[attr-defined]
    if missing:
        rows = ", ".join(f"{name!r}: ..." for name in missing)
        yield Finding(
            "handler-init",
            f"the class {owner!r} is made with {', '.join(map(repr, missing))}, which the run does "
            "not give",
            where,
            f'fn.run(params={{"_init_args": {{{rows}}}}}), -p "_init_args={{{rows}}}", or give the '
            "argument a default",
        )
    for name in unknown:
        yield Finding(
            "handler-init",
            f"the class {owner!r} takes no {name!r}.{nearest(name, names)}",
            where,
            f"_init_args may hold: {', '.join(names) or 'nothing'}",
        )


def _has_name(tree: ast.Module, name: str) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if any((item.asname or item.name) in (name, "*") for item in node.names):
                return True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return True
    return False


def _methods(
    classes: Mapping[str, ast.ClassDef], name: str, seen: tuple[str, ...] = ()
) -> tuple[dict[str, ast.AST], bool]:
    """The methods of a class with those it inherits, and whether all of its bases are known."""
    node = classes[name]
    found: dict[str, ast.AST] = {}
    complete = not _decorators(node) and not node.keywords
    for base in reversed(node.bases):
        text = ast.unparse(base)
        if text in classes and text not in seen:
            inherited, whole = _methods(classes, text, (*seen, name))
            found.update(inherited)
            complete = complete and whole
        elif text != "object":
            complete = False
    for item in node.body:
        if isinstance(item, _Function):
            found[item.name] = item
        elif isinstance(item, ast.Assign):
            found.update((t.id, item) for t in item.targets if isinstance(t, ast.Name))
    if "__getattr__" in found:
        complete = False
    if not isinstance(found.get("__init__"), _Function):
        found.pop("__init__", None)
    return found, complete


def _decorators(node: ast.ClassDef) -> int:
    return len(node.decorator_list)
