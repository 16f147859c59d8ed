"""Follows code from one name to all that it uses, statement by statement."""

from __future__ import annotations

import ast
from typing import Any, Protocol

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.normal import chains, short_hash, token_of
from mlrun_like.packaging.origins import Finder, Source, absolute_base
from mlrun_like.packaging.scopes import imports_of, names_used
from mlrun_like.packaging.statements import IMPORTS, Part, parts_of

__all__ = ["Walk", "Watcher"]

_SEES_ALL = frozenset({"globals", "eval", "exec"})
_IMPORTERS = frozenset({"import_module", "__import__"})
_Path = tuple[str, ...]


class Watcher(Protocol):
    """Adds what only the running program knows of a name."""

    def text_of(self, source: Source, name: str) -> str | None:
        """Statements that give the name its present value; None: those of the source."""

    def reached(self, source: Source, name: str) -> None:
        """The name is used."""


class Walk:
    """What was reached so far.

    Args:
        finder: Where imports lead.
        watcher: Knows the running program, if it is the one that will be used.
    """

    def __init__(self, finder: Finder, watcher: Watcher | None = None) -> None:
        self.finder = finder
        self.code: dict[str, str] = {}
        """A digest, or a short value, of each thing that can be reached, by what it is."""
        self.tops: set[str] = set()
        """The installed packages, by the top-level names they are imported under."""
        self.unknown: list[str] = []
        """What could not be looked into, and why."""
        self._watcher = watcher
        self._pending: list[tuple[Source, str, _Path]] = []
        self._seen: set[tuple[int, str, _Path]] = set()
        self._done: set[tuple[int, str]] = set()
        self._annotated: set[tuple[int, str]] = set()

    def need(self, source: Source, name: str, path: _Path = (), annotations: bool = False) -> None:
        """A name of a module is used, with these attributes."""
        if annotations:
            self._annotated.add((id(source), name))
        key = (id(source), name, path)
        if key not in self._seen:
            self._seen.add(key)
            self._pending.append((source, name, path))

    def need_all(self, source: Source, main: bool = False) -> None:
        """A module may be used in any way; main: also what it does when it is run itself."""
        for name, indices in source.providers.items():
            if not all(isinstance(source.parts[index].node, IMPORTS) for index in indices):
                self.need(source, name)
        rest = [
            index for index, part in enumerate(source.parts)
            if not part.binds and not isinstance(part.node, IMPORTS)
        ]  # fmt: skip
        nodes: list[ast.stmt] = [source.clean(index) for index in rest]
        if main:
            nodes += [part.node for part in source.guards]
        tokens = [token_of(node) for node in nodes]
        self.code[f"statements of {source.label}"] = short_hash(" ".join(tokens))
        for node in nodes:
            self.follow(source, node)

    def finish(self) -> None:
        """Follow all that is pending."""
        try:
            while self._pending:
                self._take(*self._pending.pop())
        except PackagingError as exc:
            self.unknown.append(str(exc))
        except RecursionError:
            self.unknown.append("the code is nested too deep to be compared")

    def follow(self, source: Source, node: ast.stmt, cells: Any = None) -> None:
        """All that a statement uses; `cells` takes names that a function closes over."""
        uses = names_used(node)
        paths = chains(node)
        for name in {**uses.hard, **uses.soft}:
            if cells is not None and cells(name, paths.get(name, {()})):
                continue
            for path in paths.get(name, {()}):
                self.need(source, name, path)
        for statement in imports_of(node):
            for alias in statement.names:
                bound = alias.asname or alias.name.partition(".")[0]
                for path in paths.get(bound, ()):
                    self._alias(source, statement, alias, path)
        self._odd_uses(source, node, uses.hard)

    def use_module(self, name: str, path: _Path) -> None:
        """A module is used with these attributes; none: in any way."""
        found = self.finder.find(name)
        if isinstance(found, str):
            if found:
                self.tops.add(found)
            elif path and isinstance(self.finder.find(f"{name}.{path[0]}"), Source):
                self.use_module(f"{name}.{path[0]}", path[1:])
        elif not path:
            self.need_all(found)
        elif path[0] not in found.providers and isinstance(
            self.finder.find(f"{name}.{path[0]}"), Source
        ):
            self.use_module(f"{name}.{path[0]}", path[1:])
        else:
            self.need(found, path[0], path[1:])

    # --------------------------------------------------------------------------------------------

    def _take(self, source: Source, name: str, path: _Path) -> None:
        text = self._watcher.text_of(source, name) if self._watcher is not None else None
        if text is not None:
            self._made(source, name, path, parts_of(text, source.label))
            return
        if name not in source.providers:
            self._elsewhere(source, name, path)
            return
        for index in source.providers[name]:
            node = source.parts[index].node
            statements = (
                [node] if isinstance(node, IMPORTS) else _block_imports(source.clean(index))
            )
            for statement in statements:
                self._imported(source, statement, name, path)
        if (id(source), name) in self._done:
            return
        self._done.add((id(source), name))
        if self._watcher is not None:
            self._watcher.reached(source, name)
        annotated = (id(source), name) in self._annotated
        tokens = []
        for index in source.executed(name):
            if isinstance(source.parts[index].node, IMPORTS):
                continue
            node = source.clean(index, annotated)
            tokens.append(token_of(node) + self._position(source, name, index))
            self.follow(source, node)
        if tokens:
            joined = tokens[0] if len(tokens) == 1 else short_hash(" ".join(tokens))
            self.code[f"code of {name!r} in {source.label}"] = joined

    def _position(self, source: Source, name: str, index: int) -> str:
        """Where a statement stands among those that give other names several values."""
        places = []
        for used in source.parts[index].uses.hard:
            others = source.executed(used) if used != name else []
            if len(others) > 1:
                places.append(f"{used}@{sum(other < index for other in others)}")
        return "|".join(sorted(places))

    def _made(self, source: Source, name: str, path: _Path, parts: list[Part]) -> None:
        made = Source(source.label, source.package, parts)
        annotated = (id(source), name) in self._annotated
        for index, part in enumerate(parts):
            if isinstance(part.node, IMPORTS):
                self._imported(source, part.node, name, path)
                continue
            made.own = source.own
            node = made.clean(index, annotated or source.reads_forms)
            shown = token_of(node)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                shown = repr(node.value.value)[:40] if len(repr(node.value.value)) < 40 else shown
            what = "value" if isinstance(node, ast.Assign) else "code"
            self.code[f"{what} of {name!r} in {source.label}"] = shown
            self.follow(source, node)

    def _elsewhere(self, source: Source, name: str, path: _Path) -> None:
        """A name that a star import may bring, or the module makes when it is asked for."""
        for star in source.stars:
            found = self.finder.find(absolute_base(star, source.package))
            if isinstance(found, Source):
                if name in found.providers or found.stars:
                    self.need(found, name, path)
            elif found:
                self.tops.add(found)
        if "__getattr__" in source.providers and not name.startswith("__"):
            self.need(source, "__getattr__")

    def _imported(
        self, source: Source, node: ast.Import | ast.ImportFrom, name: str, path: _Path
    ) -> None:
        """The import of one name at the top level of a module."""
        for alias in node.names:
            if (alias.asname or alias.name).partition(".")[0] != name:
                continue
            base = "" if isinstance(node, ast.Import) else absolute_base(node, source.package)
            target = f"{base}.{alias.name}" if base else alias.name
            if target.partition(".")[0] not in source.own and base != "__future__":
                noun = f"import of {name!r} in {source.label}"
                known = self.code.get(noun, "").split(", ") if noun in self.code else []
                self.code[noun] = ", ".join(sorted({*known, target}))
            self._alias(source, node, alias, path)

    def _alias(
        self, source: Source, node: ast.Import | ast.ImportFrom, alias: ast.alias, path: _Path
    ) -> None:
        if isinstance(node, ast.Import):
            top = alias.name.partition(".")[0]
            if alias.asname or (not path and alias.name != top):
                self.use_module(alias.name, path)
            if not alias.asname:
                self.use_module(top, path)
            return
        base = absolute_base(node, source.package)
        if not base:
            return
        found = self.finder.find(base)
        if isinstance(found, Source) and alias.name in found.providers:
            self.need(found, alias.name, path)
            return
        if not (isinstance(found, str) and found) and isinstance(
            self.finder.find(f"{base}.{alias.name}"), Source
        ):
            self.use_module(f"{base}.{alias.name}", path)
        elif isinstance(found, Source):
            self.need(found, alias.name, path)
        elif found:
            self.tops.add(found)

    def _odd_uses(self, source: Source, node: ast.stmt, names: Any) -> None:
        """Names that are given as text: all of a module may be meant."""
        if any(name in _SEES_ALL and name not in source.providers for name in names):
            self.need_all(source)
        for call in ast.walk(node):
            if not (isinstance(call, ast.Call) and call.args):
                continue
            word = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
            first = call.args[0]
            name = first.value if isinstance(first, ast.Constant) else None
            if word in _IMPORTERS and isinstance(name, str) and not name.startswith("."):
                self.use_module(name, ())


def _block_imports(node: ast.stmt) -> list[ast.Import | ast.ImportFrom]:
    """The imports of a block at the top level, such as `try: import x`."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return []
    return imports_of(node)
