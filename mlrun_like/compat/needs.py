"""What a script needs of MLRun, storey and nuclio, read from its text without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mlrun_like.compat.differences import DIFFERS
from mlrun_like.compat.finder import is_module
from mlrun_like.compat.known import PACKAGES, STAND_INS
from mlrun_like.compat.table import Missing, row_of
from mlrun_like.errors import MissingFileError, MLRunLikeError
from mlrun_like.packaging.notebook_file import cell_text, cells_of, read_notebook
from mlrun_like.parsing import parse

__all__ = ["Need", "files_in", "needs_of"]

_TOPS = frozenset((*PACKAGES, *STAND_INS))
_SUFFIXES = (".py", ".ipynb")
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_PLAIN_CELLS = ("%%time", "%%capture", "%%timeit")
_LARGEST = 16 << 20


class Need(NamedTuple):
    """A name that a file uses.

    Args:
        name: Its full name.
        where: File and line; of a notebook also the cell.
        state: `works`, `differs` or `missing`; `unreadable` is a whole file.
        note: How it differs; what it was for, and the nearest thing.
    """

    name: str
    where: str
    state: str
    note: str = ""


def files_in(paths: Sequence[str]) -> list[Path]:
    """The Python files and notebooks among paths and below folders.

    Raises:
        MissingFileError: if a path does not exist, or none has such a file.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if not path.exists():
            raise MissingFileError(f"there is no file or folder {text!r}", fix="check the path")
        if path.is_file():
            found.append(path)
            continue
        inside = (item for item in path.rglob("*") if item.suffix in _SUFFIXES and item.is_file())
        found += sorted(item for item in inside if not _hidden(item.relative_to(path)))
    if not found:
        raise MissingFileError(
            f"there is no .py or .ipynb file in {', '.join(paths)}", fix="name a file or a folder"
        )
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) or part == "site-packages" for part in path.parts[:-1])


def needs_of(path: Path) -> list[Need]:
    """What a file needs, in the order of its lines; each name once.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "old.py")
    >>> _ = file.write_text("import mlrun\\nmlrun.get_or_create_project('p')\\n")
    >>> [(need.name, need.state) for need in needs_of(file)]
    [('mlrun.get_or_create_project', 'works')]
    """
    names: dict[str, str] = {}
    uses: dict[str, str] = {}
    try:
        for part, tree in _trees(path):
            _bind(tree, names)
            for name, line in _used(tree, names):
                uses.setdefault(name, f"{part}:{line}")
    except (MLRunLikeError, OSError, SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        at = getattr(exc, "lineno", None)
        return [Need("", f"{path}:{at}" if at else str(path), "unreadable", _short(exc))]
    return [_judged(name, where) for name, where in uses.items()]


def _trees(path: Path) -> Iterator[tuple[str, ast.Module]]:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"the file has more than {_LARGEST >> 20} MB")
    if path.suffix != ".ipynb":
        yield str(path), parse(path.read_bytes(), str(path))
        return
    notebook = read_notebook(path)
    for number, cell in enumerate(cells_of(notebook, str(path)), 1):
        if cell.get("cell_type") != "code":
            continue
        text = cell_text(cell, str(path)).lstrip()
        if text.startswith("%%") and not text.startswith(_PLAIN_CELLS):
            continue
        yield f"{path} cell {number}", parse(_MAGIC.sub(r"\1pass", text), str(path))


def _bind(tree: ast.Module, names: dict[str, str]) -> None:
    """What names of the file stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                top = item.name.partition(".")[0]
                if top in _TOPS:
                    names[item.asname or top] = item.name if item.asname else top
        elif isinstance(node, ast.ImportFrom) and _is_old(node):
            for item in node.names:
                names[item.asname or item.name] = f"{node.module}.{item.name}"


def _is_old(node: ast.ImportFrom) -> bool:
    return not node.level and str(node.module).partition(".")[0] in _TOPS


def _used(tree: ast.Module, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    found: list[tuple[int, str]] = []
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [
                (node.lineno, item.name)
                for item in node.names
                if item.name.partition(".")[0] in _TOPS and "." in item.name
            ]
        elif isinstance(node, ast.ImportFrom) and _is_old(node):
            found += [(node.lineno, f"{node.module}.{item.name}") for item in node.names]
        elif isinstance(node, ast.Attribute) and node not in inner:
            parts = _chain(node, inner)
            if parts and parts[0] in names:
                found.append((node.lineno, ".".join((names[parts[0]], *parts[1:]))))
    for line, name in sorted(found):
        full = _looked_up(name)
        if full:
            yield full, line


def _chain(node: ast.Attribute, inner: set[ast.AST]) -> list[str]:
    """The names of `a.b.c`; its parts are not looked at again."""
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        inner.add(at)
        parts.append(at.attr)
        at = at.value
    return [at.id, *reversed(parts)] if isinstance(at, ast.Name) else []


def _looked_up(name: str) -> str:
    """The part of a dotted name that a module has: what follows belongs to the object."""
    parts = name.split(".")
    module = parts[0]
    for part in parts[1:]:
        if part == "*":
            return ""
        if not is_module(f"{module}.{part}") or isinstance(row_of(module, part), str):
            return f"{module}.{part}"
        module = f"{module}.{part}"
    return module if module not in _TOPS else ""


def _judged(name: str, where: str) -> Need:
    module, _, last = name.rpartition(".")
    row = row_of(module, last)
    if isinstance(row, str) or is_module(name):
        note = DIFFERS.get(name, "")
        return Need(name, where, "differs" if note else "works", note)
    if isinstance(row, Missing):
        said = f"was for {row.purpose}" if row.purpose else "does not exist here"
        return Need(name, where, "missing", f"{said}; {row.nearest}" if row.nearest else said)
    return Need(name, where, "missing", "does not exist here")


def _short(exc: Exception) -> str:
    return (getattr(exc, "what", "") or getattr(exc, "msg", "") or str(exc)).splitlines()[0][:200]
