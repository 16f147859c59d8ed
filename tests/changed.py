"""Prints the test folders and files of what changed since the last commit, or in it.

`make check` runs their fast tests; `make test` runs all tests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["affected", "main"]

ALWAYS = ("tests/architecture/test_layout.py", "tests/test_changed.py")
"""Rules that any change can break."""
BASE = ("mlrun_like/__init__.py", "mlrun_like/registry.py", "tests/conftest.py", "pyproject.toml")
"""What everything stands on: the tests of every area's first level are run for it."""


def affected(path: str, root: Path) -> list[str]:
    """The tests of a changed file: those that mirror it, else those of the folder around it.

    Args:
        path: The file, relative to the project.
        root: The project.
    """
    if path.startswith("tests/") and path.endswith(".py"):
        around = str(Path(path).parent)
        own = [] if around == "tests" else [around]  # what all tests share changes seldom
        return [path] if Path(path).name.startswith("test_") else own
    if path.startswith("docs/") or path.endswith(".md"):
        return ["tests/docs"]
    if not path.startswith("mlrun_like/") or not path.endswith(".py"):
        return []
    module = Path(path).relative_to("mlrun_like")
    found = [path, str(Path("tests", module.parent, f"test_{module.stem}.py"))]
    folder = Path("tests", module.parent)
    while not (root / folder).is_dir():
        folder = folder.parent
    if not (root / found[1]).is_file() and folder != Path("tests"):
        found.append(str(folder))
    return [each for each in found if (root / each).exists()]


def main(root: Path) -> list[str]:
    """The paths for pytest, each once, without what is inside another."""
    changed = _git(root, "status", "--porcelain", "--no-renames", "-uall")
    names = [line[3:] for line in changed] or _git(root, "diff", "--name-only", "HEAD~1")
    found = {test for name in names for test in affected(name, root) if (root / test).exists()}
    if any(name in BASE for name in names):
        found |= {str(f.relative_to(root)) for f in (root / "tests").glob("test_*.py")}
    found |= {test for test in ALWAYS if (root / test).exists()}
    return sorted(f for f in found if not any(str(p) in found for p in Path(f).parents))


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


if __name__ == "__main__":
    sys.stdout.write("\n".join(main(Path(__file__).resolve().parents[1])) + "\n")
