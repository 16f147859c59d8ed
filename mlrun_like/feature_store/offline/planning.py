"""From a feature vector and what is asked of it to joins."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.resolving import ResolvedSet, ResolvedVector
from mlrun_like.feature_store.offline.linking import Linked, link, relations
from mlrun_like.feature_store.offline.plan import How, Join, JoinPlan
from mlrun_like.feature_store.offline.rows import set_table
from mlrun_like.feature_store.offline.tables import RowFilter
from mlrun_like.feature_store.offline.windowed import Windowed, windowed

__all__ = ["Asked", "Planned", "plan_joins"]

_log = logging.getLogger(__name__)
_MILLI = 1_000


@dataclass(frozen=True)
class Asked:
    """What a caller wants of a vector, besides its features.

    Args:
        rows: Entity rows; None: there are none.
        time: Their time column; empty: none.
        start: Microseconds; rows of sets must be later. None: all.
        end: Microseconds; rows of sets may be as late. None: all.
        filtering: The column that start and end speak of: of all sets, or by set; None: the time.
        conditions: Further filters of the sets' rows.
        indexes: Whether entities and times stay in the result.
    """

    rows: pd.DataFrame | None = None
    time: str = ""
    start: int | None = None
    end: int | None = None
    filtering: str | Mapping[str, str] | None = None
    conditions: tuple[Any, ...] = ()
    indexes: bool = False

    @property
    def timed(self) -> bool:
        return self.start is not None or self.end is not None


@dataclass
class Planned:
    """What is to be done.

    Args:
        plan: The joins.
        names: Column of the joined table -> its name for the user, in order.
        indexes: Entities, in order.
        time: The time column of the result; empty: none.
        windows: Aggregates that are computed for each row's time after the joins.
        sources: The sets, for lineage.
    """

    plan: JoinPlan
    names: dict[str, str]
    indexes: list[str]
    time: str
    windows: list[Windowed] = field(default_factory=list)
    sources: list[ResolvedSet] = field(default_factory=list)


def plan_joins(vector: ResolvedVector, asked: Asked) -> Planned:
    """Plan the joins of a vector.

    Args:
        vector: The vector with its sets.
        asked: What is wanted of it.

    Raises:
        InvalidArgumentError: if sets cannot be joined, or a time range fits no set.
        NotFoundError: if a set was never ingested.
    """
    columns = None if asked.rows is None else [str(name) for name in asked.rows.columns]
    if asked.time and (columns is None or asked.time not in columns):
        raise InvalidArgumentError(
            f"entity_rows have no column {asked.time!r}",
            where="entity_timestamp_column",
            fix=f"use one of: {', '.join(columns or [])}",
        )
    linked = link(vector, columns)
    return _Planning(vector, asked, linked, columns).planned()


class _Planning:
    def __init__(
        self,
        vector: ResolvedVector,
        asked: Asked,
        linked: list[Linked],
        columns: list[str] | None,
    ) -> None:
        self.vector = vector
        self.asked = asked
        self.linked = linked
        self.used = set(columns or ())
        self.time = asked.time
        self.user: dict[str, str] = {}  # name in the vector -> column of the joined table
        self.hidden: list[str] = []
        self.windows: list[Windowed] = []
        self.filtered = False

    def planned(self) -> Planned:
        joins: list[Join] = []
        first: Any = None
        first_columns: dict[str, str] = {}
        for number, one in enumerate(self.linked):
            rows = self._filter(one.item)
            if number == 0 and self.asked.rows is None:
                first_columns = self._columns(one.item, self._helpers(one.item))
                first = set_table(one.item.feature_set, rows, columns=list(first_columns))
                self.time = one.item.timestamp_key
            else:
                joins += self._join(one, rows)
        if self.asked.timed and not self.filtered:
            raise InvalidArgumentError(
                "start_time and end_time can only be provided in conjunction with a timestamp "
                "column, or when at least one feature set has a timestamp key",
                where="get_offline_features",
                fix="leave them out, or name a column by timestamp_for_filtering",
            )
        self._check_conditions()
        plan = JoinPlan(self.asked.rows, first, first_columns, tuple(joins))
        return Planned(
            plan, self._names(), list(self.vector.index_keys), self.time, self.windows,
            [one.item for one in self.linked],
        )  # fmt: skip

    def _filter(self, item: ResolvedSet) -> RowFilter:
        chosen = self.asked.filtering
        if isinstance(chosen, Mapping):
            name = str(item.feature_set.metadata.name)
            chosen = chosen.get(item.name) or chosen.get(name)
        column = chosen or item.timestamp_key
        known = _known(item)
        if self.asked.timed and column and column not in known:
            raise InvalidArgumentError(
                f"feature set {item.name!r} does not have a column named {column!r} to filter on",
                where="timestamp_for_filtering",
                fix=f"use one of: {', '.join(filter(None, known))}",
            )
        self.filtered = self.filtered or bool(column)
        here = [one for one in self.asked.conditions if _about(one, known)]
        return RowFilter(column, self.asked.start, self.asked.end, tuple(here))

    def _check_conditions(self) -> None:
        columns = [_known(one.item) for one in self.linked]
        for one in self.asked.conditions:
            if not any(_about(one, known) for known in columns):
                raise InvalidArgumentError(
                    f"no feature set has the columns of the filter {one!r}",
                    where="additional_filters",
                    fix='write filters as [("column", ">", value)]',
                )

    def _helpers(self, item: ResolvedSet) -> list[str]:
        """Columns of a set that later joins or the index need."""
        linking = [name for one in self.linked for name in one.keys]
        related = [name for name in relations(self.vector, item) if name in linking]
        time = [item.timestamp_key] if item.timestamp_key else []
        return [*item.entities, *time, *related]

    def _columns(self, item: ResolvedSet, helpers: Sequence[str]) -> dict[str, str]:
        """Column of the set -> its name in the joined table."""
        found: dict[str, str] = {}
        for name in helpers:
            if name not in self.used and name not in found:
                found[name] = name
                self.used.add(name)
                self.hidden.append(name)
        for column, alias in item.columns:
            if column in found:
                self.user[alias] = found[column]
                continue
            name = f"{alias}_{item.name}" if alias in self.used else alias
            if name != alias and alias not in self.hidden:
                _log.warning(
                    "feature %s.%s: the name %r is taken by another column, it becomes %r",
                    item.name, column, alias, name,
                )  # fmt: skip
            self.user[alias] = name
            self.used.add(name)
            found[column] = name
        return found

    def _join(self, one: Linked, rows: RowFilter) -> list[Join]:
        item = one.item
        how = self._how(item)
        helpers = self._helpers(item)
        if how in ("asof", "newest") and not self.asked.indexes:
            linking = {name for other in self.linked for name in other.keys}
            helpers = [name for name in helpers if name in linking]
        columns = self._columns(item, helpers)
        if how == "asof":
            found = windowed(item, columns, one.keys, self.time)
            if found is not None:
                self.windows.append(found)
                columns = {old: new for old, new in columns.items() if new not in found.names}
        table = set_table(
            item.feature_set,
            rows,
            columns=list(dict.fromkeys([*columns, *item.entities, *_some(item.timestamp_key)])),
        )
        ttl = None if item.ttl_millis is None else item.ttl_millis * _MILLI
        if not self.time:
            self.time = item.timestamp_key if item.timestamp_key in columns.values() else ""
        return [
            Join(
                table, how, one.keys, item.entities, columns,
                self.time if how == "asof" else "", item.timestamp_key,
                ttl if how == "asof" else None,
            )
        ]  # fmt: skip

    def _how(self, item: ResolvedSet) -> How:
        timed = bool(item.timestamp_key and self.time)
        if item.join and not (item.join == "left" and item.asof):
            return cast("How", item.join)
        if item.join and not timed:
            raise InvalidArgumentError(
                f"feature set {item.name!r} cannot be joined as of a time: there is no time",
                where="join graph",
                fix="give both sets a timestamp_key, or use .left(..., asof_join=False)",
            )
        if timed:
            return "asof"
        return "inner" if self.asked.rows is None else "newest"

    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        rows = [] if self.asked.rows is None else [str(one) for one in self.asked.rows.columns]
        shown = set(self.user.values())
        index = set(self.vector.index_keys)
        for name in [*rows, *self.hidden]:
            ours = name in index or name == self.asked.time or name in self.hidden
            kept = not ours or (
                self.asked.indexes and (name in index or name in (self.time, self.asked.time))
            )
            if kept and name not in shown:
                names[name] = name
        for alias in self.vector.columns:
            column = self.user[alias]
            names[column] = column if column.startswith(f"{alias}_") else alias
        return names


def _known(item: ResolvedSet) -> list[str]:
    return [*item.feature_set.spec.features.keys(), *item.entities, item.timestamp_key]


def _some(name: str) -> list[str]:
    return [name] if name else []


def _about(condition: Any, known: Sequence[str]) -> bool:
    """Whether a filter speaks of columns of a set; filters of other sets are left to those."""
    parts = condition if isinstance(condition, list) else [condition]
    return all(isinstance(part, (tuple, list)) and part and part[0] in known for part in parts)
