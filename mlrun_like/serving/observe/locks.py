"""Files that tell whether the process that writes them lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["create_held", "is_held"]


def create_held(path: Path, flags: int = os.O_RDWR) -> int:
    """Create a file that is held until its descriptor is closed, by the end of the process too.

    Raises:
        FileExistsError: if it exists.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether a living process (also this one) holds the file; False if it is not there.

    >>> is_held(Path("no-such-file"))
    False
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
