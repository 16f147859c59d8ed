"""Aggregates over windows, evaluated at the time of each row."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.errors import MissingFileError
from mlrun_like.feature_store.definitions.resolving import ResolvedSet
from mlrun_like.feature_store.definitions.set_targets import offline_target
from mlrun_like.feature_store.offline.asof import Side, match
from mlrun_like.feature_store.offline.choosing import budget
from mlrun_like.feature_store.offline.frames import arrow_column
from mlrun_like.feature_store.offline.keys import agree, codes, convert
from mlrun_like.feature_store.offline.rows import parquet_table, set_table
from mlrun_like.feature_store.offline.tables import SetTable
from mlrun_like.feature_store.offline.times import instants
from mlrun_like.feature_store.targets.kinds import get_target_driver
from mlrun_like.feature_store.targets.window_log import WindowLog, window_log_path
from mlrun_like.feature_store.windows.asof import Moments, aggregates_at
from mlrun_like.serving.steps.aggregate_field import aggregators_of

__all__ = ["Windowed", "windowed"]

_KEY, _TIME = "\0key", "\0time"
_PER_ROW = 250
"""Bytes that one value of a log takes while its windows are computed, about."""


@dataclass(frozen=True)
class Windowed:
    """Aggregates of one set.

    Args:
        name: The set, for messages.
        logs: Per step: the values that went into its windows, and its aggregations.
        keys: Columns of the joined table that hold the entities.
        entities: The entities.
        time: The joined table's time column.
        stamp: The set's time column.
        names: Column of the joined table -> the aggregate.
    """

    name: str
    logs: tuple[tuple[SetTable, tuple[dict[str, Any], ...]], ...]
    keys: tuple[str, ...]
    entities: tuple[str, ...]
    time: str
    stamp: str
    names: Mapping[str, str]

    def fill(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the aggregates as of the time of each row; NaN for unknown keys."""
        found: dict[str, Any] = {}
        for table, aggregations in self.logs:
            found.update(self._computed(frame, table, aggregations))
        wanted = {new: found[old] for new, old in self.names.items() if old in found}
        return pd.concat([frame, pd.DataFrame(wanted, index=frame.index)], axis=1)

    def _computed(
        self, frame: pd.DataFrame, table: SetTable, aggregations: tuple[dict[str, Any], ...]
    ) -> dict[str, Any]:
        schema = table.schema().names
        values = [one["name"] if one["name"] in schema else one["column"] for one in aggregations]
        times, valid = instants(
            arrow_column(frame, self.time, "entity rows"), name=self.time, where="entity rows"
        )
        asked = times if valid is None else times[valid]
        table = copy.copy(table)  # it is narrowed to these rows
        if len(asked):
            table.narrow(self.stamp, None, int(asked.max()))
        heads = table.keys([*self.entities, self.stamp])
        known, given = instants(heads[self.stamp], name=self.stamp, where=table.where)
        mine, yours = [], []
        for name, entity in zip(self.keys, self.entities, strict=True):
            one = arrow_column(frame, name, "entity rows")
            kind = agree(one.type, heads[entity].type, name=entity, where=table.where)
            mine.append(convert(one, kind))
            yours.append(convert(heads[entity], kind))
        del heads
        met = match(Side(mine, times, valid), Side(yours, known, given)) >= 0
        wanted, stored, _ = codes(mine, yours)
        # values that no window can hold any more are not read
        since = int(asked.min()) - _longest(aggregations) if len(asked) else 0
        good = (stored >= 0) & (known >= since)
        if given is not None:
            good &= given
        found: dict[str, Any] = {}
        parts = _parts(int(good.sum()), len(values))
        for number in range(parts):
            rows = np.flatnonzero(good if parts == 1 else good & (stored % parts == number))
            queries = np.flatnonzero(met if parts == 1 else met & (wanted % parts == number))
            names = list(dict.fromkeys(values))
            log = pa.table(
                [pa.array(stored[rows]), pa.array(known[rows]), *table.take(names, rows)],
                names=[_KEY, _TIME, *names],
            )
            computed = aggregates_at(
                log, [_KEY], _TIME, list(aggregations),
                Moments([wanted[queries]], times[queries]),
            )  # fmt: skip
            for name, column in computed.items():
                if name not in found:
                    found[name] = np.full(len(times), np.nan)
                found[name][queries] = column
        return found


def _longest(aggregations: Sequence[dict[str, Any]]) -> int:
    """Microseconds before a moment after which all is that its windows may hold."""
    layouts = [one.layout(None) for one in aggregators_of(aggregations)]
    spans = [(max(one.sizes, default=1) + 1) * one.period for one in layouts]
    return round(max(spans, default=0) * 1_000) + 1


def _parts(rows: int, values: int) -> int:
    """In how many parts the keys are taken, so that each fits into the memory of a join."""
    return max(1, -(-rows * (_PER_ROW + 8 * values) // budget()))


def windowed(
    item: ResolvedSet, columns: Mapping[str, str], keys: tuple[str, ...], time: str
) -> Windowed | None:
    """The aggregates among the columns of a set that can be evaluated at any time; None: none.

    Values come from the log that ingestion keeps, else from the aggregated column if the offline
    target has it. Aggregates without either stay those of the newest row.

    Args:
        item: The set.
        columns: Column of the set -> its name in the joined table.
        keys: Columns of the joined table that hold the entities.
        time: The joined table's time column.
    """
    steps: dict[str, list[dict[str, Any]]] = {}
    outputs: dict[str, list[str]] = {}
    for one in item.feature_set.aggregations():
        made = [
            f"{one['name']}_{getattr(operation, 'name', operation)}_{window}"
            for operation in one["operations"]
            for window in one["windows"]
        ]
        if any(name in columns for name in made):
            steps.setdefault(one["step"], []).append(one)
            outputs.setdefault(one["step"], []).extend(made)
    logs, names = [], {}
    for step, aggregations in steps.items():
        table = _log_of(item, step) or _rows_of(item, aggregations)
        if table is None:
            continue
        logs.append((table, tuple(_plain(one) for one in aggregations)))
        names.update({columns[name]: name for name in outputs[step] if name in columns})
    if not logs:
        return None
    return Windowed(item.name, tuple(logs), keys, item.entities, time, item.timestamp_key, names)


def _plain(aggregation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in aggregation.items() if name != "step"}


def _log_of(item: ResolvedSet, step: str) -> SetTable | None:
    feature_set = item.feature_set
    target = offline_target(feature_set)
    if target is None or target.kind != "parquet":
        return None
    driver: Any = get_target_driver(target, feature_set)
    path = driver.get_target_path()
    log = WindowLog(window_log_path(path, step), driver.storage_options)
    try:
        return parquet_table(item.name, log.target)
    except (MissingFileError, FileNotFoundError):
        return None


def _rows_of(item: ResolvedSet, aggregations: list[dict[str, Any]]) -> SetTable | None:
    """The set's rows, if they hold the aggregated columns as events had them."""
    columns = [one["column"] for one in aggregations]
    table = set_table(item.feature_set)
    return table if all(column in table.schema().names for column in columns) else None
