"""Temporary folders of packers, with an owner who removes them.

Inside `with workspace():` every temporary file belongs to that block and is removed at its end;
outside, files live until the process ends. Nothing is created before the first file is asked for.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

__all__ = ["Workspace", "current", "using", "workspace"]


class Workspace:
    """Folders and files that are removed together."""

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self._owner = os.getpid()

    def folder(self) -> Path:
        """A new, empty folder that only this user can read."""
        path = Path(tempfile.mkdtemp(prefix="mlrun-like-"))
        self._paths.append(path)
        return path

    def remove_later(self, path: str | os.PathLike[str]) -> None:
        """Remove this file or folder too."""
        self._paths.append(Path(path))

    def clear(self) -> None:
        """Remove everything now; what is gone already is no error."""
        if os.getpid() != self._owner:  # a forked child must not remove its parent's files
            return
        while self._paths:
            path = self._paths.pop()
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()


_current: ContextVar[Workspace | None] = ContextVar("workspace", default=None)
_process: dict[int, Workspace] = {}


def current() -> Workspace:
    """The workspace of the surrounding block, else the process's own."""
    found = _current.get()
    if found is not None:
        return found
    pid = os.getpid()
    if pid not in _process:
        _process[pid] = Workspace()
        atexit.register(_process[pid].clear)
    return _process[pid]


@contextlib.contextmanager
def using(mine: Workspace) -> Iterator[Workspace]:
    """Give the temporary files made in this block to an owner who clears them some time later."""
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)


@contextlib.contextmanager
def workspace() -> Iterator[Workspace]:
    """Own the temporary files made in this block.

    >>> with workspace() as mine:
    ...     folder = mine.folder()
    >>> folder.exists()
    False
    """
    mine = Workspace()
    try:
        with using(mine):
            yield mine
    finally:
        mine.clear()
