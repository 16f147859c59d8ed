"""Files that are packed: what they are, told by their content, and what is in them as streams."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from mlrun_like.errors import TooLargeError

__all__ = ["open_packed", "packed_files", "packed_format", "room_for"]

_OPENERS: dict[str, tuple[bytes, Callable[..., Any]]] = {
    "gz": (b"\x1f\x8b", gzip.open),
    "bz2": (b"BZh", bz2.open),
    "xz": (b"\xfd7zXZ\x00", lzma.open),
}
_BLOCK = 512
_KEPT = 256 << 20  # bytes of a disk that are never used up; of a small one a part
_PART = 20


def packed_format(path: Path) -> str:
    """zip, tar, tar.gz, tar.bz2, tar.xz, gz, bz2, xz; empty: it is not packed.

    Raises OSError, EOFError or LZMAError if what is packed is broken at its beginning.
    """
    if zipfile.is_zipfile(path):
        return "zip"
    with open(path, "rb") as file:
        head = file.read(_BLOCK)
    for name, (mark, opener) in _OPENERS.items():
        if head.startswith(mark):
            with opener(path, "rb") as inner:
                return f"tar.{name}" if _is_tar(inner.read(_BLOCK)) else name
    return "tar" if _is_tar(head) else ""


def open_packed(path: Path, form: str) -> Any:
    """One packed file as a stream; `form` is gz, bz2, xz, or empty for one that is not."""
    return _OPENERS[form][1](path, "rb") if form else open(path, "rb")


def room_for(folder: Path, most: int) -> tuple[int, str]:
    """How many bytes may be unpacked into a folder, and a word on why if its disk has no more.

    Args:
        folder: Where they go.
        most: At most so many.
    """
    disk = shutil.disk_usage(folder)
    free = max(0, disk.free - min(_KEPT, disk.total // _PART))
    return (most, "") if most <= free else (free, ": the disk has no more room")


def packed_files(
    path: Path, suffixes: tuple[str, ...] = (), most: int | None = None
) -> Iterator[IO[bytes]]:
    """The files in an archive one after another, by name; one file that is packed, or not.

    Args:
        path: The file.
        suffixes: Only files with such names, if an archive has any; hidden ones never.
        most: The most bytes that all of them may have; reading more raises TooLargeError.
    """
    if most is None:
        yield from _files(path, suffixes)
        return
    left = [most]
    for file in _files(path, suffixes):
        yield cast("IO[bytes]", _Bounded(file, left, most))


class _Bounded(io.RawIOBase):
    """A file of an archive; what is read of all of them is counted."""

    def __init__(self, file: IO[bytes], left: list[int], most: int) -> None:
        self._file, self._left, self._most = file, left, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._left[0] -= len(data)
        if self._left[0] < 0:
            raise TooLargeError(f"it unpacks to more than {self._most:,} bytes")
        buffer[: len(data)] = data
        return len(data)


def _files(path: Path, suffixes: tuple[str, ...]) -> Iterator[IO[bytes]]:
    form = packed_format(path)
    if form == "zip":
        with zipfile.ZipFile(path) as packed:
            names = [one.filename for one in packed.infolist() if not one.is_dir()]
            for name in _chosen(names, suffixes):
                with packed.open(name) as file:
                    yield file
    elif form.startswith("tar"):
        with tarfile.open(path) as tar:
            names = [one.name for one in tar if one.isreg()]
            for name in _chosen(names, suffixes):
                inner = tar.extractfile(name)
                if inner is not None:
                    with inner:
                        yield inner
    else:
        with open_packed(path, form) as file:
            yield file


def _chosen(names: list[str], suffixes: tuple[str, ...]) -> list[str]:
    seen = sorted(
        one for one in names if "__MACOSX" not in one and not Path(one).name.startswith(".")
    )
    return [one for one in seen if one.lower().endswith(suffixes)] or seen if suffixes else seen


def _is_tar(block: bytes) -> bool:
    """Whether a block is a tar member's head: by its mark, or by its check sum in old archives."""
    if len(block) < _BLOCK:
        return False
    if block[257:262] == b"ustar":
        return True
    written = block[148:156].strip(b" \0")
    try:
        return bool(written) and int(written, 8) == sum(block) - sum(block[148:156]) + 8 * 32
    except ValueError:
        return False
