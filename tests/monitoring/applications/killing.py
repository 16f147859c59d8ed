"""Controllers that are killed at random moments, two at a time: `SEED KILLS`.

Prints a JSON line: how many were killed, in how many rounds after they had written something, what
was there before the last one finished, and whether a number that was there ever changed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.tracking.connect import open_store

NOW = 100_000.0


def _start() -> int:
    child = os.fork()
    if not child:
        try:
            controller_pass("p", NOW)
        finally:
            os._exit(0)
    return child


def _numbers() -> dict[tuple[str, str, float], float]:
    rows = open_store().list_results("p", name="token")
    return {(row.endpoint, row.application, row.end): row.value for row in rows}


def _runs(child: int) -> bool:
    """Whether a child has not ended; it stays to be waited for."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, child, flags) is None


def _free() -> None:
    """What a killed controller had claimed is free when its lease ends; here at once."""
    store = open_store()
    for name, (owner, _) in store.read_leases("windows/").items():
        store.release_leases([name], owner)


def main() -> None:
    """Start, kill, look; then let one controller finish."""
    chance = random.Random(int(sys.argv[1]))
    known: dict[tuple[str, str, float], float] = {}
    changed = killed = midway = 0
    for _ in range(int(sys.argv[2])):
        children = [_start(), _start()]
        # they die after something of theirs is written and before all is: a moment after that,
        # which lies anywhere between two transactions, or in one
        while len(_numbers()) == len(known) and any(map(_runs, children)):
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.15))
        for child in children:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            killed += os.WIFSIGNALED(status)
        found = _numbers()
        changed += sum(found.get(key) != value for key, value in known.items())
        midway += len(known) < len(found)
        known = found
        _free()
    before = len(known)
    controller_pass("p", NOW)
    found = _numbers()
    changed += sum(found.get(key) != value for key, value in known.items())
    told = {
        "killed": killed, "midway": midway, "changed": changed, "before": before,
        "after": len(found),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
