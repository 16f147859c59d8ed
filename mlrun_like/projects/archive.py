"""A project's folder as one zip file, for `project.export("project.zip")`."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, PackagingError

__all__ = ["folder_files", "open_zip", "pack_folder"]

_LEFT_OUT = frozenset(
    {".git", "__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache"}
    | {".ruff_cache", ".ipynb_checkpoints", ".DS_Store"}
)
_PRIVATE = (".env", ".pem", ".key")
"""Files with these endings hold secrets as a rule; they never leave the folder by themselves."""


def folder_files(folder: Path, pattern: str = "") -> Iterator[tuple[str, Path]]:
    """Relative name and path of what belongs into an archive, sorted.

    Left out: `.git`, caches, virtual environments, links that lead out of the folder, and files
    that hold secrets (`.env`, `*.pem`, `*.key`).
    """
    top = folder.resolve()
    for path in sorted(folder.glob(pattern or "**/*")):
        relative = path.relative_to(folder)
        if _LEFT_OUT.intersection(relative.parts) or path.name.endswith(_PRIVATE):
            continue
        if path.is_file() and path.resolve().is_relative_to(top):
            yield relative.as_posix(), path


class open_zip:
    """A zip file to write, at a path or URL; a reader sees the whole of it or nothing.

    >>> import tempfile, os
    >>> with open_zip(os.path.join(tempfile.mkdtemp(), "a.zip")) as archive:
    ...     archive.writestr("a.txt", "hello")
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._remote = "://" in target and not target.startswith("file://")
        self._path = Path(target.removeprefix("file://"))
        self._temporary = ""
        self._zip: zipfile.ZipFile | None = None

    def __enter__(self) -> zipfile.ZipFile:
        folder = None if self._remote else self._path.absolute().parent
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        handle, self._temporary = tempfile.mkstemp(dir=folder, prefix=".archive-", suffix=".zip")
        self._zip = zipfile.ZipFile(
            os.fdopen(handle, "wb"), "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
        )
        return self._zip

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if self._zip is not None:
                stream: IO[bytes] | None = self._zip.fp
                self._zip.close()
                if stream is not None:
                    stream.close()
            if kind is None:
                self._deliver()
        finally:
            Path(self._temporary).unlink(missing_ok=True)

    def _deliver(self) -> None:
        if not self._remote:
            os.replace(self._temporary, self._path)
            return
        try:
            get_dataitem(self._target).upload(self._temporary)
        except MLRunLikeError:
            raise
        except Exception as exc:  # any file system of any package may be behind this
            raise PackagingError(
                f"the archive cannot be written: {str(exc)[:200] or type(exc).__name__}",
                where=redact(self._target),
            ) from exc


def pack_folder(project: Any, target: str, pattern: str | None = None) -> None:
    """Write the files of a project's folder, with its `project.yaml` as it is now.

    Args:
        project: The project.
        target: The zip file, at a path or URL.
        pattern: Only files that match, such as `**/*.py`.

    Raises:
        InvalidArgumentError: if the folder does not exist.
    """
    folder = project.code_folder()
    if not folder.is_dir():
        raise InvalidArgumentError(
            "the project's folder does not exist", where=str(folder.absolute())
        )
    own = Path(target).absolute()
    with open_zip(target) as archive:
        archive.writestr("project.yaml", project.to_yaml())
        for name, path in folder_files(folder, pattern or ""):
            if name != "project.yaml" and path.absolute() != own:
                archive.write(path, name)
