"""The format of a key's windows as bytes.

Version 1, all little-endian: `W`, version (u8), features (u16); of each feature a header of 32
bytes (crc32 of its name u32, statistics as bits u16, flags u16, period in ms f64, newest bucket i64
or -2**63, rows u32, bytes of further data u32), the rows' distance from the newest bucket (i32
each, ascending by bucket), one column of f64 per statistic, JSON of user-defined aggregates; at the
end the crc32 of all. A bucket with count, sum and max has 28 bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.stats import Columns, Floats, Ints
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = [
    "NO_HEAD",
    "Part",
    "columns_of",
    "feature_id",
    "join_features",
    "pack",
    "part_at",
    "places",
    "split_features",
]

NO_HEAD = -(2**63)
"""The newest bucket of windows that never saw a time."""
_START = struct.Struct("<cBH")
_HEADER = struct.Struct("<IHHdqII")
_CRC = struct.Struct("<I")
_BITS: Mapping[str, int] = {name: 1 << place for place, name in enumerate(Bucket.NAMES)}
_NAMES_OF: dict[int, tuple[str, ...]] = {}
_MASKS: dict[tuple[str, ...], int] = {}
_CRCS: dict[str, int] = {}


class Part(NamedTuple):
    """One feature in a blob."""

    head: int
    bucket: Ints
    """Numbers of buckets, ascending."""
    names: tuple[str, ...]
    table: Floats
    """A row per statistic in `names`, a column per bucket."""
    extra: bytes
    """User-defined aggregates as JSON: per bucket a dictionary."""


def feature_id(name: str) -> int:
    """What a feature is called in a blob: the crc32 of its name."""
    found = _CRCS.get(name)
    if found is None:
        found = _CRCS[name] = zlib.crc32(name.encode())
    return found


def _names(mask: int) -> tuple[str, ...]:
    found = _NAMES_OF.get(mask)
    if found is None:
        found = tuple(name for name, bit in _BITS.items() if mask & bit)
        _NAMES_OF[mask] = found
    return found


def _mask(names: tuple[str, ...]) -> int:
    found = _MASKS.get(names)
    if found is None:
        found = _MASKS[names] = sum(_BITS[name] for name in names)
    return found


def pack(layout: Layout, head: int, bucket: Ints, columns: Columns, extra: bytes = b"") -> bytes:
    """One feature's part of a blob; `join_features` makes the blob."""
    mask = _mask(tuple(columns))
    header = _HEADER.pack(
        feature_id(layout.name), mask, 0, layout.period, head, len(bucket), len(extra)
    )
    back = (bucket - head).astype("<i4").tobytes() if len(bucket) else b""
    parts = [columns[name].astype("<f8", copy=False).tobytes() for name in _names(mask)]
    return b"".join([header, back, *parts, extra])


def join_features(parts: Sequence[bytes]) -> bytes:
    """The blob of the parts that `pack` gave."""
    body = b"".join([_START.pack(b"W", 1, len(parts)), *parts])
    return body + _CRC.pack(zlib.crc32(body))


def _damaged(why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the stored windows of a key are damaged: {why}",
        fix="delete the key's windows, or ingest again with overwrite=True",
    )


def places(blob: bytes) -> dict[int, tuple[tuple[Any, ...], int]]:
    """By the name's crc32: the header, and where what follows it begins."""
    end = len(blob) - _CRC.size
    if end < _START.size or blob[:1] != b"W":
        raise _damaged(f"{len(blob)} bytes that are not windows")
    if blob[1] != 1:
        raise InvalidArgumentError(
            f"the stored windows of a key have format {blob[1]}, this version reads 1",
            fix="use the version that wrote them, or ingest again with overwrite=True",
        )
    if zlib.crc32(memoryview(blob)[:end]) != _CRC.unpack_from(blob, end)[0]:
        raise _damaged("the checksum is wrong")
    found = {}
    place = _START.size
    for _ in range(_START.unpack_from(blob)[2]):
        if place + _HEADER.size > end:
            raise _damaged("a feature is missing")
        header = _HEADER.unpack_from(blob, place)
        place += _HEADER.size
        found[header[0]] = (header, place)
        place += header[5] * (4 + 8 * header[1].bit_count()) + header[6]
    if place != end:
        raise _damaged(f"{end} bytes instead of {place}")
    return found


def columns_of(
    blob: bytes, found: tuple[tuple[Any, ...], int], layout: Layout
) -> tuple[int, Any, tuple[str, ...], Floats, bytes]:
    """The newest bucket, the rows' distances from it, names and values of columns, JSON."""
    (_, mask, _, period, head, rows, more), place = found
    if period != layout.period:
        raise InvalidArgumentError(
            f"the windows of feature {layout.name!r} are stored in periods of {period:.12g} ms, "
            f"not {layout.period:.12g} ms",
            fix="use the same windows and period as before, or another name",
        )
    names = _names(mask)
    wanted = _mask(layout.needs)
    if rows and wanted & mask != wanted:
        missing = _names(wanted & ~mask)
        raise InvalidArgumentError(
            f"the windows of feature {layout.name!r} were stored without {missing[0]!r}",
            fix="name a new aggregation for further operations, or ingest again with "
            "overwrite=True",
        )
    back = np.frombuffer(blob, "<i4", rows, place)
    place += 4 * rows
    table = np.frombuffer(blob, "<f8", rows * len(names), place).reshape(len(names), rows)
    place += 8 * rows * len(names)
    return head, back, names, table, blob[place : place + more]


def part_at(blob: bytes, found: tuple[tuple[Any, ...], int], layout: Layout) -> Part:
    """A feature's part, from its place in the blob."""
    head, back, names, table, extra = columns_of(blob, found, layout)
    return Part(head, back.astype(np.int64) + head, names, table, extra)


def split_features(blob: bytes, layouts: Sequence[Layout]) -> list[Part | None]:
    """The part of each feature in a blob; None: it has none.

    Raises:
        InvalidArgumentError: if it is damaged, of another version, or was stored with another
            period or without an aggregate that is wanted.
    """
    found = places(blob)
    held = [found.get(feature_id(layout.name)) for layout in layouts]
    return [
        None if item is None else part_at(blob, item, layout)
        for item, layout in zip(held, layouts, strict=True)
    ]
