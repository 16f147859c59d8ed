"""Notices what Dask itself would wait for without end: no workers left, a scheduler gone silent."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from mlrun_like.runtimes.dask.link import Link

__all__ = ["Watch"]

_EVERY = 1.0


class Watch:
    """Looks at a run's cluster while the run lasts.

    Workers that are lost are noted in the run's log. When all are gone, or the scheduler does not
    answer, for longer than the setting `dask_timeout`, the run's futures are cancelled here, so
    that whoever waits for them goes on.

    Args:
        client: The run's client.
        link: Its cluster.
        note: Adds a line to the run's log.
    """

    def __init__(self, client: Any, link: Link, note: Callable[[str], None]) -> None:
        self._client = client
        self._link = link
        self._note = note
        self._closed = threading.Event()
        self.lost: list[str] = []
        """Addresses of workers that went away by themselves."""
        self.lost_tasks: dict[str, str] = {}
        """Key of a task that was on such a worker -> the worker."""
        self.reason = ""
        """Why the run was given up; empty: it was not."""
        link.listeners.append(self._happened)
        self._thread = threading.Thread(target=self._loop, name="mlrun-like-dask", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()
        self._link.listeners.remove(self._happened)

    def _happened(self, what: dict[str, Any]) -> None:
        """Take in what the scheduler tells about its workers."""
        if what.get("action") != "remove-worker":
            return
        worker = str(what.get("worker", ""))
        if what.get("expected") or not worker:
            return
        self.lost.append(worker)
        tasks = [str(key) for key in what.get("processing-tasks") or ()]
        self.lost_tasks.update(dict.fromkeys(tasks, worker))
        self._note(f"worker {worker} was lost with {len(tasks)} tasks on it")

    def _loop(self) -> None:
        healthy = time.monotonic()
        while not self._closed.wait(_EVERY):
            trouble = self._trouble()
            if not trouble:
                healthy = time.monotonic()
            elif time.monotonic() - healthy > self._link.timeout:
                self._give_up(f"{trouble}, for more than {self._link.timeout:g} s")
                return

    def _trouble(self) -> str:
        address = self._link.address
        if self._client.status in ("closed", "closing"):
            return f"the connection to the Dask scheduler {address} is closed"
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=5)
        except Exception:  # noqa: BLE001 - whatever it is, there was no answer
            return f"the Dask scheduler {address} does not answer"
        if threads or self._link.cluster.min_workers == 0:
            return ""
        gone = ", ".join(dict.fromkeys(self.lost[-5:])) or "none ever came"
        return f"the Dask cluster {address} has no workers left (lost: {gone})"

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        self._note(f"{reason}; the run is given up")
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._client.loop.add_callback(self._cancel)

    def _cancel(self) -> None:
        """Only here and not on the cluster, which cannot be asked."""
        for state in list(self._client.futures.values()):
            state.cancel(reason="mlrun-like", msg=self.reason)
