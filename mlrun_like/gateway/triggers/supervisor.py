"""The process that runs the triggers, as the gateway sees it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.streams.backoff import Backoff

__all__ = ["TriggerHost"]

_LOG = logging.getLogger("mlrun_like.gateway.triggers")
_LIMIT = 1 << 26
"""Bytes of one answer."""


class TriggerHost:
    """The trigger host: started when the first trigger comes, started again when it dies.

    Args:
        home: The gateway's folder.
        socket: The gateway's trusted socket.
        log: File that it writes its log to; None: where this process writes.
        command: What is started.
    """

    def __init__(
        self,
        home: Path,
        socket: str | Path,
        log: Path | None = None,
        command: Sequence[str] = (sys.executable, "-m", "mlrun_like.gateway.triggers.host"),
    ) -> None:
        self._home, self._socket, self._log = home, str(socket), log
        self._command = list(command)
        self._wanted: list[TriggerConfig] = []
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[list[dict[str, Any]]]] = {}
        self._numbers = itertools.count(1)
        self._closing = False
        self.restarts = 0
        """How often it died and was started again."""
        self.error = ""
        """Why it is not running, if it should be."""

    @property
    def pid(self) -> int:
        """Of the process; 0: there is none."""
        return self._process.pid if self._process is not None else 0

    def configure(self, triggers: list[TriggerConfig]) -> None:
        """Let exactly these triggers run; those that are as before go on undisturbed."""
        if triggers == self._wanted:
            return
        self._wanted = list(triggers)
        if self._keeper is None and not self._closing:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        else:
            self._tell(self._order())

    def _order(self) -> dict[str, Any]:
        rows = [config.to_dict() for config in self._wanted]
        return {
            "do": "run",
            "socket": self._socket,
            "home": str(self._home),
            "triggers": rows,
        }

    def _tell(self, order: Mapping[str, Any]) -> bool:
        """Send an order; False: there is nobody to take it."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return False
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(order, default=str).encode() + b"\n")
            return True
        return False

    async def _keep(self) -> None:
        """Run the process, again and again."""
        backoff = Backoff(0.1, 10.0)
        loop = asyncio.get_running_loop()
        while not self._closing:
            began = loop.time()
            try:
                await self._run_once()
            except (OSError, ValueError) as exc:  # also a line beyond all measure
                self.error = f"the trigger host cannot be used: {exc}"
                _LOG.error("%s", self.error)
            finally:
                self._process = None
                self._forget()
            if self._closing:
                return
            self.restarts += 1
            if loop.time() - began > 30:
                backoff.reset()
            await asyncio.sleep(backoff.delay())

    async def _run_once(self) -> None:
        log = await asyncio.to_thread(open, self._log, "ab") if self._log else None
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LIMIT,
            )
        finally:
            if log is not None:
                log.close()
        self._process, self.error = process, ""
        self._tell(self._order())
        try:
            await self._listen(process)
            code = await process.wait()
        except BaseException:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            raise
        if not self._closing:
            self.error = f"the trigger host ended with code {code}; it is started again"
            _LOG.error("%s", self.error)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            try:
                answer = json.loads(line)
                waiting = self._asked.pop(int(answer["number"]), None)
            except (ValueError, KeyError, TypeError):
                continue
            if waiting is not None and not waiting.done():
                waiting.set_result(answer["triggers"])

    def _forget(self) -> None:
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result([])
        self._asked.clear()

    def acked(self, function: str, message: Mapping[str, Any]) -> None:
        """Pass on that a handler acknowledged an event itself.

        Args:
            function: Its key.
            message: The content of the worker's ACKED frame.
        """
        attributes = message.get("attributes")
        if isinstance(attributes, Mapping):
            self._tell(
                {
                    "do": "acked",
                    "function": function,
                    "trigger": message.get("trigger") or "",
                    "attributes": dict(attributes),
                }
            )

    async def status(self, timeout: float = 3.0) -> list[dict[str, Any]]:
        """A row for each trigger; while the host does not answer, rows that say so.

        Args:
            timeout: Seconds to wait for the host's answer.
        """
        return self._complete(await self._ask(timeout))

    async def _ask(self, timeout: float) -> list[dict[str, Any]]:
        number = next(self._numbers)
        waiting: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        rows: list[dict[str, Any]] = []
        if self._tell({"do": "status", "number": number}):
            with contextlib.suppress(asyncio.TimeoutError):
                rows = await asyncio.wait_for(waiting, timeout)
        self._asked.pop(number, None)
        return rows

    def _complete(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of the triggers that shall run."""
        wanted = {(config.key, config.name) for config in self._wanted}
        found = [row for row in rows if (row["function"], row["trigger"]) in wanted]
        told = {(row["function"], row["trigger"]) for row in found}
        error = self.error or "the trigger host has not begun with it yet"
        return found + [
            {
                "function": config.key,
                "trigger": config.name,
                "kind": config.kind,
                "state": "starting",
                "last_error": error,
            }
            for config in self._wanted
            if (config.key, config.name) not in told
        ]

    async def close(self, grace: float = 10.0) -> None:
        """End it: events under way are answered and acknowledged first.

        Args:
            grace: Seconds for that.
        """
        self._closing = True
        process, keeper = self._process, self._keeper
        self._keeper = None
        if process is not None and self._tell({"do": "end", "grace": grace}):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), grace + 10)
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
