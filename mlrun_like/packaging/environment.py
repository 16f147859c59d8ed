"""What code was written against: Python, platform and the installed versions it rests on."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable, Sequence

from mlrun_like.packaging.providers import distributions_of_modules
from mlrun_like.packaging.requirements import (
    distribution_name,
    normalize_dist,
    read_requirements,
)
from mlrun_like.packaging.scopes import imports_of
from mlrun_like.parsing import parse
from mlrun_like.specs.function import Environment

__all__ = [
    "capture_environment",
    "imports_in",
    "provided_by",
    "read_requirements",
]


def imports_in(code: str) -> list[str]:
    """Top-level names of the packages that a text imports, sorted; none if it is not Python.

    >>> imports_in("import numpy.linalg")
    ['numpy']
    """
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names: set[str] = set()
    for node in imports_of(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return sorted(names - set(sys.stdlib_module_names))


def capture_environment(
    requirements: Sequence[str] = (), imports: Sequence[str] = ()
) -> Environment:
    """The running Python and the installed versions of what is declared and imported.

    The lock holds the distributions that the requirements and imports name and, in turn, what
    those depend on; nothing else that happens to be installed. The answer is computed once per
    process and input.

    Args:
        requirements: Declared requirement lines.
        imports: Top-level names that the code imports.
    """
    found = _capture(tuple(requirements), tuple(sorted(set(imports))))
    return found.model_copy(deep=True)


@functools.lru_cache(maxsize=256)
def _capture(requirements: tuple[str, ...], imports: tuple[str, ...]) -> Environment:
    python = platform.python_version()
    lock: dict[str, str] = {}
    if requirements or imports:
        starts = {distribution_name(line) for line in requirements} | _providers(imports)
        lock = _closure(starts - {""})
    text = json.dumps([python, sorted(lock.items())])
    return Environment(
        python=python,
        platform=sysconfig.get_platform(),
        requirements=list(requirements),
        lock=dict(sorted(lock.items())),
        lock_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _providers(imports: Iterable[str]) -> set[str]:
    """Distributions that provide the imported names."""
    names = [name for name in imports if name not in sys.stdlib_module_names]
    found: set[str] = set()
    for name in names:
        # Most are called as they are imported; only the others need the (slow) table of all files.
        if _dist(normalize_dist(name)) is not None:
            found.add(normalize_dist(name))
        else:
            found.update(map(normalize_dist, distributions_of_modules().get(name, ())))
    return found


@functools.cache
def _dist(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Version and required names of an installed distribution, None if there is none."""
    try:
        found = importlib.metadata.distribution(name)
        version = found.version
        requires = found.requires or []
    except (importlib.metadata.PackageNotFoundError, ValueError, OSError):
        return None
    needed = [line for line in requires if "extra ==" not in line.replace("extra==", "extra ==")]
    names = (re.match(r"[\w.-]+", line) for line in needed)
    return version, tuple(normalize_dist(match[0]) for match in names if match)


def _closure(starts: Iterable[str]) -> dict[str, str]:
    lock: dict[str, str] = {}
    pending = list(starts)
    while pending:
        name = pending.pop()
        found = _dist(name)
        if name in lock or found is None:
            continue
        lock[name] = found[0]
        pending += found[1]
    return lock


def provided_by(distributions: Iterable[str]) -> frozenset[str]:
    """The top-level names that distributions bring, also those they depend on.

    What is not installed here counts for a package of its own name.

    >>> "yaml" in provided_by(["pyyaml>=6"])
    True
    """
    names = {distribution_name(line) or normalize_dist(line) for line in distributions}
    return _provided(frozenset(names))


@functools.lru_cache(maxsize=64)
def _provided(names: frozenset[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    wanted = {*names, *_closure(names)}
    found = {name.replace("-", "_") for name in wanted}
    for top, owners in distributions_of_modules().items():
        if wanted & {normalize_dist(owner) for owner in owners}:
            found.add(top)
    return frozenset(found)
