"""A function's modules on workers: unpacked, importable, also under the names used here.

Loaded on workers and on the scheduler, which unpickles what it passes on.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from mlrun_like.packaging.unpack import files_of, unpack, use_folder
from mlrun_like.specs.function import FunctionDoc

__all__ = ["CodePlugin", "install", "plugin_of"]


class CodePlugin(WorkerPlugin):  # type: ignore[misc]
    """Brings a function's modules to all workers, later ones too.

    Args:
        name: One name for all versions of a function: a new one replaces the old one.
        files: Relative path -> source.
        main: Which of them is the main module.
    """

    idempotent = False

    def __init__(self, name: str, files: Mapping[str, str], main: str) -> None:
        self.name = name
        self.files = dict(files)
        self.main = main

    def setup(self, worker: Any) -> None:
        """Unpack the code on a worker."""
        del worker
        install(self.files, self.main)


class _PrivateNames(MetaPathFinder):
    """Finds main modules under the names that the loader gives them: they end with the digest."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See MetaPathFinder.find_spec."""
        del path, target
        prefix, _, digest = fullname.rpartition("_")
        file = self.files.get(digest)
        if file is None or not prefix.rpartition(".")[2].startswith(("mlrun_like_", "_mlrun_like")):
            return None
        return importlib.util.spec_from_file_location(fullname, file)


_names = _PrivateNames()


def install(files: Mapping[str, str], main: str) -> None:
    """Unpack a function's code in this process and make it importable."""
    folder = unpack(files)
    use_folder(folder, files)
    _names.files[folder.name[:16]] = folder / main
    if _names not in sys.meta_path:
        sys.meta_path.append(_names)


def plugin_of(doc: FunctionDoc) -> CodePlugin | None:
    """The plugin for a function; None if it carries no code."""
    if not doc.spec.build.functionSourceCode:
        return None
    files, main = files_of(doc)
    name = f"mlrun-like-code-{doc.metadata.project}-{doc.metadata.name}"
    return CodePlugin(name, files, main)
