"""Flows in storey's form (`build_flow`) against the plain functions and against storey itself.

    python bench/serving/flows.py --peers /path/to/python   (one that has storey)

The same script text runs in both interpreters, so that both do the same work. Expected before
measuring: with plain steps, `emit` makes an event, takes the flow's lock and runs one generated
function: 2 us. A result adds a queue: 3 us. With async steps each event goes through a loop; from
a program without one, waiting for each result costs two changes of thread, as in storey.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, peer, report

OURS = """
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import AsyncEmitSource, SyncEmitSource
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.ending import Complete, Reduce
N = 20000
"""
THEIRS = """
from storey import AsyncEmitSource, Batch, Complete, Map, Reduce, SyncEmitSource, build_flow
N = 3000
"""
WORK = """
import asyncio, json, time
def inc(x):
    return x + 1
async def ainc(x):
    await asyncio.sleep(0)
    return x + 1
def steps(function, *last):
    return [*[Map(function) for _ in range(5)], *last]
def total():
    return Reduce(0, lambda acc, x: acc + 1)
def timed(n, work):
    start = time.perf_counter()
    work(n)
    return (time.perf_counter() - start) / n * 1e6
def plain(n):
    for x in range(n):
        for function in (inc, inc, inc, inc, inc):
            x = function(x)
def emitted(row):
    def work(n):
        controller = build_flow([SyncEmitSource(), *row]).run()
        for x in range(n):
            controller.emit(x)
        controller.terminate()
        controller.await_termination()
    return work
def answered(row):
    def work(n):
        controller = build_flow([SyncEmitSource(), *row]).run()
        for x in range(n):
            controller.emit(x).await_result()
        controller.terminate()
        controller.await_termination()
    return work
def in_loop(row):
    async def main(n):
        controller = build_flow([AsyncEmitSource(), *row]).run()
        for x in range(n):
            await controller.emit(x)
        await controller.terminate()
        await controller.await_termination()
    return lambda n: asyncio.run(main(n))
CASES = {
    "plain": lambda: plain,
    "five maps": lambda: emitted(steps(inc, total())),
    "five maps, batches of 10": lambda: emitted(
        steps(inc, Batch(10, full_event=False), total())),
    "five maps, results": lambda: answered(steps(inc, Complete())),
    "five async maps": lambda: emitted(steps(ainc, total())),
    "five async maps, results": lambda: answered(steps(ainc, Complete())),
    "five maps, in a loop": lambda: in_loop(steps(inc, total())),
    "five async maps, results, in a loop": lambda: in_loop(steps(ainc, Complete())),
}
med = lambda name: sorted(timed(N, CASES[name]()) for _ in range(3))[1]
print(json.dumps({name: med(name) for name in CASES}))
"""


def main() -> int:
    """Measure; 1 if a bar was missed."""
    given = arguments(__doc__ or "")
    runs: list[dict[str, float]] = []
    for _ in range(given.reps):
        done = subprocess.run(
            [sys.executable, "-c", OURS + WORK], check=True, capture_output=True, text=True
        )
        runs.append(json.loads(done.stdout))
    ours = {name: median([run[name] for run in runs]) for name in runs[0]}
    figures: dict[str, Any] = {f"{name}, us": round(value, 2) for name, value in ours.items()}
    bars: dict[str, bool] = {}
    theirs = peer(given.peers, THEIRS + WORK)
    if theirs:
        ratios = {name: theirs[name] / ours[name] for name in ours if name != "plain"}
        figures |= {f"storey, {name}, us": round(theirs[name], 1) for name in ratios}
        figures |= {f"storey / ours, {name}": round(value, 1) for name, value in ratios.items()}
        bars["plain steps >= 20 x storey"] = ratios["five maps"] >= 20
        bars["results of plain steps >= 20 x storey"] = ratios["five maps, results"] >= 20
        bars["async steps never slower than storey"] = min(ratios.values()) >= 1
    return report("flows in storey's form", figures, bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
