"""Changes and faults under constant load: how many requests failed.

Eight clients ask without a break, four with GET and four with POST, while for `--seconds` each: a
canary takes its steps again and again; blue/green changes; rollbacks there and back; the gateway is
restarted; replicas are killed with SIGKILL. A request has failed if its answer is not 200, or if
the connection broke after it was sent, but for this: a server may end an idle connection at any
time, and every client sends again what went into one that ended before the first byte of an answer
(RFC 9112, section 9.3.1); those are counted in `sent again` and have to be 0 where no gateway ends.

Expected before measuring: none, but POST requests that a killed replica had begun: at most one for
each kill, since a replica works on one request at a time.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from rig import Load, Rig, arguments, gateway, head, percentile, report, wait

from mlrun_like.gateway.control import starting

NAME = "faults"
KEY = f"default/{NAME}"
CODE = """
import time

def handler(context, event):
    time.sleep(0.002)
    return "v{number}"
"""
OPTIONS = {"min_replicas": 2, "max_replicas": 3}


class Trouble:
    """Makes the changes.

    Args:
        rig: The gateway.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.number = 0
        self.count = 0
        self.chance = random.Random(6)

    def deploy(self, **rollout: Any) -> None:
        """Another version."""
        self.number += 1
        self.count += 1
        self.rig.deploy(NAME, CODE.format(number=self.number), OPTIONS, rollout or None)

    def canary(self) -> None:
        """5, 50 and 100 %."""
        self.deploy(strategy="canary", steps=[5, 50, 100], requests=5, seconds=0.5)
        wait(lambda: self.rig.status(NAME)["rollout"] is None)

    def blue_green(self) -> None:
        """All at once, then watched."""
        self.deploy(strategy="blue-green", seconds=0.5)
        wait(lambda: self.rig.status(NAME)["rollout"] is None)

    def rollback(self) -> None:
        """There and back."""
        self.rig.client.rollback(KEY)
        self.count += 1
        time.sleep(0.5)

    def restart(self) -> None:
        """Another gateway process."""
        starting.restart()
        self.count += 1
        time.sleep(1.0)

    def kill(self) -> None:
        """Kill one replica."""
        status = self.rig.status(NAME)
        rows = [
            row for one in status["versions"] for row in one.get("pool", {}).get("replicas", ())
        ]
        ready = [row["pid"] for row in rows if row["state"] == "ready" and row["pid"]]
        if len(ready) > 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(ready), signal.SIGKILL)
                self.count += 1
        time.sleep(0.3)


def under_load(rig: Rig, what: Callable[[], None], seconds: float) -> tuple[Load, Load]:
    """Make trouble again and again while clients ask."""
    get = Load(rig.address, head(f"/{KEY}/", method="GET"), 4)
    post = Load(rig.address, head(f"/{KEY}/", b'{"x": 1}'), 4)
    with get, post:
        time.sleep(0.5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            what()
        time.sleep(0.5)
    return get, post


def main() -> int:
    """Measure and judge."""
    args = arguments(
        __doc__ or "",
        seconds={"type": float, "default": 60.0, "help": "of each kind of trouble"},
        only={"default": "", "help": "one kind"},
    )
    figures: dict[str, Any] = {}
    bars: dict[str, bool] = {}
    with gateway() as rig:
        trouble = Trouble(rig)
        trouble.deploy()
        trouble.deploy()
        kinds = {
            "canary": trouble.canary,
            "blue/green": trouble.blue_green,
            "rollback": trouble.rollback,
            "restart": trouble.restart,
            "kill -9": trouble.kill,
        }
        for name, what in kinds.items():
            if args.only and name != args.only:
                continue
            trouble.count = 0
            get, post = under_load(rig, what, args.seconds)
            failures = get.failures + post.failures
            lost = [row for row in post.failures if "worker_lost" in row]
            again, times = get.again + post.again, get.times + post.times
            figures[f"{name}: times"] = trouble.count
            figures[f"{name}: requests"] = get.total + post.total
            figures[f"{name}: failed"] = len(failures)
            figures[f"{name}: sent again"] = again
            figures[f"{name}: p50, p99, slowest, ms"] = ", ".join(
                f"{value * 1e3:.1f}"
                for value in (percentile(times, 0.5), percentile(times, 0.99), max(times))
            )
            for text in sorted(set(failures))[:5]:
                figures[f"{name}: {failures.count(text)} x"] = text
            if name == "kill -9":
                bars["kill -9: only POSTs that a killed replica had begun"] = (
                    failures == lost and len(lost) <= trouble.count
                )
            else:
                bars[f"{name}: none failed"] = not failures
            if name != "restart":
                bars[f"{name}: no connection ended"] = not again
            bars[f"{name}: it did happen"] = trouble.count > 0 and get.total > 0 and post.total > 0
    return report("gateway: changes and faults under load", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
