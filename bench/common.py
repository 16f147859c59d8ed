"""Shared by all benchmarks: repeated timing, peers in their own interpreter, one way to report.

Figures are medians on a machine that others may use too, so each script measures its limit or its
peers in the same run and reports ratios. Peers are optional: name an interpreter that has them with
`--peers /path/to/python` (`make bench` makes one).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# An environment that forbids byte code would charge every process start with compiling.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def arguments(description: str, **extra: Any) -> argparse.Namespace:
    """Parse `--peers`, `--reps`, `--json` and the script's own options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--json", default="", help="also append the record to this file")
    for name, options in extra.items():
        parser.add_argument("--" + name.replace("_", "-"), **options)
    return parser.parse_args()


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median(values: list[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def process_ms(code: str, reps: int, python: str = sys.executable) -> float:
    """Median wall time of `python -c code`, after one run that warms caches."""
    times = []
    for number in range(reps + 1):
        start = time.perf_counter()
        subprocess.run([python, "-c", code], check=True, capture_output=True)
        if number:
            times.append((time.perf_counter() - start) * 1e3)
    return median(times)


def peer(python: str, code: str, *, timeout: float = 600) -> dict[str, Any] | None:
    """Run a peer's code in its interpreter; it prints one JSON line. None if it is not there."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=timeout
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        sys.stderr.write(f"peer left out: {reason}\n")
        return None
    return dict(json.loads(lines[-1]))


def report(name: str, figures: dict[str, Any], bars: dict[str, bool], file: str = "") -> int:
    """Print figures and which bars were cleared; returns 1 if one was missed."""
    width = max(map(len, figures))
    sys.stdout.write(f"{name}\n")
    for key, value in figures.items():
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        sys.stdout.write(f"  {key:<{width}}  {text}\n")
    for key, cleared in bars.items():
        sys.stdout.write(f"  {'cleared' if cleared else 'MISSED '}  {key}\n")
    if file:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"bench": name, **figures, "bars": bars}) + "\n")
    return 0 if all(bars.values()) else 1
