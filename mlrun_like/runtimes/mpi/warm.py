"""Ranks as forks of a warm server: what launchers start on this machine only stands for them."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mlrun_like.runtimes.child import Request
from mlrun_like.runtimes.mpi.who import who_am_i
from mlrun_like.runtimes.preload import modules_to_preload
from mlrun_like.runtimes.processes import Ending, RunProcess
from mlrun_like.runtimes.warm_server import Warmth
from mlrun_like.runtimes.workplace import Workplace
from mlrun_like.runtimes.zygote_client import start_warm
from mlrun_like.specs.function import FunctionDoc

__all__ = ["STAND_IN", "WarmRanks", "can_be_warm"]

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
_GRACE = 4.0
_STEP = 0.5
_TERMINATE, _KILL = 15, 9
_PEER = struct.Struct("3i")


def can_be_warm() -> bool:
    """Whether this system tells who connects, and lets a process's variables be read (Linux)."""
    return hasattr(os, "fork") and hasattr(socket, "SO_PEERCRED") and Path("/proc/self").is_dir()


class WarmRanks:
    """Starts ranks for the processes that a launcher started.

    Args:
        document: The function.
        place: Where it works.
        folder: A private folder.
        lost: Called with the rank whose stand-in was killed.
    """

    def __init__(
        self, document: FunctionDoc, place: Workplace, folder: Path, lost: Callable[[int], None]
    ) -> None:
        self._warmth = Warmth(env=place.own, modules=modules_to_preload(document))
        self._place = place
        self._lost = lost
        self.path = str(folder / "ranks")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o600)
        self._listener.listen(1024)
        threading.Thread(target=self._accept, name="mlrun-like-warm", daemon=True).start()

    def close(self) -> None:
        """Take no more in; ranks that still run end with their stand-ins."""
        with contextlib.suppress(OSError):  # wakes the thread that waits for them
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            pid, user, _ = _PEER.unpack(credentials)
            if user != os.getuid():
                return
            sock.sendall(f"{self._stand_by(sock, pid)}\n".encode())

    def _stand_by(self, sock: socket.socket, pid: int) -> int | str:
        """Let a fork be the rank until it has ended; gives its exit code, or `cold`."""
        variables = _variables_of(pid)
        request = Request(
            argument={"affinity": sorted(os.sched_getaffinity(pid))},
            cwd=self._place.cwd,
            target="mlrun_like.runtimes.mpi.ranks:resume",
            path=self._place.path,
            env=variables,
            memory=self._place.memory,
        )
        output = os.open(f"/proc/{pid}/fd/1", os.O_WRONLY | os.O_NOCTTY)
        try:
            process = start_warm(self._warmth, request, output)
        finally:
            os.close(output)
        if isinstance(process, str):
            return "cold"
        try:
            ending = _wait(process, sock)
        finally:
            process.close()
        if ending is None:
            self._lost(who_am_i(variables.get)["rank"])
            return 1
        if not ending.started:
            return "cold"
        return 1 if ending.code is None else ending.code


def _wait(process: RunProcess, stand_in: socket.socket) -> Ending | None:
    """How the fork ended; None if its stand-in was ended before it."""
    watched: list[int] = [process.fileno(), stand_in.fileno()]
    kill_at = float("inf")
    while True:
        ready, _, _ = select.select(watched, [], [], _STEP)
        ending = process.poll()
        if ending is not None:
            return ending if len(watched) > 1 else None
        if stand_in.fileno() in ready:  # it never says anything: this is its end
            watched.pop()
            process.signal(_TERMINATE)
            kill_at = time.monotonic() + _GRACE
        elif time.monotonic() > kill_at:
            process.signal(_KILL)


def _variables_of(pid: int) -> dict[str, str]:
    rows = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes()).split("\0")
    found: Mapping[str, str] = dict(row.split("=", 1) for row in rows if "=" in row)
    return dict(found)
