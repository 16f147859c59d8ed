"""Capture of what a run in this process prints, while it still reaches the terminal.

`sys.stdout` and `sys.stderr` are wrapped while at least one run is active. Which run a line belongs
to follows the context variable; threads that a handler starts have no context, and their lines go
to the run if it is the only one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TextIO

__all__ = ["capture"]

_Sink = Callable[[bytes], None]
_Hide = Callable[[str], str]
_current: ContextVar[_Capture | None] = ContextVar("mlrun_like_output", default=None)
_lock = threading.Lock()
_active: list[_Capture] = []
_LIMIT = 8192


class _Capture:
    """Collects text of one run and hands it on by lines or in blocks."""

    def __init__(self, sink: _Sink, show: bool, hide: _Hide) -> None:
        self._sink = sink
        self.show = show
        self.hide = hide
        self._parts: list[str] = []
        self._size = 0
        self._lock = threading.RLock()  # a signal may print while its thread is here

    def write(self, text: str) -> None:
        with self._lock:
            self._parts.append(text)
            self._size += len(text)
            if self._size < _LIMIT and not text.endswith("\n"):
                return
            self._pass_on()

    def close(self) -> None:
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        """Under the lock, so that the lines of two threads keep their order."""
        data, self._parts, self._size = "".join(self._parts), [], 0
        if data:
            self._sink(data.encode("utf-8", "replace"))


class _Tee:
    """A text stream that also feeds the run it belongs to."""

    def __init__(self, base: TextIO) -> None:
        self._base = base

    def write(self, text: str) -> int:
        own = _current.get()
        target = own or (_active[0] if len(_active) == 1 else None)
        if target is not None and isinstance(text, str):
            target.write(text)
            if own is not None and not own.show:  # a thread without context may not be the run's
                return len(text)
            self._base.write(target.hide(text))
            return len(text)
        return self._base.write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


@contextlib.contextmanager
def capture(sink: _Sink, *, show: bool = True, hide: _Hide = str) -> Iterator[None]:
    """Send everything printed in the block to `sink`, as UTF-8 bytes.

    Args:
        sink: What takes the bytes.
        show: Whether it goes where it would have gone, too.
        hide: What a text is changed by before it goes there.
    """
    here = _Capture(sink, show, hide)
    with _lock:
        if not _active:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None and not isinstance(stream, _Tee):
                    setattr(sys, name, _Tee(stream))
        _active.append(here)
    token = _current.set(here)
    try:
        yield
    finally:
        _current.reset(token)
        with _lock:
            _active.remove(here)
            if not _active:
                for name in ("stdout", "stderr"):
                    stream = getattr(sys, name)
                    if isinstance(stream, _Tee):
                        setattr(sys, name, stream._base)
        here.close()
