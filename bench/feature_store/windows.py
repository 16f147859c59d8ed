"""Windows of a feature set: chunks, single events, reading at a moment, joins, memory; and storey.

    python bench/feature_store/windows.py --peers /path/to/python   (one that has storey)

1,000 keys, windows of 1 h and 24 h that slide by 10 minutes, sum, avg, count and max; rows in order
of time, 0.5 s apart ("dense": a key has about one row in each bucket) or 0.05 s.

Expected before measuring: a chunk of 10,000 rows is sorted by key (1 ms), a thousand to ten
thousand buckets are looked up (2 ms), and 144 earlier buckets of 3 statistics each are added up for
each bucket: 10,000 x 150 x 3 numbers at 1 ns = 5 ms; so 10 ms, a million rows a second. An event
costs a dictionary, one addition to its bucket and 8 functions of two buckets: 10 us, and as much
again if it opens a bucket. Reading at a moment adds up 150 numbers six times: 6 calls of numpy of
2 us each and as much for the bytes' header, checksum and bounds: 25 us.

A bucket of a key keeps its number, count, sum and max: 32 bytes; up to 288 buckets are kept (twice
the longest window, for late rows), with some room to grow: 11 kB a key if each bucket has rows, and
110 bytes a key with one row in two days.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, peer, percentile, report

from mlrun_like.feature_store.windows.asof import Moments, aggregates_at
from mlrun_like.feature_store.windows.frames import WindowFrames
from mlrun_like.feature_store.windows.states import read_at
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.tables import Table

KEYS = 1000
CHUNK = 10_000
ROW = {
    "name": "n",
    "column": "x",
    "operations": ["sum", "avg", "count", "max"],
    "windows": ["1h", "24h"],
    "period": "10m",
}
BASE = datetime(2024, 1, 1, tzinfo=timezone.utc)

STOREY = """
import json, time, warnings
warnings.simplefilter("ignore")
from datetime import datetime, timedelta, timezone
from storey import *
BASE = datetime(2024, 1, 1, tzinfo=timezone.utc)
def rate(events, gap):
    made = [Event({{"x": float(i)}}, f"k{{i % {keys}}}", BASE + timedelta(seconds=i * gap))
            for i in range(events)]
    table = Table("t", NoopDriver())
    flow = build_flow([SyncEmitSource(buffer_size=1024), AggregateByKey(
        [FieldAggregator("n", "x", ["sum", "avg", "count", "max"],
                         SlidingWindows(["1h", "24h"], "10m"))], table),
        Reduce(0, lambda count, body: count + 1)]).run()
    start = time.perf_counter()
    for event in made:
        flow.emit(event)
    flow.terminate()
    assert flow.await_termination() == events
    return events / (time.perf_counter() - start)
