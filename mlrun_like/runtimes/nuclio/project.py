"""A function as a project folder of Nuclio, or as an archive of one."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.errors import InvalidArgumentError, PackagingError
from mlrun_like.runtimes.nuclio.source import SourceFile

__all__ = ["config_text", "files_of_project", "write_archive", "write_project"]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same input gives the same archive


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and nothing shared by anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def config_text(config: Mapping[str, Any]) -> str:
    """A configuration as the text of a `function.yaml`.

    >>> print(config_text({"kind": "NuclioFunction"}), end="")
    kind: NuclioFunction
    """
    plain = dict(config)
    return str(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def files_of_project(
    parts: Mapping[str, tuple[Mapping[str, Any], SourceFile]],
) -> dict[str, str]:
    """The files of a project by relative path.

    Args:
        parts: Folder -> configuration and code; the folder of the function itself is empty, its
            child functions have theirs.
    """
    files: dict[str, str] = {}
    for folder, (config, source) in parts.items():
        start = f"{folder}/" if folder else ""
        files[f"{start}function.yaml"] = config_text(config)
        if source.text:
            name = source.module.replace(".", "/")
            suffix = ".go" if str(config["spec"].get("runtime", "")).startswith("golang") else ".py"
            files[f"{start}{name}{suffix}"] = source.text
    return files


def write_project(files: Mapping[str, str], folder: str | Path) -> Path:
    """Write a project folder; each file is there as a whole or not at all.

    Files that are there already are replaced, others stay.

    Raises:
        PackagingError: if the folder cannot be written to.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _replace(root / name, text.encode())
    except OSError as exc:
        raise PackagingError(
            f"the project folder cannot be written: {exc}",
            where=str(folder),
            fix="choose a folder you may write to",
        ) from exc
    return root


def write_archive(files: Mapping[str, str], target: str | Path) -> Path:
    """Write a project as a zip archive, which has the same bytes for the same files.

    Raises:
        InvalidArgumentError: if the name does not end with `.zip`.
        PackagingError: if it cannot be written.
    """
    path = Path(target)
    if path.suffix != ".zip":
        raise InvalidArgumentError(f"{str(target)!r} is no name of an archive", fix='"fn.zip"')
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            row = zipfile.ZipInfo(name, _EPOCH)
            row.compress_type, row.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(row, text.encode())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, buffer.getvalue())
    except OSError as exc:
        raise PackagingError(
            f"the archive cannot be written: {exc}", where=str(path), fix="choose another place"
        ) from exc
    return path


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if path.exists():
            shutil.copymode(path, temporary)
        else:
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
