"""Queued operations on the wire: `[kind, payload]`, where bytes are base64 and numbers are numbers.

Whoever records something gets an operation that cannot be written back at once, as one that a
database refuses; the others go on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from mlrun_like.tracking.operations import Operation

__all__ = ["batch_body", "operation_text"]

_PUT = json.JSONEncoder(separators=(",", ":")).encode


def operation_text(operation: Operation) -> bytes:
    """One operation as JSON.

    Raises:
        TypeError: if a value in it cannot be JSON, or is no number where one must be.
        ValueError: the same.

    >>> operation_text(("metrics", ("p", "u", 0, [("loss", 1, 0, 0.5)])))
    b'["metrics",["p","u",0,[["loss",1.0,0,0.5]]]]'
    """
    kind, payload = operation
    if kind == "metrics":
        project, uid, iteration, points = payload
        payload = [project, uid, iteration, [_point(point) for point in points]]
    elif kind == "log":
        payload = {**payload, "data": base64.b64encode(payload["data"]).decode("ascii")}
    return _PUT([kind, payload]).encode("ascii")


def _point(point: Any) -> tuple[str, float, int, float]:
    key, value, step, moment = point
    return str(key), float(value), int(step), float(moment)


def batch_body(batch: str, operations: Sequence[bytes], durable: bool, sent: float) -> bytes:
    """The body of a request that delivers operations.

    Args:
        batch: Its id.
        operations: What `operation_text` made.
        durable: Whether the service answers only when a disk has it.
        sent: When, by this machine's clock: the service sees by it how wrong that goes.

    >>> batch_body("b1", [b'["beat",{}]'], True, 5.0)
    b'{"batch":"b1","durable":true,"sent":5.0,"operations":[["beat",{}]]}'
    """
    head = _PUT({"batch": batch, "durable": durable, "sent": sent}).encode("ascii")
    return head[:-1] + b',"operations":[' + b",".join(operations) + b"]}"
