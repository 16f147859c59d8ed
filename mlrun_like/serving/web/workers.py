"""Several processes that answer for one graph on one socket.

All of them accept from the same listening socket, which the parent keeps open: a connection that
waits to be accepted survives the death, and the replacement, of any of them.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.run import HttpServer
from mlrun_like.serving.web.sockets import url_of
from mlrun_like.serving.web.supervisor import Child, Supervisor, check_started

__all__ = ["run_workers", "usable_cores"]

_LINGER = 1.0  # seconds that unused connections are kept when a process ends
_UNSAFE = 4  # exit code: what was loaded does not survive a fork
_log = logging.getLogger("mlrun_like.serving")

Load = Callable[[], GraphApp]


def run_workers(
    load: Load,
    listening: socket.socket,
    workers: int = 1,
    *,
    preload: bool | None = None,
    changed: Callable[[], bool] | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Answer from several processes until this one is told to end.

    Args:
        load: Makes the application; called in the children, so that a reload finds new code.
        listening: The socket; closed at the end.
        workers: Number of processes; 0: one for each core.
        preload: Load once and fork the workers from that process: they start at once and share
            the memory of models. None: if nothing that was loaded has threads or connections,
            which do not survive a fork.
        changed: Asked now and then whether the workers must be replaced.
        started: Called with the URL when all workers answer.

    Raises:
        InvalidArgumentError: if `workers` is not a number of processes.
        ConflictError: if the workers could not start; they have said why on stderr.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise InvalidArgumentError(f"workers must be a whole number, 0 or more, not {workers!r}")
    count = workers or usable_cores()
    grace = config.serving_grace + _LINGER + 2.0
    url = url_of(listening)

    def announce() -> None:
        if started is not None:
            started(url)

    # made before the first fork; the application counts there if it counts at all
    folder = Path(tempfile.mkdtemp(prefix="mlrun-like-metrics-"))

    def worker(child: Child) -> int:
        return _serve(load(), listening, child, folder)

    def family(child: Child) -> int:
        app = load()
        if preload is None and (reason := _unsafe()):
            _log.info("each worker loads the graph itself: %s", reason)
            return _UNSAFE
        gc.collect()
        gc.freeze()  # the collector does not touch, and so does not copy, what is shared
        inner = Supervisor(lambda own: _serve(app, listening, own, folder), count, grace=grace)
        return inner.run(child.ready, child.channel)

    try:
        if count > 1 and preload is not False:
            outer = Supervisor(family, 1, grace=grace + 1.0, changed=changed)
            code = outer.run(announce)
            if code != _UNSAFE:
                check_started(code)
                return
        check_started(Supervisor(worker, count, grace=grace, changed=changed).run(announce))
    finally:
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Worker(HttpServer):
    """A server that tells its parent when it answers, and ends when that has gone."""

    def __init__(self, app: GraphApp, child: Child) -> None:
        super().__init__(app, linger=_LINGER)
        self._child = child

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            asyncio.get_running_loop().add_reader(self._child.channel, self._end)
            self._child.ready()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._child.channel)
        self.should_exit = True


def _serve(app: GraphApp, listening: socket.socket, child: Child, folder: Path) -> int:
    app.metrics_folder = folder
    app.server.context.worker_id = child.number
    # uvicorn repeats the signal that ended it, to whoever handled it before
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    worker = _Worker(app, child)
    worker.run(sockets=[listening])
    return 0 if worker.started else 1


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _unsafe() -> str:
    """Why this process had better not be forked, or an empty string."""
    count = threading.active_count()
    tasks = Path("/proc/self/task")
    if tasks.is_dir():  # also threads of libraries
        count = len(list(tasks.iterdir()))
    if count > 1:
        return f"it has {count} threads (OPENBLAS_NUM_THREADS=1 avoids those of numpy)"
    return ""
