from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mlrun_like.serving.engine.gate import Gate


class Inside:
    """How many are inside a gate."""

    def __init__(self, most: int) -> None:
        self.gate = Gate(most)
        self.lock = threading.Lock()
        self.now = self.most = self.passed = 0

    def enter(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def leave(self) -> None:
        with self.lock:
            self.now -= 1
            self.passed += 1

    def once(self) -> None:
        with self.gate:
            self.enter()
            time.sleep(0.0002)
            self.leave()

    async def once_later(self) -> None:
        async with self.gate:
            self.enter()
            try:
                await asyncio.sleep(0.0002)
            finally:
                self.leave()


@pytest.mark.parametrize("most", [1, 3])
def test_threads_and_loops_share_it(most: int) -> None:
    inside = Inside(most)

    async def several() -> None:
        await asyncio.gather(*[inside.once_later() for _ in range(40)])

    def plain() -> None:
        for _ in range(40):
            inside.once()

    threads = [threading.Thread(target=plain) for _ in range(3)]
    threads += [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside.passed, inside.now, inside.most) == (240, 0, most)


def test_callers_that_leave_do_not_keep_their_place() -> None:
    inside = Inside(2)

    async def some() -> None:
        for _ in range(30):
            tasks = [asyncio.ensure_future(inside.once_later()) for _ in range(12)]
            for number, task in enumerate(tasks):
                if number % 3 == 0:
                    await asyncio.sleep(0)
                if number % 2:
                    task.cancel()
            await asyncio.wait(tasks)
        await asyncio.wait_for(asyncio.gather(*[inside.once_later() for _ in range(4)]), 10)

    threads = [threading.Thread(target=asyncio.run, args=(some(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert inside.now == 0 and inside.most == 2
    with inside.gate, inside.gate:
        assert inside.gate._turn() is not None


def test_first_come_first_served() -> None:
    order: list[int] = []
    gate = Gate(1)

    async def one(number: int) -> None:
        async with gate:
            order.append(number)
            await asyncio.sleep(0)

    async def some() -> None:
        await asyncio.gather(*[one(number) for number in range(20)])

    asyncio.run(some())
    assert order == list(range(20))
