"""Which packages a warm server imports for a function: those its source names at the top level."""

from __future__ import annotations

import ast
import base64
import binascii
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mlrun_like.parsing import parse
from mlrun_like.specs.function import FunctionDoc

__all__ = ["FORK_UNSAFE", "imported_packages", "modules_to_preload", "site_state"]

FORK_UNSAFE = frozenset({"grpc", "horovod", "jax", "mpi4py", "tensorflow"})
"""Packages whose import starts native threads with locks that do not survive a fork, or makes this
process a rank of an MPI world."""


def modules_to_preload(doc: FunctionDoc) -> tuple[str, ...]:
    """The installed packages that the function's code imports, sorted; local modules never.

    Only what is in site-packages: anything else may be edited between two runs.

    Args:
        doc: A function whose source is embedded; without source there is nothing to preload.
    """
    build = doc.spec.build
    local = {path.replace(os.sep, "/").split("/")[0].removesuffix(".py") for path in build.modules}
    names: set[str] = set(_imports(build.functionSourceCode))
    for text in build.modules.values():
        names.update(_imported_by(text))
    found: set[str] = set()
    for name in names:
        top = name.partition(".")[0]
        if top not in local and top not in FORK_UNSAFE and top not in sys.stdlib_module_names:
            found.update(_installed(name))
    return tuple(sorted(name for name in found if not _has_child(name, found)))


def imported_packages(doc: FunctionDoc) -> frozenset[str]:
    """The top names of everything that the function's code imports at its top level."""
    build = doc.spec.build
    names = set(_imports(build.functionSourceCode))
    for text in build.modules.values():
        names.update(_imported_by(text))
    return frozenset(name.partition(".")[0] for name in names)


def site_state() -> tuple[float, ...]:
    """Changes when a package is installed or removed."""
    return tuple(folder.stat().st_mtime for folder in _site_folders() if folder.is_dir())


@lru_cache(maxsize=64)
def _imports(code: str) -> frozenset[str]:
    try:
        text = base64.b64decode(code).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return frozenset()  # the run reports it
    return _imported_by(text)


@lru_cache(maxsize=256)
def _imported_by(text: str) -> frozenset[str]:
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(_walk(tree.body))


def _walk(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            # `from sklearn import svm`: only the file system knows whether it is a module.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            for field in ("body", "orelse", "handlers", "finalbody"):
                inner = getattr(node, field, None)
                if isinstance(inner, list) and isinstance(node, (ast.If, ast.Try, ast.With)):
                    for part in inner:
                        stmts = part.body if isinstance(part, ast.ExceptHandler) else [part]
                        yield from _walk(stmts)


def _has_child(name: str, names: set[str]) -> bool:
    return any(other.startswith(name + ".") for other in names)


@lru_cache(maxsize=1)
def _site_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(sorted({Path(paths["purelib"]).resolve(), Path(paths["platlib"]).resolve()}))


def _installed(name: str) -> Iterator[str]:
    """`name` if it is a module of an installed package; found without importing anything."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return
    if spec is None or not spec.origin:
        return
    origin = Path(spec.origin).resolve()
    if not any(origin.is_relative_to(folder) for folder in _site_folders()):
        return
    if not rest:
        yield top
    elif spec.submodule_search_locations:
        inner = Path(next(iter(spec.submodule_search_locations)), *rest)
        compiled = any(inner.parent.glob(f"{inner.name}.*.so"))
        if inner.is_dir() or inner.with_name(inner.name + ".py").is_file() or compiled:
            yield name
