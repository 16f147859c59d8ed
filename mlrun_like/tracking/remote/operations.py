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


def batch_body(batch: str, operations: Sequence[bytes], durable: bool) -> bytes:
    """The body of a request that delivers operations.

    >>> batch_body("b1", [b'["beat",{}]'], True)
    b'{"batch":"b1","durable":true,"operations":[["beat",{}]]}'
    """
    head = _PUT({"batch": batch, "durable": durable}).encode("ascii")
    return head[:-1] + b',"operations":[' + b",".join(operations) + b"]}"
