"""Imports: light, without side effects, at the top of the file, and pointing down."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

# Required packages that are slow to load and rarely needed stay out of modules that every program
# loads. Each row is a decision: (module, package) and why.
LATE = {
    ("mlrun_like.settings.file", "yaml"): "only when there is a settings file",
    ("mlrun_like.runs.shown", "rich"): "only when a run is shown",
}


def _python(
    code: str, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _loaded(code: str) -> set[str]:
    text = _python(f"{code}\nimport sys, json\nsys.stdout.write(json.dumps(sorted(sys.modules)))")
    return set(json.loads(text))


def test_importing_the_package_loads_the_standard_library_only() -> None:
    extra = _loaded("import mlrun_like") - _loaded("pass")
    foreign = {
        name
        for name in extra
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "mlrun_like"}
    }
    assert not foreign
    assert len(extra) < 40, "the front door must stay cheap"


def test_declaring_a_function_loads_nothing_heavy() -> None:
    code = (
        "import mlrun_like as ml\n"
        "@ml.function()\n"
        "def add(a: int, b: int = 1):\n"
        "    return a + b\n"
        "assert add(1) == 2"
    )
    tops = {name.partition(".")[0] for name in _loaded(code)}
    assert not tops & {"pandas", "numpy", "pyarrow", "pydantic", "sqlalchemy", "alembic", "rich"}


# Third-party packages may do what they like when they are imported; a first pass lets them. Then
# our modules are forgotten and imported again, one at a time, with everything compared.
_WATCH = """
import importlib, json, logging, os, signal, sys, threading, warnings
names, roots = json.loads(sys.argv[1]), tuple(json.loads(sys.argv[2]))
def load(name):
    importlib.import_module(name)
def state():
    return {
        "logging": (list(logging.root.handlers), logging.root.level,
                    [n for n, l in logging.root.manager.loggerDict.items()
                     if isinstance(l, logging.Logger) and (l.handlers or l.level)]),
        "environment": dict(os.environ),
        "warning filters": list(warnings.filters),
        "threads": sorted(t.name for t in threading.enumerate()),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.path[:], os.getcwd()),
        "signals": [signal.getsignal(s) for s in signal.valid_signals()],
    }
for name in names:
    load(name)
for name in [n for n in sys.modules if n.partition(".")[0] == "mlrun_like"]:
    del sys.modules[name]
opened, found = [], []
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        opened.append(os.fsdecode(args[0]))
sys.addaudithook(hook)
for name in names:
    before = state()
    opened.clear()
    load(name)
    files = [path for path in opened if not os.path.abspath(path).startswith(roots)]
    after = state()
    found += [f"{name} changes {key}" for key in before if before[key] != after[key]]
    found += [f"{name} opens {path}" for path in files]
sys.stdout.write(json.dumps(found))
"""


def test_importing_any_module_changes_nothing(
    sources: list[Any], root: Path, tmp_path: Path
) -> None:
    names = [source.name for source in sources if not source.name.endswith("__main__")]
    roots = [str(root / "mlrun_like"), sys.prefix, sys.base_prefix]
    # Its own environment and folder, whatever ran before in this process. The home has settings,
    # which a module that reads them while it is imported would open.
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text("preview_rows: 7\n", encoding="utf-8")
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**inherited, "HOME": str(tmp_path), "MLRUN_LIKE_HOME": str(home)}
    found = _python(_WATCH, json.dumps(names), json.dumps(roots), cwd=tmp_path, env=env)
    assert json.loads(found) == []


def test_only_config_reads_the_environment(sources: list[Any]) -> None:
    found = []
    for source in sources:
        if source.name == "mlrun_like.configuration":
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "os.environ",
                "os.environb",
                "os.getenv",
                "os.putenv",
            ):
                found.append(f"{source.name}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                found += [
                    f"{source.name}:{node.lineno}"
                    for alias in node.names
                    if alias.name in ("environ", "environb", "getenv", "putenv")
                ]
    assert not found


def _packages(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


def _inner_imports(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    return [
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]


def test_imports_stand_at_the_top_of_the_file(sources: list[Any]) -> None:
    found, used = [], set()
    for source in sources:
        for node in _inner_imports(source.tree):
            for package in _packages(node):
                if (source.name, package) in LATE:
                    used.add((source.name, package))
                else:
                    found.append(f"{source.name}:{node.lineno} imports {package}")
    assert not found, "optional packages come through registry.require"
    assert used == set(LATE), "rows that nothing needs any more"


def test_imports_point_down(root: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_layer_is_named_in_the_contract(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert "exhaustive = true" in text
    assert text.count("ignore_imports") == 1 and 'ignore_imports = ["mlrun_like -> **"]' in text
    assert "exhaustive_ignores" not in text


def test_every_extra_that_a_message_names_exists(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"^([a-z0-9-]+) = \[", text, re.MULTILINE))
    for path in sorted((root / "mlrun_like").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("require"):
                continue
            for keyword in node.keywords:
                if keyword.arg == "extra" and isinstance(keyword.value, ast.Constant):
                    assert keyword.value.value in extras, f"{path}: {ast.unparse(node)}"
