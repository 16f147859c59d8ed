"""AggregateByKey against the same aggregates in a plain loop, and against storey.

    python bench/serving/windows.py --peers /path/to/python   (one that has storey)

Expected before measuring: an event costs reading its key, time and value, one addition to its
bucket, and for each result one function of two buckets: 5 us. The plain loop keeps a running sum
per key and takes old buckets out again (so its sums drift, and it could do neither minima nor late
events): 1.5 us. The simple loop adds up the buckets of the window for each event: 4 us for 6
buckets, 100 us for 1440. Storey makes an event, passes it through a queue to another thread, and
keeps each aggregate as an object per bucket.

"dense": many events per bucket; "sparse": each event opens a bucket, three windows; "long": 1440
buckets; "late": one event in ten is late by up to an hour.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, peer, report

from mlrun_like.serving import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey, FieldAggregator
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.windows import SlidingWindows

EVENTS = 20_000
logging.getLogger("mlrun_like.serving").setLevel(logging.ERROR)  # of late events
KEYS = 100
BASE = datetime(2024, 1, 1, tzinfo=timezone.utc)
AGGREGATES = ["sum", "avg"]
WINDOWS: dict[str, tuple[list[str], str, float]] = {  # windows, period, seconds between events
    "dense": (["1h"], "10m", 0.5),
    "sparse": (["1h", "2h", "24h"], "10m", 15.0),
    "long": (["24h"], "1m", 0.5),
    "late": (["1h"], "10m", 0.5),
}

STOREY = """
import json, time, warnings
warnings.simplefilter("ignore")
from datetime import datetime, timedelta, timezone
from storey import *
BASE = datetime(2024, 1, 1, tzinfo=timezone.utc)
def rate(windows, period, gap, events):
    made = [Event({{"x": float(i)}}, f"k{{i % 100}}", BASE + timedelta(seconds=i * gap))
            for i in range(events)]
    table = Table("t", NoopDriver())
    flow = build_flow([SyncEmitSource(buffer_size=1024), AggregateByKey(
        [FieldAggregator("n", "x", ["sum", "avg"], SlidingWindows(windows, period))], table),
        Reduce(0, lambda count, body: count + 1)]).run()
    start = time.perf_counter()
    for event in made:
        flow.emit(event)
    flow.terminate()
    assert flow.await_termination() == events
    return events / (time.perf_counter() - start)
found = {{}}
for name, (windows, period, gap) in {windows}.items():
    found[name] = sorted(rate(windows, period, gap, 4000) for _ in range(3))[1]
print(json.dumps(found))
"""


def events_of(name: str) -> list[tuple[dict[str, float], str, datetime]]:
    """Body, key and time of each event."""
    gap = WINDOWS[name][2]
    rng = random.Random(1)
    made = []
    for number in range(EVENTS):
        late = rng.random() * 3600 if name == "late" and number % 10 == 0 else 0.0
        moment = BASE + timedelta(seconds=number * gap - late)
        made.append(({"x": float(number)}, f"k{number % KEYS}", moment))
    return made


def aggregators(name: str) -> list[FieldAggregator]:
    windows, period, _ = WINDOWS[name]
    return [FieldAggregator("n", "x", AGGREGATES, SlidingWindows(windows, period))]


def ours(name: str) -> Callable[[], None]:
    step = AggregateByKey(aggregators(name), Table("t"))
    process, made = step.process, events_of(name)

    def run() -> None:
        for body, key, moment in made:
            process(Event(body, key=key, time=moment))

    return run


def in_a_graph(name: str) -> Callable[[], None]:
    graph = flow()
    graph.to(AggregateByKey(aggregators(name), Table("t")), "aggregate").respond()
    server = graph.to_mock_server()
    made = events_of(name)

    def run() -> None:
        for body, key, moment in made:
            server.run(Event(body, key=key, time=moment))
        server.wait_for_completion()

    return run


def running_sum(name: str) -> Callable[[], None]:
    """The plain loop: one window, in order, sums only."""
    period, size = 600.0, 6
    keys: dict[str, list[Any]] = {}
    made = events_of(name)

    def run() -> None:
        for body, key, moment in made:
            index = int(moment.timestamp() // period)
            value = body["x"]
            state = keys.get(key)
            if state is None:
                state = keys[key] = [0.0, 0, deque()]
            held = state[2]
            if not held or held[-1][0] != index:
                held.append([index, 0.0, 0])
            last = held[-1]
            last[1] += value
            last[2] += 1
            state[0] += value
            state[1] += 1
            while held[0][0] <= index - size:
                _, old, count = held.popleft()
                state[0] -= old
                state[1] -= count
            {"n_sum_1h": state[0], "n_avg_1h": state[0] / state[1], **body}

    return run


def simple(name: str) -> Callable[[], None]:
    """The simple loop: the buckets of each window are added up for each event."""
    windows, period, _ = WINDOWS[name]
    spans = SlidingWindows(windows, period)
    seconds = spans.period_millis / 1000
    sizes = [(text, int(millis // spans.period_millis)) for millis, text in spans.windows]
    keys: dict[str, dict[int, list[float]]] = {}
    made = events_of(name)

    def run() -> None:
        for body, key, moment in made:
            index = int(moment.timestamp() // seconds)
            buckets = keys.setdefault(key, {})
            bucket = buckets.setdefault(index, [0.0, 0])
            bucket[0] += body["x"]
            bucket[1] += 1
            found: dict[str, float] = {}
            for text, size in sizes:
                total, count = 0.0, 0.0
                for place in range(index - size + 1, index + 1):
                    held = buckets.get(place)
                    if held is not None:
                        total += held[0]
                        count += held[1]
                found[f"n_sum_{text}"] = total
                found[f"n_avg_{text}"] = total / count
            found.update(body)

    return run


def rate(make: Callable[[str], Callable[[], None]], name: str, reps: int) -> float:
    """Events a second, median; what is measured starts empty each time."""
    times = []
    for _ in range(reps):
        run = make(name)
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return EVENTS / median(times)


def main() -> int:
    options = arguments(__doc__ or "")
    figures: dict[str, Any] = {}
    for name in WINDOWS:
        figures[f"{name}: ours, events/s"] = rate(ours, name, options.reps)
        # with 1440 buckets it is too slow to wait for
        if name != "long":
            figures[f"{name}: simple loop, events/s"] = rate(simple, name, options.reps)
    figures["dense: ours in a graph, events/s"] = rate(in_a_graph, "dense", options.reps)
    figures["dense: running sum, events/s"] = rate(running_sum, "dense", options.reps)
    dense = figures["dense: ours, events/s"]
    figures["dense: ours against running sum"] = dense / figures["dense: running sum, events/s"]
    figures["dense: ours against simple loop"] = dense / figures["dense: simple loop, events/s"]
    bars = {
        "one window, two aggregates >= 50,000 events/s": dense >= 50_000,
        "a window of 1440 buckets costs at most 1.5 times one of 6": (
            figures["long: ours, events/s"] * 1.5 >= dense
        ),
        "one late event in ten costs at most half": figures["late: ours, events/s"] * 2 >= dense,
    }
    theirs = peer(options.peers, STOREY.format(windows=WINDOWS))
    if theirs is not None:
        for name, found in theirs.items():
            figures[f"{name}: storey, events/s"] = found
            figures[f"{name}: ours against storey"] = figures[f"{name}: ours, events/s"] / found
        bars[">= 6 x storey"] = all(figures[f"{name}: ours against storey"] >= 6 for name in theirs)
    return report("windows", figures, bars, options.json)


if __name__ == "__main__":
    sys.exit(main())
