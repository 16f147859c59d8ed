"""Folders as one file: zip and tar archives, and an extraction that trusts no archive.

A member may not leave the target folder, be a link or a device, or unpack to more than a bound;
a broken archive leaves nothing behind.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from mlrun_like.artifacts.packed import room_for
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ARCHIVE_FORMATS", "archive_format_of", "create_archive", "extract_archive"]

ARCHIVE_FORMATS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
_MAX_BYTES = 16 * 2**30
_MAX_MEMBERS = 1_000_000
_CHUNK = 1 << 20
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


def archive_format_of(path: str | os.PathLike[str]) -> str:
    """The archive format that a file name stands for, or an empty string.

    >>> archive_format_of("images.tar.gz")
    'tar.gz'
    """
    name = os.fspath(path).lower()
    name = f"{name[:-4]}.tar.gz" if name.endswith(".tgz") else name
    return next((fmt for fmt in ARCHIVE_FORMATS if name.endswith(f".{fmt}")), "")


def create_archive(
    directory: str | os.PathLike[str], target: str | os.PathLike[str], archive_format: str = "zip"
) -> Path:
    """Write `<directory name>.<format>` into the folder `target`.

    Links are stored as what they point to; empty folders are kept.

    Raises:
        InvalidArgumentError: if the format is unknown, `directory` is none, or its links form a
            circle.
    """
    source = Path(directory)
    if archive_format not in ARCHIVE_FORMATS:
        raise InvalidArgumentError(
            f"archive format {archive_format!r} is unknown",
            fix=f"use one of: {', '.join(ARCHIVE_FORMATS)}",
        )
    if not source.is_dir():
        raise InvalidArgumentError(f"{str(source)!r} is not a folder", where="create_archive")
    path = Path(target) / f"{source.resolve().name or 'folder'}.{archive_format}"
    if archive_format == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as file:
            for entry, name in _entries(source):
                file.write(entry, name)
    else:
        mode: Any = f"w:{archive_format[4:]}"
        with tarfile.open(path, mode, dereference=True) as tar:
            for entry, name in _entries(source):
                tar.add(entry, name, recursive=False)
    return path


def _entries(source: Path) -> Iterator[tuple[Path, str]]:
    pending = [(source, "", frozenset({source.resolve()}))]
    while pending:
        folder, prefix, above = pending.pop()
        for entry in sorted(folder.iterdir()):
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                real = entry.resolve()
                if real in above:
                    raise InvalidArgumentError(
                        f"the link {str(entry)!r} leads back to {str(real)!r}", fix="remove it"
                    )
                pending.append((entry, f"{name}/", above | {real}))
                yield entry, name
            elif entry.is_file():
                yield entry, name


class _Member(NamedTuple):
    name: str
    is_folder: bool
    content: IO[bytes] | None


def extract_archive(
    archive: str | os.PathLike[str],
    target: str | os.PathLike[str],
    archive_format: str = "",
    *,
    max_bytes: int = _MAX_BYTES,
    max_members: int = _MAX_MEMBERS,
) -> Path:
    """Extract into `<target>/<archive name without suffix>` and return that folder.

    Args:
        archive: The file.
        target: A folder; the extracted one is made in it and must not exist yet.
        archive_format: One of `ARCHIVE_FORMATS`; "": by the file's suffix.
        max_bytes: Refuse to write more than this in total.
        max_members: Refuse more files and folders than this.

    Raises:
        InvalidArgumentError: if the archive is broken, too large, or has a member that would be
            written outside of the folder or is a link or device. Nothing stays on disk then.
    """
    path = Path(archive)
    archive_format = archive_format or archive_format_of(path)
    if archive_format not in ARCHIVE_FORMATS:
        raise InvalidArgumentError(
            f"{path.name!r} is not an archive of a known format",
            fix=f"use one of: {', '.join(ARCHIVE_FORMATS)}",
        )
    stem = path.name[: -len(archive_format) - 1] if archive_format_of(path) else path.name
    folder = Path(target) / (stem.strip(". ") or "folder")
    if folder.exists():
        raise InvalidArgumentError(f"{str(folder)!r} exists already", fix="use an empty folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_members(_members(path, archive_format), partial, max_bytes, max_members)
        partial.rename(folder)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(exc.what, where=str(path), fix=exc.fix) from exc
    except _BROKEN as exc:
        raise InvalidArgumentError(
            f"archive cannot be extracted: {exc or type(exc).__name__}", where=str(path)
        ) from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _write_members(
    members: Iterator[_Member], folder: Path, max_bytes: int, max_members: int
) -> None:
    most, why = room_for(folder, max_bytes)
    left = most
    for number, member in enumerate(members):
        if number >= max_members:
            raise InvalidArgumentError(
                f"archive has more than {max_members} members", fix="split the folder"
            )
        place = folder.joinpath(*_safe_parts(member.name))
        if member.is_folder:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "xb") as file:
            while member.content is not None and (chunk := member.content.read(_CHUNK)):
                left -= len(chunk)
                if left < 0:
                    raise InvalidArgumentError(
                        f"archive unpacks to more than {most} bytes{why}",
                        fix="make room on the disk" if why else "split the folder",
                    )
                file.write(chunk)


def _safe_parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    parts = tuple(part for part in path.parts if part != ".")
    # a drive letter or a backslash means something on Windows only
    odd = os.name == "nt" and any(sign in name for sign in ":\\")
    if path.is_absolute() or ".." in parts or odd:
        raise InvalidArgumentError(
            f"archive member {name!r} would be written outside of its folder",
            fix="do not use this archive: it was made to overwrite files",
        )
    return parts


def _members(path: Path, archive_format: str) -> Iterator[_Member]:
    if archive_format == "zip":
        with zipfile.ZipFile(path) as file:
            for info in file.infolist():
                mode = info.external_attr >> 16
                if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _refused(info.filename)
                if info.is_dir():
                    yield _Member(info.filename, True, None)
                else:
                    with file.open(info) as content:
                        yield _Member(info.filename, False, content)
    else:
        tar_mode: Any = f"r:{archive_format[4:]}"
        with tarfile.open(path, tar_mode) as tar:
            for entry in tar:
                if not (entry.isreg() or entry.isdir()):
                    raise _refused(entry.name)
                data = tar.extractfile(entry) if entry.isreg() else None
                yield _Member(entry.name, entry.isdir(), data)


def _refused(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"archive member {name!r} is a link or a device", fix="archive plain files and folders"
    )
