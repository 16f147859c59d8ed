"""The statements of a module that a handler needs, in their order.

Kept are all statements that bind a needed name, and then, until nothing changes:

- assignments into a kept variable (`TABLE["a"] = 1`) and method calls on one (`ITEMS.append(2)`);
- calls on kept imports alone (`warnings.filterwarnings("ignore")`, `random.seed(0)`);
- functions and classes that a decorator registers in a kept variable.

Left out are `if __name__ == "__main__":` blocks, decorators of this package, and calls that involve
this package or a function of the module, since those would start work while the code is loaded.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from mlrun_like.errors import PackagingError, nearest
from mlrun_like.packaging.scopes import names_used, root_name
from mlrun_like.packaging.statements import (
    DEFINITIONS,
    IMPORTS,
    Part,
    changed_roots,
    first_line,
    is_future,
    is_main_guard,
    parts_of,
    replaces,
    without_decorators,
)

__all__ = ["OWN_PACKAGE", "Live", "Slice", "slice_parts"]

OWN_PACKAGE = __name__.partition(".")[0]
# Notebooks add these two to the built-ins; elsewhere they do not exist.
_BUILTINS = frozenset(dir(builtins)) - {"display", "get_ipython"} | {
    "__file__", "__spec__", "__path__", "__annotations__", "__builtins__", "__package__",
}  # fmt: skip


class Slice(NamedTuple):
    """What was kept."""

    code: str
    parts: list[Part]


class Live(Protocol):
    """The running module behind the text."""

    latest_only: bool
    """Whether the statements are a history, in which later definitions replace earlier ones."""

    def has(self, name: str) -> bool:
        """Whether the name exists."""

    def text_for(self, name: str, defined: bool, where: str) -> str:
        """Statements that define the name from its value; empty: take them from the text."""


class _Selection:
    def __init__(self, parts: list[Part], live: Live | None, strict: bool = True) -> None:
        self.strict = strict
        self.parts = [part for part in parts if not is_main_guard(part.node)]
        self.guarded = {n for p in parts if is_main_guard(p.node) for n in p.binds}
        self.kept: set[int] = set()
        self.names: set[str] = set()
        self.providers: dict[str, list[int]] = {}
        self.declared: set[str] = set()
        self.stars: list[int] = []
        self.made: list[Part] = []
        self.live = live
        for index, part in enumerate(self.parts):
            for name in part.binds:
                self.providers.setdefault(name, []).append(index)
            self.declared |= part.uses.declared
            if isinstance(part.node, ast.ImportFrom) and part.node.names[0].name == "*":
                self.stars.append(index)
        if live is not None and live.latest_only:
            self._forget_replaced()
        self.own = self._own_names(OWN_PACKAGE)
        self.old = self._own_names("mlrun")  # decorators of this name travel, calls do not
        self.definitions = {
            name for part in self.parts if isinstance(part.node, DEFINITIONS)
            for name in part.binds
        }  # fmt: skip
        self.imported = {
            name for part in self.parts if isinstance(part.node, IMPORTS) for name in part.binds
        }

    def _forget_replaced(self) -> None:
        """In a session a cell may run twice; of each name only the last definition counts."""
        for name, indices in self.providers.items():
            for position in range(len(indices) - 1, 0, -1):
                if replaces(self.parts[indices[position]], name):
                    self.providers[name] = indices[position:]
                    break

    def _own_names(self, package: str) -> set[str]:
        """Names that stand for a package or for something it returned."""
        own: set[str] = set()
        for part in self.parts:
            node = part.node
            if isinstance(node, ast.Import):
                own |= {
                    (a.asname or a.name).partition(".")[0] for a in node.names
                    if a.name.partition(".")[0] == package
                }  # fmt: skip
            elif isinstance(node, ast.ImportFrom):
                if not node.level and (node.module or "").partition(".")[0] == package:
                    own |= part.binds
            elif isinstance(node, ast.Assign) and root_name(node.value) in own:
                own |= part.binds
        return own

    def is_own(self, decorator: ast.expr) -> bool:
        return root_name(decorator) in self.own

    def uses(self, part: Part) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Hard and soft names, without those of decorators that do not travel."""
        dropped = [d for d in getattr(part.node, "decorator_list", []) if self.is_own(d)]
        if not dropped:
            return part.uses.hard, part.uses.soft
        clean = without_decorators(part.node, dropped)
        uses = names_used(clean)
        hard = {name: line for name, line in uses.hard.items() if name in part.uses.hard}
        return hard, part.uses.soft

    def need(self, name: str, where: str, *, required: bool = True) -> None:
        pending = [(name, where, required)]
        while pending:
            name, where, required = pending.pop()
            if name in self.names:
                continue
            found = self.providers.get(name, [])
            made = self._make(name, bool(found), where) if name not in _BUILTINS else []
            if made:
                self.names.add(name)
                for part in made:
                    self.made.append(part)
                    pending += self._needs(part)
                continue
            if not found and not self._is_known(name):
                if required and self.strict:
                    raise self._unresolved(name, where)
                continue
            self.names.add(name)
            for index in found:
                pending += self.keep(index)

    def keep(self, index: int) -> list[tuple[str, str, bool]]:
        """Take a statement; returns the names it needs."""
        if index in self.kept:
            return []
        self.kept.add(index)
        return self._needs(self.parts[index])

    def _make(self, name: str, defined: bool, where: str) -> list[Part]:
        if self.live is None or (not defined and name in self.guarded | self.declared):
            return []
        if self.stars and not self.live.latest_only:
            return []  # the star import itself travels
        text = self.live.text_for(name, defined, where)
        return parts_of(text, where) if text else []

    def _needs(self, part: Part) -> list[tuple[str, str, bool]]:
        hard, soft = self.uses(part)
        needs = [(n, f"{part.where}:{line}", True) for n, line in hard.items()]
        return needs + [(n, f"{part.where}:{line}", False) for n, line in soft.items()]

    def _is_known(self, name: str) -> bool:
        if name in _BUILTINS or name in self.declared:
            return True
        if self.stars and self.live is not None and self.live.has(name):
            for index in self.stars:
                self.keep(index)
            return True
        return False

    def _unresolved(self, name: str, where: str) -> PackagingError:
        if name in self.guarded:
            return PackagingError(
                f"name {name!r} is only defined under 'if __name__ == \"__main__\":', "
                "which does not travel",
                where=where,
                fix=f"define {name!r} at the top level of the module",
            )
        known = {*self.providers, *_BUILTINS}
        return PackagingError(
            f"name {name!r} is not defined, imported or built in.{nearest(name, known)}",
            where=where,
            fix=f"define or import {name!r} in the same module, or pass it as a parameter",
        )

    def extend(self) -> bool:
        """Add statements that change what is kept; whether there were any."""
        before = len(self.kept)
        for index, part in enumerate(self.parts):
            if index not in self.kept and self._touches(part, index):
                for name, where, required in self.keep(index):
                    self.need(name, where, required=required)
        return len(self.kept) > before

    def _variables(self) -> set[str]:
        fixed = {name for part in self.made for name in part.binds}
        return self.names - self.imported - self.definitions - _BUILTINS - self.own - fixed

    def _touches(self, part: Part, index: int) -> bool:
        node = part.node
        variables = self._variables()
        if isinstance(node, DEFINITIONS):
            return any(self._registers(d, variables) for d in node.decorator_list)
        if isinstance(node, IMPORTS) or (self.own | self.old).intersection(part.uses.hard):
            return False
        changed = changed_roots(node) & variables
        if any(index > min(self.providers.get(name, [0])) for name in changed):
            return True
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            return False
        used = set(part.uses.hard) - _BUILTINS
        return bool(used) and used <= (self.names & self.imported)

    def _registers(self, decorator: ast.expr, variables: set[str]) -> bool:
        root = root_name(decorator)
        if root in variables:
            return True
        return any(
            variables.intersection(self.parts[index].uses.hard)
            for index in self.providers.get(root, [])
            if root in self.definitions
        )


