"""Lists of operations: joined before they are written, halved to find a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.specs.run import TERMINAL, TRANSITIONS
from mlrun_like.tracking.operations import Operation

__all__ = ["coalesce", "halves", "splits"]

_PIECE = 1 << 20  # bytes of log in one row


def coalesce(operations: Iterable[Operation]) -> list[Operation]:
    """Join metric points of one run, and neighbouring log bytes of one run, into one operation; of
    the records of one run only the newest is written, if it may follow the others."""
    joined: list[Operation] = []
    runs: dict[tuple[str, str, int], int] = {}
    points: dict[tuple[str, str, int], list[Any]] = {}
    log: dict[str, Any] | None = None
    for kind, payload in operations:
        if kind == "run":
            key = (payload["project"], payload["uid"], payload["iter"])
            place = runs.setdefault(key, len(joined))
            if place < len(joined) and _follows(joined[place][1], payload):
                earlier = joined[place][1]
                both = {
                    **payload,
                    "started": payload["started"] or earlier["started"],
                    "passed": [*earlier.get("passed", ()), earlier],
                }
                # where the first stood: what came after it may need the row
                joined[place] = (kind, both)
                continue
            runs[key] = len(joined)
        elif kind in ("state", "beat"):
            runs.clear()  # what a record of a run does depends on these
        if kind == "metrics":
            run = (payload[0], payload[1], payload[2])
            known = points.get(run)
            if known is None:
                known = points[run] = []
                joined.append(("metrics", [*run, known]))
            known.extend(payload[3])
            continue
        if kind == "log":
            if isinstance(payload["data"], bytearray):
                # joined before, and maybe written under its first piece's name: it must not grow
                log = None
            elif (
                log is not None
                and (log["project"], log["uid"]) == (payload["project"], payload["uid"])
                and len(log["data"]) + len(payload["data"]) <= _PIECE
            ):
                log["data"] += payload["data"]
                continue
            else:
                payload = log = {**payload, "data": bytearray(payload["data"])}
        joined.append((kind, payload))
    return joined


def _follows(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> bool:
    """Whether the later record of a run would just replace the earlier one."""
    before, after = earlier["state"], later["state"]
    return before not in TERMINAL and (after == before or after in TRANSITIONS.get(before, ()))


def splits(operation: Operation) -> bool:
    """Whether an operation can be halved itself."""
    return operation[0] == "metrics" and len(operation[1][3]) > 1


def halves(batch: list[Operation]) -> list[list[Operation]]:
    """A batch, or the points of its only operation, in two parts."""
    if len(batch) > 1:
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]
    kind, (project, uid, iteration, points) = batch[0]
    middle = len(points) // 2
    return [
        [(kind, [project, uid, iteration, part])] for part in (points[:middle], points[middle:])
    ]
