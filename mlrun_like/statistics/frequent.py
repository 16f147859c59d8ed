"""The most frequent values, in bounded memory.

Up to `capacity` different values every count is exact, and a merge of parts is the very sketch of
the whole. With more, the smallest counts are taken from all (Misra and Gries, 1982, merged as P.
Agarwal and others, "Mergeable summaries", PODS 2012): every count is then at most `error` too low,
and `error` is at most rows / (capacity + 1). Values to `keep`, such as the categories that a model
was trained with, are always exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlrun_like.statistics import packing
from mlrun_like.statistics.columns import count_texts, plain

__all__ = ["CAPACITY", "FrequentSketch"]

CAPACITY = 1_000


class FrequentSketch:
    """How often values come.

    Args:
        capacity: Different values that are counted exactly, besides those to keep.
        keep: Values that are always counted exactly.

    >>> sketch = FrequentSketch()
    >>> sketch.update(["a", "b", "a", None])
    >>> sketch.top(1), sketch.rows, sketch.missing
    ([('a', 2)], 3, 1)
    """

    def __init__(self, capacity: int = CAPACITY, keep: Iterable[str] = ()) -> None:
        self.capacity = capacity
        self.keep = frozenset(keep)
        self.counts: dict[str, int] = {}
        self.rows = self.missing = self.error = 0

    @property
    def exact(self) -> bool:
        """Whether every count is exact."""
        return not self.error

    def update(self, values: Any) -> None:
        """The next values, counted by their texts."""
        self.add(*count_texts(plain(values)))

    def add(self, counts: Mapping[str, int], missing: int = 0) -> None:
        """Values that are counted already."""
        mine = self.counts
        for text, number in counts.items():
            mine[text] = mine.get(text, 0) + number
            self.rows += number
        self.missing += missing
        self._shrink()

    def merge(self, other: FrequentSketch) -> None:
        """Add what another one has seen."""
        self.keep |= other.keep
        self.error += other.error
        rows = self.rows + other.rows
        self.add(other.counts, other.missing)
        self.rows = rows

    def _shrink(self) -> None:
        if len(self.counts) <= self.capacity:
            return
        free = [number for text, number in self.counts.items() if text not in self.keep]
        if len(free) <= self.capacity:
            return
        least = int(np.partition(free, len(free) - self.capacity - 1)[-self.capacity - 1])
        self.error += least
        self.counts = {
            text: number if text in self.keep else number - least
            for text, number in self.counts.items()
            if text in self.keep or number > least
        }

    def top(self, most: int) -> list[tuple[str, int]]:
        """The most frequent values and their counts; equal counts by name."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:most]

    def head(self) -> dict[str, Any]:
        """Everything but the counts, as plain data."""
        return {
            "capacity": self.capacity, "keep": sorted(self.keep), "rows": self.rows,
            "missing": self.missing, "error": self.error, "counts": self.counts,
        }  # fmt: skip

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> FrequentSketch:
        """From `head`."""
        made = cls(int(head["capacity"]), head["keep"])
        made.counts = {str(text): int(number) for text, number in head["counts"].items()}
        made.rows, made.missing, made.error = head["rows"], head["missing"], head["error"]
        return made

    def to_bytes(self) -> bytes:
        """Everything, for `from_bytes`."""
        return packing.pack({"sketch": "frequent", **self.head()}, {})

    @classmethod
    def from_bytes(cls, data: bytes) -> FrequentSketch:
        """Raises InvalidArgumentError if the bytes are no such sketch."""
        return cls.from_head(packing.unpack(data, "frequent")[0])
