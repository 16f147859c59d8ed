"""Modules that load pandas, rich or YAML, imported on first use: logging only text never pays."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["as_yaml", "frames", "preview", "show"]


def frames() -> Any:
    """The module `frames`: reading and writing tables."""
    return importlib.import_module("mlrun_like.artifacts.frames")


def preview() -> Any:
    """The module `preview`: schema, preview and statistics of a table."""
    return importlib.import_module("mlrun_like.artifacts.preview")


def show() -> Any:
    """The module `show`: artifacts as HTML and as terminal text."""
    return importlib.import_module("mlrun_like.artifacts.show")


def as_yaml(document: Any) -> str:
    """Plain data as YAML, in its own order."""
    made: str = importlib.import_module("yaml").safe_dump(
        document, sort_keys=False, allow_unicode=True
    )
    return made
