"""Named files in a tar or a folder, read one at a time; nothing is unpacked."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, cast

from mlrun_like.errors import BuildError
from mlrun_like.images.documents import MAX_DOCUMENT

__all__ = ["BROKEN", "Members", "broken", "members_of", "read_small"]

BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, RecursionError)
"""What reading a damaged archive raises."""


class Members(NamedTuple):
    """The files there are.

    Args:
        names: Their names, without `./`.
        open: Gives the content of one; None if it is not there.
    """

    names: frozenset[str]
    open: Callable[[str], AbstractContextManager[BufferedReader | None]]


@contextmanager
def members_of(path: Path) -> Iterator[Members]:
    """The files of a folder or of a tar, plain or compressed.

    Raises:
        BuildError: if it is neither, or is damaged.
    """
    if path.is_dir():
        names = (found.relative_to(path).as_posix() for found in path.rglob("*"))
        yield Members(frozenset(names), lambda name: _in_folder(path, name))
        return
    try:
        with tarfile.open(path, "r:*") as tar:
            by_name = {name: member for member in tar if (name := _name(member, path))}
            yield Members(frozenset(by_name), lambda name: _in_tar(tar, by_name.get(name)))
    except BROKEN as exc:
        raise broken(path, exc) from exc
    except OSError as exc:
        raise BuildError(f"the file cannot be read: {exc}", where=str(path)) from exc


def broken(path: Path, exc: Exception) -> BuildError:
    """The error for a file that is no archive, or half of one."""
    return BuildError(
        f"this is no tar archive, or it is damaged: {exc}",
        where=str(path),
        fix="use a file made by 'podman save', an OCI archive, or a tar of a root file system "
        "(plain, gzip, bzip2 or xz)",
    )


def read_small(members: Members, name: str, where: str) -> bytes:
    """The content of a document.

    Raises:
        BuildError: if it is not there or too long.
    """
    with members.open(name) as file:
        if file is None:
            raise BuildError(f"the archive has no {name!r}", where=where, fix="make it anew")
        data = file.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise BuildError(f"{name!r} has more than {MAX_DOCUMENT} bytes", where=where)
    return data


def _name(member: tarfile.TarInfo, path: Path) -> str:
    """The member's name; names that lead out of the archive are refused."""
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BuildError(
            f"the archive holds {member.name!r:.200}, which leads out of it",
            where=str(path),
            fix="do not use this archive: it may be an attack",
        )
    return "/".join(parts)


@contextmanager
def _in_folder(folder: Path, name: str) -> Iterator[BufferedReader | None]:
    file = folder / name
    # A link could lead anywhere on this machine.
    if ".." in name.split("/") or file.is_symlink() or not file.is_file():
        yield None
        return
    with file.open("rb") as opened:
        yield opened


@contextmanager
def _in_tar(
    tar: tarfile.TarFile, member: tarfile.TarInfo | None
) -> Iterator[BufferedReader | None]:
    try:
        found = None if member is None else tar.extractfile(member)
    except KeyError:  # a link to what is not there
        found = None
    if found is None:
        yield None
        return
    with found:
        yield cast(BufferedReader, found)
