"""Keeps a number of child processes alive: replaces those that die, renews all without a gap."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import ConflictError, MLRunLikeError

__all__ = ["Child", "Supervisor", "check_started"]

_TICK = 0.5  # seconds between looks when nothing happens
_SHORT = 2.0  # seconds; a child that lived less did not work, and its successor waits
_LONGEST_WAIT = 30.0
_FAILED = 3  # exit code of a child that could not start
_log = logging.getLogger("mlrun_like.serving")


class Child:
    """The child's side: says that it is ready, hears that its parent has gone.

    Args:
        channel: Connected with the parent, readable once the parent has gone.
        number: Its place among its siblings, from 0.
    """

    def __init__(self, channel: socket.socket, number: int) -> None:
        self.channel = channel
        self.number = number

    def ready(self) -> None:
        """Tell the parent that this process does its work."""
        with contextlib.suppress(OSError):
            self.channel.send(b"r")


@dataclass
class _Unit:
    pid: int
    number: int
    channel: socket.socket
    born: float = field(default_factory=time.monotonic)
    ready: bool = False
    told_at: float = 0.0


class Supervisor:
    """Runs `body` in `count` forks of this process until it is told to end.

    SIGTERM and SIGINT end all children and then `run`; SIGHUP replaces them: new ones are started,
    and when all are ready the old ones are told to end. If a new one cannot start, the old ones go
    on.

    Args:
        body: What a child does, after it calls `ready()`; gives its exit code.
        count: Number of children.
        grace: Seconds that a child gets to end before it is killed.
        changed: Asked now and then whether the children must be replaced.
    """

    def __init__(
        self,
        body: Callable[[Child], int],
        count: int,
        *,
        grace: float,
        changed: Callable[[], bool] | None = None,
    ) -> None:
        self._body = body
        self._count = count
        self._grace = grace
        self._changed = changed
        self._current: list[_Unit] = []
        self._coming: list[_Unit] = []
        self._old: list[_Unit] = []
        self._due: dict[int, float] = {}
        self._wait = 0.0
        self._ended = self._renew = False
        self._wake_read, self._wake_write = socket.socketpair()
        self.failure = 0
        """The exit code of a child that could not start, if that ended everything."""

    def run(
        self, ready: Callable[[], None] | None = None, parent: socket.socket | None = None
    ) -> int:
        """Work until told to end; gives 0, or the exit code of a child that could not start.

        Args:
            ready: Called once all children are ready.
            parent: The channel of a supervisor above this one: its end is ours.
        """
        kept = self._take_signals()
        try:
            self._current = [self._start(number) for number in range(self._count)]
            told = False
            while not self._ended:
                self._look(parent)
                if not told and self._current and all(unit.ready for unit in self._current):
                    told = True
                    if ready is not None:
                        ready()
            self._end()
            return self.failure
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            self._wake_read.close()
            self._wake_write.close()

    # What happens ----------------------------------------------------------------------------

    def _look(self, parent: socket.socket | None) -> None:
        """Wait for something to happen, and act on it."""
        channels = {unit.channel: unit for unit in self._units() if not unit.ready}
        watched: list[Any] = [self._wake_read, *channels, *([parent] if parent else [])]
        due = min(self._due.values(), default=float("inf")) - time.monotonic()
        readable, _, _ = select.select(watched, [], [], max(0.0, min(_TICK, due)))
        for source in readable:
            if source is self._wake_read:
                source.recv(4096)
            elif source is parent:
                self._ended = True  # our parent has gone
            else:
                channels[source].ready = source.recv(16) == b"r"
        self._reap()
        for number in [n for n, at in self._due.items() if at <= time.monotonic()]:
            del self._due[number]
            if not self._ended:
                self._current.append(self._start(number))
        if self._changed is not None and self._changed():
            self._renew = True
        self._replace()
        for unit in self._old:
            if time.monotonic() - unit.told_at > self._grace:
                _kill(unit.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for unit in self._units():
            pid, status = os.waitpid(unit.pid, os.WNOHANG)
            if pid:
                unit.channel.close()
                self._gone(unit, os.waitstatus_to_exitcode(status))

    def _gone(self, unit: _Unit, code: int) -> None:
        if unit in self._old:
            self._old.remove(unit)
        elif unit in self._coming:
            _log.error("worker %d could not start (%s): the old ones go on", unit.pid, _how(code))
            self._coming.remove(unit)
            for other in self._coming:
                self._tell(other)
            self._old += self._coming
            self._coming = []
        else:
            self._current.remove(unit)
            if not unit.ready and not any(other.ready for other in self._current):
                self.failure = code or _FAILED
                self._ended = True
                return
            short = time.monotonic() - unit.born < _SHORT
            self._wait = min(_LONGEST_WAIT, (self._wait or 0.05) * 2) if short else 0.0
            self._due[unit.number] = time.monotonic() + self._wait
            _log.error("worker %d died (%s) and is replaced", unit.pid, _how(code))

    def _replace(self) -> None:
        """New children for old ones, step by step."""
        if self._renew and not self._coming:
            self._renew = False
            _log.info("starting new workers")
            self._coming = [self._start(number) for number in range(self._count)]
        if self._coming and all(unit.ready for unit in self._coming):
            for unit in self._current:
                self._tell(unit)
            self._old += self._current
            self._current, self._coming = self._coming, []
            self._due.clear()
            _log.info("the new workers have taken over")

    def _end(self) -> None:
        waiting = self._units()
        for unit in waiting:
            self._tell(unit)
        until = time.monotonic() + self._grace
        self._old, self._current, self._coming = waiting, [], []
        while self._old:
            select.select([self._wake_read], [], [], 0.05)
            self._reap()
            if time.monotonic() > until:
                for unit in self._old:
                    _kill(unit.pid, signal.SIGKILL)

    def _units(self) -> list[_Unit]:
        return [*self._current, *self._coming, *self._old]

    def _tell(self, unit: _Unit) -> None:
        unit.told_at = time.monotonic()
        _kill(unit.pid, signal.SIGTERM)

    # Signals and forks -----------------------------------------------------------------------

    def _take_signals(self) -> dict[int, Any]:
        def end(number: int, frame: Any) -> None:
            self._ended = True

        def renew(number: int, frame: Any) -> None:
            self._renew = True

        def nothing(number: int, frame: Any) -> None:
            """Its use is to wake `select`."""

        self._wake_write.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        wanted = {
            signal.SIGTERM: end,
            signal.SIGINT: end,
            signal.SIGHUP: renew,
            signal.SIGCHLD: nothing,
        }
        return {number: signal.signal(number, handler) for number, handler in wanted.items()}

    def _start(self, number: int) -> _Unit:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        # a signal between the fork and its new handlers would end nobody, or the parent's work
        blocked = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        try:
            pid = os.fork()
            if not pid:
                self._become_child(ours, blocked)
                os._exit(_run(self._body, Child(theirs, number)))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        theirs.close()
        return _Unit(pid, number, ours)

    def _become_child(self, ours: socket.socket, blocked: tuple[signal.Signals, ...]) -> None:
        """Let go of everything that is the parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Ctrl-C reaches the whole group: the parent alone decides; SIGHUP likewise
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for known in (ours, self._wake_read, self._wake_write, *(u.channel for u in self._units())):
            known.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)


def _run(body: Callable[[Child], int], child: Child) -> int:
    """The life of a child; nothing of the parent's stack may run in it."""
    try:
        return body(child)
    except MLRunLikeError as exc:
        sys.stderr.write(f"error: {exc}\n")
    except KeyboardInterrupt:
        return 0
    except BaseException:  # noqa: BLE001  the process boundary
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
    return _FAILED


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def check_started(code: int) -> None:
    """Raise if the children could not start."""
    if code:
        raise ConflictError("the workers could not start", fix="see the messages above")
