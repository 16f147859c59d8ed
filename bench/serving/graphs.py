"""Graphs in this process against the same functions called plainly, MLRun and storey.

    python bench/serving/graphs.py --peers /path/to/python   (one that has mlrun and storey)

Expected before measuring: a chain of plain steps is one generated function, so an event costs the
calls plus the entry (`server.test`: 0.3 us; `server.stream`: 0.1 us). A branch costs two more
calls. Five async steps cost one coroutine more than the plain awaits. MLRun's sync engine makes an
event and looks every step up; its async engine and storey hand events from task to task.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, peer, report

from mlrun_like.serving import Step, flow

EVENTS = 50_000


def inc(e: dict[str, int]) -> dict[str, int]:
    e["x"] += 1
    return e


def inc_a(e: dict[str, int]) -> dict[str, int]:
    e["x"] += 2
    return e


def inc_b(e: dict[str, int]) -> dict[str, int]:
    e["x"] += 3
    return e


def keep(e: dict[str, int]) -> bool:
    return e["x"] >= 0


async def ainc(e: dict[str, int]) -> dict[str, int]:
    await asyncio.sleep(0)
    e["x"] += 1
    return e


class Keep(Step):
    """The filter."""

    kind = "filter"

    def do(self, body: dict[str, int]) -> bool:
        return keep(body)


class Choose(Step):
    """The branch."""

    kind = "choice"

    def select_outlets(self, body: dict[str, int]) -> list[str]:
        return ["a"] if body["x"] % 2 == 0 else ["b"]


def plain_chain(e: dict[str, int]) -> dict[str, int]:
    for function in (inc, inc, inc, inc, inc):
        e = function(e)
    return e


def plain_branches(e: dict[str, int]) -> dict[str, int] | None:
    for function in (inc, inc, inc):
        e = function(e)
    if not keep(e):
        return None
    e = inc_a(e) if e["x"] % 2 == 0 else inc_b(e)
    for function in (inc, inc, inc, inc):
        e = function(e)
    return e


async def plain_awaits(e: dict[str, int]) -> dict[str, int]:
    for function in (ainc, ainc, ainc, ainc, ainc):
        e = await function(e)
    return e


def chain(function: Any, count: int = 5) -> Any:
    """`count` steps in a row."""
    graph = flow()
    step: Any = graph
    for number in range(count):
        step = step.to(function, f"s{number}")
    step.respond()
    return graph.to_mock_server()


def branches() -> Any:
    """Ten steps: three, a filter, a branch, two ways, and four after they meet."""
    graph = flow()
    step: Any = graph
    for number in range(3):
        step = step.to(inc, f"s{number}")
    chosen = step.to(Keep, "keep").to(Choose, "choose")
    chosen.to(inc_a, "a")
    chosen.to(inc_b, "b")
    step = graph.add_step(inc, "m0", after=["a", "b"])
    for number in range(1, 4):
        step = step.to(inc, f"m{number}")
    step.respond()
    return graph.to_mock_server()


def each(call: Callable[[dict[str, int]], Any]) -> float:
    """Microseconds of one call."""
    start = time.perf_counter()
    for number in range(EVENTS):
        call({"x": number})
    return (time.perf_counter() - start) / EVENTS * 1e6


def streamed(server: Any) -> float:
    """Microseconds of one event of a stream."""
    start = time.perf_counter()
    for _ in server.stream({"x": number} for number in range(EVENTS)):
        pass
    return (time.perf_counter() - start) / EVENTS * 1e6


def streamed_async(server: Any) -> float:
    """Microseconds of one event of a stream of an event loop."""

    async def work() -> float:
        count = EVENTS // 10
        start = time.perf_counter()
        async for _ in server.stream_async(({"x": n} for n in range(count)), 1):
            pass
        return (time.perf_counter() - start) / count * 1e6

    return asyncio.run(work())


def awaited(call: Callable[[dict[str, int]], Any], count: int = EVENTS // 10) -> float:
    """Microseconds of one awaited call."""

    async def work() -> float:
        start = time.perf_counter()
        for number in range(count):
            await call({"x": number})
        return (time.perf_counter() - start) / count * 1e6

    return asyncio.run(work())


PEER = """
import asyncio, json, os, time
os.environ["MLRUN_DBPATH"] = ""
import mlrun, storey
mlrun.utils.logger.set_logger_level("ERROR")
def inc(e):
    e["x"] += 1
    return e
async def ainc(e):
    await asyncio.sleep(0)
    e["x"] += 1
    return e
