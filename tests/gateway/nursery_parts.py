"""What tests with real workers share: one event loop and one nursery for a file."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.replicas.environments import Environments
from mlrun_like.gateway.replicas.nursery import Nursery
from mlrun_like.gateway.replicas.pool import Pool

T = TypeVar("T")


class Real:
    """An event loop with a nursery."""

    def __init__(self, home: Path, environments: Environments | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.home = home

        async def make() -> Nursery:
            return Nursery(home, environments=environments)

        self.nursery = self.loop.run_until_complete(make())
        self._pools: list[Pool] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def within() -> T:
            return await asyncio.wait_for(work, 120)

        return self.loop.run_until_complete(within())

    def pool(self, code: str, name: str = "f", number: int = 1, **options: Any) -> Pool:
        """A pool of a function with this code; it ends with the test."""

        async def make() -> Pool:
            log = logging.getLogger("tests.nursery")
            finished: list[Call] = []
            version = version_of(code, number, **options)
            return Pool(f"p/{name}", version, self.nursery, finished.append, log)

        pool = self.run(make())
        self._pools.append(pool)
        return pool

    def clear(self) -> None:
        """End the pools of a test."""

        async def end() -> None:
            for pool in self._pools:
                await pool.drain(0)
                self.nursery.forget(pool.version, pool.key)

        self.run(end())
        self._pools.clear()

    def close(self) -> None:
        self.run(self.nursery.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


def version_of(code: str, number: int = 1, **options: Any) -> Version:
    source = base64.b64encode(code.encode()).decode()
    document = {
        "kind": "nuclio",
        "metadata": {"name": "f", "project": "p"},
        "spec": {"build": {"functionSourceCode": source}, "function_handler": "f:handler"},
    }
    digest = f"{hash((code, number, str(options)))}"
    return Version(number, "nuclio", document, Options(**options), digest=digest)


@contextlib.contextmanager
def real_nursery(home: Path, environments: Environments | None = None) -> Iterator[Real]:
    real = Real(home, environments)
    try:
        yield real
    finally:
        real.clear()
        real.close()
