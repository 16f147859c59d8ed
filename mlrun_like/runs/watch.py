"""Signs of life, time limits and aborts of runs in this process.

One daemon thread serves all runs. It records heartbeats, asks whether somebody wants a run to
stop, and interrupts the handler: by a signal in the main thread (which also ends a sleep or a
blocked read), by an asynchronous exception in other threads (which takes effect at the next line of
Python).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from mlrun_like.configuration import config

__all__ = ["Interrupted", "RunAborted", "RunTimedOut", "beating", "watched"]


class Interrupted(BaseException):
    """The handler was stopped from outside; not an Exception, so that handlers let it pass."""

    watch: ClassVar[object] = None
    """The watch that ran out; None: somebody else raised it, and it means the outermost run."""
    own: bool = True
    """Whether it is the innermost run that it passes through which shall stop, or one around it."""


class RunTimedOut(Interrupted):
    """The time limit passed."""


class RunAborted(Interrupted):
    """Somebody asked the run to stop."""


@dataclass(eq=False)
class _Entry:
    thread: int | None  # None: beats only
    deadline: float
    beat: Callable[[], str]
    next_beat: float
    reason: type[Interrupted] | None = None
    closed: bool = False


_entries: list[_Entry] = []
_lock = threading.RLock()
_wake = threading.Event()
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

    Raises:
        Interrupted: also if the block swallowed it, at its end. `own` is False when it was meant
            for a block around this one.
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
    except Interrupted as exc:
        exc.own = exc.watch is entry or (exc.watch is None and _is_outermost(entry))
        raise
    except Exception as exc:
        behind = _behind(exc)
        if behind is None:
            raise
        # What fails while an interruption unwinds the block does not stand for it.
        behind.own = behind.watch is entry or (behind.watch is None and _is_outermost(entry))
        raise behind from None
    finally:
        _remove(entry, installed)
    if entry.reason is not None:
        raise entry.reason


@contextlib.contextmanager
def beating(beat: Callable[[], object]) -> Iterator[None]:
    """Call `beat` now and then while the block lasts; nothing in it is interrupted."""

    def call() -> str:
        beat()
        return ""

    entry = _Entry(None, float("inf"), call, time.monotonic() + config.heartbeat_interval)
    _add(entry)
    try:
        yield
    finally:
        _remove(entry, False)


def _behind(exc: BaseException | None) -> Interrupted | None:
    """The interruption that was on its way when an exception was raised."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        if isinstance(exc, Interrupted):
            return exc
        seen.add(id(exc))
        exc = exc.__context__
    return None


def _is_outermost(entry: _Entry) -> bool:
    return next((e for e in _entries if e.thread == entry.thread), entry) is entry


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
    for entry in tuple(_entries):  # the outermost first: it takes the inner ones with it
        if entry.thread == main and entry.reason is not None and not entry.closed:
            raise entry.reason


def _add(entry: _Entry) -> None:
    global _thread
    with _lock:
        _entries.append(entry)
        if _thread is None or not _thread.is_alive():  # dead: this process was forked
            _thread = threading.Thread(target=_loop, name="mlrun-like-watch", daemon=True)
            _thread.start()
        elif entry.deadline < time.monotonic() + _IDLE:
            _wake.set()


def _remove(entry: _Entry, installed: bool) -> None:
    entry.closed = True
    while True:
        try:
            with _lock:
                if entry in _entries:
                    _entries.remove(entry)
                if entry.reason is not None and not _by_signal(entry):
                    _take_back()
            break
        except Interrupted:  # sent in the moment before `closed` was set
            continue
    if installed and _SIGNAL is not None:
        signal.signal(_SIGNAL, signal.SIG_DFL)


def _by_signal(entry: _Entry) -> bool:
    return (
        _SIGNAL is not None
        and entry.thread == threading.main_thread().ident
        and signal.getsignal(_SIGNAL) is _on_signal
    )


def _raise_in(thread: int | None, reason: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread or 0), ctypes.py_object(reason)
    )


class _Instead(BaseException):
    """Takes the place of an interruption that comes too late."""


def _take_back() -> None:
    """Drop what was sent to this thread and not yet raised.

    It is replaced, not cleared: after a clear CPython 3.11 goes on to look for it at every jump,
    which makes all threads slow and never ends in one that is traced by a debugger.
    """
    try:
        _raise_in(threading.get_ident(), _Instead)
        while True:  # it comes at the next jump
            pass
    except _Instead:
        pass


def _interrupt(entry: _Entry, kind: type[Interrupted]) -> None:
    with _lock:
        if entry.closed or entry.reason is not None or entry.thread is None:
            return
        # A class of its own, because only a class can be raised in another thread.
        entry.reason = type(kind.__name__, (kind,), {"watch": entry})
        if _by_signal(entry) and _SIGNAL is not None:
            signal.pthread_kill(entry.thread, _SIGNAL)
        else:
            _raise_in(entry.thread, entry.reason)


def _loop() -> None:
    global _thread
    idle_since = time.monotonic()
    while True:
        with _lock:
            now = time.monotonic()
            wake = min((min(e.deadline, e.next_beat) for e in _entries), default=now + _IDLE)
            if _entries:
                idle_since = now
            elif now - idle_since > _GIVE_UP:
                _thread = None
                return
        if wake > now:
            # A short run must not pay for waking this thread, so it looks often enough itself.
            _wake.wait(timeout=min(wake - now, _IDLE))
            _wake.clear()
        for entry in tuple(_entries):
            _look_at(entry)


def _look_at(entry: _Entry) -> None:
    now = time.monotonic()
    if now >= entry.deadline:
        entry.deadline = float("inf")
        _interrupt(entry, RunTimedOut)
    if now >= entry.next_beat and not entry.closed:
        entry.next_beat = now + config.heartbeat_interval
        try:
            state = entry.beat()
        except Exception:  # noqa: BLE001 - the thread serves all runs and must outlive one's store
            if sys.stderr is not None:
                traceback.print_exc()
            return
        if state in ("aborting", "aborted"):
            _interrupt(entry, RunAborted)


def _forget() -> None:
    """In a forked process: its runs are not ours, and the thread may have held the lock."""
    global _lock, _thread
    _lock, _thread = threading.RLock(), None
    _entries.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
