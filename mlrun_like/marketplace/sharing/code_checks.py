"""The check of an item's code, example, test and README; nothing of it is run."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from mlrun_like.errors import MLRunLikeError, nearest
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.making import WITHOUT_HANDLER, code_file
from mlrun_like.marketplace.sharing.report import Report
from mlrun_like.packaging.environment import imports_in
from mlrun_like.packaging.notebook import to_source
from mlrun_like.parsing import parse

__all__ = ["check_code", "check_example", "check_readme", "check_test"]

_LARGEST = 4 << 20
_BLOCK = re.compile(r"^```", re.MULTILINE)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def check_code(place: Path, item: HubItem, report: Report) -> None:
    """The code file: it is there, is Python, stands alone, and has what `item.yaml` names."""
    try:
        name = code_file(item)
    except MLRunLikeError as exc:
        report.add("item.yaml: spec.filename", exc.what, f"filename: {item.name}.py")
        return
    text = _text(place, name, report)
    tree = _tree(text, name, report) if text is not None else None
    if text is None or tree is None:
        return
    for module in imports_in(text):
        if (place / f"{module}.py").is_file() or (place / module / "__init__.py").is_file():
            report.add(name, f"it imports {module!r}, and only this one file travels",
                       "put what it needs into it, or make that a package")  # fmt: skip
    if not ast.get_docstring(tree):
        report.add(name, "the module has no docstring", "say in its first line what it does")
    found = {node.name: node for node in tree.body if isinstance(node, _Definition)}
    if item.object_type == "steps":
        if not (item.class_name or item.handler):
            report.add("item.yaml: className", "it is missing", "name the step's class")
        _named(item.class_name or item.handler, "className", found, name, report)
        return
    if item.kind in WITHOUT_HANDLER or item.kind == "nuclio:serving":
        if not item.class_name:
            report.add("item.yaml: className", "it is missing", "name the model server's class")
        _named(item.class_name.rpartition(".")[2] if "." not in item.class_name else "",
               "className", found, name, report)  # fmt: skip
        return
    if item.object_type == "functions" and not item.handler:
        report.add("item.yaml: spec.handler", "it is missing", "name the function to call")
    _named(item.handler, "spec.handler", found, name, report)
    if item.kind == "monitoring_application" and not any(
        isinstance(node, ast.ClassDef) and ast.get_docstring(node) for node in found.values()
    ):
        report.add(name, "it has no class with a docstring, which could be the application")


def _named(wanted: str, key: str, found: dict[str, _Definition], name: str, report: Report) -> None:
    """A function, class, or method `Class::method` that `item.yaml` names."""
    if not wanted:
        return
    outer, _, inner = wanted.partition("::")
    node = found.get(outer)
    if node is None:
        report.add(f"item.yaml: {key}", f"{name} has no {outer!r}.{nearest(outer, found)}",
                   f"there are: {', '.join(found) or 'no functions or classes'}")  # fmt: skip
        return
    if inner and isinstance(node, ast.ClassDef):
        methods = {n.name: n for n in node.body if isinstance(n, _Definition)}
        if inner not in methods:
            report.add(f"item.yaml: {key}", f"{outer} has no {inner!r}.{nearest(inner, methods)}")
            return
        node = methods[inner]
    if not ast.get_docstring(node):
        report.add(f"{name}:{node.lineno}", f"{wanted!r} has no docstring",
                   "say what it does, its parameters and what it logs")  # fmt: skip


def check_readme(place: Path, name: str, report: Report) -> None:
    """The text about it: it is there, says something, and has a block to copy."""
    text = _text(place, name, report) if name else None
    if text is None:
        return
    if len(text.strip()) < 80:
        report.add(name, "it says next to nothing", "what it does, one block to copy, parameters")
    elif len(_BLOCK.findall(text)) < 2:
        report.add(name, "it has no block to copy", "```python ... ```")


def check_example(place: Path, name: str, report: Report) -> None:
    """The example: it is there, and a script or notebook of Python."""
    text = _text(place, name, report) if name else None
    if text is None:
        return
    if name.endswith(".ipynb"):
        try:
            text, _ = to_source(json.loads(text))
        except (ValueError, RecursionError, MLRunLikeError) as exc:
            what = exc.what if isinstance(exc, MLRunLikeError) else str(exc)
            report.add(name, f"it is no notebook: {what[:200]}")
            return
    elif not name.endswith(".py"):
        report.add(name, "it is neither a script nor a notebook", "example: example.py")
        return
    _tree(text, name, report)


def check_test(place: Path, name: str, report: Report) -> None:
    """The test: it is there, and pytest would find something in it."""
    text = _text(place, name, report) if name else None
    tree = _tree(text, name, report) if text is not None else None
    if tree is None:
        return
    file = name.rpartition("/")[2]
    if not (file.startswith("test_") or file.endswith("_test.py")):
        report.add(name, "pytest does not see a file of this name", f"test: test_{file}")
    names = [n.name for n in ast.walk(tree) if isinstance(n, _Definition)]
    if not any(one.startswith("test") for one in names):
        report.add(name, "it has no test", "def test_...(): ...")


def _text(place: Path, name: str, report: Report) -> str | None:
    path = place / name
    if not path.is_file():
        report.add(name, "there is no such file", f"write it, or correct {place.name}/item.yaml")
        return None
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) <= _LARGEST:
            return data.decode("utf-8-sig")
        report.add(name, f"it has more than {_LARGEST >> 20} MiB")
    except UnicodeDecodeError:
        report.add(name, "it is not UTF-8 text")
    except OSError as exc:
        report.add(name, f"it cannot be read: {exc}")
    return None


def _tree(text: str, name: str, report: Report) -> ast.Module | None:
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = getattr(exc, "lineno", None)
        report.add(f"{name}:{line}" if line else name,
                   f"it is not valid Python: {getattr(exc, 'msg', None) or exc}")  # fmt: skip
        return None
    if not tree.body:
        report.add(name, "it is empty")
        return None
    return tree
