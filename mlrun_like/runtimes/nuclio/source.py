"""The one file of code that Nuclio gets: the user's code, what it imports, and how it is entered.

Nuclio's Python wrapper imports the module that `spec.handler` ("module:function") names, calls
`init_context(context)` of the handler's module once, and the handler for every event
(pkg/processor/runtime/python/py of Nuclio). The code of a handler travels as it is; graphs and jobs
get a few lines at the end that hand events to `wrapper`.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from mlrun_like.errors import PackagingError, SpecError, nearest
from mlrun_like.packaging.scopes import bound_names
from mlrun_like.packaging.unpack import files_of
from mlrun_like.parsing import parse
from mlrun_like.runtimes.nuclio.answers import may_return_list
from mlrun_like.runtimes.nuclio.templates import guard_text, hook_text, modules_text
from mlrun_like.specs.function import FunctionDoc

__all__ = ["HANDLER", "SourceFile", "form_of", "given_handler", "handler_of", "source_file"]

HANDLER = re.compile(r"[\w|-]+(?:\.[\w|-]+)*:\w+")
"""Which handlers Nuclio's wrapper accepts."""

_JOB_KINDS = ("mlrun", "jobs")
_TAKEN = frozenset({"mlrun_like", "mlrun", "nuclio", "nuclio_sdk", "msgpack", "wrapper_common"})


class SourceFile(NamedTuple):
    """Code as Nuclio takes it.

    Args:
        module: The file's name without `.py`.
        function: What Nuclio calls in it.
        text: Its content; empty: the code comes from elsewhere (an image or archive).
    """

    module: str
    function: str
    text: str

    @property
    def handler(self) -> str:
        """What `spec.handler` says."""
        return f"{self.module}:{self.function}" if self.module else self.function


def form_of(doc: FunctionDoc) -> str:
    """How events reach the code: `handler`, `serving_v2` (a graph) or `mlrun` (runs).

    >>> form_of(FunctionDoc(kind="serving"))
    'serving_v2'
    """
    kind, _, sub = doc.kind.partition(":")
    sub = doc.spec.function_kind or sub
    if kind == "serving" or sub.startswith("serving"):
        return "serving_v2"
    if sub in _JOB_KINDS:
        return "mlrun"
    if kind in ("nuclio", "remote", "application"):
        return "handler"
    return "handler" if _takes_events(doc) else "mlrun"


def _takes_events(doc: FunctionDoc) -> bool:
    """Whether a function of another kind is written as Nuclio's handlers are."""
    if not doc.spec.build.functionSourceCode:
        return False
    files, main = files_of(doc)
    name = doc.spec.default_handler
    for node in _parsed(files[main], doc).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return [arg.arg for arg in node.args.args] == ["context", "event"]
    return False


def source_file(doc: FunctionDoc, spec_text: str = "") -> SourceFile:
    """The file of a function.

    Args:
        doc: The function.
        spec_text: A serving spec that is too long for an environment variable; it stands in the
            code then.

    Raises:
        PackagingError: if the handler is not in the code, or is a method.
    """
    form = form_of(doc)
    if form == "mlrun":
        spec_text = _job_text(doc)
    if not doc.spec.build.functionSourceCode:
        if form != "serving_v2":
            return _named(doc, "")
        text = hook_text(form, "globals()", "", frozenset(), spec_text)
        start = modules_text(doc.spec.build.modules) if doc.spec.build.modules else ""
        return SourceFile("main", "handler", (start + text).lstrip("\n"))
    files, main = files_of(doc)
    if doc.spec.nuclio_runtime.partition(":")[0] not in ("", "python"):
        return _named(doc, files[main])
    code = files.pop(main)
    tree = _parsed(code, doc)
    names = frozenset(bound_names(tree.body))
    module = _module_name(doc, main, files)
    packed = "/" in main
    if form == "handler":
        function = _handler_name(doc, names, tree)
        is_theirs = doc.spec.base_spec.get("kind") in ("Function", "NuclioFunction")
        text = "" if is_theirs or not may_return_list(tree, function) else guard_text(function)
        if packed:
            start = modules_text({**files, main: code})
            text = f"{start}\nfrom {_dotted(main)} import {function}\n{text}"
        else:
            text = _with_modules(code, tree, files) + text
        return SourceFile(module, function, text)
    if _has_own_hook(code, names):
        return SourceFile(module, "handler", _with_modules(code, tree, files))
    entry = "handler" if packed or "handler" not in names else "nuclio_handler"
    if packed:
        start = modules_text({**files, main: code})
        body = f"{start}\nimport {_dotted(main)} as _code\n"
        own = "_code.init_context" if "init_context" in names else ""
        text = body + hook_text(form, "vars(_code)", own, _async_names(tree), spec_text)
    else:
        own = "init_context" if "init_context" in names else ""
        hook = hook_text(form, "globals()", own, _async_names(tree), spec_text, entry)
        text = _with_modules(code, tree, files) + hook
    return SourceFile(module, entry, text)


