"""The modules that code can reach: their statements by name, and where an import leads."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from mlrun_like.packaging.local_modules import is_installed, read_python
from mlrun_like.packaging.normal import MARKER_NAMES, stripped
from mlrun_like.packaging.scopes import root_name
from mlrun_like.packaging.slicing import OWN_PACKAGE, Live
from mlrun_like.packaging.statements import (
    DEFINITIONS,
    IMPORTS,
    Part,
    changed_roots,
    is_main_guard,
    parts_of,
    replaces,
)

__all__ = ["Finder", "Source", "absolute_base"]


class Source:
    """One module's statements, by the names they bind and change.

    Args:
        label: How it is called in messages: its file, relative to where imports start.
        package: The package that its relative imports start from.
        parts: Its statements.
        live: The running module, if its code is not only text.
        path: Its file.
        namespace: The running module's names, if it was imported from this file.
    """

    def __init__(
        self,
        label: str,
        package: str,
        parts: list[Part],
        live: Live | None = None,
        path: Path | None = None,
        namespace: dict[str, Any] | None = None,
    ) -> None:
        self.label = label
        self.package = package
        self.live = live
        self.path = path
        self.namespace = namespace
        self.guards = [part for part in parts if is_main_guard(part.node)]
        self.parts = [part for part in parts if not is_main_guard(part.node)]
        self.reads_forms = any(word in line for word in MARKER_NAMES for line in _lines(parts))
        self.declared = {name for part in parts for name in part.uses.declared}
        self.providers: dict[str, list[int]] = {}
        self.stars: list[ast.ImportFrom] = []
        for index, part in enumerate(self.parts):
            if isinstance(part.node, ast.ImportFrom) and part.node.names[0].name == "*":
                self.stars.append(part.node)
                continue
            for name in part.binds:
                self.providers.setdefault(name, []).append(index)
        if live is not None and live.latest_only:
            self._forget_replaced()
        self.own = self._own_names()
        self._changes = self._changed()
        self._clean: dict[tuple[int, bool], ast.stmt] = {}

    def is_own(self, decorator: ast.expr) -> bool:
        """Whether a decorator is one of this package."""
        return root_name(decorator) in self.own

    def clean(self, index: int, annotations: bool = False) -> ast.stmt:
        """A statement without what does not count."""
        key = (index, annotations or self.reads_forms)
        if key not in self._clean:
            self._clean[key] = stripped(
                self.parts[index].node, self.is_own, annotations=key[1], docs=self.reads_forms
            )
        return self._clean[key]

    def executed(self, name: str) -> list[int]:
        """The statements that give a name its value or change it, in their order."""
        return sorted({*self.providers.get(name, ()), *self._changes.get(name, ())})

    def _forget_replaced(self) -> None:
        """In a session a cell may run twice; of each name only the last definition counts."""
        for name, indices in self.providers.items():
            for position in range(len(indices) - 1, 0, -1):
                if replaces(self.parts[indices[position]], name):
                    self.providers[name] = indices[position:]
                    break

    def _own_names(self) -> set[str]:
        own: set[str] = set()
        for part in self.parts:
            node = part.node
            if isinstance(node, ast.Import):
                own |= {
                    (a.asname or a.name).partition(".")[0] for a in node.names
                    if a.name.partition(".")[0] == OWN_PACKAGE
                }  # fmt: skip
            elif isinstance(node, ast.ImportFrom):
                base = "" if node.level else node.module or ""
                own |= part.binds if base.partition(".")[0] == OWN_PACKAGE else set()
        return own

    def _changed(self) -> dict[str, set[int]]:
        """Which statements change what a name stands for after it has its value."""
        found: dict[str, set[int]] = {}
        defined = {
            name for part in self.parts if isinstance(part.node, DEFINITIONS) for name in part.binds
        }
        imported = {n for part in self.parts if isinstance(part.node, IMPORTS) for n in part.binds}
        variables = set(self.providers) - defined - imported
        calls: dict[str, set[int]] = {}
        for index, part in enumerate(self.parts):
            node = part.node
            if isinstance(node, DEFINITIONS):
                for name in part.uses.declared:
                    found.setdefault(name, set()).add(index)
                for decorator in node.decorator_list:
                    for name in self._registered(root_name(decorator), variables):
                        found.setdefault(name, set()).add(index)
                continue
            called = node.value.func if _is_call(node) else None  # type: ignore[attr-defined]
            if isinstance(called, ast.Name):
                calls.setdefault(called.id, set()).add(index)
            for name in changed_roots(node) - self.own:
                if name not in defined or not isinstance(called, ast.Attribute):
                    found.setdefault(name, set()).add(index)
        for name, indices in calls.items():
            if name in imported - self.own:
                found.setdefault(name, set()).update(indices)
            for definition in self.providers.get(name, ()) if name in defined else ():
                for changed in self.parts[definition].uses.declared:
                    found.setdefault(changed, set()).update(indices)
        return found

    def _registered(self, root: str, variables: set[str]) -> set[str]:
        """The variables that a decorator may put a function into."""
        if root in variables:
            return {root}
        return {
            name
            for index in self.providers.get(root, ())
            if isinstance(self.parts[index].node, DEFINITIONS)
            for name in variables.intersection(self.parts[index].uses.hard)
        }


def _is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _lines(parts: list[Part]) -> Iterable[str]:
    seen: set[int] = set()
    for part in parts:
        if id(part.lines) not in seen:
            seen.add(id(part.lines))
            yield from part.lines


class Finder:
    """Where imports lead.

    Args:
        roots: Folders in which they are looked up first; then those of `sys.path`.
        embedded: Relative path -> text of modules that travel with the code.
    """

    def __init__(
        self, roots: Iterable[Path] = (), embedded: Mapping[str, str] | None = None
    ) -> None:
        self._roots = [str(root) for root in roots]
        self._embedded = embedded or {}
        self._found: dict[str, Source | str] = {}
        self.files: list[Path] = []
        """The files that were read."""

    def find(self, name: str) -> Source | str:
        """A local module; or the top-level name of an installed package; or an empty text: part of
        Python, of this package, or no module.

        Raises:
            PackagingError: if a local module is not valid Python.
        """
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Source | str:
        top = name.partition(".")[0]
        if not top or top == OWN_PACKAGE:
            return ""
        relative = name.replace(".", "/")
        for path in (f"{relative}/__init__.py", f"{relative}.py"):
            if path in self._embedded:
                package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
                return Source(path, package, parts_of(self._embedded[path], path))
        spec = self._spec(name)
        if spec is None or not spec.origin or spec.origin in ("built-in", "frozen"):
            if top in sys.stdlib_module_names or (spec is None and "." in name):
                return ""
            found = self._spec(top)
            here = found is not None and not found.origin  # a folder without __init__.py
            return "" if here else top
        path_of = Path(spec.origin)
        if is_installed(path_of):
            return "" if top in sys.stdlib_module_names else top
        is_package = path_of.name == "__init__.py"
        label = f"{relative}/__init__.py" if is_package else f"{relative}{path_of.suffix}"
        return self.read(path_of, label, name, name if is_package else name.rpartition(".")[0])

    def read(
        self, path: Path, label: str, name: str, package: str, live: Live | None = None
    ) -> Source:
        """The module of a file, which imports find under a name from now on."""
        self.files.append(path)
        if path.suffix == ".py":
            text = read_python(path)
        else:  # a compiled module has no statements, but its content's digest stands for them
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            text = f"__compiled__ = {digest!r}\ndef __getattr__(name): return __compiled__"
        module = sys.modules.get(name)
        same = module is not None and str(getattr(module, "__file__", "")) == str(path)
        source = Source(
            label, package, parts_of(text, label), live, path, vars(module) if same else None
        )
        self._found[name] = source
        return source

    def add_root(self, root: Path) -> None:
        """Look into this folder too."""
        if str(root) not in self._roots:
            self._roots.append(str(root))

    def _spec(self, name: str) -> Any:
        """How Python would find a module, without importing anything."""
        parts = name.split(".")
        top = parts[0]
        spec: Any = None
        if top in sys.stdlib_module_names and not _shadowed(top):
            return None
        locations: list[str] | None = [*self._roots, *sys.path]
        for length in range(1, len(parts) + 1):
            if locations is None:
                return None
            spec = PathFinder.find_spec(".".join(parts[:length]), list(locations))
            if spec is None and length == 1:
                spec = _loaded(top)  # an editable install is found by a hook of its own
            if spec is None:
                return None
            locations = spec.submodule_search_locations
        return spec


def _shadowed(name: str) -> bool:
    """Whether a file of the user's takes the place of the standard module."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return bool(file) and not is_installed(Path(str(file)))


@functools.lru_cache(maxsize=256)
def _loaded(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def absolute_base(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from ... import` names; empty if it leads nowhere."""
    base = node.module or ""
    if not node.level:
        return base
    try:
        return importlib.util.resolve_name("." * node.level + base, package)
    except ImportError:
        return ""
