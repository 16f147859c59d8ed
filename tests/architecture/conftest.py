"""The package as the architecture tests see it: every module with its syntax tree."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mlrun_like"


class Source(NamedTuple):
    """One module: dotted name, path, parsed text."""

    name: str
    path: Path
    tree: ast.Module


def _read(path: Path) -> Source:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return Source(".".join(parts), path, ast.parse(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every module of the package, except migrations, which are data for Alembic."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [_read(path) for path in paths if "migrations" not in path.parts]
