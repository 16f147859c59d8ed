"""Micro-batching against direct calls: logistic regression on iris, callers in one event loop.

    python bench/serving/batching.py

Every caller lets the event loop go round once per request, as one that comes from a socket does,
then predicts one row: directly, or through a `Batcher`. Slices of both take turns, so that other
users of the machine disturb both alike; a figure is the median over the slices.

Expected before measuring: a call for one row costs some 200 us and hardly more for 32, so with 32
callers the limit is a factor near 20, where the 10 us per request of futures and tasks begin to
count. One caller alone pays the checks only: 3 us in a tight loop, about 10 us after a model has
emptied the processor's caches, where 5 % are 10 us.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, report

from mlrun_like.serving.batching import Batcher

CALLERS = (1, 32, 128)
SLICE = 512
SLICES = 24

Call = Callable[[Any], Awaitable[Any]]


def model() -> tuple[Callable[[Any], Any], list[list[float]]]:
    """A fitted model's prediction for rows, and one row."""
    inputs, labels = load_iris(return_X_y=True)
    fitted = LogisticRegression(max_iter=500).fit(inputs, labels)
    return (lambda rows: fitted.predict(numpy.asarray(rows))), [inputs[0].tolist()]


async def load(call: Call, rows: Any, callers: int, requests: int) -> float:
    """Microseconds per request."""

    async def caller() -> None:
        for _ in range(requests // callers):
            await asyncio.sleep(0)
            await call(rows)

    start = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(callers)])
    return (time.perf_counter() - start) / requests * 1e6


async def compare(first: Call, second: Call, rows: Any, callers: int) -> tuple[float, float, float]:
    """Median microseconds of both, and the median of their ratio slice by slice."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (first, second):
        await load(call, rows, callers, SLICE)
    for number in range(SLICES):
        order = ((0, first), (1, second)) if number % 2 else ((1, second), (0, first))
        for place, call in order:
            times[place].append(await load(call, rows, callers, SLICE))
    ratio = median([one / two for one, two in zip(*times, strict=True)])
    return median(times[0]), median(times[1]), ratio


async def measure() -> tuple[dict[str, Any], dict[str, bool]]:
    """All figures, and which bars they clear."""
    predict, rows = model()

    async def direct(rows: Any) -> Any:
        return predict(rows).tolist()

    async def nothing(rows: Any) -> Any:
        return rows

    figures: dict[str, Any] = {}
    empty = Batcher(lambda rows: rows, name="empty")
    for callers in (1, 32):
        plain, ours, _ = await compare(nothing, empty.submit, rows, callers)
        figures[f"engine alone, {callers} callers, us per request"] = round(ours - plain, 2)
    empty.close()
    ratios: dict[int, float] = {}
    for callers in CALLERS:
        batcher = Batcher(predict, name="iris")
        plain, ours, ratios[callers] = await compare(direct, batcher.submit, rows, callers)
        numbers = batcher.numbers
        batcher.close()
        figures[f"{callers} callers: direct, us"] = round(plain, 1)
        figures[f"{callers} callers: batched, us"] = round(ours, 1)
        figures[f"{callers} callers: direct / batched"] = round(ratios[callers], 3)
        figures[f"{callers} callers: rows per call"] = round(numbers.rows / numbers.batches, 1)
    bars = {
        "one caller within 10 % of direct": ratios[1] >= 0.90,
        "one caller within 5 % of direct": ratios[1] >= 0.95,
        "32 callers > 5 x direct": ratios[32] > 5,
        "128 callers > 5 x direct": ratios[128] > 5,
    }
    return figures, bars


def main() -> int:
    given = arguments(__doc__ or "", uvloop={"action": "store_true", "help": "run on uvloop"})
    if given.uvloop:
        import uvloop  # only when asked for

        figures, bars = uvloop.run(measure())
    else:
        figures, bars = asyncio.run(measure())
    return report("micro-batching", figures, bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
