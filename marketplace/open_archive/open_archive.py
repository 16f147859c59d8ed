"""Unpacks a zip or tar archive, and trusts none; packs folders as well."""

from __future__ import annotations

import lzma
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import IO, Any

import mlrun_like as ml
from mlrun_like.artifacts import DirArtifact
from mlrun_like.artifacts.archives import ARCHIVE_FORMATS, create_archive, extract_archive
from mlrun_like.artifacts.packed import open_packed, packed_format, room_for
from mlrun_like.errors import InvalidArgumentError, MissingFileError

__all__ = ["make_archive", "open_archive"]

_MAX_BYTES = 16 * 2**30
_MAX_FILES = 1_000_000
_CHUNK = 1 << 20
_BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error)


def open_archive(
    context: ml.MLClientCtx,
    archive_url: ml.DataItem,
    subdir: str = "content/",
    key: str = "content",
    target_path: str | None = None,
    max_bytes: int = _MAX_BYTES,
    max_files: int = _MAX_FILES,
) -> None:
    """Unpack an archive into a folder, and log the folder.

    zip, tar, tar.gz, tar.bz2 and tar.xz are told by their content, and so is a single file packed
    by gzip, bzip2 or xz. All of an archive is unpacked or nothing: one with members that lead out
    of the folder, links, devices, or more than the bounds is refused. Files that are there already
    are replaced.

    Args:
        context: The run.
        archive_url: The archive.
        subdir: The folder below the run's artifacts.
        key: The artifact's key.
        target_path: Another folder, also of object storage; empty: `subdir`.
        max_bytes: The most bytes that may come out.
        max_files: The most files and folders.

    Raises:
        InvalidArgumentError: if it is no archive, broken, too large, or made to do harm.
    """
    for name, value in (("max_bytes", max_bytes), ("max_files", max_files)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidArgumentError(f"{name} is {value!r:.40}, not a number from 1")
    target = target_path or context.artifact_subpath(subdir)
    path = Path(archive_url.local())
    if not path.is_file():
        raise MissingFileError(f"there is no archive {archive_url.key!r:.200}", where="archive_url")
    form = _form(path)
    context.logger.info(f"unpacking {archive_url.key}", format=form)
    with _workplace(target) as folder:
        if form in ARCHIVE_FORMATS:
            made = extract_archive(path, folder, form, max_bytes=max_bytes, max_members=max_files)
        else:
            made = _unpack_file(path, Path(folder) / "out", form, _name(archive_url), max_bytes)
        files = [one for one in sorted(made.rglob("*")) if one.is_file()]
        size = sum(one.stat().st_size for one in files)
        _place(made, files, target)
    context.logger.info(f"unpacked into {target}", files=len(files), bytes=size)
    context.log_results({"files": len(files), "bytes": size})
    context.log_artifact(DirArtifact(key=key, target_path=str(_absolute(target))))


def make_archive(
    context: ml.MLClientCtx,
    folder: ml.DataItem,
    archive_format: str = "zip",
    key: str = "archive",
    target_path: str = "",
) -> None:
    """Pack a folder into one file, and log it.

    Args:
        context: The run.
        folder: What is packed; links are stored as what they point to.
        archive_format: zip, tar, tar.gz, tar.bz2 or tar.xz.
        key: The artifact's key.
        target_path: Where the file goes; empty: with the run's artifacts.

    Raises:
        InvalidArgumentError: if it is no folder, or the format is unknown.
    """
    if not folder.isdir():
        raise InvalidArgumentError(f"{folder.key!r:.200} is not a folder", where="make_archive")
    if archive_format not in ARCHIVE_FORMATS:
        raise InvalidArgumentError(
            f"archive format {archive_format!r:.40} is unknown",
            where="make_archive",
            fix=f"use one of: {', '.join(ARCHIVE_FORMATS)}",
        )
    context.logger.info(f"packing {folder.key}", format=archive_format)
    with tempfile.TemporaryDirectory(prefix="archive-") as place:
        packed = create_archive(folder.local(), place, archive_format)
        context.log_result("bytes", packed.stat().st_size)
        context.log_artifact(
            key, local_path=str(packed), format=archive_format, target_path=target_path
        )


def _form(path: Path) -> str:
    try:
        form = packed_format(path)
    except _BROKEN as exc:
        raise _broken(path, exc) from exc
    if not form:
        raise InvalidArgumentError(
            f"{path.name!r:.100} is no archive of a known format",
            where="archive_url",
            fix=f"use one of: {', '.join(ARCHIVE_FORMATS)}, gz, bz2, xz",
        )
    return form


def _broken(path: Path, exc: Exception) -> InvalidArgumentError:
    said = " ".join(str(exc).split())[:200] or type(exc).__name__
    return InvalidArgumentError(f"the archive is broken: {said}", where=str(path))


def _workplace(target: str) -> tempfile.TemporaryDirectory[str]:
    """A folder beside the target, so that files only need to be renamed."""
    if "://" in target:
        return tempfile.TemporaryDirectory(prefix="archive-")
    parent = _absolute(target).parent
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".archive-", dir=parent)


def _absolute(target: str) -> Any:
    return target if "://" in target else Path(os.path.abspath(target))


def _name(item: ml.DataItem) -> str:
    name = Path(item.url.partition("?")[0].rstrip("/")).name
    stem = name.rpartition(".")[0] if name.endswith((".gz", ".bz2", ".xz")) else name
    return stem.strip(". ") or "content"


def _unpack_file(path: Path, folder: Path, form: str, name: str, most: int) -> Path:
    folder.mkdir()
    try:
        with open_packed(path, form) as inner, open(folder / name, "wb") as out:
            _copy(inner, out, most)
    except _BROKEN as exc:
        raise _broken(path, exc) from exc
    return folder


def _copy(inner: IO[bytes], out: IO[bytes], most: int) -> None:
    left, why = room_for(Path(out.name).parent, most)
    allowed = left
    while chunk := inner.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise InvalidArgumentError(
                f"archive unpacks to more than {allowed} bytes{why}",
                fix="" if why else "raise max_bytes if it is yours",
            )
        out.write(chunk)


def _place(made: Path, files: list[Path], target: str) -> None:
    if "://" in target:
        ml.get_dataitem(target).upload(made)
        return
    root = _absolute(target)
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise InvalidArgumentError(f"{target!r:.200} is not a folder", where="target_path")
    if not root.exists():
        shutil.move(made, root)
        return
    inside = root.resolve()
    for one in sorted(made.rglob("*")):
        goal = root / one.relative_to(made)
        if not goal.parent.resolve().is_relative_to(inside):
            raise InvalidArgumentError(
                f"{str(goal)!r:.200} would be written through a link out of the folder",
                where="target_path",
                fix="use an empty folder",
            )
        if one.is_dir():
            goal.mkdir(exist_ok=True)
        else:
            os.replace(one, goal)
