"""The program that owns a cluster on this machine: `python -m mlrun_like.runtimes.dask.local_main`.

It reads one line of JSON with the cluster's options, answers with its addresses, then obeys further
lines until its input ends, which also happens when the program that started it dies. A process of
its own keeps the scheduler off the handler's interpreter, and scripts need no `__main__` guard.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from typing import IO, Any

from mlrun_like.registry import require
from mlrun_like.runtimes.child import settle_path

__all__ = ["main", "serve"]


def serve(lines: IO[str], answers: IO[str]) -> None:
    """Make the cluster that the first line asks for, and change it as further lines say."""
    first = lines.readline()
    if not first.strip():
        return
    options = json.loads(first)
    deploy = require("distributed.deploy.local", extra="dask", feature="a local Dask cluster")
    bounds = options.pop("adapt", None)
    with deploy.LocalCluster(**options) as cluster:
        adaptive = cluster.adapt(**_filled(bounds)) if bounds else None
        _answer(answers, {"address": cluster.scheduler_address, "dashboard": _link(cluster)})
        for line in lines:
            order = json.loads(line)
            if adaptive is not None:
                adaptive.stop()
            if "adapt" in order:
                adaptive = cluster.adapt(**_filled(order["adapt"]))
            else:
                adaptive = None
                cluster.scale(order["scale"])
            _answer(answers, {})
        logging.disable(logging.CRITICAL)  # nobody wants to know how the workers end


def _filled(bounds: dict[str, Any]) -> dict[str, int]:
    cores = require("dask.system", extra="dask", feature="a local Dask cluster").CPU_COUNT
    return {**bounds, "maximum": bounds["maximum"] or max(1, bounds["minimum"], cores)}


def _link(cluster: Any) -> str:
    try:
        return str(cluster.dashboard_link)
    except KeyError:  # no web server: an optional package is missing
        return ""


def _answer(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def main() -> None:
    """Serve on standard input and output; what workers print goes to standard error."""
    settle_path()
    with (
        contextlib.suppress(KeyboardInterrupt, BrokenPipeError),  # also when the last line is sent
        os.fdopen(os.dup(1), "w", encoding="utf-8") as answers,
    ):
        os.dup2(2, 1)
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
