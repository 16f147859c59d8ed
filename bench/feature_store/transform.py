"""The steps of a feature set over a chunk: what the executor adds, and rows a second.

Expected before measuring: steps that take frames cost what pandas costs, and the executor a part
of a millisecond per chunk; a step that is called row after row costs a dictionary per row and the
call, two to three microseconds with ten columns, and one and a half more per column of times, each
of which is a Timestamp.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from common import arguments, median, report

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Entity
from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.steps.dates import DateExtractor
from mlrun_like.feature_store.steps.map_values import MapValues
from mlrun_like.feature_store.steps.numbers import Ratio
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.maps import Filter

ROWS = 100_000


class Nothing(MLRunStep):
    vectorised = True

    def _do_storey(self, event: Any) -> Any:
        return event

    def _do_pandas(self, event: Any) -> Any:
        return event


def transformed(*steps: Any) -> Any:
    made = FeatureSet("bench", entities=[Entity("key")], timestamp_key="at")
    at: Any = made.graph
    for number, step in enumerate(steps):
        at = at.to(step, f"s{number}")
    return compile_transform(made)


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main() -> int:
    options = arguments(__doc__ or "")
    chance = np.random.default_rng(1)
    numbers: dict[str, Any] = {"key": np.arange(ROWS) % 1000, "x": np.arange(ROWS)}
    numbers |= {f"c{place}": chance.random(ROWS) for place in range(8)}
    frame = pd.DataFrame(numbers)
    timed = frame.assign(at=pd.date_range("2024-01-01", periods=ROWS, freq="s"))
    words = frame.assign(word=chance.choice(["a", "b", "c"], ROWS))
    cases: dict[str, tuple[Any, pd.DataFrame]] = {
        "nothing": (transformed(Nothing(), Nothing(), Nothing()), frame),
        "a lambda": (transformed(lambda event: event), frame),
        "a lambda, with times": (transformed(lambda event: event), timed),
        "5 lambdas": (transformed(*(lambda event: event for _ in range(5))), frame),
        "a filter": (transformed(Filter(lambda event: event["x"] % 2)), frame),
        "dates": (transformed(DateExtractor(["hour", "day_of_week"])), timed),
        "map values": (transformed(MapValues({"word": {"a": "A"}}, True)), words),
        "ratio": (transformed(Ratio("x", "c0")), frame),
    }
    figures: dict[str, Any] = {}
    taken: dict[str, float] = {}
    for name, (transform, rows) in cases.items():
        transform.run(rows)
        count = options.reps * (20 if name == "nothing" else 1)
        taken[name] = median([seconds(partial(transform.run, rows)) for _ in range(count)])
        if name != "nothing":
            figures[f"{name}: rows/s"] = round(ROWS / taken[name])
    figures["3 steps that do nothing: ms/chunk"] = round(taken["nothing"] * 1e3, 3)
    with transformed(lambda event: event) as transform:
        bodies = [dict(row) for row in frame.head(5000).to_dict("records")]
        taken["event"] = seconds(lambda: [transform.event(Event(body)) for body in bodies])
    figures["single events: us"] = round(taken["event"] / len(bodies) * 1e6, 1)
    bars = {
        "steps that take frames: < 1 ms per chunk": taken["nothing"] < 1e-3,
        "a lambda: > 300,000 rows/s": ROWS / taken["a lambda"] > 300_000,
    }
    missed: int = report("feature_store/transform", figures, bars, options.json)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
