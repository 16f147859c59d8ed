"""Classes and functions by their names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module, reload
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = [
    "create_class",
    "create_function",
    "get_caller_globals",
    "get_class",
    "get_function",
    "get_handler_extended",
    "get_relative_module_name_from_path",
    "set_paths",
]


def create_class(pkg_class: str) -> Any:
    """The class of `package.module.Class`.

    >>> create_class("collections.OrderedDict").__name__
    'OrderedDict'
    """
    module, _, name = pkg_class.rpartition(".")
    return getattr(import_module(module), name)


def create_function(pkg_func: str, reload_modules: bool = False) -> Any:
    """The function of `package.module.function`, its module imported anew if asked for."""
    name, _, function = pkg_func.rpartition(".")
    module = import_module(name)
    return getattr(reload(module) if reload_modules else module, function)


def get_caller_globals() -> dict[str, Any] | None:
    """The names of the module that calls: the first outside of this product."""
    frame = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__")).startswith("mlrun_like."):
            return frame.f_globals
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _search(name: str, namespaces: Any) -> Any:
    several = namespaces if isinstance(namespaces, list) else [namespaces]
    for space in filter(None, several):
        known = vars(space) if isinstance(space, ModuleType) else space
        if name in known:
            return known[name]
    return None


def get_class(class_name: Any, namespace: Any = None) -> Any:
    """A class by its name in these namespaces, else by its full name; a class as it is.

    Raises:
        ImportError: if there is none.
    """
    if isinstance(class_name, type):
        return class_name
    found = _search(class_name, namespace)
    if found is not None:
        return found
    try:
        return create_class(class_name)
    except (ImportError, ValueError) as exc:
        raise ImportError(f"Failed to import {class_name}") from exc


def get_function(function: Any, namespaces: Any, reload_modules: bool = False) -> Any:
    """A function by its name in these namespaces, else by its full name.

    Args:
        function: Its name, `(event) expression`, or the function.
        namespaces: Mappings or modules.
        reload_modules: Import its module anew.

    Raises:
        ImportError: if there is none.
        ValueError: if an expression is not in brackets.
    """
    if callable(function):
        return function
    text = function.strip()
    if text.startswith("("):
        if not text.endswith(")"):
            raise ValueError('function expression must start with "(" and end with ")"')
        return eval(f"lambda event: {text[1:-1]}", {}, {})
    found = _search(text, namespaces)
    if found is not None:
        return found
    try:
        return create_function(text, reload_modules)
    except (ImportError, ValueError) as exc:
        raise ImportError(f"state/function init failed, handler '{text}' not found") from exc


def get_handler_extended(
    handler_path: Any,
    context: Any = None,
    class_args: Mapping[str, Any] | None = None,
    namespaces: Any = None,
    reload_modules: bool = False,
) -> Callable[..., Any]:
    """A function, or the method of `Class::method` of a new object.

    Args:
        handler_path: The path, or the function.
        context: Given to the class if it takes one.
        class_args: Arguments of the class.
        namespaces: Where names are looked up first.
        reload_modules: Import its module anew.

    Raises:
        ImportError: if there is none.
        TypeError: if the class cannot be made with these arguments.
    """
    owner, mark, method = handler_path.partition("::") if isinstance(handler_path, str) else (
        handler_path, "", ""
    )  # fmt: skip
    if not mark:
        found: Callable[..., Any] = get_function(handler_path, namespaces, reload_modules)
        return found
    cls = get_class(owner, namespaces)
    values = dict(class_args or {})
    if "context" in inspect.signature(cls).parameters:
        values["context"] = context
    try:
        instance = cls(**values)
    except TypeError as exc:
        raise TypeError(f"failed to init class {owner}\n args={class_args}") from exc
    if not hasattr(instance, method):
        raise ValueError(f"handler ({method}) specified but doesnt exist in class {owner}")
    bound: Callable[..., Any] = getattr(instance, method)
    return bound


def get_relative_module_name_from_path(
    source_file_path: str, working_directory: str | Iterable[str] = "."
) -> str:
    """The dotted name of a file below a folder; empty for one outside of it."""
    folder = Path(str(working_directory)).resolve()
    file = Path(source_file_path).resolve()
    return (
        ".".join(file.relative_to(folder).with_suffix("").parts) if (folder in file.parents) else ""
    )


def set_paths(pythonpath: str = "") -> None:
    """Add folders, with `:` between them, to `sys.path`."""
    for part in filter(None, pythonpath.split(":")):
        folder = str(Path(part).absolute())
        if folder not in sys.path:
            sys.path.append(folder)
