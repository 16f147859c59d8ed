"""The process that holds what must not break: listening sockets, while gateways come and go.

It does nothing else, so nothing ends it but `mlrun-like down` or a signal; the gateway process that
it starts does the work. A gateway that dies is replaced at once: the sockets stay open, so callers
wait in their backlog meanwhile. For a restart the new gateway starts beside the old one, and the
old one drains when the new one is ready. The kernel ends everything when the holder is killed.

Holder and gateway talk over a socket pair, a JSON message in each packet:

    gateway -> holder   ready, port (open one), close (a port), restart, down
    holder -> gateway   begin (what the old one had), active, port (with its socket), restart (ask
                        for one), resume, drain
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, EngineError, InvalidArgumentError, MLRunLikeError
from mlrun_like.gateway.holding.held_process import GatewayProcess, say, start_gateway
from mlrun_like.gateway.holding.held_sockets import HeldSockets, locked
from mlrun_like.gateway.places import control_socket, gateway_home, private_folder, write_private

__all__ = ["Holder", "hold", "main"]

_PACKET = 1 << 20
_QUICK = 5.0  # seconds that a gateway must live to be no part of a crash loop
_SLOWEST = 10.0


class Holder:
    """The sockets, and the gateway that works on them.

    Args:
        home: The gateway's folder.

    Raises:
        ConflictError: if another holder has this folder, or the port is in use.
        StoreUnavailableError: if the folder cannot be written to.
        InvalidArgumentError: if the address does not exist on this machine.
    """

    def __init__(self, home: Path) -> None:
        self.home = private_folder(home)
        self._lock = locked(home / "holder.lock")
        try:
            self._sockets = HeldSockets(home)
        except MLRunLikeError:
            self._lock.close()
            raise
        self._current: GatewayProcess | None = None
        self._next: GatewayProcess | None = None
        self._old: list[GatewayProcess] = []
        self._ends = 0.0
        """By `time.monotonic()`: when what has not ended by itself is killed; 0: it goes on."""
        self._deaths = 0
        self._restarts = 0
        self._start_at = 0.0
        self._trouble = ""
        self._was_ready = False
        self._selector = selectors.DefaultSelector()

    @property
    def url(self) -> str:
        """The address of deployed functions."""
        return self._sockets.url

    def _start(self, begin: dict[str, Any]) -> GatewayProcess:
        gateway = start_gateway(self._sockets)
        self._selector.register(gateway.channel, selectors.EVENT_READ, gateway)
        gateway.tell({"begin": {**begin, "url": self.url}})
        return gateway

    def run(self) -> int:
        """Hold until told to end; gives the exit code."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        wake.setblocking(False)
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        were = {number: signal.signal(number, _ignore) for number in handled}
        self._selector.register(wake, selectors.EVENT_READ, None)
        try:
            self._current = self._start({})
            self._note()
            while self._current or self._next or self._old or not self._ends:
                for key, _ in self._selector.select(self._pause()):
                    if key.data is None:
                        for number in wake.recv(256):
                            self._signalled(number)
                    else:
                        self._heard(key.data)
                self._bury()
                if self._gave_up():
                    return 1
                self._tend()
            return 0
        finally:
            self._close()
            for number, handler in were.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            wake.close()
            waker.close()

    def _pause(self) -> float:
        due = [moment for moment in (self._start_at, self._ends) if moment]
        return min(1.0, max(0.0, min(due) - time.monotonic())) if due else 1.0

    def _signalled(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._end()
        elif number == signal.SIGHUP and self._current is not None and not self._ends:
            self._current.tell({"restart": True})  # it says what the next one needs

    def _heard(self, gateway: GatewayProcess) -> None:
        try:
            data = gateway.channel.recv(_PACKET)
            message = json.loads(data) if data else None
        except (OSError, ValueError):
            message = None
        if not isinstance(message, dict):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(gateway.channel)
            return
        if "ready" in message:
            self._became_ready(gateway)
        if "port" in message:
            self._open(gateway, int(message["port"]))
        if "close" in message:
            self._sockets.close_port(int(message["close"]))
        if "restart" in message:
            self._restart(message["restart"])
        if "down" in message:
            self._end()

    def _became_ready(self, gateway: GatewayProcess) -> None:
        gateway.is_ready = self._was_ready = True
        self._trouble = ""
        if gateway is self._next:
            if self._current is not None:
                self._drain(self._current)
            self._current, self._next = gateway, None
        gateway.tell({"active": True})
        self._note()

    def _drain(self, gateway: GatewayProcess) -> None:
        gateway.drain()
        self._old.append(gateway)

    def _restart(self, begin: dict[str, Any]) -> None:
        if self._next is None and not self._ends and self._current is not None:
            try:
                self._next = self._start(begin)
            except OSError as exc:
                self._trouble = f"{exc}: the restart did not take place"
                self._current.tell({"resume": True})
                self._note()

    def _end(self) -> None:
        if self._ends:
            return
        self._ends = time.monotonic() + config.gateway_grace + 5.0
        self._start_at = 0.0
        for gateway in (self._current, self._next):
            if gateway is not None:
                self._drain(gateway)
        self._current = self._next = None

    def _bury(self) -> None:
        """Notice gateways that ended."""
        for gateway in [*self._old, *filter(None, (self._current, self._next))]:
            code = gateway.process.poll()
            if code is None:
                continue
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(gateway.channel)
            gateway.channel.close()
            if gateway in self._old:
                self._old.remove(gateway)
                continue
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._trouble = f"gateway process {gateway.process.pid} ended ({how})"
            say(self._trouble)
            if gateway is self._next:
                self._next = None
                self._trouble += "; the restart did not take place"
                if self._current is not None:
                    self._current.tell({"resume": True})
                self._note()
                continue
            self._current = None
            self._restarts += 1
            lived = time.monotonic() - gateway.born
            self._deaths = self._deaths + 1 if lived < _QUICK or not gateway.is_ready else 1
            late = 0.0 if self._deaths < 3 else min(_SLOWEST, 0.1 * 2 ** (self._deaths - 3))
            self._start_at = time.monotonic() + late

    def _gave_up(self) -> bool:
        """A gateway that never became ready will not: whoever started us is told why."""
        return not self._was_ready and self._deaths >= 3

    def _tend(self) -> None:
        now = time.monotonic()
        if self._current is None and not self._ends and self._start_at and now >= self._start_at:
            self._start_at = 0.0
            if self._next is not None:
                self._current, self._next = self._next, None
            else:
                try:
                    self._current = self._start({})
                except OSError as exc:  # no memory, perhaps: callers wait in the backlog
                    say(f"no gateway process can be started: {exc}")
                    self._start_at = now + 1.0
            self._note()
        for gateway in [*self._old, *filter(None, [self._next])]:
            if gateway.is_late or (self._ends and now > self._ends):
                gateway.process.kill()

    def _open(self, gateway: GatewayProcess, port: int) -> None:
        try:
            listening = self._sockets.port(port)
        except (ConflictError, InvalidArgumentError) as exc:
            gateway.tell({"port": port, "error": exc.what})
            return
        gateway.tell({"port": port}, [listening.fileno()])

    def _note(self) -> None:
        """Write gateway.json: what runs."""
        current = self._current
        document = {
            "holder": os.getpid(),
            "pid": current.process.pid if current else 0,
            "ready": bool(current and current.is_ready),
            "url": self.url,
            "restarts": self._restarts,
            "trouble": self._trouble,
            "control": str(control_socket(self.home)),
        }
        try:
            write_private(self.home / "gateway.json", json.dumps(document))
        except MLRunLikeError as exc:  # the disk is full, perhaps: what runs goes on
            say(f"gateway.json cannot be written: {exc.what}")

    def _close(self) -> None:
        for gateway in [*self._old, *filter(None, (self._current, self._next))]:
            gateway.process.kill()
            gateway.process.wait()
            gateway.channel.close()
        self._selector.close()
        with contextlib.suppress(OSError):
            self._sockets.close()
            (self.home / "gateway.json").unlink(missing_ok=True)
        self._lock.close()


def _ignore(*_: Any) -> None:
    """A signal's number comes by way of the wake-up socket."""


def hold() -> int:
    """Hold the sockets of this home until told to end.

    Raises:
        EngineError: if no gateway process becomes ready.
        ConflictError: see `Holder`.
    """
    holder = Holder(gateway_home())
    say(f"listening on {holder.url}")
    code = holder.run()
    if code:
        raise EngineError(
            "the gateway process ended three times before it was ready",
            where=str(gateway_home() / "gateway.log"),
            fix="mlrun-like up --foreground   shows what it says",
        )
    return code


def main() -> int:
    """What `mlrun-like up` starts in the background."""
    try:
        return hold()
    except (ConflictError, EngineError, InvalidArgumentError, OSError) as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 3 if isinstance(exc, ConflictError) else 1


if __name__ == "__main__":
    sys.exit(main())
