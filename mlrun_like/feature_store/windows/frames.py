"""WindowFrames: the windows of many keys, a chunk of rows at a time.

    frames = WindowFrames(aggregators)                  # FieldAggregators, or their form as data
    found = frames.run([frame["user"]], times_us, [frame["amount"]])    # column -> array, per row
    frames.changed()                                    # {("ann",): state bytes}, since last time
    state = frames.state(); WindowFrames(aggregators).restore(state)
    frames.load(read)                # read(list of keys) -> list of state bytes or None: a new key

Rows are taken in the order in which they stand (arrival). The results of a row are those that
`AggregateByKey` would give: the values of earlier rows of its key and its own, in buckets up to its
own. A missing value (NaN, None) only lets time pass. A row that is too old for the windows counts
nowhere and has no aggregates: NaN everywhere, also for count (`late_rows` counts them).

Memory: 8 bytes per statistic and 8 for its number for each bucket with values (32 bytes for sum,
avg, count, max), times 1.2 to 1.8, 50 bytes for a key and feature, and the key itself. Buckets are
kept for twice the longest window: a million keys with 20 such buckets each take 0.9 GB.
User-defined aggregates and distinct_count cost Python objects: 400 bytes per bucket and more.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.blobs import Part, join_features, split_features
from mlrun_like.feature_store.windows.feature import Feature
from mlrun_like.feature_store.windows.keys import Slots
from mlrun_like.feature_store.windows.plain import PlainFeature
from mlrun_like.feature_store.windows.stats import Floats, Ints
from mlrun_like.feature_store.windows.values import numbers_of
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.windows_emission import EmitEveryEvent, emit_policy_of

__all__ = ["WindowFrames"]

Read = Callable[[Sequence[tuple[Any, ...]]], Sequence[bytes | None]]
_STATE = struct.Struct("<4sHI")
_MAGIC = b"WFRM"


class WindowFrames:
    """The windows of all keys of one aggregation step; not for several threads at a time.

    Args:
        aggregators: `FieldAggregator`s, or their form as data (see `aggregators_of`).
        aliases: Other names of columns.

    >>> row = {"name": "n", "column": "x", "operations": ["sum"], "windows": ["1h"]}
    >>> frames = WindowFrames([row])
    >>> found = frames.run([["a", "b", "a"]], np.array([0, 1, 2]), [[1.0, 2.0, 3.0]])
    >>> found["n_sum_1h"].tolist()
    [1.0, 2.0, 4.0]
    """

    def __init__(
        self,
        aggregators: Sequence[FieldAggregator | Mapping[str, Any]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.aggregators = aggregators_of(aggregators)
        self.layouts = [aggregator.layout(aliases) for aggregator in self.aggregators]
        self.late_rows = 0
        """How many rows came too late to be aggregated."""
        self.refused = np.zeros(0, dtype=bool)
        """Which rows of the last chunk did."""
        self._features: list[Feature | PlainFeature] = [
            PlainFeature(layout) if layout.users else Feature(layout) for layout in self.layouts
        ]
        self._slots = Slots()
        self._changed: set[int] = set()
        self._read: Read | None = None

    @staticmethod
    def supported(emit_policy: Any = None) -> bool:
        """Whether frames can do it: only rows that are sent on at once, each.

        >>> WindowFrames.supported({"mode": "maxEvents", "maxEvents": 3})
        False
        """
        return emit_policy is None or isinstance(emit_policy_of(emit_policy), EmitEveryEvent)

    @property
    def columns(self) -> list[str]:
        """The names of the results, in their order."""
        return [name for layout in self.layouts for name in layout.columns()]

    @property
    def nbytes(self) -> int:
        """The memory of all windows (not of the keys themselves)."""
        return sum(feature.nbytes for feature in self._features)

    def __len__(self) -> int:
        """How many keys are known."""
        return len(self._slots)

    def run(self, keys: Sequence[Any], times_us: Ints, values: Sequence[Any]) -> dict[str, Floats]:
        """Take in a chunk of rows in the order of their arrival.

        Args:
            keys: The entity columns: one or more arrays, series or lists.
            times_us: When each row happened, in microseconds since 1970 (UTC).
            values: One column per aggregator, filtered already (see `values_of`).

        Raises:
            InvalidArgumentError: if lengths differ, or a value cannot be aggregated.
        """
        times = np.asarray(times_us, dtype=np.int64)
        rows = len(times)
        if len(values) != len(self.layouts) or not len(keys):
            raise InvalidArgumentError(
                f"windows of {len(self.layouts)} features got {len(values)} columns of values "
                f"and {len(keys)} of keys"
            )
        if any(len(column) != rows for column in [*keys, *values]):
            raise InvalidArgumentError(f"columns of different lengths: {rows} times")
        if not rows:
            self.refused = np.zeros(0, dtype=bool)
            return {name: np.empty(0) for name in self.columns}
        numbers = [
            numbers_of(column, layout.name, layout.hashes)
            for column, layout in zip(values, self.layouts, strict=True)
        ]
        slots = self._slots_of(keys)
        self._changed.update(np.unique(slots).tolist())
        millis = times / 1000.0
        found: dict[str, Floats] = {}
        late = np.zeros(rows, dtype=bool)
        for feature, column in zip(self._features, numbers, strict=True):
            results, refused = feature.run(slots, millis, column)
            found.update(results)
            late |= refused
        self.refused = late
        self.late_rows += int(late.sum())
        return found

    def _slots_of(self, keys: Sequence[Any]) -> Ints:
        slots, fresh = self._slots.of(keys)
        for feature in self._features:
            feature.grow(len(self._slots))
        if len(fresh) and self._read is not None:
            names = [self._slots.key(slot) for slot in fresh]
            blobs = zip(fresh, self._read(names), strict=True)
            self._put([(slot, split_features(blob, self.layouts)) for slot, blob in blobs if blob])
        return slots

    def load(self, read: Read) -> None:
        """Read the windows of keys that are not known here when they first appear.

        Args:
            read: Gives the state bytes of each key, or None.
        """
        self._read = read

    def _put(self, held: Sequence[tuple[int, Sequence[Part | None]]]) -> None:
        for place, feature in enumerate(self._features):
            found = ((slot, parts[place]) for slot, parts in held)
            feature.put([(slot, part) for slot, part in found if part is not None])

    def blob(self, key: tuple[Any, ...]) -> bytes | None:
        """The state bytes of one key; None: it is not known."""
        slot = self._slots.find(key)
        return None if slot is None else self._blob(slot)

    def _blob(self, slot: int) -> bytes:
        return join_features([feature.take(slot) for feature in self._features])

    def changed(self) -> dict[tuple[Any, ...], bytes]:
        """The state bytes of the keys that had rows since the last call."""
        slots, self._changed = sorted(self._changed), set()
        return {self._slots.key(slot): self._blob(slot) for slot in slots}

    def items(self) -> Iterator[tuple[tuple[Any, ...], bytes]]:
        """All keys with their state bytes."""
        return ((self._slots.key(slot), self._blob(slot)) for slot in range(len(self._slots)))

    def state(self) -> bytes:
        """Everything, for `restore`. Keys are text, numbers, datetimes, bytes or None."""
        keys = self._slots.dump()
        parts = [_STATE.pack(_MAGIC, 1, len(self._slots)), struct.pack("<I", len(keys)), keys]
        for _, blob in self.items():
            parts += [struct.pack("<I", len(blob)), blob]
        body = b"".join(parts)
        return body + struct.pack("<I", zlib.crc32(body))

    def restore(self, state: bytes) -> None:
        """Take over what `state` gave, instead of what is here.

        Raises:
            InvalidArgumentError: if it is damaged, or of windows with another period.
        """
        end = len(state) - 4
        try:
            magic, version, count = _STATE.unpack_from(state)
            if magic != _MAGIC or zlib.crc32(memoryview(state)[:end]) != _crc(state, end):
                raise struct.error("the checksum is wrong")
            place = _STATE.size
            blobs = []
            for _ in range(count + 1):
                (length,) = struct.unpack_from("<I", state, place)
                blobs.append(state[place + 4 : place + 4 + length])
                place += 4 + length
        except struct.error as exc:
            raise InvalidArgumentError(f"the stored windows are damaged: {exc}") from exc
        if version != 1 or place != end:
            raise InvalidArgumentError(f"the stored windows have format {version}, not 1")
        slots = Slots.load(blobs[0], count)
        parts = [(slot, split_features(blob, self.layouts)) for slot, blob in enumerate(blobs[1:])]
        self._slots, self._changed = slots, set()
        for feature in self._features:
            feature.clear()
            feature.grow(count)
        self._put(parts)

    def frame(self, found: Mapping[str, Floats], index: pd.Index | None = None) -> pd.DataFrame:
        """Results as a frame."""
        return pd.DataFrame(dict(found), index=index)


def _crc(state: bytes, end: int) -> int:
    return int(struct.unpack_from("<I", state, end)[0])
