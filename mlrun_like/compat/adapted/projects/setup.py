"""The hook of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["run_project_setup"]


def run_project_setup(project: Any, setup_file_path: str, save: bool = False) -> Any:
    """Run the hook `setup(project)` of a file; gives the project that it returns."""
    return project.run_setup(Path(setup_file_path), save)
