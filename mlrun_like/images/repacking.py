"""A tar from elsewhere as a layer of the cache: compressed, and checked on the way."""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import zlib
from typing import BinaryIO, cast

from mlrun_like.errors import BuildError, IntegrityError
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.compressing import LayerWriter
from mlrun_like.images.layers import Layer

__all__ = ["repack"]

_PIECE = 1 << 20
_SMALL = 1 << 16
_GZIP = 31  # zlib: expect a gzip member
_ZSTD = b"\x28\xb5\x2f\xfd"


def repack(file: io.BufferedReader, cache: BlobCache, where: str, diff_id: str = "") -> Layer:
    """The layer made of a tar.

    Args:
        file: The tar; plain, or compressed with gzip, bzip2 or xz.
        cache: Where the layer goes.
        where: For messages.
        diff_id: The digest it must have uncompressed; empty: any.

    Raises:
        IntegrityError: if it has another.
        BuildError: if it is compressed in a way that cannot be read here.
    """
    magic = file.peek(6)[:6]
    if magic.startswith(_ZSTD):
        raise BuildError(
            "a layer is compressed with zstd, which cannot be read here",
            where=where,
            fix="save the image again with gzip, or without compression",
        )
    if magic.startswith(b"\x1f\x8b"):
        return _keep(file, cache, where, diff_id)
    plain: BinaryIO = file
    if magic.startswith(b"BZh"):
        plain = cast(BinaryIO, bz2.BZ2File(file))
    elif magic.startswith(b"\xfd7zXZ"):
        plain = cast(BinaryIO, lzma.open(file))  # noqa: SIM115 - the caller closes the file
    with cache.writer() as out:
        writer = LayerWriter(out)
        try:
            while data := plain.read(_PIECE):
                writer.write(data)
            made = writer.finish()
        finally:
            writer.close()
        _check(made.diff_id, diff_id, where)
        out.commit(made.digest)
    return Layer(made.digest, made.diff_id, made.size)


def _keep(file: BinaryIO, cache: BlobCache, where: str, diff_id: str) -> Layer:
    """A layer that is compressed already stays as it is."""
    plain, packed, size = hashlib.sha256(), hashlib.sha256(), 0
    engine = zlib.decompressobj(_GZIP)
    with cache.writer() as out:
        # Small pieces: each may become a thousand times as long.
        while data := file.read(_SMALL):
            out.write(data)
            packed.update(data)
            size += len(data)
            while data:
                plain.update(engine.decompress(data))
                data = engine.unused_data
                if data:  # another gzip member follows
                    engine = zlib.decompressobj(_GZIP)
        if not engine.eof:
            raise EOFError("compressed data ends too early")
        found = "sha256:" + plain.hexdigest()
        _check(found, diff_id, where)
        digest = "sha256:" + packed.hexdigest()
        out.commit(digest)
    return Layer(digest, found, size)


def _check(found: str, wanted: str, where: str) -> None:
    if wanted and found != wanted:
        raise IntegrityError(
            f"a layer should have the digest {wanted} and has {found}",
            where=where,
            fix="the archive is damaged or was changed: make it anew",
        )
