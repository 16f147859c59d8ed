"""The code of a graph's steps: what was given as live objects must travel with the function."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlrun_like.errors import MLRunLikeError, PackagingError
from mlrun_like.packaging.local_modules import LocalModules, is_installed, place_of
from mlrun_like.packaging.scopes import bound_names
from mlrun_like.packaging.source import capture_callable, embed, plain_function
from mlrun_like.packaging.unpack import files_of
from mlrun_like.parsing import parse
from mlrun_like.runtimes.finding import Finding
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import resolve
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.specs.function import FunctionDoc

__all__ = ["check_names", "with_steps"]

_OWN = "mlrun_like"


def with_steps(document: FunctionDoc, graph: Graph, initializer: Any = None) -> FunctionDoc:
    """A copy of a function's document that holds the code of its graph's steps, too.

    Functions and classes of a script or notebook are captured with what they use; modules that are
    not installed travel as they are.

    Raises:
        PackagingError: if an object's code cannot be captured.
    """
    copy = document.model_copy(deep=True)
    build = copy.spec.build
    by_module: dict[str, list[Any]] = {}
    for target in [*_live(graph), *([initializer] if callable(initializer) else [])]:
        by_module.setdefault(str(getattr(target, "__module__", "") or ""), []).append(target)
    for module, targets in by_module.items():
        if module.partition(".")[0] in (_OWN, "", "builtins") or module == build.origin_module:
            continue
        if module == "__main__":
            if not build.functionSourceCode:
                names = [target.__qualname__.partition(".")[0] for target in targets]
                embed(copy, capture_callable(targets[0], names[1:]))
            continue
        build.modules = {**_modules(module), **build.modules}
    return copy


def check_names(document: FunctionDoc, graph: Graph) -> Iterator[Finding]:
    """Names of steps that nothing in the exported code has."""
    build = document.spec.build
    bound: set[str] = set()
    if build.functionSourceCode:
        files, main = files_of(document)
        tree = parse(files[main])
        if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in tree.body):
            return
        bound = set(bound_names(tree.body))
    for step in _steps(graph):
        for name in (step.class_name, step.handler if not step.class_name else ""):
            if not isinstance(name, str) or not name.isidentifier() or name in bound:
                continue
            try:
                resolve(name, [])
            except MLRunLikeError:
                yield Finding(
                    "step-missing",
                    f"step {step.name!r} names {name!r}, which is not in the function's code",
                    f"function {document.metadata.name!r}",
                    'code_to_function(filename="steps.py", kind="serving") embeds it, or give the '
                    "function or class itself",
                )


def _steps(graph: Graph) -> Iterator[GraphStep]:
    for step in graph.steps:
        yield step
        yield from (getattr(step, "routes", None) or {}).values()


def _live(graph: Graph) -> Iterator[Callable[..., Any]]:
    """Functions and classes that steps were given as themselves."""
    for step in _steps(graph):
        for value in (step.class_name, step.handler, *step.class_args.values()):
            if callable(value) and hasattr(value, "__qualname__"):
                yield plain_function(value)


def _modules(name: str) -> dict[str, str]:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py") or is_installed(Path(file)):
        return {}
    root, _ = place_of(Path(file).absolute(), name)
    local = LocalModules([root])
    try:
        local.add(name)
    except PackagingError as exc:
        raise PackagingError(
            f"module {name!r} of a step cannot travel: {exc.what}", where=exc.where, fix=exc.fix
        ) from exc
    return local.texts
