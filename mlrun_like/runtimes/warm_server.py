"""One warm server: what it is made for, its process, and the connection to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from mlrun_like.configuration import config, environment_copy
from mlrun_like.runtimes.child import ENTRY
from mlrun_like.runtimes.preload import site_state
from mlrun_like.runtimes.processes import PACKAGE_ROOT
from mlrun_like.runtimes.zygote import READY
from mlrun_like.tracking.connect import store_url

__all__ = ["START_LIMIT", "WarmServer", "Warmth"]

START_LIMIT = 120.0
"""Seconds after which a server that does not start a run counts as stuck."""
_READ_AT_IMPORT = ("PYTHON", "LD_", "DYLD_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_")
"""Variables with these prefixes matter when packages are imported, before a run sets its own."""


class Warmth(NamedTuple):
    """What a warm server is made for.

    Args:
        env: The function's own environment variables.
        modules: What to import beforehand.
        target: The function that runs will call, whose module is imported too.
    """

    env: Mapping[str, str]
    modules: tuple[str, ...]
    target: str = ENTRY

    def key(self) -> tuple[object, ...]:
        """Equal for runs that can share a server."""
        inherited = {k: v for k, v in environment_copy().items() if k.startswith(_READ_AT_IMPORT)}
        values = tuple(sorted({**inherited, **self.env}.items()))
        return sys.executable, values, self.modules, self.target, site_state()


def _store() -> tuple[str, str]:
    """The store's URL, which a server connects to beforehand, and the home folder: of a file only,
    since the address of a server may hold a password, and everybody sees a command line."""
    url = store_url()
    return (url if url.startswith("sqlite:") else "", str(config.path()))


class WarmServer:
    """One warm server and the only connection to it."""

    def __init__(self, warmth: Warmth) -> None:
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        self._verdict: tuple[bool, str] | None = None
        self.active = 0
        self.used = time.monotonic()
        self._control, other = socket.socketpair()
        module = warmth.target.partition(":")[0]
        with other:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "-m", "mlrun_like.runtimes.zygote"),
                    *(str(other.fileno()), str(config.warm_idle), *_store(), module),
                    *warmth.modules,
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                cwd=PACKAGE_ROOT,
                env={**environment_copy(), **warmth.env},
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        self._control.settimeout(0)

    def send(self, descriptors: list[int]) -> bool:
        """Hand over one call; False if the server is gone."""
        with self._lock:
            self.used = time.monotonic()
            try:
                self._control.settimeout(START_LIMIT)  # a server at its imports reads later
                socket.send_fds(self._control, [b"\0"], descriptors)
                self._control.settimeout(0)
            except OSError:
                return False
            return True

    def post_mortem(self) -> tuple[bool, str]:
        """Whether a server that ended had been ready, and why it ended as far as it said."""
        with self._lock:
            if self._verdict is None:
                ready = False
                with contextlib.suppress(OSError):
                    ready = self._control.recv(1) == READY
                self._verdict = ready, self._reason()
        self.close()
        return self._verdict

    def _reason(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode
        if code is not None and code < 0:
            return f"signal {-code} ({signal.Signals(-code).name})"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2000))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"return code {code}"

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End a server that does not answer."""
        self.process.kill()

    def close(self) -> None:
        """End the server and what it runs."""
        self._control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()

    def abandon(self) -> None:
        """Drop the connection without ending the server: it belongs to our parent process."""
        self._control.close()
        self._errors.close()
        self.process.returncode = 0  # not our child: nothing to wait for
