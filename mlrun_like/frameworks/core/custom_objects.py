"""Code that a model needs to be loaded: modules to import, and files kept beside the model."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["CustomObjects"]


class CustomObjects:
    """Modules and files with code that a model is made of (MLRun's `modules_map` and
    `custom_objects_map`).

    Args:
        modules_map: Module -> what to import from it: a name, a list of names, or None (the
            module); or the path of a JSON file that says so.
        objects_map: Python file -> a name or list of names in it; or the path of a JSON file.
        directory: The folder, or zip file, that holds those files.

    >>> CustomObjects({"collections": "OrderedDict"}).load()
    {'OrderedDict': <class 'collections.OrderedDict'>}

    Raises:
        InvalidArgumentError: if a map cannot be read, or files are named without their folder.
    """

    def __init__(
        self,
        modules_map: Mapping[str, Any] | str | None = None,
        objects_map: Mapping[str, Any] | str | None = None,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        self.modules = _map(modules_map, "modules_map")
        self.objects = _map(objects_map, "custom_objects_map")
        self.directory = os.fspath(directory) if directory else ""
        if self.objects and not self.directory:
            raise InvalidArgumentError(
                "custom_objects_map names files, but not where they are",
                fix='custom_objects_directory="folder"',
            )
        if self.directory and not os.path.exists(self.directory):
            raise InvalidArgumentError(f"custom_objects_directory {self.directory!r} is not there")

    def __bool__(self) -> bool:
        return bool(self.modules or self.objects)

    def load(self) -> dict[str, Any]:
        """Import everything; returns the named objects by name.

        Raises:
            InvalidArgumentError: if a module, file or name does not exist.
        """
        found: dict[str, Any] = {}
        for name, wanted in self.modules.items():
            try:
                module = importlib.import_module(name)
            except ImportError as exc:
                raise InvalidArgumentError(
                    f"module {name!r} of modules_map cannot be imported: {exc}"
                ) from exc
            found.update(_named(module, wanted, name))
        folder = self._folder() if self.objects else ""
        for file, wanted in self.objects.items():
            found.update(_named(_module(Path(folder, file)), wanted, file))
        return found

    def _folder(self) -> str:
        if os.path.isdir(self.directory):
            return self.directory
        # kept for the life of the process: pickles find their classes' sources there
        folder = tempfile.mkdtemp(prefix="mlrun-like-objects-")
        try:
            with zipfile.ZipFile(self.directory) as archive:
                archive.extractall(folder)
        except zipfile.BadZipFile as exc:
            raise InvalidArgumentError(
                f"custom_objects_directory {self.directory!r} is neither a folder nor a zip file"
            ) from exc
        return folder

    def files(self, name: str) -> dict[str, bytes]:
        """What is kept beside the model `name`, by file name (MLRun's names)."""
        kept: dict[str, bytes] = {}
        if self.modules:
            kept[f"{name}_modules_map.json"] = json.dumps(self.modules, indent=2).encode()
        if self.objects:
            kept[f"{name}_custom_objects_map.json"] = json.dumps(self.objects, indent=2).encode()
            kept[f"{name}_custom_objects.zip"] = self._zipped()
        return kept

    def _zipped(self) -> bytes:
        if os.path.isfile(self.directory):
            return Path(self.directory).read_bytes()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(self.directory).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(self.directory))
        return buffer.getvalue()

    @classmethod
    def beside(cls, name: str, extra: Mapping[str, Any]) -> CustomObjects:
        """What was kept beside a logged model.

        Args:
            name: The model's name.
            extra: Its extra data: DataItems by name.
        """

        def local(suffix: str) -> str | None:
            item = extra.get(f"{name}{suffix}")
            return item.local() if item is not None else None

        return cls(
            local("_modules_map.json"),
            local("_custom_objects_map.json"),
            local("_custom_objects.zip"),
        )


def _map(given: Mapping[str, Any] | str | None, what: str) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise InvalidArgumentError(f"{what} {given!r} is no JSON file: {exc}") from exc
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{what} must be a mapping, not a {type(given).__name__}")
    return {str(key): value for key, value in given.items()}


def _named(module: Any, wanted: Any, where: str) -> dict[str, Any]:
    if wanted is None:
        return {where.rpartition(".")[2]: module}
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    missing = [name for name in names if not hasattr(module, str(name))]
    if missing:
        raise InvalidArgumentError(f"{where!r} has no {missing[0]!r}")
    return {str(name): getattr(module, str(name)) for name in names}


def _module(path: Path) -> Any:
    """A file as a module; the same file is imported once, so its classes stay the same."""
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        return known
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise InvalidArgumentError(f"there is no Python file {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    if known is None:  # pickles look their classes up there
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
