"""The engine "local": keys and times as sorted numbers; independent sets in parallel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.feature_store.offline.frames import arrow_column, pandas_frame, taken_rows
from mlrun_like.feature_store.offline.matching import Asking, KernelMatcher, Matcher
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.tables import gather

__all__ = ["run_local"]

_Numbers = np.ndarray[Any, Any]
_ENTITY_ROWS = "entity rows"
_THREADS = 2


def run_local(plan: JoinPlan, matcher: Matcher | None = None) -> pd.DataFrame:
    """Join what a plan says.

    Args:
        plan: What is joined.
        matcher: How rows are matched; None: in memory, by the kernel.

    Returns:
        The entity rows' columns, then those of the sets, in the order of the plan; a new index.
    """
    state = _State(plan, matcher or KernelMatcher())
    waiting = list(plan.joins)
    while waiting:
        ready = state.ready(waiting)
        if len(ready) > 1:
            with ThreadPoolExecutor(_THREADS) as pool:
                for found in pool.map(state.looked_up, ready):
                    state.values.update(found)
        elif ready:
            state.values.update(state.looked_up(ready[0]))
        else:
            state.combine(waiting[0])
        waiting = waiting[max(1, len(ready)) :]
    return state.frame()


class _State:
    """What is joined so far."""

    def __init__(self, plan: JoinPlan, matcher: Matcher) -> None:
        self.matcher = matcher
        self.rows = plan.rows
        self.places: _Numbers | None = None  # of rows in `rows`; None: all, in order
        self.values: dict[str, pa.ChunkedArray] = {}
        self.size = 0 if plan.rows is None else len(plan.rows)
        if plan.first is not None and plan.rows is None:
            whole = plan.first.keys(list(plan.columns))
            self.size = whole.num_rows
            self.values = {new: whole[old] for old, new in plan.columns.items()}

    def ready(self, joins: Sequence[Join]) -> list[Join]:
        """The next joins that need nothing of each other and leave the rows as they are."""
        found: list[Join] = []
        for join in joins:
            needed = [*join.left_keys, *([join.left_time] if _timed(join) else [])]
            if not join.single or not all(self.has(name) for name in needed):
                break
            found.append(join)
        return found

    def has(self, name: str) -> bool:
        return name in self.values or (self.rows is not None and name in self.rows.columns)

    def column(self, name: str) -> pa.ChunkedArray:
        if name in self.values or self.rows is None:
            return self.values[name]
        found = arrow_column(self.rows, name, _ENTITY_ROWS)
        return found if self.places is None else gather([found], self.places)[0]

    def looked_up(self, join: Join) -> Mapping[str, pa.ChunkedArray]:
        """The values of a set for the rows so far."""
        rows = self.matcher.newest(join, self.asking(join))
        values = join.table.take(list(join.columns), rows)
        return dict(zip(join.columns.values(), values, strict=True))

    def asking(self, join: Join) -> Asking:
        time = self.column(join.left_time) if _timed(join) else None
        return Asking([self.column(name) for name in join.left_keys], time)

    def combine(self, join: Join) -> None:
        """Join as databases do: rows may become more or fewer."""
        mine, yours = self.matcher.pairs(join, self.asking(join))
        new = join.table.take(list(join.columns), yours)
        filled = {}
        if join.how in ("right", "outer"):
            stored = join.table.take(list(join.right_keys), yours)
            for name, partner, values in zip(join.left_keys, join.right_keys, stored, strict=True):
                if name == partner:  # one column for both sides, as in pandas
                    before = gather([self.column(name)], mine)[0]
                    filled[name] = pc.coalesce(before, values.cast(before.type))
        moved = gather(list(self.values.values()), mine)
        self.values = dict(zip(self.values, moved, strict=True))
        self.values.update(zip(join.columns.values(), new, strict=True))
        self.values.update(filled)
        if self.rows is not None:
            self.places = mine if self.places is None else _through(self.places, mine)
        self.size = len(mine)

    def frame(self) -> pd.DataFrame:
        columns, self.values = self.values, {}
        if self.rows is None:
            return pandas_frame(columns, self.size)
        rows = self.rows if self.places is None else taken_rows(self.rows, self.places)
        filled = {name: columns.pop(name) for name in list(columns) if name in rows.columns}
        found = pandas_frame(columns, self.size)
        whole = pd.concat([rows, found], axis=1)
        for name, values in filled.items():
            whole[name] = pandas_frame({name: values}, self.size)[name]
        return whole


def _timed(join: Join) -> bool:
    return join.how == "asof" and bool(join.left_time and join.right_time)


def _through(places: _Numbers, rows: _Numbers) -> _Numbers:
    if not len(places):
        return np.full(len(rows), -1)
    return np.where(rows < 0, -1, places[np.maximum(rows, 0)])
