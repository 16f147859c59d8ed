"""A feature set as a table of serving graphs: what `QueryByKey` reads by its URI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.online.codec import decode_row
from mlrun_like.feature_store.online.keys import STATES, key_builder
from mlrun_like.feature_store.online.places import online_place
from mlrun_like.feature_store.online.store import OnlineStore, open_online
from mlrun_like.registry import resolve
from mlrun_like.serving.steps.aggregate_field import aggregators_of
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.drivers import Change, Driver, Key, Row, key_parts
from mlrun_like.serving.steps.tables_schema import merged_schema
from mlrun_like.serving.steps.tables_table import Table

__all__ = ["FeatureSetDriver", "feature_table", "layouts_of"]


class FeatureSetDriver(Driver):
    """Reads the online rows of a feature set, and its windows; ingestion alone writes them.

    Args:
        feature_set: The feature set.

    Raises:
        InvalidArgumentError: if it has no online target.
    """

    def __init__(self, feature_set: Any) -> None:
        self._name = feature_set.metadata.name
        place = online_place(feature_set)
        types = [entity.value_type for entity in feature_set.spec.entities]
        self._entities = [entity.name for entity in feature_set.spec.entities]
        self._layouts = layouts_of(feature_set)
        self._store: OnlineStore = open_online(place.url)
        self._row_key = key_builder(place.namespace, types)
        self._state_key = key_builder(place.namespace, types, STATES)

    def supports_aggregations(self) -> bool:
        """Whether the feature set aggregates."""
        return bool(self._layouts)

    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        parts = key_parts(key)
        if len(parts) != len(self._entities):
            raise InvalidArgumentError(
                f"the key {key!r:.80} has {len(parts)} parts",
                where=f"feature set {self._name!r}",
                fix=f"give values of its entities: {', '.join(self._entities)}",
            )
        row_key, state_key = self._row_key(parts), self._state_key(parts)
        if row_key is None or state_key is None:
            return None
        wanted = [row_key, state_key] if aggregates and self._layouts else [row_key]
        blob, *states = self._store.read(wanted)
        row = Row({} if blob is None else decode_row(blob))
        if states and states[0] is not None:
            decode = resolve("mlrun_like.feature_store.windows.states:decode")
            for layout, state in zip(self._layouts, decode(states[0], self._layouts), strict=True):
                if state is not None:
                    row.aggregates[layout.name] = state.to_plain()
        return None if blob is None and not row.aggregates else row

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        """Refused: a feature set is written by ingestion.

        Raises:
            InvalidArgumentError: always.
        """
        raise InvalidArgumentError(
            "a feature set is not written as a table",
            where=f"feature set {self._name!r}",
            fix="ingest into it, or write to a table of your own: memory://, sqlite://, redis://",
        )

    def load_schema(self, table: str) -> dict[str, Any] | None:
        return merged_schema({}, self._layouts, self._name)

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        """Refused, as `save` is.

        Raises:
            InvalidArgumentError: always.
        """
        self.save(table, ())

    def close(self) -> None:
        self._store.close()


def layouts_of(feature_set: Any) -> list[Layout]:
    """The windows of a feature set's aggregations."""
    documents = [
        {key: value for key, value in found.items() if key != "step"}
        for found in feature_set.aggregations()
    ]
    return [aggregator.layout() for one in documents for aggregator in aggregators_of([one])]


def feature_table(uri: str) -> Table:
    """The online rows of a recorded feature set as a table; each lookup reads the store.

    Args:
        uri: `store://feature-sets/<project>/<name>[:<tag>]`.

    Raises:
        NotFoundError: if there is no such feature set.
        InvalidArgumentError: if it has no online target.
    """
    find = resolve("mlrun_like.feature_store.definitions.records:get_feature_set")
    return Table(uri, FeatureSetDriver(find(uri)), flush_interval_secs=None)
