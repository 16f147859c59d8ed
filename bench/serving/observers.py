"""What observers cost when they are on, per event of a graph with five steps.

Expected before measuring: metrics of whole events are five additions and two clock readings, half
a microsecond; a watched step is two calls per observer, a microsecond; a recorded event is a copy
of its body as JSON and one write, five to ten microseconds.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from common import arguments, median, report

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.metrics import Metrics
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.serving.observe.timings import Timings
from mlrun_like.serving.observe.tracing import Tracing
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.server import GraphServer

COUNT, STEPS = 20_000, 5
SHORT = 2_000
BODY = {"user": "u1", "amount": 12.5, "items": [1, 2, 3], "where": {"lat": 1.5, "lon": 2.5}}


def work(body: Any) -> Any:
    """A step that does nothing, so that only the engine is measured."""
    return body


def server(*observers: Observer) -> GraphServer:
    graph = flow()
    step = graph.to(work, "s0")
    for number in range(1, STEPS):
        step = step.to(work, f"s{number}")
    made = graph.to_mock_server()
    if observers:
        made.observe(*observers)
    return made


def per_event(made: GraphServer, count: int = COUNT) -> float:
    """Microseconds an event; `run` makes the Event, as servers do."""
    begin = time.perf_counter()
    for _ in range(count):
        made.run(Event(BODY))
    return (time.perf_counter() - begin) / count * 1e6


def pair(metrics: Metrics) -> float:
    """Microseconds of begin and end alone."""
    event, response = Event(), Response(1)
    begin = time.perf_counter()
    for _ in range(SHORT):
        metrics.begin(event)
        metrics.end(event, response, None)
    return (time.perf_counter() - begin) / SHORT * 1e6


def main() -> int:
    """Measure all, interleaved, and report medians."""
    args = arguments(__doc__ or "")
    folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    disk = tempfile.mkdtemp()
    kinds: dict[str, Callable[[], GraphServer]] = {
        "no observer": lambda: server(),
        "an observer that does nothing, events": lambda: server(_Nothing(steps=False)),
        "an observer that does nothing, steps": lambda: server(_Nothing(steps=True)),
        "metrics, events": lambda: server(Metrics(steps=False)),
        "metrics, events, shared by workers": lambda: server(Metrics(folder, steps=False)),
        "metrics, events and 5 steps": lambda: server(Metrics()),
        "timings, events and 5 steps": lambda: server(Timings()),
        "tracing without an SDK, 5 steps": lambda: server(Tracing()),
        "recording 1 %": lambda: server(Recorder(disk, sample=0.01)),
        "recording all": lambda: server(Recorder(disk)),
        "recording all with 5 steps": lambda: server(Recorder(disk, steps=True)),
    }
    servers = {name: make() for name, make in kinds.items()}
    times: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(args.reps):
        for name, made in servers.items():
            few = COUNT // 5 if name.startswith(("recording a", "tracing")) else COUNT
            times[name].append(per_event(made, few))
    # The least of many short runs: what other processes take is not the observer's.
    alone = min(pair(Metrics(steps=False)) for _ in range(10 * args.reps))
    found = {name: median(values) for name, values in times.items()}
    base = found["no observer"]
    figures: dict[str, Any] = {f"{name}, µs more": value - base for name, value in found.items()}
    figures = {"no observer, µs": base, **dict(list(figures.items())[1:])}
    figures["begin and end of metrics alone, µs"] = alone
    begin = time.perf_counter()
    size = len(servers["metrics, events, shared by workers"].observers[0].render())  # type: ignore[attr-defined]
    figures[f"a scrape of {size} bytes, ms"] = (time.perf_counter() - begin) * 1e3
    for made in servers.values():
        made.close()
    shutil.rmtree(folder)
    shutil.rmtree(disk)
    bars = {
        "metrics of an event < 1 µs": alone < 1,
        "recording 1 % < 2 µs an event": found["recording 1 %"] - base < 2,
    }
    return report("observers", figures, bars, args.json)


class _Nothing(Observer):
    def __init__(self, *, steps: bool) -> None:
        self.steps = steps


if __name__ == "__main__":
    sys.exit(main())
