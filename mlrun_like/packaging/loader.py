"""Captured code to a module and its handler.

Code is unpacked into a private folder named by its content, so tracebacks show its lines, a second
load finds it there, and processes that load at the same time do not disturb each other.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import threading
import types
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from mlrun_like.errors import FunctionError, MLRunLikeError, NotFoundError, nearest
from mlrun_like.packaging.local_modules import read_python
from mlrun_like.packaging.notebook import to_source
from mlrun_like.packaging.old_names import answer_old_names
from mlrun_like.packaging.source import plain_function
from mlrun_like.packaging.unpack import add_path, alone, files_of, unpack, use_folder
from mlrun_like.signatures import signature_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["load_module", "loading", "module_from_path", "resolve_handler"]


_loading: ContextVar[str] = ContextVar("mlrun_like_loading", default="")
_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
"""One per file: who finds a module that another thread is still running waits for its end."""


def loading() -> str:
    """The module of a function whose top level is being run now, to load it; else empty."""
    return _loading.get()


def load_module(doc: FunctionDoc, replace_main: bool = False) -> types.ModuleType:
    """Import a function's code.

    The module keeps the name it had, so that objects pickled by reference load elsewhere; if that
    name belongs to another loaded file, a private name is used instead.

    Args:
        doc: The function; without embedded code, `spec.command` names a `.py` file.
        replace_main: Load code that came from `__main__` as `__main__`. Only for a process that
            exists for this run.

    Raises:
        SpecError: if the embedded code is damaged.
        NotFoundError: if there is no code and no file.
    """
    build = doc.spec.build
    if not build.functionSourceCode:
        return _from_command(doc)
    files, main = files_of(doc)
    folder = unpack(files)
    digest = folder.name[:16]
    name = build.origin_module
    if name == "__main__":
        name = "__main__" if replace_main else f"mlrun_like_main_{digest}"
    elif not name:
        name = f"mlrun_like_code_{digest}"
    with alone():
        use_folder(folder, files)
        if doc.spec.pythonpath:
            add_path(str(Path(doc.spec.workdir or ".", doc.spec.pythonpath).absolute()))
        return _import_file(folder / main, name, digest)


def module_from_path(path: str | Path) -> types.ModuleType:
    """Import a `.py` file or notebook as a module named after the file.

    Raises:
        NotFoundError: if it is not there.
        FunctionError: if it is of another kind.
    """
    file = Path(path).expanduser().absolute()
    if file.suffix not in (".py", ".ipynb"):
        raise FunctionError(
            f"a file of kind {file.suffix!r} is not a module",
            where=str(path),
            fix="give a .py or .ipynb file",
        )
    if not file.is_file():
        raise NotFoundError("the file does not exist", where=str(path))
    if file.suffix == ".ipynb":
        code, _ = to_source(file, with_config=False)
        name = "".join(c if c.isalnum() else "_" for c in file.stem)
        folder = unpack({f"{name}.py": code})
        add_path(str(file.parent))
        return _import_file(folder / f"{name}.py", name, folder.name[:16])
    try:
        compile(read_python(file), str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        if isinstance(exc, MLRunLikeError):
            raise
        raise FunctionError(
            f"the code is not valid Python: {exc}", where=str(path), fix="correct the file"
        ) from exc
    add_path(str(file.parent))
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:16]
    return _import_file(file, file.stem, digest)


def resolve_handler(
    doc: FunctionDoc,
    handler: str = "",
    init_args: Mapping[str, Any] | None = None,
    replace_main: bool = False,
) -> Callable[..., Any]:
    """The callable that a handler string names.

    Args:
        doc: The function.
        handler: `func`, `module.func`, `package.module.func` or `Class::method`; by default the
            function's own.
        init_args: Arguments for `Class`; `context` is passed on only if the class takes it.
        replace_main: See `load_module`.

    Raises:
        FunctionError: if no handler is named, or what it names is missing or not callable.
    """
    wanted = (handler or doc.spec.default_handler).strip()
    if not wanted:
        raise FunctionError(
            "no handler is named", where=doc.metadata.name, fix="pass handler='<function name>'"
        )
    owner, method_mark, method = wanted.partition("::")
    if not method_mark and ":" in owner:
        owner = owner.partition(":")[2]  # Nuclio's module:function
    has_code = bool(doc.spec.build.functionSourceCode or doc.spec.command)
    module = load_module(doc, replace_main) if has_code else None
    target = plain_function(_find(module, owner, doc))
    if method_mark:
        if not isinstance(target, type):
            raise FunctionError(f"{owner!r} is not a class", where=f"handler {wanted!r}")
        target = _method(target, method, dict(init_args or {}), wanted)
    elif isinstance(target, type) and init_args:
        raise FunctionError(
            f"{owner!r} is a class", where=f"handler {wanted!r}", fix=f"'{owner}::<method>'"
        )
    if not callable(target):
        raise FunctionError(
            f"handler {wanted!r} is a {type(target).__name__}, which cannot be called"
        )
    result: Callable[..., Any] = target
    return result


def _import_file(path: Path, name: str, digest: str) -> types.ModuleType:
    with _locks[os.path.realpath(path)]:
        return _import_locked(path, name, digest)


def _import_locked(path: Path, name: str, digest: str) -> types.ModuleType:
    answer_old_names()
    existing = sys.modules.get(name)
    if existing is not None and _is_file(existing, path):
        return existing
    parent, _, last = name.rpartition(".")
    if parent:
        _import_parents(parent)
        existing = sys.modules.get(name)  # importing the package may have imported the module
        if existing is not None and _is_file(existing, path):
            return existing
    if existing is not None and name != "__main__":
        last = f"_mlrun_like_{digest}"
        name = f"{parent}.{last}" if parent else last
        existing = sys.modules.get(name)
        if existing is not None and _is_file(existing, path):
            return existing
    locations = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise FunctionError("the file cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    mark = _loading.set(name)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            sys.modules.pop(name, None)  # another thread may have forgotten it
        else:
            sys.modules[name] = before
        raise
    finally:
        _loading.reset(mark)
    if parent and parent in sys.modules:
        setattr(sys.modules[parent], last, module)
    return module


def _is_file(module: types.ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and os.path.realpath(str(file)) == os.path.realpath(path)


def _import_parents(name: str) -> None:
    """Import a package, or stand in for it where it is neither installed nor shipped."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        prefix = ".".join(parts[:length])
        try:
            importlib.import_module(prefix)
        except ModuleNotFoundError as exc:
            if exc.name is None or not (prefix == exc.name or prefix.startswith(exc.name + ".")):
                raise
            package = types.ModuleType(prefix)
            package.__path__ = []
            sys.modules[prefix] = package


