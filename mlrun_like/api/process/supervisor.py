"""Starts, watches, replaces and ends the processes of a service.

SIGTERM and SIGINT end it: no new connections, running requests are finished, live streams end with
a word. SIGHUP replaces the workers one by one while the others answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import time
import types
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from mlrun_like import __version__
from mlrun_like.api.access.mode import check_start
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process.child import Child
from mlrun_like.api.process.places import (
    ServiceRecord,
    end_left_behind,
    hold_place,
    service_home,
    write_record,
)
from mlrun_like.api.process.schema import bring_up_to_date
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.serving.web.sockets import listen, url_of
from mlrun_like.tracking.process import process_start_time

__all__ = ["Supervisor", "serve"]

_log = logging.getLogger(__name__)
_WORKER = "mlrun_like.api.process.worker"
_BACKGROUND = "mlrun_like.api.process.background"
_TICK = 0.1
_LONGEST_PAUSE = 10.0
_LOOK = 60.0  # seconds after which a process that lived that long is no longer in trouble
_MOST_AT_START = 3
_SILENT = 90.0  # seconds after which a worker that says nothing is taken for one that hangs


def serve(
    options: ServiceOptions,
    told: Callable[[str], None] = lambda _: None,
    given: Sequence[str] = (),
) -> int:
    """Run a service until it is told to stop; gives the exit code.

    Args:
        options: How it runs.
        told: Gets the address when it answers.
        given: Options of the command line, which a restart repeats.

    Raises:
        ConflictError: if one runs in this home already, or its store is newer than this package.
        ConfigError: if it would be open to a network without any user.
    """
    folder = service_home()
    lock = hold_place(folder)
    try:
        left = end_left_behind(folder)
        if left:
            _log.warning("ended what a killed service left behind: processes %s", left)
        return Supervisor(options, folder, lock, given).run(told)
    finally:
        lock.close()


class Supervisor:
    """The process that starts the others.

    Args:
        options: How the service runs.
        folder: Where it tells others about itself.
        lock: Says that this is the one service of the home.
        given: Options of the command line.
    """

    def __init__(
        self, options: ServiceOptions, folder: Path, lock: IO[bytes], given: Sequence[str] = ()
    ) -> None:
        numbers = folder / "numbers"
        shutil.rmtree(numbers, ignore_errors=True)
        numbers.mkdir(parents=True)
        self._options = replace(options, folder=str(numbers))
        self._folder = folder
        self._lock = lock
        self._record = ServiceRecord(version=__version__, started=time.time(), given=list(given))
        self._children: dict[str, Child] = {}
        self._pauses: dict[str, tuple[float, float]] = {}
        """Role and number -> when it may be started again, and how long the pause was."""
        self._deaths = 0
        self._stopping = False
        self._replacing = False
        # a background process that is replaced leads at once again, because this is its owner
        self._owner = f"{socket.gethostname()}:{uuid.uuid4().hex[:12]}"
        self._listening: socket.socket | None = None

    def run(self, told: Callable[[str], None]) -> int:
        """Start everything, and stay until the end."""
        with self._signals():
            try:
                self._prepare()
                code = self._watch(told)
            except MLRunLikeError as exc:
                self._tell("failed", reason=exc.what)
                raise
            finally:
                self._end()
        self._tell("failed" if code else "stopped", reason=self._record.reason)
        return code

    def _prepare(self) -> None:
        self._record.pid = os.getpid()
        self._tell("starting")
        while True:
            try:
                with bring_up_to_date(self._options, lambda: self._tell("migrating")) as store:
                    check_start(self._options, store.has_users(), bool(config.oidc_issuer))
                break
            except StoreUnavailableError as exc:
                # a database that starts with the same machine may need longer than this
                self._tell("waiting", reason=exc.what)
                _log.warning("waiting for the store: %s", exc.what)
                if self._pause(2.0):
                    return
        self._listening = listen(self._options.host, self._options.port)
        self._listening.set_inheritable(True)
        url = url_of(self._listening)
        if self._options.tls_cert:
            url = url.replace("http:", "https:", 1)
        self._record.url = self._options.url or url
        self._tell("starting")

    def _watch(self, told: Callable[[str], None]) -> int:
        online = False
        while not self._stopping:
            if self._replacing:
                self._replacing = False
                self._replace_workers()
            self._start_missing()
            self._look()
            workers = [child for name, child in self._children.items() if name != "background"]
            if not online and workers and any(child.ready for child in workers):
                online = True
                self._tell("online")
                told(self._record.url)
            if not online and self._deaths >= _MOST_AT_START:
                self._record.reason = "its processes end at once; its log says why"
                return 1
            time.sleep(_TICK)
        return 0

    def _names(self) -> list[str]:
        names = [f"worker-{number}" for number in range(max(1, self._options.workers))]
        return [*names, "background"] if self._options.background else names

    def _start_missing(self) -> None:
        for name in self._names():
            due, _ = self._pauses.get(name, (0.0, 0.0))
            if name not in self._children and time.monotonic() >= due:
                self._children[name] = self._start(name)
                self._tell(self._record.state)

    def _start(self, name: str) -> Child:
        options = asdict(self._options)
        if name == "background":
            return Child(name, _BACKGROUND, {"options": options, "owner": self._owner})
        assert self._listening is not None
        number = self._listening.fileno()
        return Child(name, _WORKER, {"options": options, "socket": number}, [number])

    def _look(self) -> None:
        for name, child in list(self._children.items()):
            code = child.look()
            if code is None:
                self._end_if_hanging(name, child)
                continue
            del self._children[name]
            child.close()
            lived = time.monotonic() - child.started
            _, before = self._pauses.get(name, (0.0, 0.0))
            pause = 0.1 if lived > _LOOK else min(_LONGEST_PAUSE, max(0.1, before * 2))
            self._pauses[name] = (time.monotonic() + pause, pause)
            if name != "background":
                self._deaths += 1
            _log.warning(
                "%s (process %d) ended with code %d; it starts again", name, child.pid, code
            )

    def _end_if_hanging(self, name: str, child: Child) -> None:
        """A worker whose loop stands still answers nobody, and callers that it took wait."""
        if child.ready and name != "background" and time.monotonic() - child.heard > _SILENT:
            _log.error(
                "%s (process %d) says nothing for %g s: it hangs, and is killed",
                *(name, child.pid, _SILENT),
            )
            child.signal(signal.SIGKILL)
            child.heard = time.monotonic()

    def _replace_workers(self) -> None:
        """One new worker answers before an old one ends."""
        for name in [name for name in self._names() if name != "background"]:
            fresh = self._start(name)
            end = time.monotonic() + 60.0
            while not fresh.ready and fresh.look() is None and time.monotonic() < end:
                if self._stopping:
                    break
                time.sleep(_TICK)
            if not fresh.ready:
                fresh.signal(signal.SIGKILL)
                fresh.look()
                _log.error("the new %s does not answer; the old one stays", name)
                return
            old = self._children.get(name)
            self._children[name] = fresh
            if old is not None:
                self._finish([old])
            self._tell(self._record.state)
        background = self._children.get("background")
        if background is not None:
            background.signal(signal.SIGTERM)

    def _end(self) -> None:
        if self._listening is not None:
            self._listening.close()
        if self._children:
            self._tell("stopping")
        self._finish(list(self._children.values()))
        self._children.clear()

    def _finish(self, children: list[Child]) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        end = time.monotonic() + self._options.grace + 5.0
        while any(child.look() is None for child in children) and time.monotonic() < end:
            time.sleep(_TICK)
        for child in children:
            if child.look() is None:
                _log.warning("%s does not end; it is killed", child.role)
                child.signal(signal.SIGKILL)
            while child.look() is None:
                time.sleep(0.01)
            child.close()

    def _tell(self, state: str, reason: str = "") -> None:
        self._record.state = state
        self._record.reason = reason
        self._record.workers = {name: child.pid for name, child in self._children.items()}
        pids = [self._record.pid, *self._record.workers.values()]
        self._record.since = {str(pid): process_start_time(pid) for pid in pids if pid}
        write_record(self._folder, self._record)

    def _pause(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping:
            time.sleep(_TICK)
        return self._stopping

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: types.FrameType | None) -> None:
            self._stopping = True

        def renew(number: int, frame: types.FrameType | None) -> None:
            self._replacing = True

        before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, stop),
            signal.SIGINT: signal.signal(signal.SIGINT, stop),
            signal.SIGHUP: signal.signal(signal.SIGHUP, renew),
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
