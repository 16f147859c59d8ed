"""The warm servers of this process, one for each environment, and the runs in their forks."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import tempfile
import threading
import time

from mlrun_like.runtimes.child import Request
from mlrun_like.runtimes.processes import Ending, RunProcess
from mlrun_like.runtimes.warm_server import START_LIMIT, WarmServer, Warmth
from mlrun_like.runtimes.zygote import ENDED, LET_BE, RECORD, STARTED, STAYS, TO_SIGNAL

__all__ = ["WarmProcess", "close_zygotes", "release", "start_warm", "warm_up", "zygote_pids"]

_MOST = 4
"""Warm servers at a time; the one unused for longest makes room."""

_lock = threading.Lock()
_servers: dict[tuple[object, ...], WarmServer] = {}
_broken: dict[tuple[object, ...], str] = {}
_registered = False
_staying: dict[tuple[object, ...], list[WarmProcess]] = {}
"""Processes that wait for a further run, by whose and in which surroundings."""


class WarmProcess(RunProcess):
    """A run in a fork of a warm server.

    Args:
        server: The server.
        channel: What the process and the server say.
        work: Takes further runs, if it may stay.
        key: Of the server.
        place: Where it waits for them.
    """

    def __init__(
        self,
        server: WarmServer,
        channel: socket.socket,
        work: socket.socket | None,
        key: tuple[object, ...],
        place: tuple[object, ...],
    ) -> None:
        self._server = server
        self._channel = channel
        self._work = work
        self._key = key
        self._place = place
        self._stays = False
        self._received = b""
        self._pid = 0
        self._ending: Ending | None = None
        self._patience = time.monotonic() + START_LIMIT
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

    def take(self, file: int, output: int) -> bool:
        """Begin a further run; False if the process is gone."""
        self._stays, self._ending, self._received = False, None, b""
        self._patience = time.monotonic() + START_LIMIT
        try:
            if self._work is not None:
                socket.send_fds(self._work, [b"\0"], [file, output])
                return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """See RunProcess.close: the server kills the run when this end of the channel is gone.

        A process that stays waits for a further run instead.
        """
        if self._stays:
            self._stays = False
            with _lock:
                _staying.setdefault(self._place, []).append(self)
            return
        if self._work is not None:
            with contextlib.suppress(OSError):
                self._work.shutdown(socket.SHUT_RDWR)  # a fork of ours may hold this end open
            self._work.close()
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
            elif kind in (ENDED, STAYS):
                self._ending = Ending(number)
                self._stays = kind == STAYS

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


def start_warm(
    warmth: Warmth, request: Request, output: int, together: str = ""
) -> WarmProcess | str:
    """Start a run in a fork of the server for this environment.

    Args:
        warmth: The environment; its server is started if there is none.
        request: What to run.
        output: Descriptor of the run's output.
        together: Runs with the same text may follow each other in one process, until `release`.

    Returns:
        The process, or why there is none: the server of this environment could not start before.
    """
    key = warmth.key()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        request.write(file)
        file.flush()
        file.seek(0)
        env = None if request.env is None else tuple(sorted(request.env.items()))
        place = (together, key, request.cwd, request.path, env, request.memory, request.target)
        while together and (waiting := _waiting(place)):
            if waiting.take(file.fileno(), output):
                return waiting
            waiting.close()
            file.seek(0)
        for _ in range(2):
            server = _server(key, warmth)
            if isinstance(server, str):
                return server
            ours, theirs = socket.socketpair()
            work, more = socket.socketpair() if together else (None, None)
            descriptors = [theirs.fileno(), file.fileno(), output]
            sent = server.send([*descriptors, more.fileno()] if more is not None else descriptors)
            theirs.close()
            if more is not None:
                more.close()
            if sent:
                return WarmProcess(server, ours, work, key, place)
            ours.close()
            if work is not None:
                work.close()
            with _lock:
                server.active -= 1
                if _servers.get(key) is server:
                    del _servers[key]
            server.kill()
            server.close()
    return "the warm server ended as soon as it was started"


def _waiting(place: tuple[object, ...]) -> WarmProcess | None:
    with _lock:
        found = _staying.get(place)
        return found.pop() if found else None


def release(together: str) -> None:
    """End the processes that wait for further runs of the same owner."""
    with _lock:
        places = [place for place in _staying if place[0] == together]
        waiting = [process for place in places for process in _staying.pop(place)]
    for process in waiting:
        process.close()


def warm_up(warmth: Warmth) -> None:
    """Start the server for an environment, without waiting for it."""
    server = _server(warmth.key(), warmth)
    if isinstance(server, WarmServer):
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
        _staying.clear()
        _servers.clear()
        _broken.clear()
    for server in servers:
        server.close()


def _server(key: tuple[object, ...], warmth: Warmth) -> WarmServer | str:
    """The server, counted as in use; else why it cannot be had."""
    global _registered
    surplus: list[WarmServer] = []
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
            server = _servers[key] = WarmServer(warmth)
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
    _staying.clear()
    _servers.clear()
    _broken.clear()
