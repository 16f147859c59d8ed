"""Lines that go to files: collected for a moment, written by a thread, whole lines only."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["LineWriter"]

_log = logging.getLogger("mlrun_like.gateway")
_SOON = 0.2  # seconds until lines are written
_MUCH = 256 * 1024  # bytes that are written at once
_MOST = 32 << 20  # bytes that wait for a slow disk; further lines are dropped and counted
_TAIL = 1 << 16


class LineWriter:
    """Appends lines to files from a thread of its own.

    Several processes may write the same file, each a bunch of whole lines under a lock. What a
    killed process left half-written is taken away before the next lines go there.

    Args:
        size: Bytes after which a file becomes `<name>.1`, that one `<name>.2`, ...; 0: never.
        keep: How many of these are kept.

    >>> import tempfile
    >>> writer = LineWriter()
    >>> path = Path(tempfile.mkdtemp(), "a.log")
    >>> writer.add(path, b'{"a": 1}\\n'); writer.close(); path.read_bytes()
    b'{"a": 1}\\n'
    """

    def __init__(self, size: int = 0, keep: int = 5) -> None:
        self._limit, self._keep = size, keep
        self.dropped = 0
        """Lines that were lost because the disk was full or too slow."""
        self._held: dict[Path, list[bytes]] = {}
        self._size = 0
        self._lock = threading.Lock()
        self._wake, self._idle = threading.Event(), threading.Event()
        self._idle.set()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._told = False

    def add(self, path: Path, line: bytes) -> None:
        """Append a line, which ends with a line end, soon. Never waits for the disk."""
        with self._lock:
            if self._size > _MOST or self._closed:
                self.dropped += 1
                return
            held = self._held.get(path)
            if held is None:
                held = self._held[path] = []
            held.append(line)
            self._size += len(line)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="mlrun-like-lines", daemon=True
                )
                self._thread.start()
            if self._idle.is_set():
                self._idle.clear()
                self._wake.set()

    def flush(self, timeout: float = 5.0) -> None:
        """Wait until all lines until now are written, so many seconds at most."""
        if self._thread is not None:
            self._wake.set()
            self._idle.wait(timeout)

    def close(self) -> None:
        """Write the rest and end the thread."""
        with self._lock:
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            self._wake.clear()
            if not self._closed and self._size < _MUCH:
                pause.wait(_SOON)
            with self._lock:
                held, self._held, self._size = self._held, {}, 0
            for path, lines in held.items():
                self._append(path, lines)
            with self._lock:
                if self._held:
                    self._wake.set()
                    continue
                self._idle.set()
                if self._closed:
                    return

    def _append(self, path: Path, lines: list[bytes]) -> None:
        try:
            with _locked(path, self._rotate) as file:
                data = b"".join(lines)
                while data:
                    data = data[os.write(file, data) :]
            self._told = False
        except (OSError, ValueError) as exc:  # requests are answered though the disk is full
            self.dropped += len(lines)
            if not self._told:
                self._told = True
                _log.error("%s cannot be written: %s", path, exc)

    def _rotate(self, file: int, path: Path) -> bool:
        """Make room; gives whether the file has another name now."""
        if not self._limit or os.fstat(file).st_size < self._limit:
            return False
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}.{number}", f"{path}.{number + 1}")
        os.replace(path, f"{path}.1")
        return True


@contextlib.contextmanager
def _locked(path: Path, rotate: Callable[[int, Path], bool]) -> Iterator[int]:
    """The file, ending with a whole line, and nobody else's for the moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_there(file, path) or rotate(file, path):
                continue
            _mend(file)
            yield file
            return
        finally:
            os.close(file)


def _is_there(file: int, path: Path) -> bool:
    """Whether the file still has its name; another process may have moved it meanwhile."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _mend(file: int) -> None:
    """Take half a line off the end, which a killed process left there."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(0, end - _TAIL)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