print(json.dumps({{"events/s": sorted(rate(10000, 0.5) for _ in range(3))[1]}}))
"""


def rows_of(count: int, gap: float, late: float = 0.0, keys: int = KEYS) -> tuple[Any, Any, Any]:
    """Keys, times in microseconds, values."""
    rng = np.random.default_rng(1)
    times = (np.arange(count) * gap * 1e6).astype(np.int64) + 1_704_067_200_000_000
    if late:
        times -= np.where(rng.random(count) < late, rng.integers(0, 3_600_000_000, count), 0)
    return rng.integers(0, keys, count), times, rng.normal(100, 10, count)


def frames(
    count: int, gap: float, late: float = 0.0, chunk: int = CHUNK, keys: int = KEYS
) -> float:
    """Rows a second, chunk by chunk with the state carried."""
    codes, times, values = rows_of(count, gap, late, keys)
    windows = WindowFrames([ROW])
    start = time.perf_counter()
    for begin in range(0, count, chunk):
        part = slice(begin, begin + chunk)
        windows.run([codes[part]], times[part], [values[part]])
    return count / (time.perf_counter() - start)


def events(gap: float, count: int = 60_000) -> list[float]:
    """Seconds of each event."""
    step = AggregateByKey([ROW], Table("t"))
    made = [
        Event({"x": float(n)}, key=f"k{n % KEYS}", time=BASE + timedelta(seconds=gap * n))
        for n in range(count)
    ]
    clock, process = time.perf_counter, step.process
    found = []
    for event in made:
        start = clock()
        process(event)
        found.append(clock() - start)
    return found


def reading(reps: int) -> float:
    """Seconds of reading one key with all buckets of a day at a moment."""
    windows = WindowFrames([ROW])
    times = np.arange(145, dtype=np.int64) * 600_000_000
    windows.run([np.zeros(145)], times, [np.arange(145.0)])
    blob, moment = windows.blob((0.0,)), 145 * 600_000.0
    found = []
    for _ in range(reps * 20):
        start = time.perf_counter()
        for _ in range(200):
            read_at(blob, windows.layouts, moment)
        found.append((time.perf_counter() - start) / 200)
    return median(found)


def joining() -> float:
    """Seconds of 100,000 queries of a log of 1,000,000 rows."""
    codes, times, values = rows_of(1_000_000, 2.5)
    rng = np.random.default_rng(2)
    log = pa.table({"k": codes, "t": pa.array(times, pa.timestamp("us")), "n": values})
    asked = Moments([rng.integers(0, KEYS, 100_000)], rng.choice(times, 100_000))
    start = time.perf_counter()
    aggregates_at(log, ["k"], "t", [ROW], asked)
    return time.perf_counter() - start


def bytes_per_key(keys: int, buckets: int) -> float:
    """Memory of each key with rows in so many buckets."""
    windows = WindowFrames([ROW])
    codes, values = np.arange(keys), np.ones(keys)
    for number in range(buckets):
        windows.run([codes], np.full(keys, number * 600_000_000), [values])
    return windows.nbytes / keys


def rate(measure: Callable[[], float], reps: int) -> float:
    return median([measure() for _ in range(reps)])


def main() -> int:
    options = arguments(__doc__ or "")
    reps = options.reps
    dense = rate(lambda: frames(200_000, 0.5), reps)
    figures: dict[str, Any] = {
        "chunks of 10,000, 0.5 s apart, rows/s": dense,
        "chunks of 10,000, 0.05 s apart, rows/s": rate(lambda: frames(200_000, 0.05), reps),
        "chunks of 1,000, rows/s": rate(lambda: frames(100_000, 0.5, chunk=1000), reps),
        "one row in ten late, rows/s": rate(lambda: frames(200_000, 0.5, 0.1), reps),
        "one key, rows/s": rate(lambda: frames(200_000, 0.5, keys=1), reps),
        "one key, one row in ten late, rows/s": rate(
            lambda: frames(50_000, 0.5, 0.1, keys=1), reps
        ),
    }
    opening, within = events(0.6), events(0.01)
    figures["an event that opens a bucket, us"] = median(opening) * 1e6
    figures["an event within a bucket, us"] = median(within) * 1e6
    figures["an event, p99, us"] = percentile([*opening, *within], 0.99) * 1e6
    figures["reading at a moment, us"] = reading(reps) * 1e6
    figures["1,000,000 rows, 100,000 queries, s"] = rate(joining, reps)
    figures["100,000 keys with 1 bucket each, bytes/key"] = bytes_per_key(100_000, 1)
    figures["1,000 keys with 145 buckets each, bytes/key"] = bytes_per_key(1_000, 145)
    figures["1,000 keys with 300 buckets each, bytes/key"] = bytes_per_key(1_000, 300)
    bars = {
        ">= 100,000 rows/s in chunks": dense >= 100_000,
        "late rows: >= 100,000 rows/s": figures["one row in ten late, rows/s"] >= 100_000,
        "a single event < 50 us": figures["an event that opens a bucket, us"] < 50,
        "1,000,000 rows, 100,000 queries < 1 s": figures["1,000,000 rows, 100,000 queries, s"] < 1,
        "a full key < 16 kB": figures["1,000 keys with 300 buckets each, bytes/key"] < 16_000,
    }
    theirs = peer(options.peers, STOREY.format(keys=KEYS))
    if theirs is not None:
        figures["storey, events/s"] = theirs["events/s"]
        figures["chunks against storey"] = dense / theirs["events/s"]
        bars[">= 20 x storey"] = figures["chunks against storey"] >= 20
    return report("feature store windows", figures, bars, options.json)


if __name__ == "__main__":
    sys.exit(main())
