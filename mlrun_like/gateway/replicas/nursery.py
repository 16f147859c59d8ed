"""Where workers come from: a zygote for each environment, started anew when it changes or dies."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.places import log_file
from mlrun_like.gateway.replicas.environments import Environments
from mlrun_like.gateway.replicas.lineage import Lineage, Place, place_of
from mlrun_like.gateway.replicas.orders import Order, Owner
from mlrun_like.gateway.replicas.users import Users
from mlrun_like.gateway.replicas.watching import Watcher
from mlrun_like.gateway.replicas.workers import Worker

__all__ = ["Nursery", "Order"]

_Name = tuple[str, int, str]


class _Prepared(NamedTuple):
    lineage: Lineage
    order: str
    notes: tuple[str, ...]


class Nursery:
    """Starts workers; made on the gateway's loop.

    Args:
        home: The gateway's folder.
        user: Who workers run as if this process is root; None: the setting `gateway_user`.
        environments: Virtual environments; None: those below `home`.

    Raises:
        ConfigError: if there is no such user.
    """

    def __init__(
        self, home: Path, user: str | None = None, environments: Environments | None = None
    ) -> None:
        self._home = home
        self._users = Users(config.gateway_user if user is None else user)
        self._environments = environments or Environments(home / "envs")
        self.watcher = Watcher()
        self.url = ""
        """Where functions call each other; empty: they cannot."""
        self._lineages: dict[Place, Lineage] = {}
        self._prepared: dict[_Name, _Prepared] = {}
        self._preparing: dict[_Name, asyncio.Task[_Prepared]] = {}
        self._orders: dict[Worker, tuple[Order, bool]] = {}

    async def prepare(self, version: Version, key: str = "") -> None:
        """Have its packages installed and a zygote with its imports ready.

        Args:
            version: What will run.
            key: `<project>/<name>` of the function.

        Raises:
            EngineError: if its packages cannot be had, or its interpreter does not start.
        """
        found = await self._prepare(version, key)
        await found.lineage.ready()

    def forget(self, version: Version, key: str = "") -> None:
        """It will not be asked for again: what was imported for it alone may go."""
        name = _name(version, key)
        found = self._prepared.pop(name, None)
        if found is not None and found.lineage.leave(name):
            self._lineages.pop(found.lineage.place, None)

    async def spawn(self, order: Order, owner: Owner) -> Worker:
        """Start a worker. It is not ready yet, but may be given requests.

        Args:
            order: Of what.
            owner: Who is told what becomes of it.

        Raises:
            EngineError: if its environment cannot be had.
        """
        version, options = order.version, order.version.options
        found = self._prepared.get(_name(version, order.key))
        if found is None:
            found = await self._prepare(version, order.key)
        zygote = found.lineage.current
        if zygote is None or zygote.closed:
            zygote = await found.lineage.ready()
        uid, gid, alone = self._users.take()
        worker = Worker(
            order.replica,
            options.concurrency,
            options.request_timeout,
            owner.worker_ready,
            owner.worker_done,
            lambda worker: self._ended(worker, alone, owner),
        )
        worker.uid, worker.notes = uid, found.notes
        own = {"replica": order.replica, "sent": time.monotonic(), "uid": uid, "gid": gid,
               "gateway": self.url}  # fmt: skip
        text = f"{found.order[:-1]}, {json.dumps(own)[1:]}"
        # a few microseconds each, which a thread would not save: opening the log, a file in memory
        try:
            name, ours = zygote.fork(text.encode(), self._open_log(order), worker)
        except OSError as exc:
            if alone and uid is not None:
                self._users.give_back(uid)
            raise EngineError(
                f"no worker can be started: {exc}",
                where=f"function {order.key}",
                fix="room on the disk and in the limit of open files (ulimit -n)",
            ) from exc
        worker.killer = lambda _: zygote.signal(name)
        self._orders[worker] = order, alone
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
        except BaseException:
            ours.close()  # its end ends the worker
            raise
        return worker

    def zygotes(self) -> list[dict[str, Any]]:
        """Each zygote: pid, python, modules, rss, workers, failed, notes, state, seconds."""
        return [row for lineage in self._lineages.values() for row in lineage.rows()]

    async def close(self) -> None:
        """End all zygotes and what they forked."""
        for task in list(self._preparing.values()):
            task.cancel()
        for lineage in list(self._lineages.values()):
            await lineage.close()
        self._lineages.clear()
        self._prepared.clear()
        await self.watcher.close()

    async def _prepare(self, version: Version, key: str) -> _Prepared:
        name = _name(version, key)
        found = self._prepared.get(name)
        if found is not None:
            return found
        task = self._preparing.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._make(version, key))
            self._preparing[name] = task
            task.add_done_callback(lambda _: self._preparing.pop(name, None))
        return await asyncio.shield(task)

    async def _make(self, version: Version, key: str) -> _Prepared:
        python = await self._environments.python_of(version)
        place, modules, notes = await asyncio.to_thread(place_of, version, python)
        lineage = self._lineages.get(place)
        if lineage is None:
            lineage = self._lineages[place] = Lineage(place, self._home, self._started)
        lineage.join(_name(version, key), modules)
        project, _, name = key.partition("/")
        order = {
            "key": key,
            "project": project,
            "name": name,
            "version": version.number,
            "kind": version.kind,
            "document": version.document,
            "options": version.options.to_dict(),
            "env": version.options.env,
        }
        found = _Prepared(lineage, json.dumps(order), notes)
        self._prepared[_name(version, key)] = found
        return found

    def _started(self, worker: Worker) -> None:
        found = self._orders.get(worker)
        if found is not None:
            order, alone = found
            self.watcher.add(worker, order.version.options, alone=alone)

    def _ended(self, worker: Worker, alone: bool, owner: Owner) -> None:
        self._orders.pop(worker, None)
        self.watcher.remove(worker, functools.partial(self._leave_user, worker, alone))
        owner.worker_ended(worker)

    def _leave_user(self, worker: Worker, alone: bool) -> None:
        if alone and worker.uid is not None:
            self._users.give_back(worker.uid)

    def _open_log(self, order: Order) -> int:
        path = order.log or log_file(self._home, order.key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _name(version: Version, key: str) -> _Name:
    return key, version.number, version.digest
