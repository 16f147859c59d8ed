"""What a workflow file gets for `import kfp` and `import mlrun`: this package's own words.

The imports of the file's syntax tree are rewritten when it is loaded, so nothing of the process
changes, and neither package needs to be installed.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.parsing import parse
from mlrun_like.pipelines import dsl
from mlrun_like.registry import resolve

__all__ = ["LOOKUP", "Served", "compile_served", "served_name"]

LOOKUP = "__mlrun_like_served__"
"""The name under which a rewritten module finds `served_name`."""

_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "auto_mount": "mlrun_like.functions.modifiers:auto_mount",
        "build_function": "mlrun_like.projects.operations:build_function",
        "deploy_function": "mlrun_like.projects.operations:deploy_function",
        "get_current_project": "mlrun_like.projects.current:get_current_project",
        "get_pipeline": "mlrun_like.projects.pipeline_runs:get_pipeline",
        "list_pipelines": "mlrun_like.projects.pipeline_runs:list_pipelines",
        "mount_configmap": "mlrun_like.functions.modifiers:mount_configmap",
        "mount_hostpath": "mlrun_like.functions.modifiers:mount_hostpath",
        "mount_secret": "mlrun_like.functions.modifiers:mount_secret",
        "pipeline_context": "mlrun_like.projects.workflow_context:pipeline_context",
        "run_function": "mlrun_like.projects.operations:run_function",
        "wait_for_pipeline_completion": (
            "mlrun_like.projects.pipeline_runs:wait_for_pipeline_completion"
        ),
    }
)
"""MLRun's names that the front door does not have -> where they are."""
_MODULES = frozenset(
    (
        *("artifacts", "execution", "frameworks", "model", "platforms", "projects", "runtimes"),
        *("operations", "pipelines", "utils", "datastore", "run", "project"),
    )
)


class Served:
    """Stands for the package `kfp` or `mlrun`, or one of its modules.

    Args:
        path: Its dotted name.
    """

    def __init__(self, path: str) -> None:
        self.__name__ = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return served_name(self.__name__, name)
        except ImportError as exc:
            raise AttributeError(str(exc)) from exc

    def __repr__(self) -> str:
        return f"<{self.__name__} as mlrun_like serves it>"


def served_name(path: str, name: str = "") -> Any:
    """What `from <path> import <name>` gives; without a name what `import <path>` binds.

    Raises:
        ImportError: if there is nothing of that name here.

    >>> served_name("kfp.dsl", "ParallelFor").__name__
    'ParallelFor'
    """
    package, _, below = path.partition(".")
    if package == "mlrun" and resolve("mlrun_like.compat.switch:installed")():
        found = importlib.import_module(path)
        return getattr(found, name) if name else found
    if package == "mlrun_pipelines":  # where newer versions of MLRun import kfp from
        if name in ("kfp", "dsl") and below == "imports":
            return dsl if name == "dsl" else Served("kfp")
        if not name or (name == "imports" and not below):
            return Served("mlrun_pipelines.imports" if name else path)
        raise ImportError(f"{path}.{name} is not served to workflow files; imports.kfp is")
    if package == "kfp":
        if path == "kfp" and name == "dsl":
            return dsl
        if path == "kfp.dsl":
            if not name:
                return dsl
            if name in dsl.__all__:
                return getattr(dsl, name)
            raise ImportError(
                f"kfp.dsl.{name} is not served to workflow files; there are: "
                f"{', '.join(sorted(dsl.__all__))}"
            )
        if not name and path == "kfp":
            return Served("kfp")
        raise ImportError(f"{path}.{name} is not served to workflow files; kfp.dsl is")
    if not name:
        return Served(path)
    front = importlib.import_module("mlrun_like")
    if name in front.__all__ and not (name in _MODULES and not below):
        return getattr(front, name)
    if name in _ELSEWHERE:
        return resolve(_ELSEWHERE[name])
    if name in _MODULES:
        return Served(f"{path}.{name}")
    raise ImportError(f"{path}.{name} has no counterpart in mlrun_like")


def compile_served(code: str, filename: str) -> Any:
    """The compiled code of a workflow file, with those imports rewritten.

    Raises:
        SyntaxError: if it is no Python.
        ValueError: if it holds null bytes.
    """
    tree = _Rewriter().visit(parse(code, filename))
    return compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)


def _is_served(path: str) -> bool:
    return path.partition(".")[0] in ("kfp", "mlrun", "mlrun_pipelines")


class _Rewriter(ast.NodeTransformer):
    """Imports of `kfp` and `mlrun` become calls of the lookup."""

    def visit_Import(self, node: ast.Import) -> Any:
        kept = [item for item in node.names if not _is_served(item.name)]
        found: list[ast.stmt] = []
        for item in node.names:
            if not _is_served(item.name):
                continue
            path = item.name if item.asname else item.name.partition(".")[0]
            found.append(_assign(node, item.asname or path, path, ""))
        if kept:
            found.insert(0, ast.copy_location(ast.Import(kept), node))
        return found

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level or not node.module or not _is_served(node.module):
            return node
        if node.names[0].name == "*":
            if node.module == "kfp.dsl":
                changed = ast.ImportFrom(dsl.__name__, node.names, 0)
                return ast.copy_location(changed, node)
            return node
        return [
            _assign(node, item.asname or item.name, node.module, item.name) for item in node.names
        ]


def _assign(node: ast.stmt, target: str, path: str, name: str) -> ast.stmt:
    call = ast.Call(
        ast.Name(LOOKUP, ast.Load()), [ast.Constant(path), ast.Constant(name)], keywords=[]
    )
    made = ast.Assign([ast.Name(target, ast.Store())], call)
    return ast.copy_location(made, node)
