"""Files of a path, URL, folder or pattern, and how far each was read."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import struct
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import unquote

import pyarrow as pa

from mlrun_like.artifacts.formats import compression_of
from mlrun_like.artifacts.item import DataItem, get_dataitem
from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import ConflictError, InvalidArgumentError, MissingFileError

__all__ = ["File", "Progress", "files_of"]

_ENTRY = struct.Struct(">8sQQ")
_COMPLETE = 1 << 63
_UNKNOWN = (1 << 64) - 1


@dataclass(frozen=True)
class File:
    """One file of a source.

    Args:
        name: Its path below the source's folder; of a single file its name.
        item: What opens it.
        size: Its bytes; None: the place does not say.
    """

    name: str
    item: DataItem
    size: int | None

    @property
    def shown(self) -> str:
        """Its URL without credentials."""
        return redact(self.item.url)

    @property
    def partitions(self) -> dict[str, str | None]:
        """The `key=value` parts of its path; None: the value is missing."""
        found: dict[str, str | None] = {}
        for part in PurePosixPath(self.name).parts[:-1]:
            key, mark, value = part.partition("=")
            if mark and key:
                missing = value == "__HIVE_DEFAULT_PARTITION__"
                found[unquote(key)] = None if missing else unquote(value)
        return found

    def open(self) -> IO[bytes]:
        """Its bytes, uncompressed."""
        stream: Any = self.item.open("rb")
        codec = {"gz": "gzip", "gzip": "gzip", "bz2": "bz2", "zst": "zstd", "zstd": "zstd"}.get(
            compression_of(self.name) or ""
        )
        opened: IO[bytes] = pa.CompressedInputStream(stream, codec) if codec else stream
        return opened

    def open_anywhere(self) -> IO[bytes]:
        """Its bytes, read at any place: from a copy if its server sends them in one go."""
        stream = self.item.open("rb")
        if stream.seekable():
            return stream
        stream.close()
        return open(self.item.local(), "rb")


def files_of(path: str, *suffixes: str) -> list[File]:
    """The files of a path, in the order of their names.

    Args:
        path: A file, a folder, or a folder with a pattern as its last part (`data/*.csv`).
        suffixes: Of a folder only files that end so; hidden ones (`_`, `.`) are left out.

    Raises:
        MissingFileError: if there is nothing, or nothing with these suffixes.
    """
    head, _, last = path.rstrip("/").rpartition("/")
    pattern = last if any(char in last for char in "*?[") else ""
    if pattern and "://" not in path and get_dataitem(path).exists():
        pattern = ""
    item = get_dataitem((head or ".") if pattern else path)
    if not pattern and not item.isdir():
        return [File(item.url.rpartition("/")[2], item, item.stat().size)]
    found = []
    for name, _ in item.store.walk(item.store.split(item.url)):
        parts = PurePosixPath(name).parts
        if any(part.startswith((".", "_")) and "=" not in part for part in parts):
            continue
        plain = name.lower()
        for ending in (".gz", ".bz2", ".zst"):
            plain = plain.removesuffix(ending)
        wanted = fnmatch.fnmatch(name, pattern) if pattern else plain.endswith(suffixes)
        if wanted:
            child = item.child(name)
            found.append(File(name, child, child.stat().size))
    if not found:
        raise MissingFileError(
            f"{redact(path)!r} has no files {' or '.join(suffixes)}",
            fix="check the path; a single file may have any name",
        )
    return sorted(found, key=lambda file: file.name)


class Progress:
    """How many rows of each file were read; compact, and independent of later files.

    A file that grew is read on, a new one is read whole, wherever its name sorts; one that is
    complete and has its old size is not opened. 24 bytes a file.

    >>> progress = Progress()
    >>> progress.read("a.csv", 10, 200, complete=True)
    >>> Progress(str(progress)).rows("a.csv"), Progress(str(progress)).is_done("a.csv", 200)
    (10, True)
    """

    def __init__(self, text: str = "", where: str = "") -> None:
        self._files: dict[bytes, tuple[int, int]] = {}
        try:
            packed = base64.b85decode(text)
            for key, rows, size in _ENTRY.iter_unpack(packed):
                self._files[key] = (rows, size)
        except (ValueError, TypeError, struct.error) as exc:
            raise InvalidArgumentError(
                f"position {text!r:.60} cannot be read", where=where, fix="ingest without resuming"
            ) from exc

    def __str__(self) -> str:
        packed = [_ENTRY.pack(key, rows, size) for key, (rows, size) in self._files.items()]
        return base64.b85encode(b"".join(packed)).decode()

    def rows(self, name: str) -> int:
        """How many rows of a file were read."""
        return self._files.get(_key(name), (0, 0))[0] & ~_COMPLETE

    def read(self, name: str, rows: int, size: int | None, *, complete: bool = False) -> None:
        """Note that so many rows of a file were read."""
        mark = _COMPLETE if complete else 0
        self._files[_key(name)] = (rows | mark, _UNKNOWN if size is None else size)

    def is_done(self, name: str, size: int | None) -> bool:
        """Whether a file was read to its end, and did not change since."""
        rows, known = self._files.get(_key(name), (0, 0))
        return bool(rows & _COMPLETE) and known == size

    def check(self, file: File, total: int) -> None:
        """Whether a file still has the rows that were read of it.

        Raises:
            ConflictError: if it has fewer.
        """
        rows = self.rows(file.name)
        if rows > total:
            raise ConflictError(
                f"{rows:,} rows of it were read, now it has {total:,}: it was replaced",
                where=file.shown,
                fix="ingest again without resuming, or write new rows to a new file",
            )


def _key(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
