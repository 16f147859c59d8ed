"""What an installed package has, read from its files and never imported."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

from mlrun_like.errors import nearest
from mlrun_like.packaging.scopes import bound_names
from mlrun_like.parsing import parse

__all__ = ["Missing", "missing_in_package"]

_LARGEST = 300_000
"""Characters of a module that is read; a larger one is believed."""
_PLACES = ("sys.modules", "lazy", "__path__")
"""Words of packages that may have modules elsewhere than in their folder."""
_OPEN = (*_PLACES, "globals(", "vars()", "exec(", "setattr(module", "import *")
"""Words of modules that may have more names than their text shows."""


class Missing(NamedTuple):
    """A module or name that an installed package has not got."""

    what: str
    fix: str
    severity: str


def missing_in_package(module: str, name: str = "") -> Missing | None:
    """Whether `import module`, or `from module import name`, fails; None: it works or none can say.

    Args:
        module: Dotted name; its first part is installed.
        name: A name in it.

    >>> missing_in_package("pydantic.fields", "Feild").what
    "'pydantic.fields' has no 'Feild'. Did you mean 'Field'?"
    """
    top, *rest = module.split(".")
    folder = _folder_of(top)
    loaded = sys.modules.get(module)
    if folder is None or (loaded is not None and (not name or name in vars(loaded))):
        return None
    path = folder
    for depth, part in enumerate(rest, 1):
        here = ".".join([top, *rest[:depth]])
        if _has(path, part):
            path = path / part
            continue
        text = _text_of(path)
        if text is None or any(word in text for word in _PLACES):
            return None
        close = nearest(part, _names_in(path))
        return Missing(
            f"the installed {top!r} has no module {here!r}.{close}",
            "correct the name, or ask for the version that has it: fn.with_requirements([...])",
            "error" if close else "warning",
        )
    if not name or _has(path, name):
        return None
    known = _bound(path)
    if known is None or name in known:
        return None
    close = nearest(name, sorted(known))
    return Missing(
        f"{module!r} has no {name!r}.{close}",
        f"correct the name, or ask for the version of {top!r} that has it",
        "error" if close else "warning",
    )


@functools.lru_cache(maxsize=256)
def _folder_of(top: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    # an editable install or a namespace may have its parts anywhere
    return Path(places[0]) if len(places) == 1 and spec is not None and spec.origin else None


def _has(folder: Path, part: str) -> bool:
    if (folder / part).is_dir() or (folder / f"{part}.py").is_file():
        return True
    return any(folder.glob(f"{part}.*.so")) or any(folder.glob(f"{part}.*pyd"))


def _names_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted({item.name.partition(".")[0] for item in folder.iterdir()} - {"__init__"})


def _text_of(path: Path) -> str | None:
    file = path / "__init__.py" if path.is_dir() else path.with_name(path.name + ".py")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= _LARGEST else None


@functools.lru_cache(maxsize=256)
def _bound(path: Path) -> frozenset[str] | None:
    """The names of a module; None if its text does not tell."""
    text = _text_of(path)
    if text is None or any(word in text for word in _OPEN):
        return None
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = frozenset(bound_names(tree.body))
    if "__getattr__" in names:  # the module's own: it may know any name
        return None
    return names | {"__version__", "__name__", "__file__", "__doc__"}
