"""Sketches as bytes: a JSON head and arrays of small integers, compressed with zstd."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError

__all__ = ["dense", "pack", "smallest", "sparse", "unpack"]

_MAGIC = b"MLS1"
_LARGEST = 1 << 30
Parts = dict[str, Any]


def smallest(values: Any) -> Any:
    """Whole numbers, 0 or more, in the smallest type that holds them."""
    most = int(values.max()) if len(values) else 0
    for kind in (np.uint8, np.uint16, np.uint32):
        if most <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.uint64)


def sparse(name: str, counts: Any) -> Parts:
    """The counts above 0 and the distances between their places."""
    flat = counts.ravel()
    places = np.flatnonzero(flat)
    steps = np.diff(places, prepend=0)
    return {f"{name}.steps": smallest(steps), f"{name}.values": smallest(flat[places])}


def dense(name: str, parts: Parts, size: int) -> Any:
    """What `sparse` made, as an array of that size."""
    steps, values = parts.get(f"{name}.steps"), parts.get(f"{name}.values")
    found = np.zeros(size, dtype=np.int64)
    if steps is None or values is None or len(steps) != len(values):
        raise _broken(f"its part {name!r} is not whole")
    places = np.cumsum(steps.astype(np.int64))
    if len(places) and (places[-1] >= size or places[-1] < 0):
        raise _broken(f"its part {name!r} is larger than {size}")
    found[places] = values
    return found


def pack(head: dict[str, Any], parts: Parts) -> bytes:
    """One block of bytes."""
    arrays = {name: np.ascontiguousarray(part) for name, part in parts.items()}
    shapes = [[name, one.dtype.str, list(one.shape)] for name, one in arrays.items()]
    text = json.dumps({**head, "parts": shapes}, ensure_ascii=True).encode()
    body = struct.pack("<I", len(text)) + text + b"".join(one.tobytes() for one in arrays.values())
    squeezed: bytes = pa.compress(body, codec="zstd", asbytes=True)
    return _MAGIC + struct.pack("<Q", len(body)) + squeezed


def unpack(data: bytes, sketch: str) -> tuple[dict[str, Any], Parts]:
    """The head and the arrays.

    Raises:
        InvalidArgumentError: if the bytes are no sketch of that kind, or cut off.
    """
    if len(data) < 12 or data[:4] != _MAGIC:
        raise _broken(f"it starts with {bytes(data[:8])!r}")
    (size,) = struct.unpack_from("<Q", data, 4)
    if size > _LARGEST:
        raise _broken(f"it says it has {size:,} bytes")
    try:
        body = pa.decompress(data[12:], decompressed_size=size, codec="zstd", asbytes=True)
        (length,) = struct.unpack_from("<I", body, 0)
        head = json.loads(body[4 : 4 + length])
        at, parts = 4 + length, {}
        for name, kind, shape in head["parts"]:
            count = int(np.prod(shape, dtype=np.int64)) if shape else 1
            part = np.frombuffer(body, np.dtype(kind), count, at)
            parts[name] = part.reshape(shape).copy()
            at += part.nbytes
    except (OSError, ValueError, KeyError, TypeError, struct.error) as exc:
        raise _broken(str(exc)) from exc
    if head.get("sketch") != sketch:
        raise _broken(f"it is a sketch of kind {head.get('sketch')!r}")
    return head, parts


def _broken(why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"these bytes are no such sketch: {why}\nfix: give the bytes that to_bytes() returned"
    )
