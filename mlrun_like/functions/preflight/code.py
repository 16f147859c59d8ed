"""The shipped files of a function, read and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from mlrun_like.errors import MLRunLikeError, nearest
from mlrun_like.functions.preflight.files import Files
from mlrun_like.functions.preflight.reach import out_of_reach
from mlrun_like.packaging.providers import provider_of
from mlrun_like.packaging.unpack import files_of
from mlrun_like.parsing import parse
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Asked", "Code", "check_code", "read_code"]

_OWN = "mlrun_like"
_CLOSE = 5_000_000
"""Characters of code that are looked at closely."""
_SETTING = ("load_dotenv", "environ.update", "environ |=", "putenv", "set_env")
_CAUGHT = {
    "KeyError",
    "LookupError",
    "ImportError",
    "ModuleNotFoundError",
    "Exception",
    "BaseException",
}


class Asked(NamedTuple):
    """Something that a line of code asks for by name."""

    name: str
    file: str
    line: int
    certain: bool
    """Whether that line runs whenever the file is loaded or the handler called."""


class Code(NamedTuple):
    """What the shipped files ask for.

    Args:
        imports: Top-level names of imported packages.
        secrets: Keys of `context.get_secret("KEY")`.
        variables: Names of `os.environ["NAME"]`.
        findings: Files that are not valid Python.
        files: The others, parsed; None if there are too many to look closer.
        changes_environment: The code sets environment variables in ways that cannot be read.
        set_here: Environment variables that it sets by name.
    """

    imports: list[Asked]
    secrets: list[Asked]
    variables: list[Asked]
    findings: list[Finding]
    files: Files | None = None
    changes_environment: bool = False
    set_here: frozenset[str] = frozenset()


def read_code(document: FunctionDoc, handler: str = "") -> Code:
    """Read all files of a function; the body of `handler` counts as certain to run, and what only
    other handlers lead to does not count."""
    code = Code([], [], [], [])
    if not document.spec.build.functionSourceCode:
        return code
    try:
        texts, main = files_of(document)
    except MLRunLikeError as exc:
        code.findings.append(Finding("code-damaged", exc.what, exc.where, exc.fix))
        return code
    origin = document.spec.build.origin_filename
    shipped = {PurePosixPath(name).parts[0].removesuffix(".py") for name in texts}
    whole = handler or document.spec.default_handler
    handler = whole.rpartition(".")[2].partition("::")[0]
    trees: dict[str, ast.Module] = {}
    sets, named = False, set()
    for name, text in texts.items():
        shown = origin if name == main and origin else name
        try:
            tree = parse(text, shown)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            code.findings.append(_not_python(exc, shown))
            continue
        trees[name] = tree
        sets = sets or any(word in text for word in _SETTING)
        away = out_of_reach(tree, handler) if name == main else frozenset()
        reader = _Reader(code, shown, handler if name == main else "", shipped, away)
        reader.visit(tree)
        named |= reader.set_here
    files = None
    if not code.findings and sum(map(len, texts.values())) <= _CLOSE:
        module = document.spec.build.origin_module
        module = module if module and module != "__main__" else main.removesuffix(".py")
        files = Files(trees, main, module.replace("/", "."), origin or main)
    return code._replace(files=files, changes_environment=sets, set_here=frozenset(named))


def _not_python(exc: Exception, file: str) -> Finding:
    line = getattr(exc, "lineno", None)
    text = (getattr(exc, "text", None) or "").strip()
    return Finding(
        "syntax",
        f"the code is not valid Python: {getattr(exc, 'msg', None) or exc}"
        + (f": {text[:80]}" if text else ""),
        f"{file}:{line}" if line else file,
        "correct that line; `python -m py_compile FILE` shows the same",
    )


class _Reader(ast.NodeVisitor):
    def __init__(
        self, code: Code, file: str, handler: str, shipped: set[str], away: frozenset[int]
    ) -> None:
        self._code = code
        self._away = away
        self._file = file
        self._handler = handler
        self._shipped = shipped
        self._certain = True
        self.set_here: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        names = {n.id for n in ast.walk(test) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(test) if isinstance(n, ast.Attribute)}
        if "TYPE_CHECKING" in names:
            for item in node.orelse:
                self.visit(item)
            return
        self.visit(test)
        self._perhaps([*node.body, *node.orelse])

    def visit_Try(self, node: ast.Try) -> None:
        caught = {
            n.id
            for handler in node.handlers
            if handler.type is not None
            for n in ast.walk(handler.type)
            if isinstance(n, ast.Name)
        }
        bare = any(handler.type is None for handler in node.handlers)
        if bare or caught & _CAUGHT:
            self._perhaps(node.body)
        else:
            for item in node.body:
                self.visit(item)
        self._perhaps([*node.handlers, *node.orelse])
        for item in node.finalbody:
            self.visit(item)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for item in (*node.decorator_list, *node.args.defaults):
            self.visit(item)
        if node.name == self._handler:
            for statement in node.body:
                self.visit(statement)
        elif id(node) not in self._away:
            self._perhaps(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_IfExp(self, node: ast.IfExp | ast.BoolOp | ast.Lambda) -> None:
        self._perhaps(list(ast.iter_child_nodes(node)))

    visit_BoolOp = visit_Lambda = visit_IfExp

    def _perhaps(self, nodes: list[ast.stmt] | list[ast.AST]) -> None:
        before, self._certain = self._certain, False
        for node in nodes:
            self.visit(node)
        self._certain = before

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if not node.level and node.module:
            self._import(node.module, node)

    def _import(self, name: str, node: ast.stmt) -> None:
        top = name.partition(".")[0]
        if top not in self._shipped and top not in sys.stdlib_module_names and top != _OWN:
            self._code.imports.append(Asked(top, self._file, node.lineno, self._certain))

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        first = node.args[0] if node.args else None
        if called == "setdefault" and isinstance(first, ast.Constant):
            self.set_here.add(str(first.value))
        if (
            called == "get_secret"
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            self._code.secrets.append(Asked(first.value, self._file, node.lineno, self._certain))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = node.slice
        name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str) or ast.unparse(node.value) not in ("os.environ", "environ"):
            self.generic_visit(node)
        elif not isinstance(node.ctx, ast.Load):
            self.set_here.add(name)
        else:
            self._code.variables.append(Asked(name, self._file, node.lineno, self._certain))


def check_code(
    document: FunctionDoc,
    code: Code,
    brought: Callable[[str], bool],
    known: Mapping[str, frozenset[str]],
    certain: bool = False,
) -> Iterator[Finding]:
    """What is wrong with the code itself.

    Args:
        document: The function.
        code: What was read.
        brought: Whether the place where it runs has a top-level package of that name.
        known: Under `secrets` and `variables`, the names that are there.
        certain: There are no other variables than these where it runs.
    """
    certain = certain and not code.changes_environment
    yield from code.findings
    spec = document.spec
    name, points = spec.default_handler, spec.entry_points
    plain = name and "." not in name and "::" not in name
    if plain and points and not code.findings and name not in points:
        yield Finding(
            "handler-missing",
            f"there is no handler {name!r} in the code.{nearest(name, points)}",
            spec.build.origin_filename or document.metadata.name,
            f"handlers are: {', '.join(sorted(points))}",
        )
    seen = set()
    for item in code.imports:
        if item.name in seen or brought(item.name):
            continue
        seen.add(item.name)
        near = nearest(item.name, _POPULAR) if item.name not in _POPULAR else ""
        package = provider_of(item.name)
        brings = f"fn.with_requirements([{package!r}]), or -q {package} for `mlrun-like build`"
        fix = "correct it" if near else brings
        yield Finding(
            "import-missing",
            f"the code imports {item.name!r}, which nothing brings{f'.{near}' if near else ''}",
            f"{item.file}:{item.line}",
            f"{fix}; if it is a module of yours, it must lie beside the function's file",
            "error" if item.certain else "warning",
        )
    unset = [item for item in code.variables if item.name not in code.set_here]
    for kind, items, fix in (
        (
            "secret",
            code.secrets,
            'fn.run(new_task().with_secrets("file", "secrets.env")), --env-file secrets.env, or '
            "set the environment variable",
        ),
        ("variable", unset, 'fn.set_env("{name}", "..."), or --env-file with {name}=...'),
    ):
        for item in items:
            if item.name not in known[f"{kind}s"]:
                yield Finding(
                    f"{kind}-missing",
                    f"the code asks for the {_NOUNS[kind]} {item.name!r}, which is not set",
                    f"{item.file}:{item.line}",
                    fix.format(name=item.name),
                    "error" if certain and kind == "variable" and item.certain else "warning",
                )


_NOUNS = {"secret": "secret", "variable": "environment variable"}


_POPULAR = (
    *("numpy", "pandas", "polars", "scipy", "sklearn", "matplotlib", "seaborn", "plotly", "torch"),
    *("torchvision", "tensorflow", "keras", "xgboost", "lightgbm", "catboost", "transformers"),
    *("datasets", "requests", "httpx", "yaml", "sqlalchemy", "pyarrow", "fastapi", "pydantic"),
    *("statsmodels", "networkx", "joblib", "optuna", "tqdm", "pyspark", "dask", "PIL", "cv2"),
)
