"""One process of the service, as its supervisor sees it.

The options go through standard input, because they may hold a password, and others can read a
command line. The pipe stays open: its end tells the process that the supervisor is gone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

__all__ = ["Child"]


class Child:
    """A process that was started.

    Args:
        role: `worker` or `background`.
        module: The module that it runs.
        told: What it gets through standard input.
        descriptors: Open files that it shares.
    """

    def __init__(
        self, role: str, module: str, told: Mapping[str, Any], descriptors: Sequence[int] = ()
    ) -> None:
        self.role = role
        self.started = time.monotonic()
        self.ready = False
        self.heard = self.started
        """When it last said anything: a worker does every few seconds."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=tuple(descriptors),
            # signals of the terminal go to the supervisor, which ends the others in order
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(orjson.dumps(dict(told)) + b"\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def look(self) -> int | None:
        """Its exit code, or None while it runs; notices what it says."""
        if self._process.stdout is not None:
            with contextlib.suppress(OSError, ValueError):
                said = self._process.stdout.read() or b""
                self.ready = self.ready or b"ready" in said
                if said:
                    self.heard = time.monotonic()
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def close(self) -> None:
        """Give its pipes back, after its end."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
