"""Modules whose files were edited since they were imported: forgotten, to be loaded anew."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.local_modules import LocalModules, is_installed, read_python
from mlrun_like.parsing import parse
from mlrun_like.tracking.process import own_start_time

__all__ = ["forget_edited"]

_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)
_MARGIN = 1.0
"""Seconds by which a file's time and this process's beginning may be wrong."""


def forget_edited(file: Path) -> list[str]:
    """Forget the module of a file, and the local modules that it imports, if one was edited.

    Modules of files that are older than this process stay: they cannot have been edited since they
    were imported. Objects of the forgotten modules live on with the code they had.

    Args:
        file: A `.py` file.

    Returns:
        The names of the modules that were forgotten; empty: none was edited.

    >>> forget_edited(Path("/nowhere/flow.py"))
    []
    """
    if file.suffix != ".py" or not file.is_file():
        return []
    own = {os.path.realpath(path) for path in (file, *_imported(file))}
    names = [
        name
        for name, module in list(sys.modules.items())
        if name != "__main__" and _file_of(module) in own
    ]
    edited = any(os.stat(path).st_mtime > _began() - _MARGIN for path in own)
    if not edited:
        return []
    for name in names:
        sys.modules.pop(name, None)
    for path in own:  # Python cannot tell two texts of one size and one second apart
        with suppress(OSError, NotImplementedError):
            os.unlink(importlib.util.cache_from_source(path))
    return names


def _imported(file: Path) -> Iterator[Path]:
    """The local modules that a file imports, directly or not."""
    roots = [file.parent, *(Path(entry) for entry in sys.path if entry)]
    kept = [root for root in dict.fromkeys(roots) if root.is_dir() and not is_installed(root)]
    found = LocalModules(kept, own_file=file)
    with suppress(PackagingError, SyntaxError, ValueError, RecursionError, MemoryError):
        found.follow(parse(read_python(file)), "", str(file))  # else importing says what it is
    for relative in found.texts:
        yield from (path for root in kept if (path := root / relative).is_file())


def _file_of(module: object) -> str:
    path = getattr(module, "__file__", None)
    return os.path.realpath(path) if isinstance(path, str) else ""


def _began() -> float:
    """When this process began, in seconds since 1970."""
    started = own_start_time(os.getpid())
    if started > 1e9 or _CLOCK is None:
        return started
    return time.time() - (time.clock_gettime(_CLOCK) - started)
