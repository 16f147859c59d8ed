"""OnlineVectorService: feature vectors by entity, as MLRun answers them."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.online.entity_rows import entity_rows_of
from mlrun_like.feature_store.online.imputing import impute_values, is_missing
from mlrun_like.feature_store.online.on_demand import OnDemand
from mlrun_like.feature_store.online.plan import plan_vector
from mlrun_like.feature_store.online.quick import NOTHING, Quick, quick_getters
from mlrun_like.feature_store.online.reading import Damage, Reader
from mlrun_like.feature_store.online.request_log import RequestLog
from mlrun_like.serving.event import to_time
from mlrun_like.serving.steps.windows import FixedWindowType

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

__all__ = ["OnlineVectorService", "ServiceOptions"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class ServiceOptions:
    """How a service answers.

    Args:
        fixed_window_type: Whether fixed windows are those that ended last or those under way.
        impute_policy: What stands for missing values, by feature; `*`: all others; `$mean` and the
            like are statistics of the vector.
        entity_keys: The entities that requests have; by default those that no other set gives.
        log: A folder or file (`.jsonl`) to which each vector is appended with its entities and
            time.
        store: Where feature sets are recorded, or the sets by name; None: the configured store.
        store_options: Options of the online stores, such as `timeout` in seconds.
    """

    fixed_window_type: FixedWindowType = FixedWindowType.LastClosedWindow
    impute_policy: Mapping[str, Any] | None = None
    entity_keys: Sequence[str] | None = None
    log: str | os.PathLike[str] | None = None
    store: Any = None
    store_options: Mapping[str, Any] | None = None


class OnlineVectorService:
    """Answers with the feature vectors of entities; safe for many threads.

    Args:
        vector: The feature vector.
        options: How it answers.

    Raises:
        InvalidArgumentError: if a feature set has no online target, or an option is wrong.
    """

    def __init__(self, vector: FeatureVector, options: ServiceOptions | None = None) -> None:
        self.vector = vector
        self.options = options = options or ServiceOptions()
        if not isinstance(options.fixed_window_type, FixedWindowType):
            raise InvalidTypeError(
                f"fixed_window_type={options.fixed_window_type!r:.80} is no FixedWindowType",
                fix="FixedWindowType.LastClosedWindow or FixedWindowType.CurrentOpenWindow",
            )
        self._ready = False
        self.initialize()

    def initialize(self) -> None:
        """Work out what a request needs; called by the constructor, and again after `close`."""
        if self._ready:
            return
        options, vector = self.options, self.vector
        resolved = vector.resolved(options.store, with_label=False)
        plan = plan_vector(resolved, options.entity_keys, options.store_options)
        self.plan = plan
        closed = options.fixed_window_type is FixedWindowType.LastClosedWindow
        self._reader = Reader(plan.parts, closed)
        self._one, self._many = self._reader.one, self._reader.many
        identity = plan.order == tuple(range(len(plan.order)))
        self._arrange = None if identity or len(plan.order) < 2 else itemgetter(*plan.order)
        self._columns = plan.columns
        self._on_demand = OnDemand.of(vector, plan.columns)
        self._stored = [name for name in plan.columns if name != plan.label]
        self._entities = tuple(plan.entities)
        self._where = f"feature vector {vector.metadata.name!r}"
        self._imputed = impute_values(
            options.impute_policy, self.features, lambda: _stats(resolved)
        )
        self._with_indexes = bool(vector.spec.with_indexes)
        self._log = RequestLog(options.log) if options.log is not None else None
        self._plain = not (
            self._on_demand or self._imputed or self._with_indexes or self._log is not None
        )
        self._quick = self._quick_getters() if self._plain else None
        self._ready = True

    def _quick_getters(self) -> Quick | None:
        plan = self.plan
        places = [
            (number, column) for number, part in enumerate(plan.parts) for column in part.columns
        ]
        wanted = zip(plan.order, plan.columns, strict=True)
        return quick_getters(plan.parts, [(*places[place], name) for place, name in wanted])

    @property
    def status(self) -> str:
        """`ready`, or `closed`."""
        return "ready" if self._ready else "closed"

    @property
    def features(self) -> list[str]:
        """The names of the values of a vector as a list: all but the label."""
        computed = self._on_demand.columns if self._on_demand is not None else ()
        return [*self._stored, *computed]

    @property
    def entities(self) -> list[str]:
        """What a request must have."""
        return list(self._entities)

    def get(
        self,
        entity_rows: Any,
        as_list: bool = False,
        at: dt.datetime | str | float | None = None,
    ) -> list[Any]:
        """The feature vectors of entities.

        Args:
            entity_rows: Dictionaries with the entities, or lists with their values in order, or one
                dictionary. Further fields of dictionaries are for features computed on demand.
            as_list: Whether a vector is a list of values in the vector's order, without the label.
            at: The moment: windows end then, and older values may have expired. A time (naive:
                UTC), or seconds since 1970; by default now.

        Returns:
            For each entity its vector; None: no feature set has a row of it.

        Raises:
            InvalidTypeError: if rows are neither dictionaries nor lists.
            InvalidArgumentError: if a row lacks an entity.
            IntegrityError: if a stored row is damaged; the message names set and entity.
            StoreUnavailableError: if a store cannot be reached.
        """
        quick = self._quick
        if quick is not None and type(entity_rows) is list and len(entity_rows) == 1:
            row = entity_rows[0]
            if type(row) is dict and not as_list and at is None:
                vector = quick.one(row)
                if vector is not NOTHING:
                    return [vector]
        found = self.read(entity_rows, as_list, at)
        for vector in found:
            if type(vector) is Damage:
                raise vector.error
        return found

    def read(
        self,
        entity_rows: Any,
        as_list: bool = False,
        at: dt.datetime | str | float | None = None,
    ) -> list[Any]:
        """As `get`, with a `Damage` for each vector whose stored rows cannot be read."""
        quick = self._quick
        several = type(entity_rows) is list and len(entity_rows) > 1
        if quick is not None and several and not as_list and at is None:
            vectors: Any = quick.many(entity_rows)
            if vectors is not NOTHING:
                return list(vectors)
        rows = entity_rows_of(entity_rows, self._entities, self._where)
        millis = None if at is None else _millis(at)
        values: list[Any]
        values = [self._one(rows[0], millis)] if len(rows) == 1 else self._many(rows, millis)
        if self._arrange is not None:
            arrange = self._arrange
            values = [arrange(item) if type(item) is tuple else item for item in values]
        if not self._plain:
            return self._finished(rows, values, as_list, millis)
        columns = self._columns
        if as_list and not self.plan.label:
            return [list(item) if type(item) is tuple else item for item in values]
        vectors = [
            dict(zip(columns, item, strict=True)) if type(item) is tuple else item
            for item in values
        ]
        return self._listed(vectors) if as_list else vectors

    async def get_async(
        self,
        entity_rows: Any,
        as_list: bool = False,
        at: dt.datetime | str | float | None = None,
    ) -> list[Any]:
        """As `get`, for event loops: the store is asked in a thread."""
        return await asyncio.to_thread(self.get, entity_rows, as_list, at)

    def describe(self) -> dict[str, Any]:
        """What the service answers: entities and features with types, label, state."""
        known = self.vector.status.features
        types = {item.name: item.value_type for item in known}
        return {
            "name": self.vector.metadata.name,
            "uri": self.vector.uri,
            "state": self.status,
            "entities": [
                {"name": name, "value_type": kind} for name, kind in self.plan.entities.items()
            ],
            "features": [{"name": name, "value_type": types.get(name)} for name in self.features],
            "label": self.plan.label or self.vector.status.label_column,
        }

    def close(self) -> None:
        """Release connections and write the rest of the log; may be repeated."""
        if not self._ready:
            return
        self._ready = False
        for store in self.plan.stores:
            store.close()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> OnlineVectorService:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------

    def _finished(
        self,
        rows: Sequence[Mapping[str, Any]],
        values: Sequence[Any],
        as_list: bool,
        millis: float | None,
    ) -> list[Any]:
        vectors = []
        for row, item in zip(rows, values, strict=True):
            vector = item
            if type(item) is tuple:
                vector = dict(zip(self._columns, item, strict=True))
                if self._on_demand is not None:
                    vector = self._on_demand.run(row, vector, millis)
                for name, value in self._imputed.items():
                    if is_missing(vector.get(name)):
                        vector[name] = value
                if self._with_indexes:
                    vector = {**{name: row[name] for name in self._entities}, **vector}
            vectors.append(vector)
        if self._log is not None:
            self._log.add(self._entities, rows, vectors, millis)
        return self._listed(vectors) if as_list else vectors

    def _listed(self, vectors: Sequence[Any]) -> list[Any]:
        names = self.features
        return [
            [vector.get(name) for name in names] if type(vector) is dict else vector
            for vector in vectors
        ]


def _millis(at: dt.datetime | str | float) -> float:
    if isinstance(at, str):
        at = to_time(at)
    if isinstance(at, dt.datetime):
        moment = at if at.tzinfo is not None else at.replace(tzinfo=dt.timezone.utc)
        return (moment - _EPOCH) / dt.timedelta(milliseconds=1)
    if isinstance(at, bool) or not isinstance(at, (int, float)):
        raise InvalidTypeError(
            f"at={at!r:.60} is no moment", fix="a datetime, ISO text, or seconds since 1970"
        )
    return float(at) * 1000


def _stats(resolved: Any) -> dict[str, Mapping[str, Any]]:
    """Statistics by the names of the vector: its own, else those of the sets."""
    found: dict[str, Mapping[str, Any]] = {}
    for item in resolved.sets:
        stats = item.feature_set.status.stats or {}
        found.update((name, stats[column]) for column, name in item.columns if column in stats)
    found.update(resolved.vector.status.stats or {})
    return found
