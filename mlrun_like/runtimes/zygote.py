"""The warm server: one idle process with everything imported, forked once for every run.

It has no threads and holds no state of any run, so a fork is as good as a new interpreter and
takes milliseconds. Its owner holds the other end of the control socket. For each run it sends one
byte with three descriptors: the run's channel, an unnamed file with the request, and the output
pipe; a fourth, if the child may stay for further runs, brings these (see `staying.py`). On the
channel the child says that it started and the server how it ended:

    child  -> owner   "p" and its process id, when it starts
    child  -> owner   "x" and its exit code, when all is done: giving back the memory of a process
                      takes longer than many a run, and nobody has to wait for it
    child  -> owner   "i" and its exit code, when all is done and it waits for a further run
    server -> owner   "x" and the return code (negative: the signal), when the process is gone
    owner  -> server  "T" or "K": terminate or kill the child's process group; "D": let it be

The channel's end means that the other side is gone: the server then kills the child's group, the
owner counts the run as lost. The end of the control socket ends the server.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import warnings
from typing import NoReturn

from mlrun_like.runtimes.child import CANNOT_START, Request, settle_path
from mlrun_like.runtimes.limits import die_with_parent
from mlrun_like.runtimes.staying import serve

__all__ = ["ENDED", "LET_BE", "READY", "RECORD", "STARTED", "STAYS", "TO_SIGNAL", "main"]

_DESCRIPTORS = (3, 4)
RECORD = struct.Struct("!ci")
STARTED, ENDED, STAYS = b"p", b"x", b"i"
LET_BE = b"D"
READY = b"r"
TO_SIGNAL = {b"T": signal.SIGTERM, b"K": signal.SIGKILL} if sys.platform != "win32" else {}
_RESET = ("SIGCHLD", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM")


def main(arguments: list[str]) -> NoReturn:
    """Import, then serve: `CONTROL_DESCRIPTOR IDLE_SECONDS STORE HOME MODULE...`."""
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    settle_path()
    sys.argv = ["mlrun-like"]
    store, home, *modules = arguments[2:]
    _preload(modules, store, home)
    # Objects that exist now are never collected: a child's collector does not touch their pages.
    gc.collect()
    gc.freeze()
    _Zygote(control, float(arguments[1])).serve()
    os._exit(0)


def _preload(modules: list[str], store: str, home: str) -> None:
    for module in modules:
        # Whatever fails here fails again in the run, which reports it to the user.
        with contextlib.suppress(Exception, SystemExit), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            imported = importlib.import_module(module)
            if module == modules[0] and hasattr(imported, "prepare"):
                imported.prepare(store, home)
        if threading.active_count() > 1:
            sys.stderr.write(f"importing {module} started a thread, which a fork would lose\n")
            sys.stderr.flush()
            os._exit(CANNOT_START)


class _Zygote:
    def __init__(self, control: socket.socket, idle: float) -> None:
        self._control = control
        self._idle = idle
        self._pid = os.getpid()
        self._children: dict[int, tuple[int, socket.socket]] = {}  # by the channel's descriptor
        self._poll = select.poll()  # unlike epoll, not shared with forks
        self._wake, self._wake_up = socket.socketpair()
        self._wake.setblocking(False)
        self._wake_up.setblocking(False)
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_up.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Fork and watch until the owner is gone or nothing was asked for `idle` seconds."""
        with contextlib.suppress(OSError):
            self._control.send(READY)
        while True:
            events = self._poll.poll(None if self._children else self._idle * 1000)
            if not events and not self._children:
                return
            for descriptor, _ in events:
                if descriptor == self._wake.fileno():
                    self._reap()
                elif descriptor == self._control.fileno():
                    if not self._accept():
                        for pid, _channel in self._children.values():
                            _signal_group(pid, signal.SIGKILL)
                        return
                elif descriptor in self._children:
                    self._obey(descriptor)

    def _accept(self) -> bool:
        """Take one call; False when the owner is gone."""
        try:
            byte, descriptors, _, _ = socket.recv_fds(self._control, 1, max(_DESCRIPTORS))
        except OSError:
            return False
        if len(descriptors) in _DESCRIPTORS:
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            self._start(*descriptors)
        else:
            for descriptor in descriptors:
                os.close(descriptor)
        return bool(byte)

    def _start(self, number: int, request: int, output: int, work: int = -1) -> None:
        channel = socket.socket(fileno=number)
        try:
            pid = _fork()
        except OSError:
            channel.close()  # the end tells the owner that nothing was started
        else:
            if pid == 0:
                self._become(channel, request, output, work)
            self._children[number] = (pid, channel)
            self._poll.register(number, select.POLLIN)
        for descriptor in (request, output, work):
            if descriptor >= 0:
                os.close(descriptor)

    def _become(self, channel: socket.socket, request: int, output: int, work: int) -> NoReturn:
        """The child: leave the server behind, say so, and run the request."""
        try:
            signal.set_wakeup_fd(-1)
            for name in _RESET:
                signal.signal(getattr(signal, name), signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            die_with_parent(self._pid)
            for end in (self._control, self._wake, self._wake_up):
                end.close()
            for _, other in self._children.values():
                other.close()
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            begin = functools.partial(channel.sendall, RECORD.pack(STARTED, os.getpid()))
            begin()
            # Only this process may hold it, or the owner would not notice that it was lost.
            os.register_at_fork(after_in_child=channel.close)
            with os.fdopen(request, encoding="utf-8") as file:
                wanted = Request.read(file)
            numpy_random = sys.modules.get("numpy.random")
            if numpy_random is not None:  # `random` does this itself
                numpy_random.seed()
            more = socket.socket(fileno=work) if work >= 0 else None
            serve(wanted, more, begin, functools.partial(_tell, channel))
        except BaseException:  # noqa: BLE001  (nothing above can report it)
            traceback.print_exc()
        finally:
            os._exit(CANNOT_START)

    def _obey(self, descriptor: int) -> None:
        pid, channel = self._children[descriptor]
        try:
            command = channel.recv(1)
        except OSError:
            command = b""
        if (
            not command or command == LET_BE
        ):  # the owner is gone; the child's end will be noticed by its signal
            self._poll.unregister(descriptor)
        if command != LET_BE:
            _signal_group(pid, TO_SIGNAL.get(command, signal.SIGKILL))

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass
        for descriptor, (pid, channel) in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del self._children[descriptor]
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
            _tell(channel, False, os.waitstatus_to_exitcode(status))
            channel.close()


def _tell(channel: socket.socket, stays: bool, code: int) -> None:
    with contextlib.suppress(OSError):
        channel.send(RECORD.pack(STAYS if stays else ENDED, code))


def _fork() -> int:
    with warnings.catch_warnings():
        # The interpreter warns about native threads, such as those of BLAS libraries; these are
        # idle here and start anew after a fork. Threads of Python were refused before.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # Not yet the leader of its own group.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    main(sys.argv[1:])
