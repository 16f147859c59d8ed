"""Models that remember their calls, and callers of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mlrun_like.serving.batching import Batcher

__all__ = ["AsyncModel", "Gate", "Model", "Rows", "run", "together", "turns", "warm"]

Rows = Sequence[Any]


class Model:
    """Doubles numbers and remembers its calls."""

    def __init__(self, seconds: float = 0.0, bad: frozenset[Any] = frozenset()) -> None:
        self.calls: list[list[Any]] = []
        self.threads: list[int] = []
        self.seconds = seconds
        self.bad = bad

    def __call__(self, rows: Rows) -> list[Any]:
        self.calls.append(list(rows))
        self.threads.append(threading.get_ident())
        if self.seconds:
            time.sleep(self.seconds)
        broken = self.bad.intersection(rows)
        if broken:
            raise ValueError(f"cannot double {sorted(broken)}")
        return [row * 2 for row in rows]


class AsyncModel(Model):
    async def __call__(self, rows: Rows) -> list[Any]:  # type: ignore[override]
        await asyncio.sleep(self.seconds)
        seconds, self.seconds = self.seconds, 0.0
        try:
            found: list[Any] = Model.__call__(self, rows)
            return found
        finally:
            self.seconds = seconds


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main(), 20)

    return asyncio.run(limited())


def together(batcher: Batcher, *requests: Rows) -> list[Any]:
    async def main() -> list[Any]:
        waiting = [batcher.submit(rows) for rows in requests]
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    found: list[Any] = run(main)
    batcher.close()
    return found


async def warm(batcher: Batcher, times: int = 12) -> None:
    for _ in range(times):
        assert await batcher.submit([0]) == [0]


class Gate:
    """Echoes rows, but each call waits until it is let through."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.let = asyncio.Event()

    async def __call__(self, rows: Rows) -> list[Any]:
        self.calls.append(list(rows))
        await self.let.wait()
        return list(rows)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
