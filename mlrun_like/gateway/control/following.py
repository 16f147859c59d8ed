"""A log file as it grows, also when somebody replaces it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

__all__ = ["follow", "read_from", "size_of", "tail_of"]

_BLOCK = 1 << 16
_PAUSE = 0.05
_MOST = 16 << 20


def size_of(path: Path) -> int:
    """Bytes of a file; 0: it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tail_of(path: Path, lines: int) -> tuple[bytes, int]:
    """The last lines of a file, and where it ended when they were read.

    Args:
        path: The file; one that is not there is empty.
        lines: How many, 0: all of them; of a huge file no more than 16 MiB.
    """
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            at = start = end
            found = b""
            while at > 0 and len(found) < _MOST:
                at = max(0, at - _BLOCK)
                file.seek(at)
                found = file.read(start - at) + found
                start = at
                if lines and found.count(b"\n") > lines:
                    break
    except OSError:
        return b"", 0
    if lines:
        found = b"".join(found.splitlines(keepends=True)[-lines:])
    return found, end


def read_from(path: Path, at: int) -> tuple[bytes, int]:
    """A part of a file from a place on, and where it ends; a shorter file is a new one."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            if end < at:  # cut off or replaced
                at = 0
            file.seek(at)
            data = file.read(_BLOCK)
    except OSError:
        return b"", at
    return data, at + len(data)


async def follow(path: Path, at: int) -> AsyncIterator[bytes]:
    """What is added to a file behind place `at`, for as long as somebody asks."""
    while True:
        data, at = await asyncio.to_thread(read_from, path, at)
        if data:
            yield data
        else:
            await asyncio.sleep(_PAUSE)
