"""The front door: few names, listed once, each documented and resolvable."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from pathlib import Path
from typing import Any

import pytest

import mlrun_like

MOST = 40
"""What our own tour needs, and what MLRun code takes from `mlrun` itself."""
FRONT = sorted(mlrun_like.__all__)


def _tree(root: Path) -> ast.Module:
    return ast.parse((root / "mlrun_like" / "__init__.py").read_text(encoding="utf-8"))


def _typed(tree: ast.Module) -> dict[str, str]:
    """Name -> where the TYPE_CHECKING block imports it from."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                for alias in line.names:
                    found[alias.asname or alias.name] = f"{line.module}:{alias.name}"
    return found


def _lazy(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target) == "_LAZY" and node.value is not None:
                table: dict[str, str] = ast.literal_eval(node.value)
                return table
    raise AssertionError("the front door has no lazy table")


def test_the_front_door_has_few_names() -> None:
    assert len(set(FRONT)) == len(mlrun_like.__all__) <= MOST


def test_dir_shows_the_front_door() -> None:
    assert [name for name in dir(mlrun_like) if not name.startswith("_")] == FRONT


def test_lists_agree(root: Path) -> None:
    tree = _tree(root)
    lazy, typed = _lazy(tree), _typed(tree)
    assert sorted(lazy) == sorted(typed) == FRONT
    for name, where in lazy.items():
        # A submodule is `package.name` in the table and `package:name` as an import.
        assert typed[name] in (where, ":".join(where.rpartition(".")[::2])), name


@pytest.mark.parametrize("name", FRONT)
def test_every_name_resolves_and_says_what_it_is(name: str) -> None:
    value: Any = getattr(mlrun_like, name)
    assert inspect.getdoc(value), f"{name} has no docstring"


@pytest.mark.parametrize("name", FRONT)
def test_functions_and_classes_explain_their_arguments(name: str) -> None:
    value: Any = getattr(mlrun_like, name)
    if inspect.ismodule(value) or not callable(value):
        return
    parameters = [
        parameter
        for parameter in inspect.signature(value).parameters
        if parameter not in ("self", "args", "kwargs")
    ]
    doc = inspect.getdoc(value) or ""
    missing = [parameter for parameter in parameters if f"{parameter}:" not in doc]
    assert not parameters or not missing, f"{name} does not explain {missing}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mlrun_like.no_such_name


def test_no_name_of_the_front_door_hides_behind_a_module_of_that_name() -> None:
    """Importing `mlrun_like.<name>` would put the module in the place of the object."""
    for name, path in mlrun_like._LAZY.items():
        if ":" in path:
            assert importlib.util.find_spec(f"mlrun_like.{name}") is None, name
