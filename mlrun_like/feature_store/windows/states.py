"""The windows of one key as bytes: for online stores, checkpoints and reading at any moment.

    blob = encode([state, ...])                        # WindowStates, one per feature
    states = decode(blob, layouts)                     # None where the blob has no such feature
    read_at(blob, layouts, millis, closed=False)       # {column: value}; blob None: no windows yet
    merge(blob, more, layouts)                         # what two processes added to one key

`blobs` says what the bytes are. A bucket with count, sum and max has 28 bytes; as many buckets are
kept as twice the longest window has, so 290 at most with 24h in periods of 10m.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlrun_like.feature_store.windows.blobs import (
    NO_HEAD,
    Part,
    columns_of,
    feature_id,
    join_features,
    pack,
    part_at,
    places,
    split_features,
)
from mlrun_like.feature_store.windows.stats import Floats
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["decode", "encode", "merge", "part_of", "read_at", "state_of"]


def state_of(layout: Layout, part: Part) -> WindowState:
    """A state that goes on from what was stored."""
    empty = Bucket()
    table = [
        part.table[part.names.index(name)].tolist() if name in part.names
        else [getattr(empty, name)] * len(part.bucket)
        for name in Bucket.NAMES
    ]  # fmt: skip
    rows: list[list[Any]] = [list(numbers) for numbers in zip(*table, strict=True)]
    if part.extra:
        for row, states in zip(rows, json.loads(part.extra), strict=True):
            row.append(states)
    plain = {
        "period": layout.period,
        "head": None if part.head == NO_HEAD else part.head,
        "buckets": dict(zip(part.bucket.tolist(), rows, strict=True)),
    }
    return WindowState.from_plain(layout, plain)


def part_of(state: WindowState) -> bytes:
    """A state's part of a blob."""
    layout = state.layout
    plain = state.to_plain()
    held = sorted(plain["buckets"].items())
    numbers = np.array([row[:10] for _, row in held], dtype=np.float64).reshape(len(held), 10)
    columns = {name: numbers[:, Bucket.NAMES.index(name)] for name in layout.needs}
    extra = json.dumps([row[10] for _, row in held]).encode() if layout.users else b""
    head = NO_HEAD if state.head is None else state.head
    return pack(layout, head, np.array([index for index, _ in held], np.int64), columns, extra)


def encode(states: Sequence[WindowState]) -> bytes:
    """The bytes of a key's states, one per feature; only what their aggregates need is kept."""
    return join_features([part_of(state) for state in states])


def decode(blob: bytes, layouts: Sequence[Layout]) -> list[WindowState | None]:
    """The states in a blob, in the order of the layouts; None: it has no such feature.

    Raises:
        InvalidArgumentError: see `split_features`.
    """
    return [
        None if part is None else state_of(layout, part)
        for part, layout in zip(split_features(blob, layouts), layouts, strict=True)
    ]


def merge(blob: bytes, more: bytes, layouts: Sequence[Layout]) -> bytes:
    """What two blobs of one key hold together, such as of two processes that added to it.

    Raises:
        InvalidArgumentError: see `split_features`.
    """
    states = []
    for layout, ours, theirs in zip(
        layouts, decode(blob, layouts), decode(more, layouts), strict=True
    ):
        state = ours or WindowState(layout)
        if theirs is not None:
            state.merge(theirs.to_plain())
        states.append(state)
    return encode(states)


def read_at(
    blob: bytes | None, layouts: Sequence[Layout], millis: float, closed: bool = False
) -> dict[str, float]:
    """The aggregates of a key at a moment, as `WindowState.read` gives them.

    Args:
        blob: The key's windows; None: it has none yet, and counts are 0.
        layouts: What is wanted; a feature that the blob does not have has no values.
        millis: The moment, in milliseconds since 1970.
        closed: Fixed windows: those that ended last before it instead of those it is in.

    Returns:
        Values by column; NaN (count: 0) over no values. A moment so far back that its values are
        forgotten has no columns.

    Raises:
        InvalidArgumentError: see `split_features`.
    """
    made: dict[str, float] = {}
    found = {} if blob is None else places(blob)
    for layout in layouts:
        item = found.get(feature_id(layout.name))
        if item is None:
            WindowState(layout).read_into(made, millis, closed)
            continue
        head, back, names, table, _ = columns_of(blob or b"", item, layout)
        index = int(millis // layout.period)
        if head != NO_HEAD and index <= head - layout.longest:
            continue
        if layout.users:
            state_of(layout, part_at(blob or b"", item, layout)).read_into(made, millis, closed)
            continue
        windows = [_EMPTY] * len(layout.sizes)
        if len(back):
            spans = [layout.span(size, index, closed) for size in layout.sizes]
            cuts = back.searchsorted([edge - head for span in spans for edge in span]).tolist()
            for place in range(len(windows)):
                low, end = cuts[2 * place], cuts[2 * place + 1]
                if low < end:
                    windows[place] = _sums(names, table[:, low:end])
        for column, function, place in layout.outputs:
            made[column] = function(windows[place], _EMPTY)
    return made


_EMPTY = Bucket()
_SUMS: dict[tuple[str, ...], int] = {}
"""How many of some statistics are added up; these come first."""
_add, _least, _most = np.add.reduce, np.minimum.reduce, np.maximum.reduce


def _sums(names: tuple[str, ...], held: Floats) -> Bucket:
    """The rows of a window as one bucket."""
    bucket = Bucket()
    sums = _SUMS.get(names)
    if sums is None:
        sums = _SUMS[names] = sum(name in ("count", "sum", "sqr") for name in names)
    for place, value in enumerate(_add(held[:sums], axis=1).tolist()):
        setattr(bucket, names[place], value)
    for place in range(sums, len(names)):
        name, row = names[place], held[place]
        if name == "max":
            value = _most(row)
        elif name == "min":
            value = _least(row)
        elif name == "m2":
            count = held[0]
            distance = held[1] / count - bucket.sum / bucket.count
            value = _add(row + count * distance * distance)
        else:
            value = row[0] if name.startswith("first") else row[-1]
        setattr(bucket, name, float(value))
    return bucket
