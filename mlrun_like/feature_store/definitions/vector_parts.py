"""Spec and status of a feature vector."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.feature_store.definitions.features import Entity, Feature, make_feature
from mlrun_like.feature_store.definitions.fields import Fields
from mlrun_like.feature_store.definitions.graphs import graph_document, read_definition_graph
from mlrun_like.feature_store.definitions.join_graph import JoinGraph
from mlrun_like.feature_store.definitions.object_list import ObjectList
from mlrun_like.feature_store.definitions.relations import check_vector_relations
from mlrun_like.feature_store.definitions.target_spec import DataTarget, make_written_target
from mlrun_like.serving.definition.graph import Graph

__all__ = ["FeatureVectorSpec", "FeatureVectorStatus"]


class FeatureVectorSpec(Fields):
    """What a feature vector shall be. Attributes are the arguments of FeatureVector and:

    entity_source: where rows to be enriched come from; entity_fields: what such rows hold besides
    the features, with types; timestamp_field: which of them is the time; graph: steps that compute
    features when they are asked for; analysis: names and URIs of charts.
    """

    _fields = (
        "owner", "features", "description", "entity_source", "entity_fields", "timestamp_field",
        "graph", "label_feature", "with_indexes", "function", "analysis", "join_graph",
        "relations", "query",
    )  # fmt: skip
    _always = ("features",)
    _texts = ("owner", "description", "timestamp_field", "label_feature", "query")
    _mappings = ("analysis",)

    def __init__(self) -> None:
        self.owner: str | None = None
        self._features: list[str] = []
        self.description: str | None = None
        self.entity_source: Any = None
        self._entity_fields = ObjectList(make_feature, "entity field")
        self.timestamp_field: str | None = None
        self._graph = Graph()
        self.final_step = ""
        self.label_feature: str | None = None
        self.with_indexes: bool | None = None
        self.function: Any = None
        self.analysis: dict[str, str] = {}
        self._join_graph: JoinGraph | None = None
        self._relations: dict[str, dict[str, Entity]] = {}
        self.query: str | None = None

    @property
    def features(self) -> list[str]:
        """The features: `[<project>/]<set>[:<tag>].<feature or *>[ as <alias>]`."""
        return self._features

    @features.setter
    def features(self, features: Any) -> None:
        if features is not None and (
            not isinstance(features, (list, tuple))
            or not all(isinstance(item, str) for item in features)
        ):
            raise InvalidArgumentError(
                f"features must be a list of texts, not {features!r:.80}",
                fix='FeatureVector("my-vector", ["stocks.price", "quotes.*"])',
            )
        self._features = list(features or [])

    @property
    def entity_fields(self) -> ObjectList[Feature]:
        """What rows to be enriched hold besides the features."""
        return self._entity_fields

    @entity_fields.setter
    def entity_fields(self, fields: Any) -> None:
        self._entity_fields = ObjectList.from_list(make_feature, fields, "entity field")

    @property
    def graph(self) -> Graph:
        """Steps that compute features when they are asked for."""
        return self._graph

    @graph.setter
    def graph(self, graph: Any) -> None:
        self._graph, final = read_definition_graph(graph, "graph of the feature vector")
        self.final_step = final or self.final_step

    @property
    def join_graph(self) -> JoinGraph | None:
        """How the feature sets are joined; None: as their order and their keys say."""
        return self._join_graph

    @join_graph.setter
    def join_graph(self, graph: Any) -> None:
        if graph is None or isinstance(graph, JoinGraph):
            self._join_graph = graph
            return
        made = JoinGraph.from_dict(graph, "join_graph")
        problems = made.check()
        if problems:
            raise SpecError("; ".join(problems), where="join_graph")
        self._join_graph = made

    @property
    def relations(self) -> dict[str, dict[str, Entity]]:
        """Columns that hold entities of other sets, by the set that has the columns."""
        return self._relations

    @relations.setter
    def relations(self, relations: Any) -> None:
        self._relations = check_vector_relations(relations)

    def _written(self, name: str) -> Any:
        if name == "graph":
            return graph_document(self._graph, self.final_step)
        return super()._written(name)

    def _read(self, name: str, value: Any, where: str) -> None:
        try:
            super()._read(name, value, where)
        except InvalidArgumentError as exc:
            if isinstance(exc, SpecError):
                raise
            raise SpecError(exc.what, where=where, fix=exc.fix) from exc


class FeatureVectorStatus(Fields):
    """What became of a feature vector.

    state; label_column and index_keys: names of columns in its data; features: its columns with
    types, by their names in the vector; stats: per column; targets: where it was materialised;
    preview, run_uri.
    """

    _fields = (
        "state", "targets", "features", "label_column", "stats", "preview", "run_uri",
        "index_keys", "timestamp_key",
    )  # fmt: skip
    _always = ("state",)
    _texts = ("state", "label_column", "run_uri", "timestamp_key")
    _mappings = ("stats",)

    def __init__(self) -> None:
        self.state: str | None = "created"
        self.label_column: str | None = None
        self.stats: dict[str, dict[str, Any]] = {}
        self.preview: list[Any] = []
        self.run_uri: str | None = None
        self.index_keys: list[str] = []
        self.timestamp_key: str | None = None
        self._features = ObjectList(make_feature, "feature")
        self._targets = ObjectList(make_written_target, "target")

    @property
    def features(self) -> ObjectList[Feature]:
        """Its columns, by their names in the vector; `origin` says which set's."""
        return self._features

    @features.setter
    def features(self, features: Any) -> None:
        self._features = ObjectList.from_list(make_feature, features, "feature")

    @property
    def targets(self) -> ObjectList[DataTarget]:
        """Where it was materialised."""
        return self._targets

    @targets.setter
    def targets(self, targets: Any) -> None:
        self._targets = ObjectList.from_list(make_written_target, targets, "target")

    def update_target(self, target: Any) -> DataTarget:
        """Record that a target was written; replaces what was known of it."""
        return self._targets.update(target)
