"""What tests of pools share: who asks, who starts workers, and waiting for conditions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.replicas.orders import Order, Owner
from mlrun_like.gateway.replicas.pool import Pool
from mlrun_like.gateway.replicas.workers import Worker

ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("fake_worker.py")


class Asked:
    """A client: what it got."""

    def __init__(self) -> None:
        self.status = 0
        self.head = b""
        self.body = b""
        self.complete: bool | None = None
        self.answers = 0

    def answer(self, status: int, content: bytes) -> None:
        self.status = status
        self.head, _, self.body = content.partition(b"\r\n\r\n")
        self.complete = True
        self.answers += 1

    def start(self, status: int, headers: bytes) -> None:
        self.status, self.head = status, headers

    def chunk(self, data: bytes) -> None:
        self.body += data

    def end(self, *, complete: bool) -> None:
        self.complete = complete
        self.answers += 1

    @property
    def over(self) -> bool:
        return self.complete is not None


class Starter:
    """Starts processes of `fake_worker.py`.

    Args:
        mode: What they do.
    """

    def __init__(self, mode: str = "plain") -> None:
        self.mode = mode
        self.error = ""
        self.workers: list[Worker] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def spawn(self, order: Order, owner: Owner) -> Worker:
        if self.error:
            raise EngineError(self.error)
        options = order.version.options
        worker = Worker(
            order.replica,
            options.concurrency,
            options.request_timeout,
            owner.worker_ready,
            owner.worker_done,
            owner.worker_ended,
        )
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-S", str(FAKE), str(theirs.fileno()), self.mode],
            pass_fds=[theirs.fileno()],
            env={"PYTHONPATH": str(ROOT)},
        )
        theirs.close()
        self.workers.append(worker)
        self.processes.append(process)
        worker.pid = process.pid
        worker.killer = lambda _: process.kill()
        task = asyncio.get_running_loop().create_task(self._watch(worker, process))
        self._tasks.add(task)
        await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
        return worker

    async def _watch(self, worker: Worker, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            await asyncio.sleep(0.005)
        worker.reported(process.returncode)

    async def close(self) -> None:
        for process in self.processes:
            process.kill()
        await asyncio.gather(*self._tasks)


def make_version(number: int = 1, **options: Any) -> Version:
    return Version(number, "nuclio", {}, Options(**options))


@contextlib.asynccontextmanager
async def pool_of(mode: str = "plain", **options: Any) -> AsyncIterator[tuple[Pool, Starter]]:
    starter = Starter(mode)
    finished: list[Call] = []
    log = logging.getLogger("tests.pool")
    pool = Pool("p/f", make_version(**options), starter, finished.append, log)
    pool.finished_calls = finished  # type: ignore[attr-defined]
    try:
        yield pool, starter
    finally:
        await pool.drain(0)
        await starter.close()


def ask(pool: Pool, target: str = "/pid", method: str = "GET", body: bytes = b"") -> Asked:
    asked = Asked()
    call = Call(method.encode(), target.encode(), [], body, asked)
    asked.call = call  # type: ignore[attr-defined]
    pool.submit(call)
    return asked


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.005)


async def got(asked: Asked) -> Asked:
    await until(lambda: asked.over)
    return asked


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
