"""One running copy of an application: its process, its port, its connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.gateway.applications import keeper
from mlrun_like.gateway.applications.endings import ending, last_lines
from mlrun_like.gateway.applications.launch import Launch, Place
from mlrun_like.gateway.applications.listening import Listener, listeners_of
from mlrun_like.gateway.applications.probing import probe, published
from mlrun_like.gateway.applications.upstream import Upstream
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.replicas.trees import end_tree

__all__ = ["DRAINING", "ENDED", "READY", "STARTING", "Replica"]

STARTING, READY, DRAINING, ENDED = "starting", "ready", "draining", "ended"
_KEEPER = [sys.executable, "-I", "-S", str(Path(keeper.__file__))]
_LOOK = (0.02, 0.25)
_OTHER_PORT = 1.0
"""Seconds after which a port that nobody told it counts as the application's."""
_IDLE, _IDLE_UNSAFE = 1.5, 0.5
"""Seconds that a connection may have been idle: servers close theirs after two or more, and what
is not idempotent shall not meet that moment."""
_CONNECT = 5.0


class Replica:
    """A process that listens, and how it does.

    Args:
        place: Where it runs.
        launch: What it is started with.
        options: Of its version.
        log: The function's log file.
        on_end: Called once when it is gone.
    """

    def __init__(
        self,
        place: Place,
        launch: Launch,
        options: Options,
        log: Path,
        on_end: Callable[[Replica], None],
    ) -> None:
        self.place, self.launch, self.options = place, launch, options
        self.number = place.number
        self.pid = 0
        self.state = STARTING
        self.why = ""
        """Why it ended, or is about to."""
        self.born = time.monotonic()
        self.ready_at = 0.0
        self.phases: dict[str, float] = {}
        self.served = self.busy = self.memory = self.processes = 0
        self.cpu = self.weighed = 0.0
        self.measured = (0.0, 0.0)
        """Seconds of CPU used, and when that was."""
        self.uid: int | None = place.user.uid or None
        self.notes: tuple[str, ...] = ()
        self.listener = Listener(place.port, "127.0.0.1")
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log, self._log_from = log, 0
        self._on_end = on_end
        self._idle: list[Upstream] = []
        self._all: set[Upstream] = set()
        self._keeper: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = False

    # Life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, and wait until it listens and answers.

        Raises:
            EngineError: with the reason and the end of its output.
        """
        try:
            async with asyncio.timeout(self.options.start_timeout or None):
                await self._spawn()
                await self._listens()
                await self._answers()
        except TimeoutError:
            what = "does not answer" if "listen" in self.phases else "does not listen on any port"
            self.why = (
                f"it {what} {self.options.start_timeout:g} s after its start; "
                f"$PORT is {self.place.port}"
            )
            await self.stop(1.0)
            raise self._trouble() from None
        except asyncio.CancelledError:
            self.kill("nobody waits for it any more")
            raise
        if self.state == STARTING:
            self.state = READY
        self.ready_at = time.monotonic()

    async def _spawn(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(self._log, flags, 0o600)
        try:
            self._log_from = os.fstat(handle).st_size
            self._keeper = await asyncio.create_subprocess_exec(
                *_KEEPER,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=handle,
                env={"PATH": self.launch.env["PATH"]},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(handle)
        self._write(json.dumps(self.launch.to_dict()))
        said = await self._said()
        if "pid" not in said:
            self.why = str(said.get("error") or "its keeper ended")
            await self._reaped()
            self._ended()
            raise self._trouble()
        self.pid = int(said["pid"])
        self.phases["fork"] = time.monotonic() - self.born
        self._task = asyncio.create_task(self._follow(), name=f"application {self.place.key}")

    async def _follow(self) -> None:
        said = await self._said()
        code = said.get("ended")
        if not self.why:
            self.why = ending(code, self._asked, time.monotonic() - self.born)
        if not said:  # somebody killed the keeper
            own = self.place.user.uid if self.place.user.alone else -1
            await asyncio.to_thread(end_tree, self.pid, (), own)
        await self._reaped()
        self._ended()

    async def _reaped(self) -> None:
        if self._keeper is not None:
            if self._keeper.stdin is not None:
                self._keeper.stdin.close()
            await self._keeper.wait()

    async def _said(self) -> dict[str, Any]:
        assert self._keeper is not None and self._keeper.stdout is not None
        line = await self._keeper.stdout.readline()
        try:
            found = json.loads(line) if line else {}
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def _write(self, line: str) -> None:
        if self._keeper is not None and self._keeper.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._keeper.stdin.write(line.encode() + b"\n")

    async def _listens(self) -> None:
        """Wait for a port, its own or another one that only this application has."""
        wait, seen = _LOOK[0], 0.0
        while True:
            if self.closed.done():
                raise self._trouble()
            if self.launch.foreign:
                below = self._keeper.pid if self._keeper is not None else 0
                found = await published(below, self.options.internal_port, self.listener)
            else:
                found = await asyncio.to_thread(listeners_of, self.pid)
            now = time.monotonic()
            exact = [row for row in found if self.launch.foreign or row.port == self.place.port]
            if found and not seen:
                seen = now
            if exact or (found and now - seen >= _OTHER_PORT):
                wanted = [row for row in found if row.port == self.options.internal_port]
                self.listener = (exact or wanted or found)[0]
                self.phases["listen"] = now - self.born
                return
            await asyncio.sleep(wait)
            wait = min(_LOOK[1], wait * 1.2)

    async def _answers(self) -> None:
        """Send the requests of `warm_up` until each is answered with a status below 500."""
        for request in self.options.warm_up:
            wait = _LOOK[0]
            while not await probe(self.listener, request):
                if self.closed.done():
                    raise self._trouble()
                await asyncio.sleep(wait)
                wait = min(_LOOK[1], wait * 1.2)
        if self.options.warm_up:
            self.phases["warm_up"] = time.monotonic() - self.born

    async def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL for all of it when the time is over; returns when it is gone.

        Args:
            grace: Seconds.
        """
        self._asked = True
        if self.state != ENDED:
            self.state = DRAINING
        self._write(f"stop {max(0.0, grace):g}")
        if self._task is None and self._keeper is not None and not self.closed.done():
            await self._reaped()
            self._ended()
        await asyncio.shield(self.closed)

    def kill(self, why: str) -> None:
        """End it and all its processes at once."""
        if self.state != ENDED:
            self.why = self.why or why
            self.state = DRAINING
            self._write("stop 0")

    def _ended(self) -> None:
        if self.state == ENDED:
            return
        self.state = ENDED
        for upstream in list(self._all):
            if upstream.transport is not None:
                upstream.transport.abort()
        if not self.closed.done():
            self.closed.set_result(None)
        self._on_end(self)

    def _trouble(self) -> EngineError:
        if self.place.user.uid and "Permission denied" in self.why:
            return EngineError(
                f"the application does not start: {self.why}",
                where=f"replica {self.number} of {self.place.key}, user {self.place.user.uid}",
                fix="let others read it; or setting gateway_user=root, if its code is yours",
            )
        return EngineError(
            f"the application does not start: {self.why}",
            where=f"replica {self.number} of {self.place.key}",
            fix=f"its output is in `mlrun-like logs {self.place.key}`"
            + (f"; it ends with:\n{tail}" if (tail := self.tail()) else ""),
        )

    def tail(self) -> str:
        """The last lines that it printed."""
        return last_lines(self._log, self._log_from)

    # Connections -----------------------------------------------------------------------------

    def free(self, *, safe: bool) -> Upstream | None:
        """An open connection that nobody uses.

        Args:
            safe: Whether the request may be sent twice: then it may have been idle for longer.
        """
        limit = time.monotonic() - (_IDLE if safe else _IDLE_UNSAFE)
        while self._idle:
            upstream = self._idle.pop()
            if upstream.idle and upstream.free_since >= limit:
                return upstream
            upstream.close()
        return None

    async def connect(self) -> Upstream:
        """A new connection.

        Raises:
            OSError: if the application does not accept one.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT):
            _, made = await loop.create_connection(Upstream, self.listener.host, self.listener.port)
        if len(self._all) > 256:
            self._all = {one for one in self._all if not one.closed}
        self._all.add(made)
        return made

    def release(self, upstream: Upstream) -> None:
        """The connection may be used again, if it is still open."""
        if upstream.idle and self.state in (READY, DRAINING):
            self._idle.append(upstream)
        else:
            upstream.close()
            self._all.discard(upstream)

    def to_dict(self) -> dict[str, Any]:
        """What `ps` shows."""
        return {
            "number": self.number, "pid": self.pid, "state": self.state, "busy": self.busy,
            "served": self.served, "memory": self.memory, "processes": self.processes,
            "cpu": self.cpu, "seconds": round(time.monotonic() - self.born, 3), "why": self.why,
            "notes": list(self.notes), "port": self.listener.port,
        }  # fmt: skip
