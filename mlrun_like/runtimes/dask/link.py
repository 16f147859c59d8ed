"""A cluster and the connection to it, ready for a function's runs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.registry import resolve
from mlrun_like.runtimes.dask.calls import call
from mlrun_like.runtimes.dask.clusters import (
    Cluster,
    distributed,
    open_cluster,
    patience,
    place_of,
)
from mlrun_like.runtimes.dask.versions import check_versions
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Link", "disconnect"]

_ALL = "all"
"""The scheduler's topic for what happens to workers and clients."""
_SHAPE = (
    "replicas",
    "min_replicas",
    "max_replicas",
    "nthreads",
    "worker_resources",
    "scheduler_resources",
    "env",
    "workdir",
    "image",
)
"""What a cluster is made from: a function that changes in one of these gets another cluster."""


class Link:
    """A cluster and a connection to it.

    Args:
        doc: The function it is opened for.

    Raises:
        EngineError: if the scheduler does not answer, has no workers, or has other versions.
    """

    def __init__(self, doc: FunctionDoc) -> None:
        self.place = place_of(doc)
        self.shape = _shape(doc)
        self.timeout = patience(doc)
        self.client: Any = None
        self.users = 0
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        """Called with what happens to the cluster's workers."""
        self.retired = False
        self._checked: frozenset[str] = frozenset()
        self._codes: dict[str, str] = {}
        self._lock = threading.RLock()
        distributed()
        self.cluster: Cluster = open_cluster(doc, self.place, self.timeout)
        try:
            self.client = self._connect(distributed().Client)
            self.client.subscribe_topic(_ALL, self._happened)
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return self.cluster.scheduler_address

    def usable(self, doc: FunctionDoc) -> bool:
        """Whether it is what the function wants now, and still connected."""
        return (
            self.client is not None
            and self.client.status == "running"
            and (self.place, self.shape) == (place_of(doc), _shape(doc))
        )

    def new_client(self, kind: Any, **options: Any) -> Any:
        """Another client of the same cluster, on the same event loop."""
        return self._connect(kind, loop=self.client.loop, **options)

    def _happened(self, event: Any) -> None:
        if isinstance(event[1], dict):
            for listener in tuple(self.listeners):
                listener(event[1])

    def _connect(self, kind: Any, **options: Any) -> Any:
        place = self.address
        try:
            return self.cluster.client(kind, self.timeout, **options)
        except (OSError, ValueError, TypeError) as exc:  # also names and ports that are none
            raise EngineError(
                f"no Dask scheduler answers at {place} within {self.timeout:g} s: {exc}",
                fix="start one (`dask scheduler`), open its port, or correct "
                "fn.spec.scheduler_address",
            ) from exc

    def make_ready(self, doc: FunctionDoc) -> dict[str, int]:
        """Wait for workers, compare versions, bring the function's code; threads by worker.

        Raises:
            EngineError: if there are no workers in time or a version differs.
        """
        with self._lock:
            threads = self._workers()
            new = frozenset(threads) - self._checked
            if new or not self._checked:
                check_versions(self.client, self.address)
                self._checked = frozenset(threads)
                owner = (os.uname().nodename, os.getpid())
                plugin = resolve("mlrun_like.runtimes.dask.printing:PrintPlugin")
                self.client.register_plugin(plugin(owner, self.cluster.shows_output))
            self._bring(doc)
            return threads

    def _workers(self) -> dict[str, int]:
        end = time.monotonic() + self.timeout
        while True:
            threads = self._ask_threads()
            if threads or self.cluster.min_workers == 0:
                return threads
            if time.monotonic() > end:
                raise EngineError(
                    f"the Dask scheduler at {self.address} has no workers after {self.timeout:g} s",
                    fix=f"start some: dask worker {self.address}",
                )
            time.sleep(0.05)

    def _ask_threads(self) -> dict[str, int]:
        try:
            found = self.client.sync(self.client.scheduler.ncores, callback_timeout=self.timeout)
        except OSError as exc:  # TimeoutError is one
            raise EngineError(
                f"the Dask scheduler at {self.address} does not answer any more: "
                f"{exc or 'it takes too long'}",
                fix="look at the scheduler's own log; start it again",
            ) from exc
        return dict(found)

    def _bring(self, doc: FunctionDoc) -> None:
        """The function's modules to workers and scheduler, unless they are there already."""
        plugin = resolve("mlrun_like.runtimes.dask.code:plugin_of")(doc)
        if plugin is None:
            return
        mark = json.dumps([sorted(plugin.files.items()), plugin.main])
        if self._codes.get(plugin.name) == mark:
            return
        install = "mlrun_like.runtimes.dask.code:install"
        self.client.run_on_scheduler(call, install, plugin.files, plugin.main)
        self.client.register_plugin(plugin, name=plugin.name)
        self._codes[plugin.name] = mark

    def close(self) -> None:
        """Disconnect; end the cluster if it was made for the function."""
        client, self.client = self.client, None
        with _quiet():
            if client is not None:
                disconnect(client, _ALL)
            self.cluster.close()


def disconnect(client: Any, *topics: str) -> None:
    """Close a client without a word, whatever has become of its scheduler.

    Args:
        client: It.
        topics: What it has subscribed to: the scheduler complains if it goes without a farewell.
    """
    with _quiet():
        try:
            for topic in topics:
                client.unsubscribe_topic(topic)
            client.close(timeout=2)
        except Exception:  # noqa: BLE001 - the other side is gone; how does not matter
            return


def _shape(doc: FunctionDoc) -> str:
    spec = doc.spec.model_dump(include=set(_SHAPE))
    return json.dumps(spec, sort_keys=True, default=str)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask complains about connections that end while it closes them."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
