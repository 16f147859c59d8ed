"""Forgetting the modules of a handler, so that the next import reads their files anew."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from mlrun_like.packaging.local_modules import is_installed

__all__ = ["forget_modules"]


def forget_modules(handler: str) -> None:
    """Forget the module of a dotted handler, and the modules of the user that it uses.

    What is installed, the main program and this package stay.

    Args:
        handler: `package.module.function`.
    """
    parts = handler.split(".")
    heads = (".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
    start = next((sys.modules[head] for head in heads if head in sys.modules), None)
    waiting = [start] if start is not None else []
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        name = module.__name__
        if name in seen or not _is_own(module):
            continue
        seen.add(name)
        for value in list(vars(module).values()):
            used = value if isinstance(value, ModuleType) else _origin(value)
            if used is not None:
                waiting.append(used)
    for name in seen:
        sys.modules.pop(name, None)
        package, _, last = name.rpartition(".")
        if package in sys.modules:  # else `from package import last` finds the old one there
            vars(sys.modules[package]).pop(last, None)
    importlib.invalidate_caches()


def _origin(value: object) -> ModuleType | None:
    """The module that a function or class was imported from."""
    name = getattr(value, "__module__", None) if callable(value) else None
    return sys.modules.get(name) if isinstance(name, str) else None


def _is_own(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if not file or module.__name__.partition(".")[0] in ("__main__", "mlrun_like"):
        return False
    return not is_installed(Path(file))
