"""The processes that a zygote forked: the one that waits, and those that have an order."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["Children"]


@dataclass
class _Child:
    """A forked process.

    Args:
        channel: Where it gets its order; None: it has one, or shall end.
        folder: Its own folder.
        number: What the gateway calls it; -1: it waits.
    """

    channel: socket.socket | None
    folder: str
    number: int = -1


class Children:
    """Forks, signals and waits for processes.

    Args:
        become: What a child does: it gets its channel, its folder and the sockets of this process
            that it must close.
    """

    def __init__(
        self, become: Callable[[socket.socket, str, list[socket.socket]], NoReturn]
    ) -> None:
        self._become = become
        self._owner = os.getpid()
        self._known: dict[int, _Child] = {}
        self._count = 0
        self._folder = tempfile.mkdtemp(prefix="mlrun-like-workers-")
        os.chmod(self._folder, 0o711)  # each child's own folder is closed to the others
        self.spare = 0
        """The process id of the child that waits; 0: there is none."""

    def fork(self) -> bool:
        """Fork a child that waits for an order; False if that cannot be."""
        self._count += 1
        folder = os.path.join(self._folder, str(self._count))
        try:
            os.mkdir(folder, 0o700)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError:
            return False
        try:
            with warnings.catch_warnings():
                # Threads of BLAS libraries are idle here and start anew after a fork.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            os.rmdir(folder)
            return False
        if pid == 0:
            channels = [child.channel for child in self._known.values() if child.channel]
            self._become(theirs, folder, [ours, *channels])
        theirs.close()
        self._known[pid] = _Child(ours, folder)
        self.spare = pid
        return True

    def has(self, number: int) -> bool:
        """Whether a child has this number."""
        return any(child.number == number for child in self._known.values())

    def give(self, number: int, descriptors: list[int]) -> int:
        """Give an order to the child that waits; its process id, or 0 if none can be had."""
        for _ in range(2):  # the one that waited may have died
            if not self.spare and not self.fork():
                return 0
            pid, self.spare = self.spare, 0
            child = self._known[pid]
            channel, child.channel = child.channel, None
            if channel is None:
                continue
            with channel, contextlib.suppress(OSError):
                socket.send_fds(channel, [b"o"], descriptors)
                child.number = number
                return pid
        return 0

    def end_spare(self) -> None:
        """Let the child that waits end."""
        if self.spare:
            child = self._known[self.spare]
            if child.channel is not None:
                child.channel.close()
                child.channel = None
            self.spare = 0

    def signal(self, number: int, which: int) -> None:
        """Send a signal to a worker and its group."""
        for pid, child in self._known.items():
            if child.number == number:
                _signal_group(pid, which)

    def reap(self) -> Iterator[dict[str, Any]]:
        """What is to be told about workers that ended."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self._known.pop(pid, None)
            if child is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # what it left behind
            if child.channel is not None:
                child.channel.close()
            shutil.rmtree(child.folder, ignore_errors=True)
            if pid == self.spare:
                self.spare = 0
            if child.number >= 0:
                yield {
                    "ended": child.number,
                    "pid": pid,
                    "code": os.waitstatus_to_exitcode(status),
                    "cpu": round(usage.ru_utime + usage.ru_stime, 4),
                    "memory": usage.ru_maxrss * 1024,
                }

    def close(self) -> None:
        """Kill all of them; in a child this does nothing."""
        if os.getpid() == self._owner:
            for pid in self._known:
                _signal_group(pid, signal.SIGKILL)
            shutil.rmtree(self._folder, ignore_errors=True)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except PermissionError:
        pass
    except ProcessLookupError:
        # Not yet the leader of its own group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
