"""Whether a worker sees the files of the submitting process, or its records must travel."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.configuration import config

__all__ = ["Shared", "is_local", "probe", "shared_with"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Shared(NamedTuple):
    """What this process has in common with the submitting one.

    Args:
        machine: The kernel and the home folder, so that a SQLite file can be used by both.
        disk: The home folder.
    """

    machine: bool
    disk: bool


@contextlib.contextmanager
def probe() -> Iterator[dict[str, Any]]:
    """A file in the home folder by which workers tell whether they see it, while the block lasts.

    Yields:
        What `shared_with` takes.
    """
    home = config.path()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=home, prefix=".probe-") as file:
        yield {"file": file.name, "inode": os.fstat(file.fileno()).st_ino, "boot": _boot()}


def shared_with(mark: dict[str, Any]) -> Shared:
    """Compare this process with the one that made the mark."""
    try:
        disk = os.stat(mark["file"]).st_ino == mark["inode"]
    except OSError:
        disk = False
    return Shared(disk and bool(mark["boot"]) and mark["boot"] == _boot(), disk)


def is_local(path: str) -> bool:
    """Whether a path or URL is a file of one machine."""
    return scheme_of(path) in ("", "file")


def _boot() -> str:
    """What tells one running kernel from another; empty where there is no such thing."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