def handler_of(doc: FunctionDoc) -> str:
    """`module:function` as Nuclio gets it; empty if the code has no handler."""
    try:
        return source_file(doc).handler
    except (PackagingError, SpecError):
        return ""


def given_handler(doc: FunctionDoc) -> str:
    """The handler that the user, a notebook's magic or a configuration names; empty: none."""
    foreign = doc.foreign.get("spec")
    told = foreign.get("handler") if isinstance(foreign, dict) else ""
    base = doc.spec.base_spec.get("spec")
    told = told or (base.get("handler") if isinstance(base, dict) else "")
    return doc.spec.function_handler or (told if isinstance(told, str) else "")


def _named(doc: FunctionDoc, text: str) -> SourceFile:
    """Code that is not looked into: of another language, or in an image or archive."""
    module, mark, function = (given_handler(doc) or "main:handler").rpartition(":")
    return SourceFile(module if mark else "", function or "handler", text)


def _job_text(doc: FunctionDoc) -> str:
    """What requests need not say of their runs."""
    told = {
        "name": doc.metadata.name,
        "project": doc.metadata.project,
        "handler": doc.spec.default_handler,
        "returns": doc.spec.returns,
    }
    return json.dumps({key: value for key, value in told.items() if value})


def _parsed(code: str, doc: FunctionDoc) -> ast.Module:
    try:
        return parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = getattr(exc, "lineno", None)
        raise PackagingError(
            f"the code is not valid Python: {getattr(exc, 'msg', None) or exc}",
            where=f"function {doc.metadata.name!r}" + (f", line {line}" if line else ""),
            fix="correct the code and make the function anew",
        ) from exc


def _module_name(doc: FunctionDoc, main: str, files: Mapping[str, str]) -> str:
    """The name of the file: the user's, unless an import would find something else by it."""
    given, mark, _ = given_handler(doc).partition(":")
    if mark and given and "." not in given:
        return given
    if doc.spec.build.origin_filename.endswith(".ipynb"):
        return "handler"
    path = PurePosixPath(main)
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    others = {PurePosixPath(name).parts[0].removesuffix(".py") for name in files}
    if "/" in main:
        others.add(path.parts[0])
    if stem in sys.stdlib_module_names or stem in _TAKEN or stem in others:
        return f"{stem}-nuclio"
    return stem


def _handler_name(doc: FunctionDoc, names: frozenset[str], tree: ast.Module) -> str:
    named = given_handler(doc).rpartition(":")[2]
    given = named or doc.spec.default_handler or "handler"
    where = f"function {doc.metadata.name!r}"
    if "::" in doc.spec.default_handler and not named:
        raise PackagingError(
            f"Nuclio calls functions, and handler {doc.spec.default_handler!r} is a method",
            where=where,
            fix="write a function handler(context, event) that calls it",
        )
    stars = any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in tree.body)
    if given not in names and not stars:
        found = [
            n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        raise PackagingError(
            f"there is no handler {given!r} in the code.{nearest(given, found)}",
            where=where,
            fix="define handler(context, event), or say fn.spec.function_handler = "
            f'"module:function"; functions here: {", ".join(found) or "none"}',
        )
    return given


def _has_own_hook(code: str, names: frozenset[str]) -> bool:
    """Whether the code already ends as MLRun's does."""
    return {"init_context", "handler"} <= names and "nuclio_init_hook" in code


def _async_names(tree: ast.Module) -> frozenset[str]:
    return frozenset(node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef))


def _dotted(main: str) -> str:
    return main.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")


def _with_modules(code: str, tree: ast.Module, files: Mapping[str, str]) -> str:
    """The code with its local modules made importable before its first import."""
    code = code if code.endswith("\n") else code + "\n"
    if not files:
        return code
    line = 0  # after the docstring and what must be first
    for number, node in enumerate(tree.body):
        is_doc = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_doc or is_future):
            break
        line = node.end_lineno or node.lineno
    lines = code.splitlines(keepends=True)
    return "".join([*lines[:line], modules_text(files), *lines[line:]])
