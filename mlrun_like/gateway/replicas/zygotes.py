"""A zygote as the gateway sees it: its process, its control socket, the workers it forked.

What is said on the socket is told in `zygote.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.gateway.replicas.workers import Worker

__all__ = ["Zygote"]

_PACKET = 1 << 18
_MODULE = "mlrun_like.gateway.worker.zygote"


class Zygote:
    """One zygote.

    Args:
        python: Its interpreter.
        modules: What it imports.
        env: Its whole environment.
        home: The gateway's folder.
        folder: Where it is started.
        on_started: Called with a worker whose process id is known now.
        on_gone: Called once when it is gone.
    """

    def __init__(
        self,
        python: str,
        modules: Sequence[str],
        env: Mapping[str, str],
        home: Path,
        folder: str,
        on_started: Callable[[Worker], None],
        on_gone: Callable[[Zygote], None],
    ) -> None:
        self.python, self.modules = python, tuple(modules)
        self.born = time.monotonic()
        self.workers: dict[int, Worker] = {}
        self.failed: dict[str, str] = {}
        """Modules that could not be imported, and why."""
        self.notes: tuple[str, ...] = ()
        self.seconds: dict[str, float] = {}
        """Each module's import."""
        self.closed = False
        self.retiring = False
        """Whether it ends when its last worker does."""
        self.why = ""
        self._env, self._home, self._folder = dict(env), home, folder
        self._on_started, self._on_gone = on_started, on_gone
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self._last = 0
        self._held: deque[tuple[bytes, list[int]]] = deque()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by _gone)

    @property
    def pid(self) -> int:
        """0: not started yet."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        """Start its process; it imports for a while then, see `ready`.

        Raises:
            EngineError: if the interpreter cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = await asyncio.to_thread(self._popen, theirs)
        except OSError as exc:
            ours.close()
            self.closed = True
            raise EngineError(
                f"{self.python} cannot be started: {exc.strerror or exc}",
                fix="set `python` of the function to an interpreter that exists",
            ) from exc
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        self._loop.add_reader(ours.fileno(), self._readable)
        if self._held:
            self._send_held()

    def fork(self, order: bytes, log: int, worker: Worker) -> tuple[int, socket.socket]:
        """Ask for a worker; its number here and our end of its socket.

        Args:
            order: JSON.
            log: Descriptor for its output; closed here.
            worker: Who is told how it ends.
        """
        self._last += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)
        file = _unnamed(order)
        self.workers[self._last] = worker
        self._send({"start": self._last}, [theirs.detach(), file, log])
        return self._last, ours

    def signal(self, number: int, which: int = signal.SIGKILL) -> None:
        """Send a signal to a worker's group."""
        self._send({"signal": number, "number": int(which)}, [])

    def retire(self) -> None:
        """End as soon as it has no workers."""
        self.retiring = True
        if not self.workers:
            self.close()

    def close(self) -> None:
        """End it, and its workers."""
        if not self.closed:
            self.why = self.why or "it was stopped"
            self._gone()

    def kill(self, why: str) -> None:
        """End it at once: it does not answer."""
        self.why = why
        if self._process is not None:
            self._process.kill()
        self._gone()

    def _popen(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        number = theirs.fileno()
        return subprocess.Popen(
            [self.python, "-u", "-m", _MODULE, str(number), str(self._home), *self.modules],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            cwd=self._folder,
            env=self._env,
            pass_fds=[number],
            start_new_session=True,
        )

    def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if self.closed:
            for descriptor in descriptors:
                os.close(descriptor)
            return
        self._held.append((json.dumps(message).encode(), descriptors))
        if len(self._held) == 1 and self._control is not None:
            self._send_held()

    def _send_held(self) -> None:
        control = self._control
        if control is None:
            return
        while self._held:
            data, descriptors = self._held[0]
            try:
                socket.send_fds(control, [data], descriptors)
            except BlockingIOError:
                self._loop.add_writer(control.fileno(), self._send_held)
                return
            except OSError:
                break  # it is gone: the reader will see it
            self._held.popleft()
            for descriptor in descriptors:
                os.close(descriptor)
        self._loop.remove_writer(control.fileno())

    def _readable(self) -> None:
        for _ in range(100):
            if self._control is None:
                return
            try:
                data = self._control.recv(_PACKET)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._gone()
                return
            try:
                self._take(json.loads(data))
            except (ValueError, LookupError, TypeError, AttributeError) as exc:
                self.kill(f"it sent what is no message: {exc}")
                return

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.seconds = dict(message.get("modules") or {})
            self.failed = dict(message.get("failed") or {})
            self.notes = tuple(message.get("notes") or ())
            if not self.ready.done():
                self.ready.set_result(None)
        elif "started" in message:
            worker = self.workers.get(message["started"])
            if worker is not None:
                worker.pid = worker.pid or int(message["pid"])
                self._on_started(worker)
        elif "refused" in message:
            worker = self.workers.pop(message["refused"], None)
            if worker is not None:
                worker.reported(None, f"it could not be forked: {message.get('error')}")
        elif "ended" in message:
            worker = self.workers.pop(message["ended"], None)
            if worker is not None:
                worker.reported(message.get("code"))
            if self.retiring and not self.workers:
                self.close()

    def _gone(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._control is not None:
            self._loop.remove_reader(self._control.fileno())
            self._loop.remove_writer(self._control.fileno())
            self._control.close()
            self._control = None
        for _, descriptors in self._held:
            for descriptor in descriptors:
                os.close(descriptor)
        self._held.clear()
        process = self._process
        code = process.poll() if process is not None else None
        self.why = self.why or self._reason(code)
        if not self.ready.done():
            self.ready.set_exception(EngineError(f"the warm process ended: {self.why}"))
            self.ready.exception()  # nobody may be waiting
        for worker in list(self.workers.values()):
            worker.reported(None, f"the warm process it was forked from ended: {self.why}")
            if worker.killer is not None:
                worker.killer(worker)
        self.workers.clear()
        self._errors.close()
        if process is not None:
            self._loop.run_in_executor(None, _wait, process)
        self._on_gone(self)

    def _reason(self, code: int | None) -> str:
        if code is not None and code < 0:
            return f"signal {-code}"
        with contextlib.suppress(OSError, ValueError):
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 2000))
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            if lines:
                return lines[-1]
        return "its process ended" if code is None else f"return code {code}"


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unnamed(data: bytes) -> int:
    """A file without a name that holds `data`, to be read from its start."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("order", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
