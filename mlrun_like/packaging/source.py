"""Capture of code: a handler with what it uses, or a whole file."""

from __future__ import annotations

import ast
import base64
import functools
import inspect
import linecache
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.errors import PackagingError, nearest
from mlrun_like.packaging.describe import entry_points_from_source
from mlrun_like.packaging.homes import file_of, home_of
from mlrun_like.packaging.local_modules import LocalModules, place_of, read_python
from mlrun_like.packaging.notebook import to_source
from mlrun_like.packaging.scopes import bound_names
from mlrun_like.packaging.session import FileGlobals, Session, session_parts
from mlrun_like.packaging.slicing import OWN_PACKAGE, Slice, slice_parts
from mlrun_like.packaging.statements import Part, is_main_guard, parts_of
from mlrun_like.parsing import parse
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Captured", "capture_callable", "capture_file", "embed", "plain_function"]


class Captured(NamedTuple):
    """Code ready to travel.

    Args:
        code: The source of the main module.
        modules: Relative path -> source of the local modules it imports.
        origin_module: The module's name where it came from; `__main__` for scripts and notebooks.
        origin_filename: Its file, empty if it had none.
        handler: `func` or `Class::method`; empty for a whole file.
    """

    code: str
    modules: dict[str, str]
    origin_module: str
    origin_filename: str
    handler: str


def plain_function(fn: Any) -> Any:
    """The user's function behind a function object of this package."""
    seen = 0
    while type(fn).__module__.partition(".")[0] == OWN_PACKAGE and seen < 100:
        inner = getattr(fn, "__wrapped__", None)
        if inner is None:
            break
        fn, seen = inner, seen + 1
    return fn


def capture_callable(fn: Callable[..., Any], also: Sequence[str] = ()) -> Captured:
    """The source of a handler with everything it uses in its module, and local modules.

    Works for functions and classes of files, scripts, notebooks and doctests. Nothing is run.

    Args:
        fn: A function or class defined at the top level of a module, or a function in a class.
        also: Names that travel with it if its module defines them, used or not.

    Raises:
        PackagingError: if it has no source, depends on local variables, or uses a name that is
            nowhere defined; the message names it with its file and line.
    """
    target = plain_function(fn)
    _check_kind(target)
    inner = inspect.unwrap(target)
    _check_kind(inner)
    handler = inner.__qualname__.replace(".", "::")
    name = handler.partition("::")[0]
    namespace, filename = home_of(inner)
    module = str(getattr(inner, "__module__", "") or "")
    file = file_of(namespace, filename)
    if file is None:
        return _capture_session(name, handler, namespace, filename, also)
    linecache.checkcache(str(file))
    lines = linecache.getlines(str(file), namespace)
    text = "".join(lines) if lines else read_python(file)
    parts = parts_of(text, str(file))
    if not any(name in part.binds for part in parts):
        raise PackagingError(
            f"{name!r} is no longer defined in its file",
            where=str(file),
            fix="the file was edited after it was imported: restart Python",
        )
    wanted = [name, *_bound_of(also, parts)]
    kept = slice_parts(parts, wanted, str(file), FileGlobals(namespace))
    root, package = place_of(file, _real_name(module, namespace))
    local = LocalModules([root], own_file=file)
    _follow(local, kept, package, str(file))
    code = kept.code
    if package:
        local.add(package)
    if local.reaches_own_file:
        # Another module imports from the handler's file, so it needs more of it than the slice.
        code = _without_guard(text)
        local.follow(parse(code), package, str(file))
    return Captured(code, local.texts, module, str(file), handler)


