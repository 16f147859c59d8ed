"""Signs of life, time limits and aborts of runs in this process.

One daemon thread serves all runs. It records heartbeats, asks whether somebody wants a run to
stop, and interrupts the handler: by a signal in the main thread (which also ends a sleep or a
blocked read), by an asynchronous exception in other threads (which takes effect at the next line of
Python).
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlrun_like.configuration import config

__all__ = ["Interrupted", "RunAborted", "RunTimedOut", "watched"]


class Interrupted(BaseException):
    """The handler was stopped from outside; not an Exception, so that handlers let it pass."""


class RunTimedOut(Interrupted):
    """The time limit passed."""


class RunAborted(Interrupted):
    """Somebody asked the run to stop."""


@dataclass
class _Entry:
    thread: int
    deadline: float
    beat: Callable[[], str]
    next_beat: float
    reason: type[Interrupted] | None = None
    closed: bool = False


_entries: list[_Entry] = []
_changed = threading.Condition()
_thread: threading.Thread | None = None
_SIGNAL = getattr(signal, "SIGALRM", None)
_IDLE = 0.5  # seconds between looks for new runs
_GIVE_UP = 30.0  # seconds without a run after which the thread ends


@contextlib.contextmanager
def watched(timeout: float | None, beat: Callable[[], str]) -> Iterator[None]:
    """Watch the block.

    Args:
        timeout: Seconds until RunTimedOut is raised in it; None: never.
        beat: Records a sign of life and returns the run's recorded state; `"aborting"` makes
            RunAborted appear in the block.
    """
    now = time.monotonic()
    entry = _Entry(
        thread=threading.get_ident(),
        deadline=now + timeout if timeout else float("inf"),
        beat=beat,
        next_beat=now + config.heartbeat_interval,
    )
    installed = _install(entry)
    _add(entry)
    try:
        yield
    finally:
        _remove(entry, installed)


def _install(entry: _Entry) -> bool:
    """Take SIGALRM in the main thread if nobody uses it; True if it has to be given back."""
    if _SIGNAL is None or entry.thread != threading.main_thread().ident:
        return False
    if signal.getsignal(_SIGNAL) is not signal.SIG_DFL:
        return False
    signal.signal(_SIGNAL, _on_signal)
    return True


def _on_signal(signum: int, frame: object) -> None:
    main = threading.main_thread().ident
    for entry in reversed(_entries):
        if entry.thread == main and entry.reason is not None and not entry.closed:
            raise entry.reason


def _add(entry: _Entry) -> None:
    global _thread
    with _changed:
        _entries.append(entry)
        if _thread is None or not _thread.is_alive():  # dead: this process was forked
            _thread = threading.Thread(target=_loop, name="mlrun-like-watch", daemon=True)
            _thread.start()
        elif entry.deadline < time.monotonic() + _IDLE:
            _changed.notify()


def _remove(entry: _Entry, installed: bool) -> None:
    with _changed:
        entry.closed = True
        if entry in _entries:
            _entries.remove(entry)
        if entry.reason is not None and not _by_signal(entry):
            # It may have been sent and not yet raised: take it back.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(entry.thread), None)
    if installed and _SIGNAL is not None:
        signal.signal(_SIGNAL, signal.SIG_DFL)


def _by_signal(entry: _Entry) -> bool:
    return (
        _SIGNAL is not None
        and entry.thread == threading.main_thread().ident
        and signal.getsignal(_SIGNAL) is _on_signal
    )


def _interrupt(entry: _Entry, reason: type[Interrupted]) -> None:
    if entry.closed or entry.reason is not None:
        return
    entry.reason = reason
    if _by_signal(entry) and _SIGNAL is not None:
        signal.pthread_kill(entry.thread, _SIGNAL)
        return
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(entry.thread), ctypes.py_object(reason)
    )


def _loop() -> None:
    global _thread
    idle_since = time.monotonic()
    while True:
        with _changed:
            now = time.monotonic()
            wake = min((min(e.deadline, e.next_beat) for e in _entries), default=now + _IDLE)
            if wake > now:
                # A short run must not pay for waking this thread, so it looks often enough itself.
                _changed.wait(timeout=min(wake - now, _IDLE))
            due = list(_entries)
            if due:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > _GIVE_UP:
                _thread = None
                return
        now = time.monotonic()
        for entry in due:
            if now >= entry.deadline:
                entry.deadline = float("inf")
                with _changed:
                    _interrupt(entry, RunTimedOut)
            if now >= entry.next_beat:
                entry.next_beat = now + config.heartbeat_interval
                if entry.beat() in ("aborting", "aborted"):
                    with _changed:
                        _interrupt(entry, RunAborted)
