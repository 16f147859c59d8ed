"""One import finder: `mlrun`, any `mlrun.<module>`, `storey` and `nuclio` are modules made here.

Such a module has nothing in it at first. A name is looked up in the rows when it is asked for, and
stays. Every one is a package, so that `from mlrun.serving import Name` asks this finder for a name
that is missing, and the error can say why: Python's own would only say that it cannot import it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from mlrun_like.compat.known import known_modules, known_names
from mlrun_like.compat.table import AREAS, Missing, area_of, row_of, rows_of
from mlrun_like.errors import MissingImportError, MissingSymbolError, nearest

__all__ = ["AliasFinder", "AliasModule", "is_module"]


_MAIN = "mlrun.__main__"
_WITH_COMMANDS = frozenset({"mlrun", "nuclio"})


class AliasModule(ModuleType):
    """A module of an old name; what it has is looked up when it is used."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(_own(self.__name__))
        row = row_of(self.__name__, name)
        if name.startswith("__") and name.endswith("__") and not isinstance(row, str):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if isinstance(row, str):
            value = _load(row)
        elif is_module(f"{self.__name__}.{name}"):
            value = import_module(f"{self.__name__}.{name}")
        else:
            what, fix = _why(self.__name__, name, row)
            raise MissingSymbolError(what, where=_caller(), fix=fix)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_own(self.__name__)})


class AliasFinder:
    """Finds and makes the modules of the old names: a finder and loader of `importlib`.

    It is no child of their abstract classes, because importing these takes longer than all else.

    Args:
        packages: Those it speaks for.
        tell: Called with the name of a module before it is made.
    """

    def __init__(self, packages: Sequence[str], tell: Callable[[str], None] | None = None) -> None:
        self.packages = frozenset(packages)
        self._tell = tell
        self._loader: Any = self

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec; None for everything that is none of the old packages.

        Raises:
            MissingImportError: if the old package has no such module or name, or it is not here.
        """
        if fullname.partition(".")[0] not in self.packages:
            return None
        if fullname == _MAIN:
            return ModuleSpec(fullname, self._loader, origin="mlrun_like.compat")
        if is_module(fullname):
            origin = "mlrun_like.compat"
            return ModuleSpec(fullname, self._loader, origin=origin, is_package=True)
        module, _, name = fullname.rpartition(".")
        row = row_of(module, name)
        what, fix = _why(module, name, None if isinstance(row, str) else row)
        raise MissingImportError(what, where=_caller(), fix=fix)

    def get_code(self, fullname: str) -> CodeType:
        """What `python -m mlrun` runs: the command line; other modules have no code."""
        text = "from mlrun_like.cli.older.main import main\nmain()\n" if fullname == _MAIN else ""
        return compile(text, "<mlrun_like.compat>", "exec")

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module, which looks its names up."""
        if self._tell is not None:
            self._tell(spec.name)
        return AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run; what a reloaded module had kept is forgotten.

        In a notebook the old packages bring their `%nuclio` commands with them.
        """
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and not isinstance(value, AliasModule):
                delattr(module, name)
        if module.__name__ in _WITH_COMMANDS and "IPython" in sys.modules:
            import_module("mlrun_like.compat.adapted.nuclio.magics").register()


def _own(module: str) -> list[str]:
    return [name for name, row in (rows_of(module) or {}).items() if isinstance(row, str)]


def _load(row: str) -> Any:
    path, _, attribute = row.partition(":")
    value: Any = import_module(path)
    for part in attribute.split(".") if attribute else ():
        value = getattr(value, part)
    return value


@cache
def is_module(name: str) -> bool:
    """Whether the old packages have a module of this name."""
    if name in AREAS or rows_of(name) is not None:
        return True
    package = name.partition(".")[0]
    inside = f"{name}."
    if area_of(name) and any(known.startswith(inside) for known in AREAS):
        return True
    modules = known_modules(package)
    return name in modules or any(known.startswith(inside) for known in modules)


def _why(module: str, name: str, row: Missing | None) -> tuple[str, str]:
    """What is wrong, and how to mend it."""
    full = f"{module}.{name}"
    known = known_names(module) or ()
    there = name in known or name in _below(module)
    if row is not None and (there or not known or name in (rows_of(module) or {})):
        return f"{full} does not exist here; it was for {row.purpose}", row.nearest
    if there:
        return f"{full} does not exist here", "mlrun-like compat check lists what does"
    near = nearest(name, {*known, *_own(module)})
    return f"{full} does not exist, in MLRun neither.{near}", ""


def _below(module: str) -> set[str]:
    inside = f"{module}."
    return {
        known[len(inside) :].partition(".")[0]
        for known in known_modules(module.partition(".")[0])
        if known.startswith(inside)
    }


def _caller() -> str:
    """The line that asks: the first frame outside of this file and of importlib."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file != __file__ and "importlib" not in file:
            return f"{file}, line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
