"""Why a served value is not the offline one: the first differences of features are looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlrun_like.errors import MLRunLikeError
from mlrun_like.feature_store.definitions.resolving import ResolvedSet
from mlrun_like.feature_store.parity.comparing import is_missing, same
from mlrun_like.feature_store.parity.result import Difference
from mlrun_like.feature_store.sources.times import MISSING, column_micros, iso, to_micros

__all__ = ["Reasons"]


@dataclass(frozen=True)
class Reasons:
    """Looks for the reason of a difference.

    Args:
        sets: Feature -> its feature set, and its column there.
        trained: Feature -> statistics.
        impute_policy: What stands for missing values online, if it is known.
        tolerance: See `check`.
    """

    sets: Mapping[str, tuple[ResolvedSet, str]]
    trained: Mapping[str, Mapping[str, Any]]
    impute_policy: Mapping[str, Any]
    tolerance: float

    def of(self, one: Difference) -> str:
        """The likely reason of a difference; never empty."""
        if is_missing(one.offline):
            imputed = self._imputed(one)
            if imputed:
                return imputed
        if _kind(one.online) != _kind(one.offline) and "" not in (
            _kind(one.online),
            _kind(one.offline),
        ):
            return (
                f"schema change: online it is {_kind(one.online)}, offline {_kind(one.offline)}; "
                "ingest the set again into all targets"
            )
        found = self.sets.get(one.feature)
        if found is None:
            return (
                "computed on demand: a feature or a field of the request that its steps read is "
                "another one, or the steps were others"
            )
        item, column = found
        try:
            history = _history(item, column, one.entities)
        except MLRunLikeError as exc:
            return f"unknown: the offline rows cannot be read ({exc.what:.100})"
        if history is None:
            return self._without_times(one, item)
        return self._from_history(one, item, history)

    def _imputed(self, one: Difference) -> str:
        policy = self.impute_policy
        if one.feature in policy or "*" in policy:
            return "imputed value: the online service puts it in place of a missing one"
        stats = self.trained.get(one.feature, {})
        for name in ("mean", "50%", "min", "max", "top"):
            if not is_missing(stats.get(name)) and same(one.online, stats[name], self.tolerance):
                return f"imputed value: it is ${name} of the statistics"
        return ""

    def _without_times(self, one: Difference, item: ResolvedSet) -> str:
        where = f"feature set {item.name!r} has no timestamp_key"
        if is_missing(one.offline):
            return f"not ingested offline: {where}, and no row of this entity is there"
        if is_missing(one.online):
            return f"not ingested online when it was served; {where}"
        return f"{where}, so offline it is today's value, not the one at that time"

    def _from_history(self, one: Difference, item: ResolvedSet, history: pd.DataFrame) -> str:
        at = to_micros(one.time)
        before = history[history["at"] <= at]
        after = history[history["at"] > at]
        newest = int(before["at"].iloc[-1]) if len(before) else None
        age = None if newest is None else at - newest
        if item.ttl_millis is not None and age is not None and age > item.ttl_millis * 1000:
            return (
                f"ttl: the newest row ({iso(newest or 0)}) was older than {item.ttl_millis:,} ms "
                "when it was served; one side has it still"
            )
        if is_missing(one.online):
            if newest is None:
                return "not ingested online when it was served"
            return (
                f"late data: the row of {iso(newest)} is there offline, and was not there online "
                "when it was served (ingested later, or not into the online target)"
            )
        future = [int(t) for t, v in _pairs(after) if same(one.online, v, self.tolerance)]
        past = [int(t) for t, v in _pairs(before) if same(one.online, v, self.tolerance)]
        if past and newest is not None and past[-1] < newest:
            return (
                f"late data: online had the row of {iso(past[-1])}; that of {iso(newest)} "
                "came after it was served"
            )
        if future:
            return (
                f"event time: online had the row of {iso(future[0])}, which is later than the "
                "request; check the timestamp_key and clocks"
            )
        if _windowed(item, one.feature):
            return (
                "window: events of its windows came late or out of order, or are not in both "
                "targets"
            )
        if is_missing(one.offline):
            return "not ingested offline: no offline row up to that time has the value"
        return "value not ingested offline: no offline row of this entity has the served value"


def _history(item: ResolvedSet, column: str, entities: Mapping[str, Any]) -> pd.DataFrame | None:
    """Times and values of an entity in the offline target; None: the set has no times."""
    if not item.timestamp_key:
        return None
    keys = {key.entity: key.column for key in item.keys}
    asked = [(name, entities.get(keys.get(name, name))) for name in item.entities]
    if any(is_missing(value) for _, value in asked):
        return pd.DataFrame({"at": [], "value": []})
    frame = item.feature_set.to_dataframe(
        columns=list(dict.fromkeys([*item.entities, item.timestamp_key, column])),
        additional_filters=[(name, "=", value) for name, value in asked],
    ).reset_index()
    times = column_micros(frame[item.timestamp_key], item.timestamp_key)
    found = pd.DataFrame({"at": times, "value": frame[column].astype(object)})
    return found[found["at"] != MISSING].sort_values("at", kind="stable")


def _pairs(frame: pd.DataFrame) -> list[tuple[Any, Any]]:
    return list(zip(frame["at"].tolist(), frame["value"].tolist(), strict=True))


def _windowed(item: ResolvedSet, feature: str) -> bool:
    columns = {name: column for column, name in item.columns}
    column = columns.get(feature, feature)
    return any(column.startswith(f"{row['name']}_") for row in item.feature_set.aggregations())


def _kind(value: Any) -> str:
    """text, number or list; empty: missing, or something else."""
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a number" if isinstance(value, (bool, int, float)) else ""
