"""gzip on several cores whose output depends on nothing but its input.

The input is cut into blocks of fixed size. Each is compressed by itself, with the end of the
block before it as dictionary, and ends on a byte border, so the parts joined are one deflate
stream (RFC 1951) in one gzip member (RFC 1952) - the same for any number of threads.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

__all__ = ["LEVEL", "Compressed", "LayerWriter"]

LEVEL = 4
"""zlib's level. Measured on installed packages, 4 packs within 5 % of 6, in a third of the time."""

_BLOCK = 1 << 20
_WINDOW = 1 << 15
# No name, no time, unknown system.
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class _Out(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Compressed(NamedTuple):
    """What came out: digests of the plain and of the compressed bytes, and their sizes."""

    diff_id: str
    digest: str
    size: int
    plain_size: int


class LayerWriter:
    """Takes a tar's bytes, writes gzip and computes both digests on the way.

    Args:
        out: Where the compressed bytes go.
        level: zlib's level, 1 (fast) to 9 (small).
        threads: How many compress; by default one for each core, at most 4.

    >>> import gzip, io
    >>> out = io.BytesIO()
    >>> writer = LayerWriter(out)
    >>> writer.write(b"hello")
    >>> writer.finish().size == len(out.getvalue())
    True
    >>> gzip.decompress(out.getvalue())
    b'hello'
    """

    def __init__(self, out: _Out, level: int = LEVEL, threads: int = 0) -> None:
        self._out = out
        self._level = level
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[bytes]] = deque()
        self._buffer = bytearray()
        self._window = b""
        self._plain = hashlib.sha256()
        self._packed = hashlib.sha256()
        self._crc = self._plain_size = self._size = 0
        self._emit(_HEADER)

    def write(self, data: bytes) -> None:
        """Append plain bytes; best in pieces of at most a megabyte."""
        self._plain.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self._plain_size += len(data)
        self._buffer += data
        while len(self._buffer) > _BLOCK:
            block = bytes(self._buffer[:_BLOCK])
            del self._buffer[:_BLOCK]
            self._submit(block)

    def finish(self) -> Compressed:
        """Write what is left; nothing can be appended any more."""
        last = _compress(bytes(self._buffer), self._window, self._level, zlib.Z_FINISH)
        while self._waiting:
            self._emit(self._waiting.popleft().result())
        self._emit(last + struct.pack("<II", self._crc, self._plain_size & 0xFFFFFFFF))
        self.close()
        return Compressed(
            "sha256:" + self._plain.hexdigest(),
            "sha256:" + self._packed.hexdigest(),
            self._size,
            self._plain_size,
        )

    def close(self) -> None:
        """End the threads, whether or not everything was written."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _submit(self, block: bytes) -> None:
        window, self._window = self._window, block[-_WINDOW:]
        if self._threads == 1:
            self._emit(_compress(block, window, self._level, zlib.Z_SYNC_FLUSH))
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "compress")
        self._waiting.append(
            self._pool.submit(_compress, block, window, self._level, zlib.Z_SYNC_FLUSH)
        )
        # The oldest is awaited first, so memory holds a few blocks and the order stays.
        while len(self._waiting) > 2 * self._threads:
            self._emit(self._waiting.popleft().result())

    def _emit(self, data: bytes) -> None:
        self._packed.update(data)
        self._size += len(data)
        self._out.write(data)


def _compress(block: bytes, window: bytes, level: int, ending: int) -> bytes:
    strategy = zlib.Z_DEFAULT_STRATEGY
    packer = (
        zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy, window)
        if window
        else zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    )
    return packer.compress(block) + packer.flush(ending)
