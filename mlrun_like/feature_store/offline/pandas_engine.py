"""The engine "pandas": pandas' own `merge_asof` and `merge`, as MLRun joins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.feature_store.offline.frames import arrow_column, pandas_frame
from mlrun_like.feature_store.offline.keys import agree, codes, convert
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.times import instants

__all__ = ["join_frames", "run_pandas"]

_Numbers = np.ndarray[Any, Any]
_KEY, _TIME, _LEFT, _RIGHT = "__key", "__time", "__left", "__right"
_ENTITY_ROWS = "entity rows"


def run_pandas(plan: JoinPlan) -> pd.DataFrame:
    """Join with pandas' own functions: the reference that other engines are compared with.

    Args:
        plan: What is joined.

    Returns:
        As `run_local`.
    """
    if plan.rows is not None:
        found = plan.rows
    else:
        assert plan.first is not None
        whole = plan.first.keys(list(plan.columns))
        columns = {new: whole[old] for old, new in plan.columns.items()}
        found = pandas_frame(columns, whole.num_rows)
    for join in plan.joins:
        found = join_frames(found, join.table.keys(join.read()), join)
    return found


def join_frames(left: pd.DataFrame, stored: pa.Table, join: Join) -> pd.DataFrame:
    """A frame and one feature set.

    Args:
        left: What is joined so far, with a plain index.
        stored: `join.read()` of the set, in the order in which the rows were written.
        join: How.
    """
    keys, partners = _codes(left, stored, join)
    right = pandas_frame({old: stored[old] for old in join.columns}, stored.num_rows)
    right = right[list(join.columns)].rename(columns=dict(join.columns))
    right[_KEY] = partners
    right[_RIGHT] = np.arange(len(right))
    base = pd.DataFrame({_KEY: keys, _LEFT: np.arange(len(left))})
    if join.single:
        places = _newest(base, right, left, stored, join)
        values = right.drop(columns=[_KEY, _RIGHT])
        taken = values.reindex(places).reset_index(drop=True)
        return pd.concat([left, _exact(taken, stored, join, places)], axis=1)
    return _merged(base, right, left, stored, join)


def _exact(taken: pd.DataFrame, stored: pa.Table, join: Join, places: _Numbers) -> pd.DataFrame:
    """Whole numbers of more digits than floats have, where some are missing, from the rows."""
    wanted = pa.array(places, mask=places < 0)
    for old, new in join.columns.items():
        if pa.types.is_integer(stored[old].type) and taken[new].isna().any():
            column = pa.chunked_array([stored[old].combine_chunks().take(wanted)])
            taken[new] = pandas_frame({new: column}, len(places))[new]
    return taken


def _codes(left: pd.DataFrame, stored: pa.Table, join: Join) -> tuple[_Numbers, _Numbers]:
    mine, yours = [], []
    for name, partner in zip(join.left_keys, join.right_keys, strict=True):
        one, two = arrow_column(left, name, _ENTITY_ROWS), stored[partner]
        kind = agree(one.type, two.type, name=partner, where=join.table.where)
        mine.append(convert(one, kind))
        yours.append(convert(two, kind))
    keys, partners, _ = codes(mine, yours)
    # Each missing key is a key of its own, so that none of them meets another one.
    keys = np.where(keys < 0, -1 - 2 * np.arange(len(keys)), keys)
    return keys, np.where(partners < 0, -2 - 2 * np.arange(len(partners)), partners)


def _newest(
    base: pd.DataFrame, right: pd.DataFrame, left: pd.DataFrame, stored: pa.Table, join: Join
) -> _Numbers:
    """Position in `right` for each row of `left`; -1: none."""
    rows = right[[_KEY, _RIGHT]]
    if join.right_time:
        at, there = instants(stored[join.right_time], name=join.right_time, where=join.table.where)
        rows = rows.assign(**{_TIME: at})
        if there is not None:
            rows = rows[there]
        rows = rows.sort_values(_TIME, kind="stable")
    if join.how == "asof" and join.left_time and join.right_time:
        column = arrow_column(left, join.left_time, _ENTITY_ROWS)
        times, valid = instants(column, name=join.left_time, where=_ENTITY_ROWS)
        asked = base.assign(**{_TIME: times})
        if valid is not None:
            asked = asked[valid]
        asked = asked.sort_values(_TIME, kind="stable")
        found = pd.merge_asof(asked, rows, on=_TIME, by=_KEY, tolerance=join.ttl)
    else:
        last = rows.drop_duplicates(_KEY, keep="last")
        found = base.merge(last[[_KEY, _RIGHT]], on=_KEY, how="left")
    places = found.set_index(_LEFT)[_RIGHT].reindex(range(len(base)))
    result: _Numbers = places.fillna(-1).to_numpy().astype(np.int64)
    return result


def _merged(
    base: pd.DataFrame, right: pd.DataFrame, left: pd.DataFrame, stored: pa.Table, join: Join
) -> pd.DataFrame:
    merged = base.merge(right[[_KEY, _RIGHT]], on=_KEY, how=join.how)  # type: ignore[arg-type]
    order = [_RIGHT, _LEFT] if join.how == "right" else [_LEFT, _RIGHT]
    merged = merged.sort_values(order, na_position="last", ignore_index=True)
    mine = merged[_LEFT].fillna(-1).to_numpy().astype(np.int64)
    yours = merged[_RIGHT].fillna(-1).to_numpy().astype(np.int64)
    before = left.reindex(mine).reset_index(drop=True)
    if join.how in ("right", "outer"):
        for name, partner in zip(join.left_keys, join.right_keys, strict=True):
            if name == partner:
                other = pandas_frame({partner: stored[partner]}, stored.num_rows)[partner]
                filled = other.reindex(yours).reset_index(drop=True)
                kept = pd.Series(mine >= 0) & before[name].notna()
                before[name] = before[name].where(kept, filled)
    values = right.drop(columns=[_KEY, _RIGHT]).reindex(yours).reset_index(drop=True)
    return pd.concat([before, _exact(values, stored, join, yours)], axis=1)
