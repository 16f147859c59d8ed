"""What was read from elsewhere, kept below the home folder: faster, and there when offline."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mlrun_like.configuration import config

__all__ = ["Kept", "alone", "folder_of", "keep", "kept"]

_NOTHING = b"\x00nothing is there"


class Kept(NamedTuple):
    """A copy of something; data None: it was known not to be there.

    Args:
        path: Where the copy is.
        data: What it says.
        age: Seconds since it was read.
    """

    path: Path
    data: bytes | None
    age: float


def folder_of(address: str) -> Path:
    """The folder for copies of what is at an address."""
    digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return config.path("hub", digest[:32])


def kept(address: str) -> Kept | None:
    """The copy of what is at an address."""
    path = _file(address)
    try:
        data = path.read_bytes()
        age = max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None
    return Kept(path, None if data == _NOTHING else data, age)


def keep(address: str, data: bytes | None) -> Path | None:
    """Keep a copy, or with None that there is nothing; a full disk only means that there is none.

    A reader sees the old copy or the new one, never a half.
    """
    path = _file(address)
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        with os.fdopen(handle, "wb") as file:
            file.write(_NOTHING if data is None else data)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return None
    return path


@contextlib.contextmanager
def alone(address: str) -> Iterator[None]:
    """One process at a time has the copy of what is at an address; a killed one lets go.

    Where nothing can be written, nobody waits: nothing can be kept there either.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            folder = folder_of(address)
            folder.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(open(folder / ".lock", "ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _file(address: str) -> Path:
    name = address.partition("#")[0].rpartition("/")[2]
    safe = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name[-80:])
    return folder_of(address) / (safe.lstrip(".") or "file")
