"""The working folder of a run in this process.

A process has one working folder for all of its threads. On Linux a thread can have one of its own,
so a run that works in a folder takes that where there are other threads. Elsewhere, and in the
main thread, such runs wait for one another, and the other threads see the folder change.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.errors import MissingFileError

__all__ = ["check_folder", "folder_here", "working_in"]

_CLONE_FS = 0x200  # unshare(2): the working folder, the root and the umask
_HERE = ("", "local", "handler", "process")
_turn = threading.RLock()
_thread = threading.local()
_left: list[Path] = []
"""Where the process was before runs took its folder elsewhere; the first: without any run."""
_moving = threading.Lock()
"""The process's folder and `_left` change together."""


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Raises MissingFileError if there is no such folder."""
    if not Path(folder).expanduser().is_dir():
        raise MissingFileError(
            f"the working folder {os.fspath(folder)!r} does not exist",
            fix="create it, or leave workdir out",
        )


def folder_here(folder: str, kind: str) -> tuple[str, str]:
    """The folder of a function that runs on this machine, and a note if it is another one.

    The folder of a kind that has images is one of its image: where it is not here, such a
    function works where this process does.

    Args:
        folder: The function's; empty: it has none.
        kind: The function's kind.
    """
    place = Path(folder).expanduser()
    if not folder or place.is_dir() or kind in _HERE or not place.is_absolute():
        return folder, ""
    return "", f"the image's folder {folder!r} is not here; working in {str(Path.cwd())!r}"


@contextlib.contextmanager
def working_in(folder: str) -> Iterator[None]:
    """Work in a folder for the length of a block; empty: where this thread is.

    Raises:
        MissingFileError: if there is no such folder.
    """
    if not folder:
        yield
        return
    own = _has_own_folder()
    with contextlib.nullcontext() if own or threading.active_count() == 1 else _turn:
        check_folder(folder)
        before = Path.cwd()
        with _moving:
            os.chdir(Path(folder).expanduser())
            if not own:
                _left.append(before)
        try:
            yield
        finally:
            with _moving:
                if not own:
                    _left.pop()
                os.chdir(before)


def _has_own_folder() -> bool:
    """Give this thread a working folder of its own; False: that cannot be had here."""
    if threading.current_thread() is threading.main_thread():
        return False  # it is for good: what that thread changes later is to hold for all threads
    if not getattr(_thread, "own", False):
        with _moving:
            _thread.own = sys.platform.startswith("linux") and _unshare()
            if _thread.own and _left:
                os.chdir(_left[0])  # it would stay for good where another thread's run is now
    return bool(_thread.own)


def _unshare() -> bool:
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_FS) == 0)
    except (OSError, AttributeError):  # another C library, or a sandbox
        return False
