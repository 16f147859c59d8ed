"""A cheap mark that changes when a handler's captured source would."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mlrun_like.packaging.local_modules import place_of
from mlrun_like.packaging.source import plain_function

__all__ = ["fingerprint"]


def fingerprint(handler: Callable[..., Any], modules: Iterable[str] = ()) -> str:
    """Paths, sizes and times of the handler's file and of the local modules that travel with it.

    Args:
        handler: The function.
        modules: Relative paths of the modules, as `Captured.modules` names them.

    Returns:
        The mark; empty when the source is not a file (a notebook cell), so that nothing is reused.
    """
    inner = inspect.unwrap(plain_function(handler))
    code = getattr(inner, "__code__", None)
    file = getattr(code, "co_filename", "")
    if not file or not os.path.isfile(file):
        return ""
    root = os.path.dirname(file)
    try:
        if modules:
            root = str(place_of(Path(file).absolute(), _module_name(inner))[0])
        paths = [file, *(os.path.join(root, name) for name in modules)]
        stats = [(path, os.stat(path)) for path in paths]
    except OSError:
        return ""
    return "|".join(f"{path}:{stat.st_mtime_ns}:{stat.st_size}" for path, stat in stats)


def _module_name(fn: Any) -> str:
    """The importable name, also of a module that runs as `python -m package.module`."""
    module = sys.modules.get(fn.__module__)
    spec = getattr(module, "__spec__", None)
    return str(getattr(spec, "name", "") or "") if fn.__module__ == "__main__" else fn.__module__
