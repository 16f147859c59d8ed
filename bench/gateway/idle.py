"""Memory of 20 deployed functions that nobody calls.

All processes of the gateway are counted: the holder, the gateway, the processes that workers are
forked from, and the children that wait for the next order. `unique` is what no other process has
(private pages); `PSS` also counts a part of each page that is shared. Half of the functions use
numpy, pandas, scikit-learn and a model. Each was called, so that it was awake once.

Expected before measuring: a process with these libraries has 110 MB, and there is one of them
however many functions there are; a gateway and a holder of 40 and 15 MB come to it.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from cold import ROWS, train
from rig import (
    ECHO,
    MODEL,
    Rig,
    arguments,
    exchange,
    gateway,
    head,
    memory_of,
    name_of,
    report,
)

COUNT = 20


def total(rig: Rig) -> tuple[float, float, dict[str, float]]:
    """Megabytes of all processes: unique, PSS; and unique ones by name."""
    unique = pss = 0.0
    rows: dict[str, float] = {}
    for pid in rig.processes():
        found = memory_of(pid)
        mine = found.get("Private", 0) / 1024
        unique, pss = unique + mine, pss + found.get("Pss", 0) / 1024
        name = name_of(pid)
        rows[name] = rows.get(name, 0.0) + mine
    return unique, pss, rows


def call(rig: Rig, number: int) -> None:
    """Wake a function."""
    body = {"rows": ROWS} if number % 2 else {"values": [1, 2, 3]}
    with socket.create_connection(rig.address, 60) as sock:
        request = head(f"/default/idle-{number}/", json.dumps(body).encode())
        status, answer = exchange(sock, request)
    assert status == 200, answer


def main() -> int:
    """Measure and compare."""
    args = arguments(__doc__ or "")
    with gateway() as rig:
        model = rig.folder / "model.joblib"
        train(model)
        empty = total(rig)[0]
        for number in range(COUNT):
            code = MODEL.format(model=model) if number % 2 else ECHO
            rig.deploy(f"idle-{number}", code, {"idle_timeout": 5.0, "scale_down_delay": 1.0})
            call(rig, number)
        for number in range(COUNT):
            rig.until_asleep(f"idle-{number}")
        time.sleep(1.0)
        unique, pss, rows = total(rig)
        for number in range(COUNT):
            rig.client.scale(f"default/idle-{number}", 1, 4)
        for number in range(COUNT):
            call(rig, number)
        time.sleep(1.0)
        kept, kept_pss, _ = total(rig)
    figures = {
        "a gateway without functions, unique MB": empty,
        f"{COUNT} asleep, unique MB": unique,
        f"{COUNT} asleep, PSS MB": pss,
        **{f"  {name}, unique MB": value for name, value in rows.items()},
        f"{COUNT} with one idle replica each, unique MB": kept,
        f"{COUNT} with one idle replica each, PSS MB": kept_pss,
    }
    bars = {f"{COUNT} idle functions <= 300 MB": max(unique, pss) <= 300}
    return report("gateway: memory", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
