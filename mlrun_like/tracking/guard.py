"""Writers at the two ends of a process: before it ends they flush, around a fork they let go."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from multiprocessing import util as multiprocessing_util
from typing import Protocol

__all__ = ["Guarded", "guard", "guard_process"]


class Guarded(Protocol):
    """What wants to be told."""

    def close(self) -> None:
        """The process ends."""

    def before_fork(self) -> None:
        """A fork comes: nothing may be held that a child must not inherit."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Start empty."""


_guarded: weakref.WeakSet[Guarded] = weakref.WeakSet()
_held: list[Guarded] = []
_fork_lock = threading.Lock()
_process = 0
_hooked = False


def guard(thing: Guarded) -> None:
    """Look after a writer for as long as it lives."""
    global _hooked
    _guarded.add(thing)
    if not _hooked:
        _hooked = True
        atexit.register(_close_all)
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


def guard_process() -> None:
    """Children of multiprocessing leave without running atexit; tell it, too."""
    global _process
    if _process != os.getpid():
        _process = os.getpid()
        multiprocessing_util.Finalize(None, _close_all, exitpriority=100)


def _close_all() -> None:
    for thing in list(_guarded):
        thing.close()


def _before_fork() -> None:
    # one fork at a time, for what is held has to be let go by the same thread
    _fork_lock.acquire()
    _held[:] = sorted(_guarded, key=id)
    for thing in _held:
        thing.before_fork()


def _after_in_parent() -> None:
    for thing in _held:
        thing.after_fork_in_parent()
    _held.clear()
    _fork_lock.release()


def _after_in_child() -> None:
    global _fork_lock
    for thing in _held:
        thing.after_fork_in_child()
    _held.clear()
    _fork_lock = threading.Lock()
