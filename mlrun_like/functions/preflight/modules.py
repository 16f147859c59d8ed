"""Imports between the shipped files, and from installed packages, followed without running them."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.errors import nearest
from mlrun_like.functions.preflight.files import Files, certain_lines
from mlrun_like.functions.preflight.installed import missing_in_package
from mlrun_like.packaging.scopes import bound_names
from mlrun_like.packaging.statements import is_main_guard
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_modules"]


def check_modules(files: Files, handler: str, here: bool) -> Iterator[Finding]:
    """Imports that fail: of a name that is not there, in a circle, of a file that hides a package.

    Args:
        files: The shipped files.
        handler: The function that is called.
        here: The code runs with this interpreter, so installed packages can be looked at.
    """
    walk = _Walk(files, here)
    walk.load(files.name, files.main)
    for node in files.trees[files.main].body:
        if getattr(node, "name", "") == handler.partition("::")[0]:
            walk.body(node, handler)
    yield from walk.findings
    if here:
        yield from _hidden(files)


class _Walk:
    """Plays the loading of the modules, statement by statement."""

    def __init__(self, files: Files, here: bool) -> None:
        self._files = files
        self._here = here
        self._bound: dict[str, set[str]] = {}
        self._loading: list[str] = []
        self.findings: list[Finding] = []
        self._seen: set[str] = set()

    def load(self, module: str, path: str) -> None:
        """Play the top level of a module, once."""
        if module in self._bound:
            return
        self._bound[module] = set()
        self._loading.append(module)
        package = module if path.endswith("__init__.py") else module.rpartition(".")[0]
        tree = self._files.trees[path]
        self._statements(tree.body, module, package, path, True)
        if _is_open(tree):
            self._bound[module].add("*")
        self._loading.pop()

    def body(self, node: ast.AST, handler: str) -> None:
        """Look at the imports in the body of a definition, which runs when all is loaded."""
        lines = certain_lines(node, handler)
        module = self._files.name
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)) and inner.lineno in lines:
                self._import(inner, module.rpartition(".")[0], self._files.main, True)

    def _statements(
        self, nodes: list[ast.stmt], module: str, package: str, path: str, sure: bool
    ) -> None:
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node, package, path, sure)
            elif isinstance(node, ast.If):
                checking = "TYPE_CHECKING" in ast.unparse(node.test) or is_main_guard(node)
                if not checking:
                    self._statements(node.body, module, package, path, False)
                self._statements(node.orelse, module, package, path, checking and sure)
            elif isinstance(node, ast.Try):
                plain = sure and not node.handlers
                self._statements(node.body, module, package, path, plain)
                for item in node.handlers:
                    self._statements(item.body, module, package, path, False)
                self._statements([*node.orelse, *node.finalbody], module, package, path, plain)
            elif isinstance(node, ast.With):
                self._statements(node.body, module, package, path, sure)
            self._bound[module] |= bound_names([node])

    def _import(
        self, node: ast.Import | ast.ImportFrom, package: str, path: str, sure: bool
    ) -> None:
        where = f"{self._files.label(path)}:{node.lineno}"
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._module(alias.name, where, sure)
            return
        base = node.module or ""
        if node.level:
            try:
                base = importlib.util.resolve_name("." * node.level + base, package)
            except ImportError:
                return  # said when the code was captured
        names = [alias.name for alias in node.names if alias.name != "*"]
        if not self._module(base, where, sure) or not sure:
            return
        for name in names:
            self._name(base, name, where)

    def _module(self, name: str, where: str, sure: bool) -> bool:
        """Load a shipped module and its parents; False if it is none."""
        parts = name.split(".")
        if not (self._files.path_of(parts[0]) or self._files.is_folder(parts[0])):
            if self._here and sure and parts[0] not in sys.stdlib_module_names:
                self._installed(name, "", where)
            return self._here
        for length in range(1, len(parts) + 1):
            prefix = ".".join(parts[:length])
            path = self._files.path_of(prefix)
            if path:
                self.load(prefix, path)
            elif not self._files.is_folder(prefix):
                if sure:
                    parent = ".".join(parts[: length - 1])
                    self._say(
                        "module-missing",
                        f"there is no module {prefix!r}.{nearest(prefix, self._siblings(parent))}",
                        where,
                        f"{parent!r} has: {', '.join(self._siblings(parent)) or 'nothing'}",
                    )
                return False
        return True

    def _siblings(self, parent: str) -> list[str]:
        head = parent.replace(".", "/") + "/"
        below = {path[len(head) :].partition("/")[0] for path in self._files.trees
                 if path.startswith(head)}  # fmt: skip
        # only what is imported is shipped; where the files come from there may be others
        folder = Path(self._files.shown).parent / head
        if Path(self._files.shown).is_absolute() and folder.is_dir():
            below |= {item.name for item in folder.iterdir() if item.suffix in ("", ".py")}
        names = {name.removesuffix(".py") for name in below} - {"__init__", "__pycache__"}
        return sorted(f"{parent}.{name}" for name in names)

    def _name(self, module: str, name: str, where: str) -> None:
        path = self._files.path_of(module)
        if not path:
            if self._here and not self._files.is_folder(module):
                self._installed(module, name, where)
            return
        whole = f"{module}.{name}"
        bound = self._bound.get(module, set())
        if name in bound or "*" in bound:
            return
        if self._files.path_of(whole) or self._files.is_folder(whole):
            self.load(whole, self._files.path_of(whole)) if self._files.path_of(whole) else None
            return
        tree = self._files.trees[path]
        there = bound_names(tree.body)
        if _is_open(tree):
            return
        label = self._files.label(path)
        if module in self._loading and name in there:
            circle = " -> ".join([*self._loading[self._loading.index(module) :], module])
            self._say(
                "import-circle",
                f"{name!r} is imported from {module!r} before it is defined there: the modules "
                f"import each other in a circle ({circle})",
                where,
                f"move {name!r} into a third module that both import, or import it inside the "
                "function that uses it",
            )
            return
        self._say(
            "name-missing",
            f"{label} has no {name!r} to import.{nearest(name, there)}",
            where,
            f"it defines: {', '.join(sorted(there)[:20]) or 'nothing'}",
        )

    def _installed(self, module: str, name: str, where: str) -> None:
        if module.partition(".")[0] in sys.stdlib_module_names:
            return
        found = missing_in_package(module, name)
        if found is not None:
            self._say("name-missing", found.what, where, found.fix, found.severity)

    def _say(self, code: str, what: str, where: str, fix: str, severity: str = "error") -> None:
        if what not in self._seen:
            self._seen.add(what)
            self.findings.append(Finding(code, what, where, fix, severity))


def _is_open(tree: ast.Module) -> bool:
    """Whether a module may have names that its text does not show."""
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(item.name == "*" for item in node.names):
            return True
        if isinstance(node, ast.Name) and node.id in ("globals", "exec", "setattr", "vars"):
            return True
    return False


def _hidden(files: Files) -> Iterator[Finding]:
    """Shipped files with the name of an installed package that they want to import themselves."""
    folders = [item for item in sys.path if Path(item).name in ("site-packages", "dist-packages")]
    for path, tree in files.trees.items():
        stem = path.removesuffix(".py")
        if "/" in path or stem in sys.stdlib_module_names:
            continue
        asks = [
            node
            for node in ast.walk(tree)
            if (isinstance(node, ast.Import)
                and any(item.name.partition(".")[0] == stem for item in node.names))
            or (isinstance(node, ast.ImportFrom) and not node.level
                and (node.module or "").partition(".")[0] == stem)
        ]  # fmt: skip
        if asks and importlib.machinery.PathFinder.find_spec(stem, folders) is not None:
            yield Finding(
                "module-hidden",
                f"your file {Path(files.label(path)).name!r} hides the installed package {stem!r}, "
                "so it imports itself",
                f"{files.label(path)}:{asks[0].lineno}",
                f"rename the file, such as my_{stem}.py",
            )