def mlrun_us(engine, handler, n):
    fn = mlrun.new_function("f", kind="serving", project="bench", image="x")
    s = fn.set_topology("flow", engine=engine)
    for i in range(5):
        s = s.to(name=f"s{i}", handler=handler)
    if engine == "async":
        s.respond()
    server = fn.to_mock_server(namespace=globals())
    assert server.test("/", body={"x": 1})["x"] == 6
    t = time.perf_counter()
    for i in range(n):
        server.test("/", body={"x": i})
    us = (time.perf_counter() - t) / n * 1e6
    server.wait_for_completion()
    return us
def storey_us(n):
    source = storey.SyncEmitSource()
    s = source
    for _ in range(5):
        s = s.to(storey.Map(inc))
    s.to(storey.Reduce(0, lambda acc, e: acc + 1))
    c = source.run()
    t = time.perf_counter()
    for i in range(n):
        c.emit({"x": i})
    c.terminate()
    assert c.await_termination() == n
    return (time.perf_counter() - t) / n * 1e6
async def storey_async_us(n):
    source = storey.AsyncEmitSource()
    s = source
    for _ in range(5):
        s = s.to(storey.Map(inc))
    s.to(storey.Reduce(0, lambda acc, e: acc + 1))
    c = source.run()
    t = time.perf_counter()
    for i in range(n):
        await c.emit({"x": i})
    await c.terminate()
    assert await c.await_termination() == n
    return (time.perf_counter() - t) / n * 1e6
med = lambda f: sorted(f() for _ in range(3))[1]
print(json.dumps({
    "mlrun sync, us": med(lambda: mlrun_us("sync", "inc", 5000)),
    "mlrun async, us": med(lambda: mlrun_us("async", "inc", 1000)),
    "mlrun async, five async steps, us": med(lambda: mlrun_us("async", "ainc", 1000)),
    "storey, sync source, us": med(lambda: storey_us(3000)),
    "storey, async source, us": med(lambda: asyncio.run(storey_async_us(3000))),
}))
"""


def main() -> int:
    """Measure; 1 if a bar was missed."""
    given = arguments(__doc__ or "")
    five, ten, awaits = chain(inc), branches(), chain(ainc)
    for value in (0, 1, 7):  # the same answers first
        assert five.test(body={"x": value}) == plain_chain({"x": value})
        assert ten.test(body={"x": value}) == plain_branches({"x": value})
        assert awaits.test(body={"x": value}) == plain_chain({"x": value})
    rows: dict[str, list[float]] = {}
    for _ in range(given.reps):
        for name, value in {
            "plain chain": each(plain_chain),
            "chain, test()": each(lambda e: five.test(body=e)),
            "chain, stream()": streamed(five),
            "plain branches": each(plain_branches),
            "branches, test()": each(lambda e: ten.test(body=e)),
            "branches, stream()": streamed(ten),
            "plain awaits": awaited(plain_awaits),
            "five async steps, stream_async()": streamed_async(awaits),
        }.items():
            rows.setdefault(name, []).append(value)
    us = {name: median(values) for name, values in rows.items()}
    figures: dict[str, Any] = {f"{name}, us": round(value, 2) for name, value in us.items()}
    ratios = {
        "chain / plain": us["chain, test()"] / us["plain chain"],
        "branches / plain": us["branches, test()"] / us["plain branches"],
        "async / plain awaits": us["five async steps, stream_async()"] / us["plain awaits"],
    }
    figures |= {name: round(value, 2) for name, value in ratios.items()}
    bars = {
        "five steps <= 2.5 x plain": ratios["chain / plain"] <= 2.5,
        "ten steps with branch <= 3 x plain": ratios["branches / plain"] <= 3,
        "five async steps <= 1.3 x plain awaits": ratios["async / plain awaits"] <= 1.3,
    }
    others = peer(given.peers, PEER)
    if others:
        figures |= {name: round(value, 1) for name, value in others.items()}
        sync, engine = others["mlrun sync, us"], others["mlrun async, us"]
        slow = min(others["storey, sync source, us"], others["storey, async source, us"], engine)
        figures["mlrun sync / ours"] = round(sync / us["chain, test()"], 1)
        figures["best of storey and mlrun async / ours"] = round(slow / us["chain, test()"], 1)
        bars[">= 6 x mlrun sync"] = sync >= 6 * us["chain, test()"]
        bars[">= 80 x mlrun async and storey"] = slow >= 80 * us["chain, test()"]
    return report("graphs in this process", json.loads(json.dumps(figures)), bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
