"""The beginnings of files: never more bytes and time than a preview has."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.data import DataItem
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError

__all__ = ["as_text", "head_of", "on_disk", "unpacked_head"]

_PIECE = 64 << 10
_OPENERS: dict[str, Any] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}


def unpacked_head(item: DataItem, compression: str, most: int) -> bytes:
    """The first bytes of a compressed file, unpacked. Raises InvalidArgumentError if it is none."""
    try:
        with item.open("rb") as file, _OPENERS[compression](file, "rb") as inner:
            data: bytes = inner.read(most)
            return data
    except (OSError, EOFError, ValueError, lzma.LZMAError) as exc:
        raise InvalidArgumentError("it is not compressed as its name says") from exc


def head_of(item: DataItem, most: int) -> bytes:
    """The first bytes of a file; fewer, if they come too slowly."""
    until = time.monotonic() + config.service_preview_seconds
    data = bytearray()
    with item.open("rb") as file:
        read = getattr(file, "read1", file.read)
        while len(data) < most and time.monotonic() < until:
            piece = read(min(_PIECE, most - len(data)))
            if not piece:
                break
            data += piece
    return bytes(data)


def as_text(data: bytes) -> str | None:
    """The text, if it is one."""
    if b"\0" in data[:8192]:
        return None
    text = data.decode("utf-8", "replace")
    strange = text.count("\N{REPLACEMENT CHARACTER}")
    return None if strange > max(8, len(text) // 20) else text


@contextlib.contextmanager
def on_disk(item: DataItem, most: int) -> Iterator[tuple[str, bool]]:
    """A path to the file, or to a copy of its first bytes; and whether that is not all."""
    own = item.store.local_path(item._path)
    if own is not None:
        yield str(Path(own).resolve()), False
        return
    until = time.monotonic() + config.service_preview_seconds
    with tempfile.NamedTemporaryFile(prefix="mlrun-like-preview-") as copy:
        left, cut = most, False
        with item.open("rb") as file:
            read = getattr(file, "read1", file.read)
            while piece := read(_PIECE):
                if len(piece) > left or time.monotonic() > until:
                    copy.write(piece[:left])
                    cut = True
                    break
                copy.write(piece)
                left -= len(piece)
        copy.flush()
        yield copy.name, cut
