"""A process that starts writers and kills them at random moments, until they are done.

Reads a JSON document: for each order the target, its job, how many chunks, how often to kill at
least, and a seed. Prints how often it killed, and how many feeds came to their end.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from typing import Any

import pandas as pd

from mlrun_like.configuration import config
from mlrun_like.feature_store.targets import WriteJob, get_target_driver

START = pd.Timestamp("2024-01-31T22:00:00Z")
ROWS = 7


def frame(chunk: int) -> Any:
    """The rows of a chunk."""
    numbers = range(chunk * ROWS, (chunk + 1) * ROWS)
    return pd.DataFrame(
        {
            "key": list(numbers),
            "time": [START + pd.Timedelta(hours=number) for number in numbers],
            "group": [f"g{number % 3}" for number in numbers],
            "number": list(numbers),
        }
    )


def write(document: dict[str, Any]) -> None:
    """Write from where the target is."""
    target = get_target_driver(document["target"])
    job = document["job"]
    made = WriteJob(**{**job, "entities": tuple(job["entities"]),
                       "merge": tuple(job.get("merge", ()))})  # fmt: skip
    with target.writer(made) as writer:
        for chunk in range(int(writer.position() or 0), document["chunks"]):
            writer.write(frame(chunk))
            writer.commit(str(chunk + 1))
        writer.finish()


def kill(document: dict[str, Any]) -> dict[str, int]:
    """Fork, kill, and again, until a writer comes to its end undisturbed."""
    chance = random.Random(document["seed"])
    kills, feeds, span = 0, 1, 0.03
    while True:
        child = os.fork()
        if not child:
            status = 1
            try:
                write(document)
                status = 0
            finally:
                os._exit(status)
        if kills < document["kills"]:
            time.sleep(chance.random() * span)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            span *= 1.2  # each gets further, on a slow machine too
        elif status:
            sys.exit(f"a writer failed after {kills} kills: {document}")
        elif kills < document["kills"]:
            document["job"]["feed"] += "+"  # done too early: one more feed
            feeds += 1
        else:
            return {"kills": kills, "feeds": feeds}


def main() -> None:
    """All orders, one after the other."""
    orders = json.loads(sys.stdin.read())
    config.home = orders["home"]
    sys.stdout.write(json.dumps([kill(order) for order in orders["orders"]]))


if __name__ == "__main__":
    main()
