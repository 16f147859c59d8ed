"""The gateway process: takes the holder's sockets, serves what is deployed, ends without a loss.

Started by `holder.py` as `python -m mlrun_like.gateway.process HOLDER channel=N tcp=N control=N
port:9000=N`, with file descriptors behind the names. It serves when every function has as many
replicas as in the gateway before it, and reads triggers when it is the only one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, MissingDependencyError, MLRunLikeError
from mlrun_like.gateway.assembly import Functions
from mlrun_like.gateway.control.api import ControlApi
from mlrun_like.gateway.doors import Doors
from mlrun_like.gateway.entrances.entrances import Entrances
from mlrun_like.gateway.places import control_socket, gateway_home
from mlrun_like.gateway.triggers.config import TriggerConfig, triggers_of
from mlrun_like.registry import require, resolve
from mlrun_like.runtimes.limits import die_with_parent

__all__ = ["Gateway", "main"]

_PACKET = 1 << 20
_TRIGGERS = "mlrun_like.gateway.triggers.supervisor:TriggerHost"
_log = logging.getLogger("mlrun_like.gateway")


class Gateway(Functions):
    """Everything together.

    Args:
        channel: To the holder.
        sockets: Listening ones by name: `tcp`, `control`, `port:<number>`.
    """

    def __init__(self, channel: socket.socket, sockets: dict[str, socket.socket]) -> None:
        super().__init__(gateway_home(), self._refresh)
        listening = [item for name, item in sockets.items() if not name.startswith("port:")]
        self.doors = Doors(self.home, listening, lambda: self.state == "active")
        self.entrances = Entrances(self.home, self.services, self._may_change, self._refresh)
        self._held = {
            int(name[5:]): item for name, item in sockets.items() if name.startswith("port:")
        }
        """Ports of functions that the holder keeps open since an earlier gateway."""
        self.state = "starting"
        self.url = ""
        self.born = time.time()
        self.triggers: Any = None
        """The host of triggers, from the first trigger on."""
        self._channel = channel
        self._control = ControlApi(self)
        self._ports: dict[int, asyncio.Future[socket.socket]] = {}
        self._opening = asyncio.Lock()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()

    # What the control API asks ---------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """What runs."""
        return {
            "pid": os.getpid(),
            "holder": os.getppid(),
            "state": self.state,
            "url": self.url,
            "since": self.born,
            "functions": len(self.services),
            "broken": self.files.set_aside,
            "zygotes": self.nursery.zygotes(),
            "trigger_host": self.triggers.pid if self.triggers is not None else 0,
        }

    async def trigger_rows(self) -> list[dict[str, Any]]:
        """How each trigger does."""
        return [] if self.triggers is None else list(await self.triggers.status())

    def acknowledged(self, key: str, message: dict[str, Any]) -> None:
        """A handler acknowledged a stream's event itself."""
        if self.triggers is not None:
            self.triggers.acked(key, message)

    def statuses(self) -> list[dict[str, Any]]:
        """All deployed functions."""
        return [self.status(key) for key in sorted(self.services)]

    def status(self, key: str) -> dict[str, Any]:
        """One of them, with its numbers."""
        return {**super().status(key), "address": f"{self.url}/{key}", **self.doors.numbers(key)}

    def restart(self) -> None:
        """Ask the holder for another gateway process."""
        self.frozen = "the gateway is being restarted"
        self._hold(True)
        if not self._tell({"restart": {"replicas": self.replicas()}}):
            self._tell({"restart": {}})  # too many functions for one packet

    def _hold(self, held: bool) -> None:
        """Whether rollouts stay where they are: the gateway that follows goes on with them."""
        for service in self.services.values():
            service.hold(held)

    def down(self) -> None:
        """Ask the holder for the end."""
        self._tell({"down": True})

    # Life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the holder says that it is enough."""
        loop = asyncio.get_running_loop()
        begin = await self._first_message()
        self.url = self.nursery.url = str(begin.get("url") or "")
        loop.add_reader(self._channel.fileno(), self._heard)
        await self.begin(begin.get("replicas") or {})
        self.files.set_aside += await self.entrances.begin()
        self.doors.serve_these(self.services, self.entrances.services)
        await self.doors.open(self._control)
        await self._listen_on_ports()
        self._tell({"ready": True})
        self._spawn(self.prepare())
        self._spawn(self._watch())
        await self._over
        await self._drain()

    async def _first_message(self) -> dict[str, Any]:
        data = await asyncio.get_running_loop().sock_recv(self._channel, _PACKET)
        found: dict[str, Any] = json.loads(data or b"{}").get("begin") or {}
        return found

    def _heard(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._channel, _PACKET, 4)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:  # the holder is gone; the kernel ends this process too
            os._exit(1)
        message = json.loads(data)
        if "active" in message:
            self.state = "active"
            self._spawn(self._refresh_triggers())
        elif "restart" in message:
            self.restart()
        elif "resume" in message:
            self.frozen = ""
            self._hold(False)
        elif "drain" in message:
            self.frozen = "the gateway ends"
            self._hold(True)
            if not self._over.done():
                self._over.set_result(None)
        elif "port" in message:
            waiting = self._ports.pop(int(message["port"]), None)
            if waiting is None or waiting.done():
                for fd in fds:
                    os.close(fd)
            elif fds:
                waiting.set_result(socket.socket(fileno=fds[0]))
            else:
                waiting.set_exception(ConflictError(str(message.get("error"))))

    async def _drain(self) -> None:
        """Take nothing new, finish what is under way, end all children."""
        self.state = "draining"
        grace = config.gateway_grace
        if self.triggers is not None:
            await self.triggers.close(grace)
        self.doors.drain()
        end = time.monotonic() + grace
        await self.doors.close(grace)
        await self._control.close()
        await self.close(max(1.0, end - time.monotonic()))

    async def _watch(self) -> None:
        """Keep the monitoring service going while there are functions: workers may not start it."""
        beside = resolve("mlrun_like.monitoring.beside:keep_alive_for_gateway")
        while True:
            await asyncio.to_thread(beside, [one.deployment for one in self.services.values()])
            await asyncio.sleep(15)

    # Changes ---------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        """Something is deployed, gone or has other options."""
        self.doors.serve_these(self.services, self.entrances.services)
        await self._listen_on_ports()
        await self._refresh_triggers()

    async def _refresh_triggers(self) -> None:
        """Let the trigger host read what is deployed; only one gateway at a time does."""
        wanted: list[TriggerConfig] = []
        for key, service in sorted(self.services.items()):
            try:
                wanted += triggers_of([service.deployment])
            except (MLRunLikeError, ValueError, TypeError, AttributeError) as exc:
                # the triggers of the others go on
                _log.error("triggers of %s: %s", key, exc)
        if self.state != "active" or (self.triggers is None and not wanted):
            return
        try:
            if self.triggers is None:
                self.triggers = resolve(_TRIGGERS)(self.home, control_socket(self.home))
            self.triggers.configure(wanted)
        except MLRunLikeError as exc:
            _log.error("triggers: %s", exc)

    async def _listen_on_ports(self) -> None:
        """Have the ports that functions want, and no others."""
        async with self._opening:  # two who ask for the same port would wait for one answer
            if self.state != "draining":
                await self._open_and_close_ports()

    async def _open_and_close_ports(self) -> None:
        wanted, open_ones = self.doors.wanted_ports(), self.doors.ports
        for port in open_ones - wanted:
            self.doors.remove_port(port)
            self._tell({"close": port})
        for port in wanted - open_ones:
            try:
                listening = self._held.pop(port, None) or await self._port(port)
                await self.doors.add_port(port, listening)
            except (MLRunLikeError, OSError) as exc:
                _log.error("port %d: %s", port, getattr(exc, "what", exc))
        for port in list(self._held):
            self._held.pop(port).close()
            self._tell({"close": port})

    async def _port(self, port: int) -> socket.socket:
        waiting: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._ports[port] = waiting
        self._tell({"port": port})
        return await waiting

    def _tell(self, message: dict[str, Any]) -> bool:
        with contextlib.suppress(OSError):
            self._channel.send(json.dumps(message).encode())
            return True
        return False

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of the gateway failed", exc_info=task.exception())


async def _run(channel: socket.socket, sockets: dict[str, socket.socket]) -> None:
    await Gateway(channel, sockets).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """What the holder starts."""
    holder, *words = sys.argv[1:] if arguments is None else arguments
    die_with_parent(int(holder))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the holder says when it is enough
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    sockets = {}
    for word in words:
        name, _, number_text = word.partition("=")
        item = socket.socket(fileno=int(number_text))
        item.set_inheritable(False)  # workers and applications must not accept for us
        item.setblocking(False)
        sockets[name] = item
    channel = sockets.pop("channel")
    _runner()(_run(channel, sockets))
    return 0


def _runner() -> Any:
    """What runs the loop: uvloop where it is installed."""
    try:
        return require("uvloop", extra="serving", feature="a faster gateway").run
    except MissingDependencyError:
        return asyncio.run


if __name__ == "__main__":
    sys.exit(main())
