"""The output of a run's process: read as it comes, kept in the run's log, shown when watched."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import sys
from collections import deque

from mlrun_like.runs.job import Job
from mlrun_like.runs.secrets import StreamMask

__all__ = ["OutputPipe"]

_BLOCK = 1 << 18
_TAIL = 1 << 14
_MOST_QUEUED = 1 << 22
"""Bytes after which the reader waits for the store: the writer has to wait, not our memory grow."""
_PATIENCE = 5.0
_MOST_LEFT = 1 << 21
"""More than a pipe can hold when its writer ends: what comes after is somebody else's."""


class OutputPipe:
    """A pipe whose bytes go to the log of a job's run.

    Args:
        job: Whose run it is; its `watch` decides whether the text is shown here too.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        if sys.platform == "linux":
            # Fewer, larger reads; the kernel may refuse an unprivileged user.
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, _BLOCK)
        self._mask = StreamMask(job.secrets)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unwritten = 0
        self._tail: deque[bytes] = deque()
        self._kept = 0

    def fileno(self) -> int:
        """The end to read from."""
        return self._read

    @property
    def write_end(self) -> int:
        """The descriptor that a process gets as its output."""
        return self._write

    def started(self) -> None:
        """Give up the writing end, which the process has now."""
        if self._write >= 0:
            os.close(self._write)
            self._write = -1

    def pump(self) -> bool:
        """Take what is there, at most one block; False at the end of the output."""
        try:
            data = os.read(self._read, _BLOCK)
        except BlockingIOError:
            return True
        self._take(data)
        return bool(data)

    def drain(self) -> None:
        """Take what an ended process left behind, even if another one holds the pipe open."""
        left = _MOST_LEFT
        while left > 0:
            try:
                data = os.read(self._read, _BLOCK)
            except BlockingIOError:
                return
            if not data:
                return
            left -= len(data)
            self._take(data)

    def note(self, text: str) -> None:
        """Add a line of our own."""
        self._take(f"{text}\n".encode())

    def tail(self, lines: int = 20) -> str:
        """The last lines, values of secrets hidden."""
        text = b"".join(self._tail)[-_TAIL:].decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Release both ends and show the rest of an incomplete character."""
        self._keep(self._mask.end())
        self._show(b"", final=True)
        self.started()
        os.close(self._read)

    def _take(self, data: bytes) -> None:
        self._keep(self._mask.feed(data))

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        meta = self._job.run.metadata
        self._job.store.append_log(meta.project, meta.uid, data)
        self._unwritten += len(data)
        if self._unwritten >= _MOST_QUEUED:
            self._unwritten = 0
            self._job.store.flush(_PATIENCE)
        self._tail.append(data[-_TAIL:])
        self._kept += len(self._tail[-1])
        while self._kept - len(self._tail[0]) >= _TAIL:
            self._kept -= len(self._tail.popleft())
        self._show(data)

    def _show(self, data: bytes, final: bool = False) -> None:
        if not self._job.watch or sys.stdout is None:
            return
        text = self._decoder.decode(data, final)
        if text:
            encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
            with contextlib.suppress(OSError, ValueError):  # nobody looks any more
                sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
                sys.stdout.flush()