def slice_parts(
    parts: list[Part],
    wanted: Collection[str],
    where: str,
    live: Live | None = None,
    strict: bool = True,
) -> Slice:
    """Keep what the wanted names need.

    Args:
        parts: The module's statements.
        wanted: Names that must be there.
        where: The module, for messages.
        live: The running module, if there is one.
        strict: Whether what is needed must be defined somewhere.

    Raises:
        PackagingError: naming a name that is needed and nowhere defined, with its line.
    """
    selection = _Selection(parts, live, strict)
    for name in wanted:
        selection.need(name, where)
    while selection.extend():
        pass
    kept = [selection.parts[index] for index in sorted(selection.kept)]
    future = [
        p for p in parts if isinstance(p.node, ast.ImportFrom) and p.node.module == "__future__"
    ]
    kept = [*future, *selection.made, *(part for part in kept if part not in future)]
    code: list[str] = []
    before: ast.stmt | None = None
    for part in kept:
        text = _render(part, selection)
        if not text:
            continue
        spaced = isinstance(part.node, DEFINITIONS) or isinstance(before, DEFINITIONS)
        code.append(("\n\n" if spaced and code else "") + text)
        before = part.node
    return Slice("\n".join(code) + "\n", kept)


def _render(part: Part, selection: _Selection) -> str:
    node = part.node
    if isinstance(node, IMPORTS) and not is_future(node):
        aliases = [
            a for a in node.names
            if a.name == "*" or (a.asname or a.name).partition(".")[0] in selection.names
        ]  # fmt: skip
        if len(aliases) < len(node.names):
            fields = {**dict(ast.iter_fields(node)), "names": aliases}
            return ast.unparse(type(node)(**fields)) if aliases else ""
    dropped = [d for d in getattr(node, "decorator_list", []) if selection.is_own(d)]
    if not part.alone:
        return ast.unparse(without_decorators(node, dropped) if dropped else node)
    start, end = first_line(node), node.end_lineno or node.lineno
    gone = {n for d in dropped for n in range(d.lineno, (d.end_lineno or d.lineno) + 1)}
    return "\n".join(part.lines[n - 1] for n in range(start, end + 1) if n not in gone)
