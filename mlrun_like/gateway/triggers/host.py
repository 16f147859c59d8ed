"""Main of the process that runs the triggers of a gateway.

Orders come on stdin, a JSON object a line; answers go to stdout the same way.

    {"do": "run", "socket": PATH, "home": PATH, "triggers": [...]}   these triggers from now on
    {"do": "status", "number": N}     -> {"number": N, "triggers": [...]}
    {"do": "acked", "function": KEY, "trigger": NAME, "attributes": {...}}
    {"do": "end", "grace": SECONDS}

It ends when stdin does: with its parent, whatever became of that.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.mask import Mask
from mlrun_like.gateway.triggers.running import Running

__all__ = ["Host", "main"]

_LOG = logging.getLogger("mlrun_like.gateway.triggers")


class Host:
    """The triggers that run, by id."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}
        self._broken: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._asked = 0.0
        self._gauge = threading.Thread(target=self._measure, name="gauge", daemon=True)
        self._gauge.start()

    def run(self, socket: str, home: Path, triggers: list[Mapping[str, Any]]) -> None:
        """Let exactly these triggers run; those that are as before are not touched."""
        wanted = {}
        for row in triggers:
            config = TriggerConfig.from_dict(row)
            wanted[config.id] = config
        with self._lock:
            old = [
                self._running.pop(id)
                for id, running in list(self._running.items())
                if wanted.get(id) != running.config
            ]
            self._broken = {}
        _each(old, lambda running: running.close())
        for id, config in wanted.items():
            if id in self._running:
                continue
            try:
                running = Running(config, socket, home)
                running.start()
            except Exception as exc:  # noqa: BLE001  a bad trigger does not stop the others
                told = Mask(config)(str(exc) or repr(exc))
                _LOG.warning("trigger %s cannot run: %s", id, told)
                self._broken[id] = _broken(config, told)
                continue
            with self._lock:
                self._running[id] = running

    def status(self) -> list[dict[str, Any]]:
        """What `ps` shows, a row for each trigger."""
        self._asked = time.monotonic()
        with self._lock:
            rows = [running.status() for running in self._running.values()]
            rows += self._broken.values()
        return sorted(rows, key=lambda row: (row["function"], row["trigger"]))

    def acked(self, function: str, trigger: str, attributes: Mapping[str, Any]) -> None:
        """A handler acknowledged an event itself."""
        with self._lock:
            found = [
                running
                for running in self._running.values()
                if running.config.key == function and trigger in ("", running.config.name)
            ]
        for running in found:
            running.acked(attributes)

    def _measure(self) -> None:
        """Ask sources how much waits, while somebody looks at it."""
        while not self._ended.wait(1.0):
            if not self._asked or time.monotonic() - self._asked > 60:
                continue
            with self._lock:
                found = list(self._running.values())
            for running in found:
                running.measure()

    def end(self, grace: float) -> None:
        """Stop all."""
        self._ended.set()
        with self._lock:
            found, self._running = list(self._running.values()), {}
        _each(found, lambda running: running.close(grace))


def _each(items: list[Running], work: Any) -> None:
    """Do something with each, at the same time: one that hangs does not hold up the others."""
    if items:
        with ThreadPoolExecutor(len(items)) as pool:
            list(pool.map(work, items))


def _broken(config: TriggerConfig, error: str) -> dict[str, Any]:
    return {
        "function": config.key,
        "trigger": config.name,
        "kind": config.kind,
        "state": "broken",
        "last_error": error,
    }


def main(orders: IO[str], answers: IO[str]) -> int:
    """Take orders until there are no more."""
    host, parent = Host(), os.getppid()
    grace = 10.0
    threading.Thread(target=_with_parent, args=(parent,), name="parent", daemon=True).start()
    for line in orders:
        try:
            order = json.loads(line)
            what = order.get("do")
            if what == "run":
                host.run(order["socket"], Path(order["home"]), order["triggers"])
            elif what == "acked":
                host.acked(order["function"], order.get("trigger") or "", order["attributes"])
            elif what == "status":
                answer = {"number": order.get("number"), "triggers": host.status()}
                answers.write(json.dumps(answer) + "\n")
                answers.flush()
            elif what == "end":
                grace = float(order.get("grace", grace))
                break
        except Exception:  # noqa: BLE001  an order that cannot be obeyed does not end the host
            _LOG.exception("an order of the gateway cannot be obeyed")
    host.end(grace)
    return 0


def _with_parent(parent: int) -> None:
    """End at once when the parent is gone although its end of the pipe is held by somebody."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # what matters comes as an error
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway says when to end
    sys.exit(main(sys.stdin, sys.stdout))
