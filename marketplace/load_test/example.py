"""Two seconds of load on a server that stands still for a quarter of a second in between."""

from __future__ import annotations

import itertools
import time
from typing import Any

import mlrun_like as ml

REQUESTS = itertools.count()


def answer(body: dict[str, int]) -> dict[str, int]:
    """Answers at once, but for one moment."""
    if next(REQUESTS) == 100:
        time.sleep(0.25)
    return body


if __name__ == "__main__":
    fn: Any = ml.new_function("echo", kind="serving")
    fn.set_topology("flow").to(handler=answer, name="answer").respond()
    params = {"body": {"x": 1}, "rate": 100, "duration": 2, "ramp": 0.5, "max_connections": 1}
    with ml.serving.serve(fn) as server:
        run = ml.import_function("hub://load_test").run(
            params={"endpoint": server.url, **params}, local=True
        )
    for name, value in run.outputs.items():
        print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")
    print(run.artifact("timeline").as_df().round(1))