def capture_file(
    path: str | Path, name: str = "", handler: str = "", embed: bool = True
) -> tuple[Captured, dict[str, Any]]:
    """A whole `.py` file or notebook, and the configuration a notebook's magics make.

    Args:
        path: The file.
        name: The function's name, which selects named sections of a notebook.
        handler: The function to call in it; checked to be there.
        embed: Whether the code travels; without it only a `.py` file will do.

    Raises:
        PackagingError: if the file is missing, of another kind, not text or not valid Python.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in (".py", ".ipynb"):
        raise PackagingError(
            f"a file of kind {suffix!r} cannot become a function",
            where=str(path),
            fix="give a .py or .ipynb file",
        )
    if not file.is_file():
        raise PackagingError(
            "the path is a folder" if file.is_dir() else "the file does not exist", where=str(path)
        )
    file = file.absolute()
    if suffix == ".ipynb":
        if not embed:
            raise PackagingError(
                "a notebook's code must be embedded", where=str(path), fix="leave embed_code=True"
            )
        code, settings = to_source(file, name)
    else:
        code, settings = read_python(file), {}
    try:
        tree = parse(code)
        compile(code, str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as exc:
        line = getattr(exc, "lineno", None)
        raise PackagingError(
            f"the code is not valid Python: {getattr(exc, 'msg', None) or exc}",
            where=f"{path}:{line}" if line else str(path),
            fix="correct that line; `python -m py_compile FILE` shows the same",
        ) from exc
    if not (tree.body or (code.strip() and file.suffix != ".ipynb")):
        raise PackagingError("there is no code in the file", where=str(path), fix="write some")
    _check_handler(tree, handler, str(path))
    if not embed:
        return Captured("", {}, file.stem, str(file), handler), settings
    local = LocalModules([file.parent], own_file=file)
    local.follow(tree, "", str(path))
    return Captured(code, local.texts, file.stem, str(file), handler), settings


def embed(doc: FunctionDoc, captured: Captured) -> None:
    """Put captured code into a function document, with its entry points."""
    build = doc.spec.build
    build.functionSourceCode = base64.b64encode(captured.code.encode()).decode()
    build.modules = dict(captured.modules)
    build.origin_module = captured.origin_module
    build.origin_filename = captured.origin_filename
    build.code_origin = build.code_origin or captured.origin_filename
    if captured.code:
        doc.spec.entry_points = entry_points_from_source(captured.code)
    if captured.handler:
        doc.spec.default_handler = captured.handler


def _check_kind(fn: Any) -> None:
    """Refuse what has no top-level definition to take along."""
    shown = repr(fn)[:80]
    fix = "use a function defined with 'def' at the top level of a module or notebook"
    if isinstance(fn, functools.partial):
        raise PackagingError(
            f"{shown} is a partial function, which has no source", fix="write a function around it"
        )
    if isinstance(fn, types.MethodType):
        owner = type(fn.__self__).__name__
        if isinstance(fn.__self__, type):
            owner = fn.__self__.__name__
        raise PackagingError(
            f"{fn.__name__!r} is bound to an object, which does not travel",
            fix=f"give the class and say handler='{owner}::{fn.__name__}'",
        )
    if isinstance(fn, (types.BuiltinFunctionType, types.MethodDescriptorType)):
        raise PackagingError(f"{shown} is built in and has no Python source", fix=fix)
    if not isinstance(fn, (types.FunctionType, type)) and not hasattr(fn, "__wrapped__"):
        raise PackagingError(f"{shown} is not a function or class", fix=fix)
    if not isinstance(fn, (types.FunctionType, type)):
        return
    where = _where(fn)
    if fn.__name__ == "<lambda>":
        raise PackagingError("a lambda has no name to call it by", where=where, fix=fix)
    if "<locals>" in fn.__qualname__:
        code = getattr(fn, "__code__", None)
        free = ", ".join(map(repr, code.co_freevars)) if code is not None else ""
        what = f"closes over the local variables {free}" if free else "is defined inside a function"
        raise PackagingError(
            f"{fn.__qualname__!r} {what}, so its source is not complete",
            where=where,
            fix="define it at the top level and pass what it needs as parameters",
        )
    if fn.__qualname__.count(".") > 1 or (isinstance(fn, type) and "." in fn.__qualname__):
        raise PackagingError(f"{fn.__qualname__!r} is nested in a class", where=where, fix=fix)
    if isinstance(fn, type) and fn.__module__ == "builtins":
        raise PackagingError(f"{shown} is built in and has no Python source", fix=fix)


def _where(fn: Any) -> str:
    code = getattr(fn, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else str(fn.__module__)


def _bound_of(names: Sequence[str], parts: Sequence[Part]) -> list[str]:
    return [name for name in names if any(name in part.binds for part in parts)]


def _capture_session(
    name: str, handler: str, namespace: dict[str, Any], filename: str, also: Sequence[str]
) -> Captured:
    parts = session_parts(namespace, filename)
    if not any(name in part.binds for part in parts):
        raise PackagingError(
            f"the source of {name!r} is not available",
            where=filename,
            fix="define it in a file or a notebook cell",
        )
    wanted = [name, *_bound_of(also, parts)]
    kept = slice_parts(parts, wanted, filename, Session(namespace))
    local = LocalModules([Path.cwd()])
    _follow(local, kept, "", filename)
    return Captured(kept.code, local.texts, "__main__", "", handler)


def _follow(local: LocalModules, kept: Slice, package: str, where: str) -> None:
    # The code as rendered, so that import names nobody uses bring nothing along.
    local.follow(parse(kept.code), package, where)


def _real_name(module: str, namespace: dict[str, Any]) -> str:
    """The importable name, also of a module that runs as `python -m package.module`."""
    spec = namespace.get("__spec__")
    return str(getattr(spec, "name", "") or "") if module == "__main__" else module


def _without_guard(text: str) -> str:
    lines = text.split("\n")
    for node in parse(text).body:
        if is_main_guard(node):
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                lines[number - 1] = ""
    return "\n".join(lines)


def _check_handler(tree: ast.Module, handler: str, where: str) -> None:
    name = handler.partition("::")[0].rpartition(":")[2]
    if not name or "." in name:
        return
    known = bound_names(tree.body)
    stars = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body
    )
    if name not in known and not stars:
        raise PackagingError(
            f"there is no {name!r} in the file.{nearest(name, known)}",
            where=where,
            fix=f"functions: {', '.join(sorted(entry_points_from_source(ast.unparse(tree))))}",
        )
