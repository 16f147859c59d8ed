"""SHA-256 of bytes while they pass on their way to a store: one pass, whatever the size."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlrun_like.configuration import config

__all__ = ["Digest", "combine", "digest_of_file"]

_WHOLE = 256 * 2**20
"""Bytes of the largest file that is read for its digest alone."""


class Digest:
    """Counts and hashes the chunks that pass through.

    >>> digest = Digest()
    >>> b"".join(digest.passing([b"hel", b"lo"]))
    b'hello'
    >>> digest.size, digest.sha256[:8]
    (5, '2cf24dba')
    """

    def __init__(self) -> None:
        self.size = 0
        self._on = bool(config.calculate_digest)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            self.size += len(chunk)
            if self._on:
                self._sha1.update(chunk)
                self._sha256.update(chunk)
            yield chunk

    def of(self, data: bytes) -> Digest:
        """Take all of `data` in and return this object."""
        for _ in self.passing((data,)):
            pass
        return self

    @property
    def sha1(self) -> str:
        """MLRun's `metadata.hash`; empty when digests are switched off."""
        return self._sha1.hexdigest() if self._on else ""

    @property
    def sha256(self) -> str:
        """`spec.digest`; empty when digests are switched off."""
        return self._sha256.hexdigest() if self._on else ""


def digest_of_file(url: str) -> str:
    """SHA-256 of a plain file on this machine; `size:<bytes>` of one above 256 MB.

    Empty if it is no such file, cannot be read, or digests are switched off.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
    >>> _ = path.write_text("hello")
    >>> digest_of_file(str(path))[:8]
    '2cf24dba'
    """
    if not config.calculate_digest or ("://" in url and not url.startswith("file://")):
        return ""
    path = Path(unquote(urlsplit(url).path) if url.startswith("file://") else url)
    try:
        found = path.expanduser().stat()
        if not stat.S_ISREG(found.st_mode):
            return ""  # a pipe would be used up
        if found.st_size > _WHOLE:
            return f"size:{found.st_size}"
        return _digest(str(path.expanduser().absolute()), found.st_mtime_ns, found.st_size)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=256)
def _digest(path: str, changed: int, size: int) -> str:
    """Read once for all runs of this process that use the file as it is."""
    del changed, size
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def combine(files: Mapping[str, str]) -> str:
    """One digest of a folder from its files' names and digests, whatever their order.

    >>> combine({"b": "2", "a": "1"}) == combine({"a": "1", "b": "2"})
    True
    """
    if not config.calculate_digest:
        return ""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{files[name]}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()
