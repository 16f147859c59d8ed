"""From an order to a process that answers requests."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import io
import json
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from mlrun_like.configuration import config, exchange_environment
from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.blocking import BlockingWorker
from mlrun_like.gateway.worker.concurrent import ConcurrentWorker
from mlrun_like.gateway.worker.confine import confine, limit_threads, set_title
from mlrun_like.gateway.worker.loading import load
from mlrun_like.gateway.worker.nuclio import needs_loop
from mlrun_like.gateway.worker.order import Order, read_order
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.gateway.worker.privileges import GROUP, View, become, leave, share_top
from mlrun_like.gateway.worker.streaming import AsyncSink, BlockingSink, Program
from mlrun_like.runtimes.limits import die_with_parent

__all__ = ["CANNOT_START", "Surroundings", "work"]

CANNOT_START = 70
"""Exit code of a worker that did not get ready."""
_SAME_VIEW = View()
_MANY = 64  # requests at a time for those that do not block


@dataclass(frozen=True)
class Surroundings:
    """What a child knows before it has an order.

    Args:
        parent: The zygote's process id.
        folder: An empty folder, only for this child.
        title: Where the process's name is kept; see `confine.find_title`.
        notes: What the gateway should know about this zygote.
        view: What this child sees of the file system.
    """

    parent: int
    folder: str
    title: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()
    view: View = _SAME_VIEW


def work(file: int, frames: int, output: int, around: Surroundings) -> NoReturn:
    """Become a worker; the process ends here.

    Args:
        file: Descriptor with the order.
        frames: The socket to the gateway.
        output: Where stdout and stderr go.
        around: What this child is.
    """
    code = CANNOT_START
    try:
        began = time.monotonic()
        channel = socket.socket(fileno=frames)
        # Only this process may hold it, or the gateway would not notice its end.
        os.register_at_fork(after_in_child=channel.close)
        _redirect(output)
        code = _Start(channel, around, began).run(file)
    except BaseException:  # noqa: BLE001  (the end of this process: nothing above can report it)
        traceback.print_exc()
    finally:
        _leave(code)


def _redirect(output: int) -> None:
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    sys.stdout, sys.stderr = _stream(1), _stream(2)


def _stream(descriptor: int) -> io.TextIOWrapper:
    """Written line by line, in one encoding whatever the locale is."""
    raw = os.fdopen(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, without waiting for threads or taking modules apart."""
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)


