"""Files that were edited after they were imported: their text is not the code that runs."""

from __future__ import annotations

import inspect
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from mlrun_like.packaging.local_modules import read_python
from mlrun_like.packaging.origins import Source
from mlrun_like.packaging.source import plain_function

__all__ = ["Edited"]


class Edited:
    """Compares functions that run with what their files hold now."""

    def __init__(self) -> None:
        self._compiled: dict[Path, dict[str, list[types.CodeType]]] = {}

    def since_import(self, source: Source, value: Any) -> str:
        """What runs otherwise than the file says; empty: nothing, or it cannot be told.

        Args:
            source: The file's module.
            value: A function or class of it.
        """
        space = source.namespace or {}
        if source.path is None or type(space.get("__loader__")) is not SourceFileLoader:
            return ""  # code that a hook changed cannot be compared
        target = plain_function(value)
        target = inspect.unwrap(target) if callable(target) else target
        functions = vars(target).values() if isinstance(target, type) else [target]
        for function in functions:
            if not isinstance(function, types.FunctionType) or function.__globals__ is not space:
                continue
            code = function.__code__
            if Path(code.co_filename).name != source.path.name:
                continue  # made by a decorator or a data class
            same = self._texts(source.path).get(code.co_name, [])
            if not any(_same_code(code, other) for other in same):
                return (
                    f"{source.label} was edited after it was imported, and "
                    f"{function.__qualname__!r} runs as it was before (restart Python)"
                )
        return ""

    def _texts(self, path: Path) -> dict[str, list[types.CodeType]]:
        """The functions of a file as they would be compiled now, by name."""
        if path not in self._compiled:
            found: dict[str, list[types.CodeType]] = {}
            stack = [compile(read_python(path), str(path), "exec", dont_inherit=True)]
            while stack:
                code = stack.pop()
                found.setdefault(code.co_name, []).append(code)
                stack += [item for item in code.co_consts if isinstance(item, types.CodeType)]
            self._compiled[path] = found
        return self._compiled[path]


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    names = ("co_code", "co_names", "co_varnames", "co_freevars")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    return all(map(_same_constant, one.co_consts, other.co_consts))


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _same_code(one, other)
    if isinstance(one, frozenset):
        return bool(one == other)
    return type(one) is type(other) and repr(one) == repr(other)
