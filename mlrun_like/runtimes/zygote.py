"""The warm server: one idle process with everything imported, forked once for every run.

It has no threads and holds no state of any run, so a fork is as good as a new interpreter and
takes milliseconds. Its owner holds the other end of the control socket. For each run it sends one
byte with three descriptors: the run's channel, an unnamed file with the request, and the output
pipe. On the channel the child says that it started and the server how it ended:

    child  -> owner   "p" and its process id
    server -> owner   "x" and its return code (negative: the signal)
    owner  -> server  "T" or "K": terminate or kill the child's process group

The channel's end means that the other side is gone: the server then kills the child's group, the
owner counts the run as lost. The end of the control socket ends the server.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import warnings
from typing import NoReturn

from mlrun_like.runtimes.child import CANNOT_START, Request, run, settle_path
from mlrun_like.runtimes.limits import die_with_parent

__all__ = ["ENDED", "READY", "RECORD", "STARTED", "TO_SIGNAL", "main"]

RECORD = struct.Struct("!ci")
STARTED, ENDED = b"p", b"x"
READY = b"r"
TO_SIGNAL = {b"T": signal.SIGTERM, b"K": signal.SIGKILL} if sys.platform != "win32" else {}
_DEFAULT_SIGNALS = ("SIGCHLD", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM")


def main(arguments: list[str]) -> NoReturn:
    """Import, then serve: `CONTROL_DESCRIPTOR IDLE_SECONDS MODULE...`."""
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    settle_path()
    sys.argv = ["mlrun-like"]
    _preload(arguments[2:])
    # Objects that exist now are never collected: a child's collector does not touch their pages.
    gc.collect()
    gc.freeze()
    _Zygote(control, float(arguments[1])).serve()
    os._exit(0)


def _preload(modules: list[str]) -> None:
    for module in modules:
        # Whatever fails here fails again in the run, which reports it to the user.
        with contextlib.suppress(Exception, SystemExit), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
        if threading.active_count() > 1:
            sys.stderr.write(f"importing {module} started a thread, which a fork would lose\n")
            sys.stderr.flush()
            os._exit(CANNOT_START)


class _Zygote:
    def __init__(self, control: socket.socket, idle: float) -> None:
        self._control = control
        self._idle = idle
        self._pid = os.getpid()
        self._channels: dict[int, tuple[socket.socket, int]] = {}
        self._poll = select.poll()
        self._wake, wake_up = socket.socketpair()
        for end in (self._wake, wake_up):
            end.setblocking(False)
        self._wake_up = wake_up
        for end in (control, self._wake):
            self._poll.register(end, select.POLLIN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_up.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Fork and watch until the owner is gone or nothing was asked for `idle` seconds."""
        with contextlib.suppress(OSError):
            self._control.send(READY)
        while True:
            wait = None if self._channels else self._idle * 1000
            events = self._poll.poll(wait)
            if not events and not self._channels:
                return
            for descriptor, _ in events:
                if descriptor == self._wake.fileno():
                    self._reap()
                elif descriptor == self._control.fileno():
                    if not self._accept():
                        self._kill_all()
                        return
                elif descriptor in self._channels:
                    self._obey(*self._channels[descriptor])

    def _accept(self) -> bool:
        try:
            byte, descriptors, _, _ = socket.recv_fds(self._control, 1, 3)
        except OSError:
            return False
        if not byte:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if len(descriptors) != 3:
            for descriptor in descriptors:
                os.close(descriptor)
            return True
        number, request, output = descriptors
        channel = socket.socket(fileno=number)
        try:
            pid = _fork()
        except OSError:
            channel.close()  # its end tells the owner that nothing was started
        else:
            if pid == 0:
                self._become(channel, request, output)
            self._channels[channel.fileno()] = (channel, pid)
            self._poll.register(channel, select.POLLIN)
        os.close(request)
        os.close(output)
        return True

    def _become(self, channel: socket.socket, request: int, output: int) -> NoReturn:
        """The child: leave the server behind, say so, and run the request."""
        try:
            signal.set_wakeup_fd(-1)
            for name in _DEFAULT_SIGNALS:
                signal.signal(getattr(signal, name), signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            die_with_parent(self._pid)
            for other in (self._control, self._wake, self._wake_up):
                other.close()
            for other, _ in self._channels.values():
                other.close()
            for standard in (1, 2):
                os.dup2(output, standard)
            os.close(output)
            with os.fdopen(request, encoding="utf-8") as file:
                wanted = Request.read(file)
            _reseed()
            channel.sendall(RECORD.pack(STARTED, os.getpid()))
            channel.close()
            run(wanted)
        finally:
            os._exit(CANNOT_START)

    def _obey(self, channel: socket.socket, pid: int) -> None:
        try:
            command = channel.recv(1)
        except OSError:
            command = b""
        _signal_group(pid, TO_SIGNAL.get(command, signal.SIGKILL))
        if not command:
            self._poll.unregister(channel)  # the child's end is noticed by its signal

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass
        for descriptor, (channel, pid) in list(self._channels.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        self._ended()

    def _ended(self) -> None:
        raise NotImplementedError

    def _kill_all(self) -> None:
        for _, pid in self._channels.values():
            _signal_group(pid, signal.SIGKILL)
