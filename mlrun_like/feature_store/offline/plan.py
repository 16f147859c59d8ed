"""What a join is made of, as plain data that every engine understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from mlrun_like.feature_store.offline.tables import SetTable

__all__ = ["How", "Join", "JoinPlan"]

How = Literal["asof", "newest", "inner", "left", "right", "outer"]


@dataclass(frozen=True)
class Join:
    """One feature set that is joined to what there is so far.

    Args:
        table: Its rows.
        how: "asof": the newest row that is not later; "newest": the newest row; else all rows
            with equal keys, as databases join.
        left_keys: Columns of what there is so far.
        right_keys: Their partners in the set.
        columns: Column of the set -> its name in the result. All names of a plan differ.
        left_time: Time column of what there is so far; empty: none.
        right_time: Time column of the set; empty: rows have no time but an order.
        ttl: Microseconds after which a row is too old to be an answer; None: never.
    """

    table: SetTable
    how: How
    left_keys: tuple[str, ...]
    right_keys: tuple[str, ...]
    columns: Mapping[str, str]
    left_time: str = ""
    right_time: str = ""
    ttl: int | None = None

    @property
    def single(self) -> bool:
        """Whether each row so far stays one row."""
        return self.how in ("asof", "newest")

    def read(self) -> list[str]:
        """Columns of the set that the join needs."""
        time = [self.right_time] if self.right_time else []
        return list(dict.fromkeys([*self.right_keys, *time, *self.columns]))


@dataclass(frozen=True)
class JoinPlan:
    """What is joined: rows to begin with, then one set after the other.

    Args:
        rows: Entity rows; None: the rows of the first set.
        first: The first set if there are no entity rows: its table.
        columns: Column of the first set -> its name in the result.
        joins: The sets.
    """

    rows: pd.DataFrame | None
    first: SetTable | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    joins: tuple[Join, ...] = ()