class _Start:
    """The parts of a start, with the time that each took.

    Args:
        channel: The socket to the gateway.
        around: What this child is.
        began: When it had the order.
    """

    def __init__(self, channel: socket.socket, around: Surroundings, began: float) -> None:
        self._channel = channel
        self._around = around
        self._notes = list(around.notes)
        self._phases: dict[str, float] = {}
        self._last = began
        self._loop: asyncio.AbstractEventLoop | None = None
        self._send: Callable[[int, int, bytes], None] = self._send_now

    def run(self, file: int) -> int:
        """Start, answer, end; gives the exit code."""
        try:
            order = read_order(file)
            self._phases["fork"] = max(0.0, self._last - order.sent)
            self._settle(order)
            platform = WorkerPlatform(lambda *values: self._send(*values), order)
            program = load(order, platform)
            self._mark("import")
            concurrency = int(order.number("concurrency")) or (1 if program.blocking else _MANY)
            if program.needs_loop:
                return self._on_loop(order, program, concurrency)
            program.init()
            self._mark("init")
            self._warm_up(order, program)
        except BaseException as exc:  # noqa: BLE001  the process boundary: told to the gateway
            return self._failed(exc)
        self._ready(blocking=True, concurrency=concurrency)
        BlockingWorker(self._channel, program).serve()
        asyncio.run(program.end())
        return 0

    def _settle(self, order: Order) -> None:
        """Surroundings, limits and user."""
        around = self._around
        set_title(f"mlrun-like {order.key} v{order.version} #{order.replica}", around.title)
        folder = order.workdir or around.folder
        values = dict(order.env)
        own_user = order.uid is not None and os.geteuid() == 0
        if own_user:
            home = str(config.path())
            share_top(home)
            values.setdefault("MLRUN_LIKE_HOME", home)  # which may lie in the HOME of before
            values.setdefault("HOME", around.folder)
        values.setdefault("TMPDIR", around.folder)
        exchange_environment(values)
        config.reload()
        if "TZ" in values:
            time.tzset()
        memory, processes = int(order.number("memory")), int(order.number("processes"))
        self._notes += confine(memory, processes, own_user=own_user)
        limit_threads(order.number("cpu"))
        if own_user and order.uid is not None:
            gid = order.gid or GROUP
            os.chown(around.folder, order.uid, gid)
            become(order.uid, gid)
            die_with_parent(around.parent)  # another user begins without it
        else:
            leave(around.view)
        config.code_path = os.path.join(around.folder, "code")
        sys.path[:0] = order.modules
        os.chdir(folder)
        logging.basicConfig(stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")

    def _on_loop(self, order: Order, program: Program, concurrency: int) -> int:
        self._loop = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            program.init()
            _until_done(loop, program.begin())
            self._mark("init")
            self._warm_up(order, program)
        except BaseException as exc:  # noqa: BLE001  the process boundary: told to the gateway
            return self._failed(exc)

        async def serve() -> None:
            worker = ConcurrentWorker(self._channel, program, concurrency)
            overlap = concurrency > 1 and needs_loop(getattr(program, "handler", None))
            self._ready(blocking=program.blocking and not overlap, concurrency=concurrency)
            self._channel.setblocking(False)
            await worker.begin()
            self._send = worker.acknowledge
            await worker.over
            await program.end()
            await worker.close()

        _until_done(loop, serve())
        return 0

    # Telling ---------------------------------------------------------------------------------

    def _mark(self, name: str) -> None:
        now = time.monotonic()
        self._phases[name] = now - self._last
        self._last = now

    def _warm_up(self, order: Order, program: Program) -> None:
        requests = order.options.get("warm_up") or ()
        for request in requests:
            content = _request_of(request)
            status = 0
            for data in self._warmed(program, content):
                if data[4] in (wire.ANSWER, wire.START):
                    status = int.from_bytes(data[9:11], "big")
            if status >= 500 or not status:
                path = request.get("path") or "/" if isinstance(request, dict) else request
                self._notes.append(f"the warm-up request {path!r:.100} was answered {status}")
        if requests:
            self._mark("warm_up")

    def _warmed(self, program: Program, content: bytes) -> list[bytes]:
        sent: list[bytes] = []
        if self._loop is None:
            blocking = BlockingSink(0, sent.append, lambda wait: None)
            blocking.unread = -(1 << 40)  # there is no client that could take it
            program.respond(content, blocking)
            return sent
        sink = AsyncSink(0, sent.append)
        sink.unread = -(1 << 40)
        found = program.now(content)
        if isinstance(found, bytes):
            return [wire.frame(0, wire.ANSWER, found)]
        _until_done(self._loop, _awaited(found(sink)))
        return sent

    def _ready(self, *, blocking: bool, concurrency: int) -> None:
        told = {
            "pid": os.getpid(),
            "phases": {name: round(value, 6) for name, value in self._phases.items()},
            "blocking": blocking,
            "concurrency": concurrency,
            "notes": self._notes,
        }
        self._send_now(0, wire.READY, json.dumps(told).encode())

    def _failed(self, exc: BaseException) -> int:
        lines = "".join(traceback.format_exception(exc))
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(lines)
        shown = str(exc) if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
        told = {"error": shown[:2000], "traceback": lines[-20_000:], "notes": self._notes}
        with contextlib.suppress(OSError):
            self._send_now(0, wire.FAILED, json.dumps(told).encode())
        return CANNOT_START

    def _send_now(self, number: int, kind: int, content: bytes) -> None:
        self._channel.sendall(wire.frame(number, kind, content))


def _request_of(request: Any) -> bytes:
    given: dict[str, Any] = request if isinstance(request, dict) else {"path": str(request)}
    body, headers = given.get("body"), []
    for name, value in (given.get("headers") or {}).items():
        headers.append((str(name).lower().encode("latin-1"), str(value).encode("latin-1")))
    if body is None:
        data = b""
    elif isinstance(body, str):
        data = body.encode()
    else:
        data = json.dumps(body).encode()
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"application/json"))
    method = str(given.get("method") or ("POST" if data else "GET")).upper()
    target = str(given.get("path") or "/")
    target = target if target.startswith("/") else f"/{target}"
    return wire.joined(method.encode(), target.encode("latin-1", "replace"), headers, data)


def _until_done(loop: asyncio.AbstractEventLoop, work: Any) -> None:
    """Run it to its end, even if somebody stops the loop meanwhile."""
    task = loop.create_task(work)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except RuntimeError as exc:
            if task.done():
                raise
            sys.stderr.write(f"the event loop was stopped by the function ({exc}); it goes on\n")
    task.result()


async def _awaited(value: Any) -> Any:
    return await value
