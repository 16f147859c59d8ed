"""Where a live function or class comes from."""

from __future__ import annotations

import linecache
import os
import sys
import types
from pathlib import Path
from typing import Any

__all__ = ["file_of", "home_of"]


def home_of(fn: Any) -> tuple[dict[str, Any], str]:
    """The globals of a function or class and the file name its code carries."""
    if isinstance(fn, types.FunctionType):
        return fn.__globals__, fn.__code__.co_filename
    methods = [value for value in vars(fn).values() if isinstance(value, types.FunctionType)]
    methods = [method for method in methods if method.__module__ == fn.__module__]
    module = sys.modules.get(fn.__module__)
    namespace = vars(module) if module is not None else {}
    if methods and not (namespace.get("__file__") and vars(module).get(fn.__name__) is fn):
        return methods[0].__globals__, methods[0].__code__.co_filename
    return namespace, str(namespace.get("__file__", ""))


def file_of(namespace: dict[str, Any], filename: str) -> Path | None:
    """The module's file, if the code comes from it."""
    path = namespace.get("__file__")
    if not isinstance(path, str) or Path(path).name != Path(filename).name:
        return None
    if linecache.getlines(path, namespace):
        return Path(os.path.abspath(path))
    return None
