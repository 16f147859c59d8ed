"""What only the running program knows of code: values of constants, closures, notebook cells."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.edited import Edited
from mlrun_like.packaging.homes import file_of, home_of
from mlrun_like.packaging.local_modules import is_installed, place_of
from mlrun_like.packaging.normal import stripped, token_of
from mlrun_like.packaging.origins import Source
from mlrun_like.packaging.plain import plain_token
from mlrun_like.packaging.session import FileGlobals, Session, session_parts
from mlrun_like.packaging.source import plain_function
from mlrun_like.packaging.statements import DEFINITIONS, first_line
from mlrun_like.packaging.walking import Walk
from mlrun_like.parsing import parse

__all__ = ["Living"]

_MISSING: Any = object()
_SCALARS = (bool, int, float, str, bytes, complex, type(None))


class Living:
    """A `Watcher` of the program that runs now.

    Args:
        live: The handler runs in this process; else only its source will travel.
    """

    def __init__(self, live: bool) -> None:
        self.unknown: list[str] = []
        self._live = live
        self._walk: Walk
        self._homes: dict[str, Source] = {}
        self._spaces: dict[int, dict[str, Any]] = {}
        self._edited = Edited()
        self._checks: list[Callable[[], bool]] = []
        self._functions: set[int] = set()

    def holds(self) -> bool:
        """Whether all is still as it was seen."""
        return all(check() for check in self._checks)

    def start(self, walk: Walk, target: Any) -> None:
        """Begin with a handler."""
        self._walk = walk
        self._reach(target, annotations=True)

    def text_of(self, source: Source, name: str) -> str | None:
        """See Watcher."""
        live = source.live
        space = self._spaces.get(id(source))
        if live is None or space is None or (name not in space and name not in source.providers):
            if space is not None and live is not None and live.latest_only:
                self._checks.append(lambda: name not in space)
            return None
        defined = name in source.providers
        if not live.latest_only:
            return None if defined else live.text_for(name, defined, source.label) or None
        value = space.get(name, _MISSING)
        try:
            text = _own_source(value, name, space) or live.text_for(name, defined, source.label)
        except PackagingError as exc:
            self.unknown.append(str(exc))
            text = ""
        constant = not isinstance(value, (types.FunctionType, type, types.ModuleType))
        token = plain_token(value) if constant else None
        self._checks.append(
            lambda: (
                space.get(name, _MISSING) is value
                and (token is None or plain_token(value) == token)
            )
        )
        return text or None

    def reached(self, source: Source, name: str) -> None:
        """See Watcher."""
        space = source.namespace
        if not self._live or space is None or name not in space:
            return
        value = space[name]
        defined = [
            source.parts[index].node for index in source.providers[name]
            if isinstance(source.parts[index].node, DEFINITIONS)
        ]  # fmt: skip
        if defined:
            self._note(self._edited.since_import(source, value))
        elif name not in source.declared and _is_scalar(value):
            token = plain_token(value)
            self._walk.code[f"value of {name!r} in {source.label}"] = str(token)
            self._checks.append(lambda: plain_token(space.get(name, _MISSING)) == token)

    def _note(self, reason: str) -> None:
        if reason:
            self.unknown.append(reason)

    # -- live functions --------------------------------------------------------------------------

    def _reach(self, target: Any, annotations: bool = False) -> None:
        target = plain_function(target)
        inner = inspect.unwrap(target) if callable(target) else target
        if not isinstance(inner, (types.FunctionType, type)):
            kind = type(target).__name__
            self.unknown.append(f"{target!r:.80} is a {kind}, whose code is not known")
            return
        namespace, filename = home_of(inner)
        source = self._source(namespace, filename, str(inner.__module__ or ""))
        if source is None:
            return
        if "<locals>" not in inner.__qualname__:
            name = inner.__qualname__.partition(".")[0]
            if name not in source.providers and name not in namespace:
                self.unknown.append(f"the source of {name!r} is not available ({source.label})")
            self._walk.need(source, name, annotations=annotations)
            return
        while True:
            self._local(target, annotations)
            if target is inner:
                return
            target = target.__wrapped__

    def _source(self, namespace: dict[str, Any], filename: str, module: str) -> Source | None:
        file = file_of(namespace, filename)
        key = str(file) if file is not None else filename
        if key in self._homes:
            return self._homes[key]
        if file is not None and is_installed(file):
            self._walk.tops.add(module.partition(".")[0])
            return None
        if file is None:
            parts = session_parts(namespace, filename)
            source = Source("this session", "", parts, Session(namespace))
            self._walk.finder.add_root(Path.cwd())
            cells = namespace.get("In")
            if isinstance(cells, list):
                count = len(cells)
                self._checks.append(lambda: len(cells) == count)
        else:
            spec = namespace.get("__spec__")
            main = module == "__main__"
            name = str(getattr(spec, "name", "") or "") if main else module
            root, package = place_of(file, name)
            self._walk.finder.add_root(root)
            label = file.relative_to(root).as_posix()
            named = name if package or not main else file.stem
            live = FileGlobals(namespace)
            source = self._walk.finder.read(file, label, named or file.stem, package, live)
            source.namespace = namespace
        self._spaces[id(source)] = namespace
        self._homes[key] = source
        return source

    def _local(self, fn: Any, annotations: bool) -> None:
        """A function or class that is defined inside a function."""
        if id(fn) in self._functions:
            return
        self._functions.add(id(fn))
        self._checks.append(lambda keep=fn: True)  # type: ignore[misc]  # its id stays its own
        namespace, filename = home_of(fn)
        source = self._source(namespace, filename, str(fn.__module__ or ""))
        if source is None:
            return
        code = getattr(fn, "__code__", None)
        node = _definition(source, code.co_name if code else fn.__name__, code)
        if node is None:
            self.unknown.append(f"the source of {fn.__qualname__!r} is not available")
            return
        if self._live and code is not None:
            self._note(self._edited.since_import(source, fn))
        node = stripped(
            node, source.is_own, annotations=annotations or source.reads_forms,
            docs=source.reads_forms,
        )  # fmt: skip
        where = f"{fn.__qualname__!r} in {source.label}"
        self._walk.code[f"code of {where}"] = token_of(node)
        cells = _cells(fn)

        def take(name: str, paths: set[tuple[str, ...]]) -> bool:
            if name not in cells:
                return False
            self._cell(name, cells[name], where, paths)
            return True

        self._walk.follow(source, node, take)

    def _cell(
        self, name: str, cell: types.CellType, where: str, paths: set[tuple[str, ...]]
    ) -> None:
        try:
            value = cell.cell_contents
        except ValueError:
            return  # not bound yet
        plain = plain_function(value)
        if isinstance(value, types.ModuleType):
            for path in paths:
                self._walk.use_module(value.__name__, path)
            return
        if isinstance(
            inspect.unwrap(plain) if callable(plain) else None, types.FunctionType | type
        ):
            self._reach(plain)
            self._checks.append(lambda: cell.cell_contents is value)
            return
        token = plain_token(value)
        if token is None:
            kind = type(value).__name__
            self.unknown.append(f"variable {name!r} of {where} is a {kind}, not plain data")
            return
        self._walk.code[f"variable {name!r} of {where}"] = token
        self._checks.append(lambda: plain_token(cell.cell_contents) == token)


def _is_scalar(value: Any) -> bool:
    if type(value) is tuple:
        return len(value) <= 100 and all(map(_is_scalar, value))
    return type(value) in _SCALARS


def _own_source(value: Any, name: str, space: dict[str, Any]) -> str:
    """The text of a function of a session, as it is now; empty: its cells say."""
    target = plain_function(value)
    target = inspect.unwrap(target) if callable(target) else target
    if isinstance(target, type) and target.__name__ == name:
        return _class_source(target, space)
    if not isinstance(target, types.FunctionType) or target.__globals__ is not space:
        return ""
    if target.__name__ != name or target.__code__.co_name != name:
        return ""
    try:
        return textwrap.dedent(inspect.getsource(target))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return ""


def _class_source(made: type, space: dict[str, Any]) -> str:
    """The text of a class, from the cell of its methods."""
    for method in vars(made).values():
        if isinstance(method, types.FunctionType) and method.__globals__ is space:
            text = "".join(linecache.getlines(method.__code__.co_filename, space))
            try:
                nodes = parse(text).body
            except (SyntaxError, ValueError, RecursionError):
                return ""
            found = [n for n in nodes if isinstance(n, ast.ClassDef) and n.name == made.__name__]
            return ast.unparse(found[-1]) if found else ""
    return ""


def _definition(source: Source, name: str, code: types.CodeType | None) -> ast.stmt | None:
    """The definition of a local function: the one at its line, else the only one of its name."""
    found = [
        node for part in source.parts for node in ast.walk(part.node)
        if isinstance(node, DEFINITIONS) and node.name == name
    ]  # fmt: skip
    exact = [node for node in found if code and first_line(node) == code.co_firstlineno]
    return (exact or found)[0] if len(exact or found) == 1 else None


def _cells(fn: Any) -> dict[str, types.CellType]:
    """What a function, or the methods of a class, close over."""
    functions = vars(fn).values() if isinstance(fn, type) else [fn]
    found: dict[str, types.CellType] = {}
    for function in functions:
        if isinstance(function, types.FunctionType) and function.__closure__:
            found.update(zip(function.__code__.co_freevars, function.__closure__, strict=True))
    found.pop("__class__", None)
    return found
