"""The owner's side of warm servers: one for each environment, started on first use."""

from __future__ import annotations

import atexit
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

from mlrun_like.config import config, environment_copy
from mlrun_like.runtimes.child import ENTRY, Request
from mlrun_like.runtimes.preload import site_state
from mlrun_like.runtimes.processes import PACKAGE_ROOT, Ending, RunProcess
from mlrun_like.runtimes.zygote import ENDED, LET_BE, READY, RECORD, STARTED, TO_SIGNAL

__all__ = ["WarmProcess", "Warmth", "close_zygotes", "start_warm", "warm_up", "zygote_pids"]

_MOST = 4
"""Warm servers at a time; the one unused for longest makes room."""
_START_LIMIT = 120.0
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


class _Server:
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
                    *(str(other.fileno()), str(config.warm_idle), module, *warmth.modules),
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
                self._control.settimeout(_START_LIMIT)  # a server at its imports reads later
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


_lock = threading.Lock()
_servers: dict[tuple[object, ...], _Server] = {}
_broken: dict[tuple[object, ...], str] = {}
_registered = False


class WarmProcess(RunProcess):
    """A run in a fork of a warm server."""

    def __init__(self, server: _Server, channel: socket.socket, key: tuple[object, ...]) -> None:
        self._server = server
        self._channel = channel
        self._key = key
        self._received = b""
        self._pid = 0
        self._ending: Ending | None = None
        self._patience = time.monotonic() + _START_LIMIT
        channel.setblocking(False)

    def fileno(self) -> int:
        """See RunProcess.fileno."""
        return self._channel.fileno()

    def poll(self) -> Ending | None:
        """See RunProcess.poll."""
        if self._ending is not None:
            return self._ending
        data: bytes | None = b""
        try:
            data = self._channel.recv(64)
        except BlockingIOError:
            data = None
        except OSError:  # reset: the server was killed with something unread
            data = b""
        if data:
            self._received += data
            self._take_records()
        elif data == b"":
            self._ending = self._lost()
        elif not self._pid and time.monotonic() > self._patience:
            self._server.kill()
        return self._ending

    def signal(self, number: int) -> None:
        """See RunProcess.signal."""
        for command, known in TO_SIGNAL.items():
            if known == number:
                with contextlib.suppress(OSError):
                    self._channel.send(command)

    def close(self) -> None:
        """See RunProcess.close: the server kills the run when this end of the channel is gone."""
        if self._channel.fileno() >= 0:
            with contextlib.suppress(OSError):
                # Said aloud: a fork of ours may hold this end open.
                self._channel.send(b"K" if self._ending is None else LET_BE)
            self._channel.close()
            with _lock:
                self._server.active -= 1

    def _take_records(self) -> None:
        while len(self._received) >= RECORD.size:
            kind, number = RECORD.unpack_from(self._received)
            self._received = self._received[RECORD.size :]
            if kind == STARTED:
                self._pid = number
            elif kind == ENDED:
                self._ending = Ending(number)

    def _lost(self) -> Ending:
        if self._pid:
            # Linux ends the run with its server; elsewhere this does.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            return Ending(None, True, "the warm server it was forked from was killed")
        ready, reason = self._server.post_mortem()
        with _lock:
            if _servers.get(self._key) is self._server:
                del _servers[self._key]
            if not ready:
                _broken[self._key] = reason
        return Ending(None, False, f"the warm server ended: {reason}")


def start_warm(warmth: Warmth, request: Request, output: int) -> WarmProcess | str:
    """Start a run in a fork of the server for this environment.

    Args:
        warmth: The environment; its server is started if there is none.
        request: What to run.
        output: Descriptor of the run's output.

    Returns:
        The process, or why there is none: the server of this environment could not start before.
    """
    key = warmth.key()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        request.write(file)
        file.flush()
        file.seek(0)
        for _ in range(2):
            server = _server(key, warmth)
            if isinstance(server, str):
                return server
            ours, theirs = socket.socketpair()
            with theirs:
                if server.send([theirs.fileno(), file.fileno(), output]):
                    return WarmProcess(server, ours, key)
            ours.close()
            with _lock:
                server.active -= 1
                if _servers.get(key) is server:
                    del _servers[key]
            server.kill()
            server.close()
    return "the warm server ended as soon as it was started"


def warm_up(warmth: Warmth) -> None:
    """Start the server for an environment, without waiting for it."""
    server = _server(warmth.key(), warmth)
    if isinstance(server, _Server):
        with _lock:
            server.active -= 1


def zygote_pids() -> list[int]:
    """Process ids of the warm servers of this process that are alive."""
    with _lock:
        return [server.process.pid for server in _servers.values() if server.alive()]


def close_zygotes() -> None:
    """End all warm servers of this process, and the runs in them."""
    with _lock:
        servers = list(_servers.values())
        _servers.clear()
        _broken.clear()
    for server in servers:
        server.close()


def _server(key: tuple[object, ...], warmth: Warmth) -> _Server | str:
    """The server, counted as in use; else why it cannot be had."""
    global _registered
    surplus: list[_Server] = []
    with _lock:
        if key in _broken:
            return _broken[key]
        server = _servers.get(key)
        if server is None or not server.alive():
            if not _registered:
                _registered = True
                atexit.register(close_zygotes)
                os.register_at_fork(after_in_child=_forget)
            if server is not None:
                surplus.append(_servers.pop(key))
            unused = [k for k, other in _servers.items() if other.active == 0]
            if len(_servers) >= _MOST and unused:
                surplus.append(_servers.pop(min(unused, key=lambda k: _servers[k].used)))
            server = _servers[key] = _Server(warmth)
        server.active += 1
    for other in surplus:
        other.close()
    return server


def _forget() -> None:
    """In a forked child: the servers belong to the parent."""
    global _lock
    _lock = threading.Lock()
    for server in _servers.values():
        server.abandon()
    _servers.clear()
    _broken.clear()
