"""Which row of a set answers which row so far: by the kernel, in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.feature_store.offline.asof import Side, match
from mlrun_like.feature_store.offline.keys import agree, convert
from mlrun_like.feature_store.offline.plan import Join
from mlrun_like.feature_store.offline.relational import pairs
from mlrun_like.feature_store.offline.times import instants, is_time

__all__ = ["Asking", "KernelMatcher", "Matcher"]

_Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Asking:
    """The rows so far, as a join sees them.

    Args:
        keys: The columns `join.left_keys`.
        time: The column `join.left_time`; None: there is none.
    """

    keys: list[pa.ChunkedArray]
    time: pa.ChunkedArray | None = None

    def instants(self, join: Join) -> tuple[_Numbers | None, _Numbers | None]:
        """Microseconds and a mask of those that are there; None: no times."""
        if self.time is None:
            return None, None
        return instants(self.time, name=join.left_time, where="entity rows")

    def kinds(self, join: Join, types: list[Any]) -> list[Any]:
        """The types in which keys are compared with columns of the set of these types."""
        return [
            agree(one.type, two, name=name, where=join.table.where)
            for name, one, two in zip(join.right_keys, self.keys, types, strict=True)
        ]


class Matcher(ABC):
    """How rows are matched."""

    @abstractmethod
    def newest(self, join: Join, asking: Asking) -> _Numbers:
        """For each row so far the position of its row in the set; -1: none."""

    @abstractmethod
    def pairs(self, join: Join, asking: Asking) -> tuple[_Numbers, _Numbers]:
        """Positions of rows with equal keys, as `relational.pairs`."""


class KernelMatcher(Matcher):
    """Keys and times as sorted numbers."""

    def newest(self, join: Join, asking: Asking) -> _Numbers:
        times, valid = asking.instants(join)
        good = times if valid is None or times is None else times[valid]
        if good is not None and len(good) and asking.time is not None and is_time(asking.time.type):
            low = None if join.ttl is None else int(good.min()) - join.ttl
            join.table.narrow(join.right_time, low, int(good.max()))
        time = [join.right_time] if join.right_time else []
        known = join.table.keys([*join.right_keys, *time])
        mine, yours = _agreed(join, asking, known)
        at = there = None
        if join.right_time:
            column = known[join.right_time]
            at, there = instants(column, name=join.right_time, where=join.table.where)
        del known
        return match(Side(mine, times, valid), Side(yours, at, there), ttl=join.ttl)

    def pairs(self, join: Join, asking: Asking) -> tuple[_Numbers, _Numbers]:
        mine, yours = _agreed(join, asking, join.table.keys(list(join.right_keys)))
        return pairs(mine, yours, join.how)


def _agreed(
    join: Join, asking: Asking, known: pa.Table
) -> tuple[list[pa.ChunkedArray], list[pa.ChunkedArray]]:
    yours = [known[name] for name in join.right_keys]
    kinds = asking.kinds(join, [one.type for one in yours])
    return (
        [convert(one, kind) for one, kind in zip(asking.keys, kinds, strict=True)],
        [convert(one, kind) for one, kind in zip(yours, kinds, strict=True)],
    )
