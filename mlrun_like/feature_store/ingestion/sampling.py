"""Rows kept of a stream of frames: the same rows, however the stream is cut into frames.

Each row has a number, and the number a random-looking hash (splitmix64, Steele and others, "Fast
Splittable Pseudorandom Number Generators", 2014). The rows with the smallest hashes are kept. Which
they are depends on the numbers alone.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["RowSample", "row_hashes"]


def row_hashes(start: int, count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Hashes of the row numbers `start` to `start + count - 1`."""
    with np.errstate(over="ignore"):
        x = np.arange(start, start + count, dtype=np.uint64)
        x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


class RowSample:
    """At most `size` rows of all that were added.

    Args:
        size: Rows to keep.

    >>> sample = RowSample(2)
    >>> sample.add(pd.DataFrame({"x": range(100)}))
    >>> other = RowSample(2)
    >>> other.add(pd.DataFrame({"x": range(60)})); other.add(pd.DataFrame({"x": range(60, 100)}))
    >>> sample.frame()["x"].tolist() == other.frame()["x"].tolist(), sample.seen
    (True, 100)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen = 0
        self._frames: list[pd.DataFrame] = []
        self._hashes: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self._kept = 0
        self._worst: np.uint64 | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Rows that come next; their index is not kept."""
        hashes = row_hashes(self.seen, len(frame))
        self.seen += len(frame)
        if self._worst is not None:
            chosen = np.flatnonzero(hashes < self._worst)
        elif len(hashes) > self.size:
            chosen = np.sort(np.argpartition(hashes, self.size - 1)[: self.size])
        else:
            chosen = np.arange(len(hashes))
        if len(chosen) == 0 and self._frames:
            return
        if len(chosen) < len(frame):
            frame = frame.take(chosen)
        self._frames.append(frame.reset_index(drop=True))
        self._hashes.append(hashes[chosen])
        self._kept += len(chosen)
        if self._kept >= 2 * self.size or (self._worst is None and self._kept >= self.size):
            self._prune()

    def _prune(self) -> None:
        hashes = np.concatenate(self._hashes) if self._hashes else np.zeros(0, np.uint64)
        frame = _joined(self._frames)
        if len(hashes) > self.size:
            chosen = np.sort(np.argpartition(hashes, self.size - 1)[: self.size])
            hashes, frame = hashes[chosen], frame.take(chosen).reset_index(drop=True)
        if len(hashes) >= self.size:
            self._worst = hashes.max()
        self._frames, self._hashes, self._kept = [frame], [hashes], len(hashes)

    def frame(self) -> pd.DataFrame:
        """The kept rows, in their order."""
        self._prune()
        return self._frames[0]

    def first(self, count: int) -> pd.DataFrame:
        """Of the kept rows `count` at random, in their order; again the same whatever the cuts."""
        frame = self.frame()
        if len(frame) <= count:
            return frame
        return frame.take(np.sort(np.argsort(self._hashes[0])[:count]))

    def dump(self) -> bytes:
        """Everything, as bytes for `load`."""
        frame = self.frame()
        plain = {f"c{i}": _plain(frame.iloc[:, i]) for i in range(frame.shape[1])}
        table = pa.table({**plain, "hash": self._hashes[0]})
        names = "\0".join(str(name) for name in frame.columns)
        meta = {"seen": str(self.seen), "names": names, "columns": str(frame.shape[1])}
        target = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(meta), target)
        return target.getvalue()

    def load(self, data: bytes) -> None:
        """Be what another sample was when it was dumped."""
        table = pq.read_table(io.BytesIO(data))
        meta = table.schema.metadata or {}
        names = meta[b"names"].decode().split("\0") if meta[b"columns"] != b"0" else []
        self.seen = int(meta[b"seen"])
        frame = table.drop_columns(["hash"]).to_pandas()
        frame.columns = pd.Index(names)
        self._frames, self._hashes = [frame], [table["hash"].to_numpy()]
        self._kept, self._worst = len(frame), None
        self._prune()


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame()
    if len(frames) == 1:
        return frames[0]
    return pd.concat(frames, ignore_index=True)


def _plain(values: pd.Series[Any]) -> pa.Array:
    """A column that a file can hold; what it cannot, as text."""
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values])
