"""All functions of a graph as processes of this machine, restarted when they die."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from mlrun_like.streams.backoff import Backoff

__all__ = ["PARENT_OPTION", "Process", "Supervisor", "function_processes"]

_logger = logging.getLogger("mlrun_like.serving")

PARENT_OPTION = "--parent"
"""The option that tells a process whom it must not outlive."""
_LONG_ENOUGH = 30.0
"""Seconds of life after which a process that dies is restarted at once again."""


class Process:
    """One process that is to run.

    Args:
        name: What it is called in messages.
        command: The program and its arguments.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name, self.command = name, list(command)
        self.restarts = 0
        self.running: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff(first=0.05, most=10.0)
        self._started = self._due = 0.0

    def start(self) -> None:
        """Start it now."""
        self._started = time.monotonic()
        self.running = subprocess.Popen(
            [*self.command, PARENT_OPTION, str(os.getpid())], stdin=subprocess.DEVNULL
        )

    def look(self) -> None:
        """Restart it if it has died and its time has come."""
        if self.running is not None:
            code = self.running.poll()
            if code is None:
                return
            if time.monotonic() - self._started > _LONG_ENOUGH:
                self._backoff.reset()
            wait = self._backoff.delay()
            self._due = time.monotonic() + wait
            self.running = None
            _logger.warning(
                "%s ended with %s; it is started again in %.1f s", self.name, _why(code), wait
            )
        if time.monotonic() >= self._due:
            self.restarts += 1
            self.start()

    def end(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.running is not None and self.running.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.running.send_signal(number)


class Supervisor:
    """Keeps processes running until it is stopped.

    Args:
        processes: What is to run.
        grace: Seconds that they have to end by themselves after `stop`.

    >>> import sys
    >>> supervisor = Supervisor([Process("sleeper", [sys.executable, "-c", "pass"])])
    >>> supervisor.stop()
    >>> supervisor.run()
    """

    def __init__(self, processes: Sequence[Process], grace: float = 30.0) -> None:
        self.processes = list(processes)
        self._grace = grace
        self._stop = threading.Event()

    def stop(self) -> None:
        """End all processes; from any thread or signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Start all, restart those that die, until `stop`; then end them and wait for them."""
        if self._stop.is_set():
            return
        try:
            for process in self.processes:
                process.start()
            while not self._stop.wait(0.05):
                for process in self.processes:
                    process.look()
        finally:
            self.end()

    def end(self) -> None:
        """End all processes now, gently first, and wait for them."""
        running = [item for item in self.processes if item.running is not None]
        for item in running:
            item.end(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        for item in running:
            if item.running is None:
                continue
            try:
                item.running.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _logger.warning("%s does not end; it is killed", item.name)
                item.end(signal.SIGKILL)
                item.running.wait()


def function_processes(
    graph: str,
    functions: Sequence[str],
    arguments: Sequence[str] = (),
    replicas: int = 1,
    *,
    metrics_port: int = 0,
) -> list[Process]:
    """The processes that run functions of a graph, each under a name that it keeps.

    Args:
        graph: The graph as `mlrun-like consume` takes it.
        functions: Their names.
        arguments: Further arguments of the command.
        replicas: How many processes of each function.
        metrics_port: Where the first one shows metrics, the others on the ports after it; 0:
            nowhere.
    """
    host = socket.gethostname()
    command = [sys.executable, "-m", "mlrun_like", "consume", graph]
    found = []
    for count, (function, number) in enumerate(itertools.product(functions, range(replicas))):
        name = f"{function}-{number}"
        own = ["--function", function, "--name", f"{host}-{name}"]
        if metrics_port:
            own += ["--metrics-port", str(metrics_port + count)]
        found.append(Process(name, [*command, *own, *arguments]))
    return found


def _why(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
