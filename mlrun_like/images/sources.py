"""Where the bytes of a blob come from: memory, the cache, or another registry."""

from __future__ import annotations

import io
from typing import BinaryIO, Protocol

from mlrun_like.images.answer import Readable
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import digest_of

__all__ = ["BytesSource", "CacheSource", "Source"]


class Source(Protocol):
    """A blob that can be read from any place on, any number of times."""

    @property
    def digest(self) -> str: ...

    @property
    def size(self) -> int: ...

    def open(self, offset: int) -> Readable:
        """Its bytes from `offset` on."""
        ...


class BytesSource:
    """A small blob in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    @property
    def digest(self) -> str:
        """Computed when it is asked for."""
        return digest_of(self._data)

    def open(self, offset: int) -> BinaryIO:
        file = io.BytesIO(self._data)
        file.seek(offset)
        return file


class CacheSource:
    """A blob of the cache."""

    def __init__(self, cache: BlobCache, digest: str, size: int) -> None:
        self._cache = cache
        self.digest = digest
        self.size = size

    def open(self, offset: int) -> BinaryIO:
        file = self._cache.open(self.digest)
        file.seek(offset)
        return file