def _from_command(doc: FunctionDoc) -> types.ModuleType:
    command = doc.spec.command.strip()
    path = Path(command).expanduser()
    if not command or path.suffix != ".py":
        raise NotFoundError(
            f"the function has no code and no Python file (command {command!r})",
            where=doc.metadata.name,
            fix="embed the code, or set spec.command to a .py file",
        )
    if not path.is_absolute() and doc.spec.workdir:
        path = Path(doc.spec.workdir).expanduser() / path
    if doc.spec.pythonpath:
        add_path(str(Path(doc.spec.workdir or ".", doc.spec.pythonpath).absolute()))
    return module_from_path(path)


def _find(module: types.ModuleType | None, name: str, doc: FunctionDoc) -> Any:
    parts = name.split(".")
    if module is not None and hasattr(module, parts[0]):
        found: Any = module
        for part in parts:
            if not hasattr(found, part):
                raise _missing(part, found, name)
            found = getattr(found, part)
        return found
    if len(parts) == 1 and module is None:
        raise FunctionError(
            f"the function has neither code nor a command, so there is no handler {name!r}",
            where=doc.metadata.name,
            fix="give it code: fn.with_code(from_file=...), or set spec.command to a .py file",
        )
    if len(parts) == 1:
        raise _missing(name, module, name)
    path = ".".join(parts[:-1])
    try:
        other = importlib.import_module(path)
    except ModuleNotFoundError as exc:
        if exc.name is None or not (path == exc.name or path.startswith(exc.name + ".")):
            raise
        raise FunctionError(
            f"there is no module {path!r} for handler {name!r}",
            where=doc.metadata.name,
            fix="install it, or set workdir or pythonpath to its folder",
        ) from exc
    if not hasattr(other, parts[-1]):
        raise _missing(parts[-1], other, name)
    return getattr(other, parts[-1])


def _missing(part: str, owner: Any, handler: str) -> FunctionError:
    names = [n for n, value in vars(owner).items() if callable(value)] if owner is not None else []
    public = sorted(n for n in names if not n.startswith("_"))
    return FunctionError(
        f"there is no handler {part!r}.{nearest(part, public)}",
        where=f"handler {handler!r} in {getattr(owner, '__file__', None) or owner!r}",
        fix=f"functions: {', '.join(public) or 'none'}",
    )


def _method(cls: type, name: str, arguments: dict[str, Any], handler: str) -> Any:
    if not hasattr(cls, name):
        raise _missing(name, cls, handler)
    if "context" in arguments:
        parameters = signature_of(cls).parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        named = {parameter.name for parameter in parameters}
        if "context" not in named and inspect.Parameter.VAR_KEYWORD not in kinds:
            del arguments["context"]
    try:
        signature_of(cls).bind(**arguments)
    except TypeError as exc:
        raise FunctionError(
            f"class {cls.__name__!r} cannot be made with {sorted(arguments)}: {exc}",
            where=f"handler {handler!r}",
            fix="give init_args={...}",
        ) from exc
    return getattr(cls(**arguments), name)
