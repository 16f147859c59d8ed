"""The working folder of a run in this process.

A process has one working folder for all of its threads. On Linux a thread can have one of its own,
so a run that works in a folder takes that where there are other threads. Elsewhere, and in the
main thread, such runs take turns, and the other threads see the folder change.

A run may wait for others that it began in threads, and nothing tells those from any others. So a
turn is waited for only as long as it is short: then the next run takes the folder, which comes back
to the longer one when that run ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlrun_like.errors import MissingFileError

__all__ = ["check_folder", "folder_here", "working_in"]

_CLONE_FS = 0x200  # unshare(2): the working folder, the root and the umask
_HERE = ("", "local", "handler", "process")
_LONGEST = 5.0
"""Seconds for which others wait for a turn to end."""
_MAIN = "/proc/self/cwd"
"""Where the main thread is, for any thread."""
_log = logging.getLogger("mlrun_like.runs")
_thread = threading.local()


@dataclass
class _Turn:
    """A run that has taken the process's folder elsewhere."""

    back: Path
    """Where it was before."""
    thread: int
    until: float
    """When others wait no more."""


_turns: list[_Turn] = []
"""The last has the process's folder; where the first goes back to is outside of any run."""
_moving = threading.Condition()
"""The process's folder and `_turns` change together."""


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
    elif _has_own_folder():
        check_folder(folder)
        before = Path.cwd()
        os.chdir(Path(folder).expanduser())
        try:
            yield
        finally:
            os.chdir(before)
    else:
        turn = _take_turn(folder)
        try:
            yield
        finally:
            _give_back(turn)


def _take_turn(folder: str) -> _Turn:
    """Take the process's folder elsewhere when nobody needs it, or has needed it for long."""
    alone = threading.active_count() == 1  # who comes later was begun by this run
    me = threading.get_ident()
    with _moving:
        waited = False
        while _turns and all(turn.thread != me for turn in _turns):
            left = _turns[-1].until - time.monotonic()
            if left <= 0:
                break
            waited = True
            _moving.wait(left)
        if waited and _turns:
            _log.warning(
                "the working folder of this process becomes %r, while another run works in %r: "
                "it has been there for more than %g s, and may be waiting for this run",
                folder, str(Path.cwd()), _LONGEST,
            )  # fmt: skip
        check_folder(folder)
        turn = _Turn(Path.cwd(), me, 0.0 if alone else time.monotonic() + _LONGEST)
        os.chdir(Path(folder).expanduser())
        _turns.append(turn)
    return turn


def _give_back(turn: _Turn) -> None:
    """Go back; a run that came later and is not yet done goes there instead."""
    with _moving:
        at = next(number for number, one in enumerate(_turns) if one is turn)
        del _turns[at]
        _moving.notify_all()
        if at < len(_turns):
            _turns[at].back = turn.back
        else:
            os.chdir(turn.back)


def _has_own_folder() -> bool:
    """Give this thread a working folder of its own; False: that cannot be had here."""
    if threading.current_thread() is threading.main_thread():
        return False  # it is for good: what that thread changes later is to hold for all threads
    if not getattr(_thread, "own", False):
        with _moving:
            _thread.own = sys.platform.startswith("linux") and _unshare()
            if _thread.own:
                # it began where the thread is that started it: maybe in the folder of a run
                with contextlib.suppress(OSError):  # it is gone, or there is no /proc
                    os.chdir(_turns[0].back if _turns else _MAIN)
    return bool(_thread.own)


def _unshare() -> bool:
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_FS) == 0)
    except (OSError, AttributeError):  # another C library, or a sandbox
        return False
