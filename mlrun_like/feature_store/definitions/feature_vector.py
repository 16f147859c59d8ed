"""FeatureVector: features of several feature sets, as one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_text import parse_feature
from mlrun_like.feature_store.definitions.features import make_feature
from mlrun_like.feature_store.definitions.join_graph import JoinGraph
from mlrun_like.feature_store.definitions.metadata import Metadata
from mlrun_like.feature_store.definitions.resolving import ResolvedVector, resolve_vector
from mlrun_like.feature_store.definitions.set_targets import offline_target
from mlrun_like.feature_store.definitions.vector_parts import (
    FeatureVectorSpec,
    FeatureVectorStatus,
)
from mlrun_like.registry import resolve
from mlrun_like.serving.definition.graph import Graph

__all__ = ["FeatureVector"]


class FeatureVector(Definition):
    """Features of one or several sets, as models take them.

    Args:
        name: Its name.
        features: `[<project>/]<set>[:<tag>].<feature or *>[ as <alias>]`, in the order of columns.
        label_feature: The feature that models shall predict, `<set>.<feature>`.
        description: A text for readers.
        with_indexes: Whether offline data keeps the columns of entities and times.
        join_graph: How the sets are joined; by default in the order of the features.
        relations: Columns that hold entities of other sets, by the set that has the columns:
            `{"employees": {"manager_id": "person"}}`.
        query: A condition that offline rows must meet, as `DataFrame.query` takes it.
        owner: Who is responsible for it.
        labels: Labels of the vector.

    >>> vector = FeatureVector("my-vector", ["quotes.bid", "quotes.ask_sum_5h as ask_5h"])
    >>> vector.uri, vector.get_feature_aliases()
    ('store://feature-vectors/default/my-vector', {'ask_sum_5h': 'ask_5h'})
    """

    kind = "FeatureVector"
    category = "feature-vectors"
    noun = "feature vector"
    _spec: FeatureVectorSpec
    _status: FeatureVectorStatus

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        features: Sequence[str] | None = None,
        label_feature: str | None = None,
        description: str | None = None,
        with_indexes: bool | None = None,
        join_graph: JoinGraph | None = None,
        relations: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        query: str | None = None,
        owner: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._metadata = Metadata(name=name, labels=labels)
        self.check_names()
        self._spec = spec = FeatureVectorSpec()
        spec.features = list(features) if features is not None else []
        spec.label_feature = label_feature
        spec.description = description
        spec.with_indexes = with_indexes
        spec.join_graph = join_graph
        spec.relations = relations
        spec.query = query
        spec.owner = owner
        self._status = FeatureVectorStatus()
        self.feature_set_objects: dict[str, FeatureSet] = {}

    @property
    def spec(self) -> FeatureVectorSpec:
        """What it shall be."""
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        given = isinstance(spec, FeatureVectorSpec)
        self._spec = spec if given else self._spec_from(spec, self.noun)

    @property
    def status(self) -> FeatureVectorStatus:
        """What became of it."""
        return self._status

    @status.setter
    def status(self, status: Any) -> None:
        given = isinstance(status, FeatureVectorStatus)
        self._status = status if given else self._status_from(status, self.noun)

    @classmethod
    def _spec_from(cls, document: Any, where: str) -> FeatureVectorSpec:
        return FeatureVectorSpec.from_dict(document, where)

    @classmethod
    def _status_from(cls, document: Any, where: str) -> FeatureVectorStatus:
        return FeatureVectorStatus.from_dict(document, where)

    @property
    def graph(self) -> Graph:
        """Steps that compute features when they are asked for."""
        return self._spec.graph

    # features

    def resolved(self, store: Any = None, *, with_label: bool = True) -> ResolvedVector:
        """The vector with its feature sets, in join order; all its mistakes in one error.

        Args:
            store: Where the sets are recorded (None: the configured store), or the sets themselves
                by name.
            with_label: Whether the label is one of the columns.

        Raises:
            InvalidArgumentError: naming every mistake.
            NotFoundError: if all that is wrong is that feature sets do not exist.
        """
        return resolve_vector(self, store, with_label=with_label)

    def parse_features(
        self, offline: bool = True, update_stats: bool = False, store: Any = None
    ) -> tuple[dict[str, FeatureSet], dict[str, list[tuple[str, str | None]]]]:
        """Check the features, and take over their types into the status.

        Args:
            offline: Whether the label belongs to it.
            update_stats: Also take over the statistics of the sets.
            store: As for `resolved`.

        Returns:
            The feature sets by name; and of each its columns: (column, alias or None).

        Raises:
            InvalidArgumentError: naming every mistake.
        """
        found = self.resolved(store, with_label=offline)
        status = self._status
        features = {}
        for item in found.sets:
            for column, name in item.columns:
                spec = item.feature_set.spec
                known = spec.features.get(column)
                feature = (
                    known.copy() if known else make_feature(spec.entities.get(column) or column)
                )
                feature.name = name
                feature.origin = f"{item.feature_set.fullname}.{column}"
                features[name] = feature
                if update_stats and column in item.feature_set.status.stats:
                    status.stats[name] = dict(item.feature_set.status.stats[column])
        status.features = [features[name] for name in found.columns]
        status.index_keys = list(found.index_keys)
        status.label_column = found.label or status.label_column
        self.feature_set_objects = {item.name: item.feature_set for item in found.sets}
        fields: dict[str, list[tuple[str, str | None]]] = {
            item.name: [(c, name if name != c else None) for c, name in item.columns]
            for item in found.sets
        }
        return dict(self.feature_set_objects), fields

    def get_feature_aliases(self) -> dict[str, str]:
        """Columns of sets -> their other names in the vector."""
        parsed = [parse_feature(text) for text in self._spec.features]
        return {
            item.feature: item.alias
            for item in parsed
            if item.alias and item.feature != "*" and item.alias != item.feature
        }

    # data

    def get_target_path(self, name: str | None = None) -> str | None:
        """Where its offline data was materialised; None: nowhere."""
        target = offline_target(self, name)
        return None if target is None else target.path

    def to_dataframe(self, df_module: Any = None, target_name: str | None = None) -> Any:
        """Its materialised offline data.

        Args:
            df_module: What makes the frame: `pandas` (default) or `dask.dataframe`.
            target_name: Which target; None: the offline one.

        Raises:
            NotFoundError: if it was not materialised.
        """
        path = self.get_target_path(target_name)
        if not path:
            raise NotFoundError(
                f"there are no offline targets for feature vector {self.name!r}",
                fix="get_offline_features(vector, target=ParquetTarget()) writes one",
            )
        return resolve("mlrun_like.artifacts.item:get_dataitem")(path).as_df(df_module=df_module)

    def get_offline_features(self, *arguments: Any, **options: Any) -> Any:
        """Its features in bulk; see `fstore.get_offline_features`."""
        get = resolve("mlrun_like.feature_store.offline.api:get_offline_features")
        return get(self, *arguments, **options)

    def get_online_feature_service(self, *arguments: Any, **options: Any) -> Any:
        """A service that gives its features by key; see `fstore.get_online_feature_service`."""
        get = resolve("mlrun_like.feature_store.online.api:get_online_feature_service")
        return get(self, *arguments, **options)


def _entity(spec: Any, column: str) -> Any:
    """The entity of a name, or the name itself: the column with the time."""
    return spec.entities.get(column) or column
