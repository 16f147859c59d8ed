"""A controller pass over many endpoints, and kill -9 in the middle of it.

    python bench/monitoring/controller.py [--endpoints 1000] [--windows 24] [--store URL]

Bar: 1,000 endpoints x 24 windows of 60 requests with 20 features, the histogram drift application,
in less than 30 s on two cores (two controllers); each window's result exactly once although
controllers are killed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.artifacts.preview import statistics
from mlrun_like.configuration import config
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.registering import enable
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["main"]

FEATURES = [f"f{number}" for number in range(20)]
PERIOD, ROWS = 600.0, 60


def make(endpoints: int, windows: int) -> None:
    """Fill a store."""
    rng = np.random.default_rng(1)
    stats = statistics(pd.DataFrame(rng.normal(size=(2000, len(FEATURES))), columns=FEATURES))
    store = open_store()
    enable("bench", PERIOD / 60, applications=["histogram-data-drift"])
    waiting: list[SeriesBatch] = []
    count = windows * ROWS
    for number in range(endpoints):
        endpoint = ModelEndpoint()
        endpoint.metadata.project, endpoint.metadata.uid = "bench", f"endpoint-{number:05}"
        endpoint.metadata.name = f"model-{number}"
        endpoint.spec.feature_names, endpoint.spec.label_names = list(FEATURES), ["y"]
        endpoint.status.feature_stats = stats
        store.store_endpoint(endpoint.to_dict())
        times = np.sort(rng.uniform(0, windows * PERIOD, count))
        table: dict[str, Any] = {
            "event_id": [f"{number}-{row}" for row in range(count)],
            "row": np.zeros(count, "int32"),
            "time": times,
            "latency_us": np.full(count, 900),
            "operation": ["infer"] * count,
            "status": ["ok"] * count,
        }
        for name in ("error_kind", "error", "extra"):
            table[name] = pa.nulls(count, pa.string())
        for name in FEATURES:
            table[f"f:{name}"] = rng.normal(size=count)
        table["p:y"] = rng.integers(0, 2, count)
        made, body = pa.table(table), io.BytesIO()
        with pa.ipc.new_stream(body, made.schema) as writer:
            writer.write_table(made)
        waiting.append(
            SeriesBatch(
                "bench",
                endpoint.metadata.uid,
                "events",
                uuid.uuid4().hex,
                float(times[0]),
                float(times[-1]),
                count,
                body.getvalue(),
                {"requests": count},
            )
        )
        if len(waiting) == 50 or number == endpoints - 1:
            store.append_batches(waiting)
            waiting = []


def controllers(now: float, count: int) -> list[int]:
    """Start controllers in processes of their own."""
    children = []
    for _ in range(count):
        child = os.fork()
        if not child:
            try:
                controller_pass("bench", now)
            finally:
                os._exit(0)
        children.append(child)
    return children


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--controllers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--store", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        config.home = home
        if given.store:
            config.dbpath = given.store
        make(given.endpoints, given.windows)
        now = given.windows * PERIOD + 100
        chance = random.Random(5)
        for _ in range(given.kills):
            for child in controllers(now, given.controllers):
                time.sleep(chance.uniform(0.1, 0.8))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        store = open_store()
        for name, (owner, _) in store.read_leases("windows/").items():
            store.release_leases([name], owner)
        before = len(store.list_windows("bench"))
        close_stores()
        begun = time.perf_counter()
        for child in controllers(now, given.controllers):
            os.waitpid(child, 0)
        seconds = time.perf_counter() - begun
        store = open_store()
        windows = len(store.list_windows("bench"))
        told = {
            "endpoints": given.endpoints,
            "windows": windows - before,
            "all_windows": windows,
            "results": len(store.list_results("bench", name="general_drift")),
            "seconds": round(seconds, 2),
            "ms_per_window": round(seconds / max(1, windows - before) * 1000, 3),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        close_stores()
    wanted = given.endpoints * given.windows
    if windows != wanted or told["results"] != wanted:
        raise SystemExit(f"{windows} windows and {told['results']} results, not {wanted}")


if __name__ == "__main__":
    main()
