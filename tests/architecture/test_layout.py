"""Files: their size, their `__all__`, what an `__init__` may hold, what the wheel holds."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

LIMITS = {"mlrun_like": 300, "docs": 300, "bench": 300, "tests": 600}


def test_no_file_is_too_long(root: Path) -> None:
    long = {}
    for folder, limit in LIMITS.items():
        for path in sorted((root / folder).rglob("*.py")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                long[str(path.relative_to(root))] = lines
    assert not long, "a second noun is hiding in these: split them"


def _assigned(tree: ast.Module, name: str) -> Any:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == name:
            return node.value  # type: ignore[attr-defined]
    return None


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a decorator registers it as a command or route: nobody needs its name."""
    return any(
        ast.unparse(item).startswith(("app.", "sources.", "ROUTES."))
        for item in node.decorator_list
    )


def test_every_module_has_a_right_all(sources: list[Any]) -> None:
    wrong: list[str] = []
    for source in sources:
        value = _assigned(source.tree, "__all__")
        if source.path.name == "__init__.py" and value is None:
            continue  # a map of the folder exports nothing
        if value is None:
            wrong.append(f"{source.name} has no __all__")
            continue
        listed = ast.literal_eval(value)
        if len(set(listed)) != len(listed):
            wrong.append(f"{source.name}.__all__ names something twice")
        defined = {
            node.name
            for node in source.tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and not node.name.startswith("_")
            and not _is_command(node)
        }
        wrong += [f"{source.name}.{n} is public but not in __all__" for n in defined - set(listed)]
        wrong += [f"{source.name}.__all__ lists private {n}" for n in listed if n.startswith("_")]
    assert not wrong


def test_every_name_in_all_resolves(sources: list[Any]) -> None:
    for source in sources:
        if source.name.endswith("__main__"):
            continue
        module = __import__(source.name, fromlist=["*"])
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{source.name}.{name}"


# Front doors: lazy tables of the names that users import from there
_LAZY = {
    "mlrun_like",
    "mlrun_like.artifacts",
    "mlrun_like.feature_store",
    "mlrun_like.feature_store.sources",
    "mlrun_like.feature_store.targets",
    "mlrun_like.marketplace",
    "mlrun_like.monitoring",
    "mlrun_like.monitoring.alerts",
    "mlrun_like.monitoring.applications",
    "mlrun_like.monitoring.validation",
}


def test_inits_map_their_folder_and_hold_no_logic(sources: list[Any]) -> None:
    for source in sources:
        if source.path.name != "__init__.py":
            continue
        assert ast.get_docstring(source.tree), f"{source.name} maps nothing"
        if source.name in _LAZY:
            continue
        for node in source.tree.body[1:]:
            is_all = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            assert is_all or isinstance(node, (ast.Import, ast.ImportFrom)), (
                f"{source.name}: {ast.unparse(node)[:60]}"
            )


def test_every_folder_with_modules_has_an_init(root: Path) -> None:
    for path in (root / "mlrun_like").rglob("*.py"):
        if "migrations" not in path.parts:
            assert (path.parent / "__init__.py").exists(), path.parent


@pytest.mark.slow
def test_the_wheel_holds_one_top_level_name_and_all_its_data(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from hatchling.build import build_wheel; sys.stdout.write('\\n' + "
        "build_wheel(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    names = zipfile.ZipFile(tmp_path / done.stdout.split()[-1]).namelist()
    tops = {name.partition("/")[0] for name in names}
    own = {"mlrun_like", "mlrun_like_compat.pth"}  # the switch, for processes of old code
    assert {top for top in tops if not top.endswith(".dist-info")} == own
    assert "mlrun_like/py.typed" in names
    besides = ("mlrun_like/manual/", "mlrun_like/marketplace/shipped/")  # at the root of a checkout
    for own_file in ("docs/index.md", "mkdocs.yml", "notebooks/01-quickstart.ipynb"):
        assert f"mlrun_like/manual/{own_file}" in names
    assert "mlrun_like/marketplace/shipped/describe/item.yaml" in names
    assert not [name for name in names if "__pycache__" in name]
    shipped = {n for n in names if n.startswith("mlrun_like/") and not n.startswith(besides)}
    kept = {
        str(path.relative_to(root))
        for path in (root / "mlrun_like").rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pyc")) for part in path.parts)
    }
    assert kept - {"mlrun_like/compat/startup.pth"} == shipped  # it is the file beside
