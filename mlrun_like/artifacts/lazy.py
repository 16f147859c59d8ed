"""Modules that load pandas or rich, imported on first use: a run that logs only text never pays."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["frames", "preview", "show"]


def frames() -> Any:
    """The module `frames`: reading and writing tables."""
    return importlib.import_module("mlrun_like.artifacts.frames")


def preview() -> Any:
    """The module `preview`: schema, preview and statistics of a table."""
    return importlib.import_module("mlrun_like.artifacts.preview")


def show() -> Any:
    """The module `show`: artifacts as HTML and as terminal text."""
    return importlib.import_module("mlrun_like.artifacts.show")
