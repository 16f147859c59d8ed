"""Files of strangers are parsed in processes with little memory, little time and nothing to write.

A process is kept for the next file. One that takes too long, too much memory or says too much is
killed, and only the preview that it was asked for fails.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from typing import Any

import orjson

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, OverloadedError

__all__ = ["Sandbox", "parse_safely", "stop_sandboxes"]

_AT_ONCE = 2
_WAIT = 20.0
_MOST = 8 << 20
_FILES = 200


class Sandbox:
    """One process that parses files, one after another."""

    def __init__(self) -> None:
        # no settings and no secrets of this process: the way to modules, and nothing else
        environment = {
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
            "PATH": "/usr/bin:/bin",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
        }
        self.memory = config.service_preview_memory
        self.done = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like.api.content.worker", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )

    def ask(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What the process says of a file.

        Raises:
            InvalidArgumentError: if it cannot parse it, or not with what it may use.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(orjson.dumps(job) + b"\n")
            stdin.flush()
            line = self._line(stdout.fileno(), time.monotonic() + seconds)
            answer: dict[str, Any] = orjson.loads(line)
        except TimeoutError:
            self.stop()
            raise InvalidArgumentError(
                f"it takes longer than the {seconds:g} s of a preview", fix="download it"
            ) from None
        except (OSError, ValueError):
            self.stop()
            raise InvalidArgumentError(
                "it takes more memory than a preview may use, or is broken", fix="download it"
            ) from None
        self.done += 1
        if "error" in answer:
            raise InvalidArgumentError(str(answer["error"])[:300])
        return answer

    @property
    def usable(self) -> bool:
        """Whether it takes another file."""
        same = self.memory == config.service_preview_memory
        return same and self.done < _FILES and self._process.poll() is None

    def stop(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _line(self, descriptor: int, until: float) -> bytes:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        data = bytearray()
        while not data.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            piece = os.read(descriptor, 1 << 16)
            if not piece or len(data) > _MOST:
                raise ValueError("no answer")
            data += piece
        return bytes(data)


_IDLE: list[Sandbox] = []
_LOCK = threading.Lock()
_PLACES = threading.BoundedSemaphore(_AT_ONCE)


def parse_safely(job: dict[str, Any]) -> dict[str, Any]:
    """What a process with limits says of a file; see `worker` for jobs.

    Raises:
        InvalidArgumentError: if it cannot parse it within its limits.
        OverloadedError: if too many wait for a preview.
    """
    if not _PLACES.acquire(timeout=_WAIT):
        raise OverloadedError("too many previews are being made", fix="try again in a moment")
    try:
        with _LOCK:
            sandbox = _IDLE.pop() if _IDLE else None
        if sandbox is None or not sandbox.usable:
            if sandbox is not None:
                sandbox.stop()
            atexit.unregister(stop_sandboxes)
            atexit.register(stop_sandboxes)
            sandbox = Sandbox()
        try:
            return sandbox.ask(job, config.service_preview_seconds)
        finally:
            if sandbox.usable:
                with _LOCK:
                    _IDLE.append(sandbox)
            else:
                sandbox.stop()
    finally:
        _PLACES.release()


def stop_sandboxes() -> None:
    """End all processes that wait for files."""
    with _LOCK:
        waiting, _IDLE[:] = list(_IDLE), []
    for sandbox in waiting:
        sandbox.stop()
