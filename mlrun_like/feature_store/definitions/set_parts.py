"""Spec and status of a feature set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError, nearest
from mlrun_like.feature_store.definitions.features import (
    Entity,
    Feature,
    make_entity,
    make_feature,
)
from mlrun_like.feature_store.definitions.fields import Fields, plain
from mlrun_like.feature_store.definitions.graphs import graph_document, read_definition_graph
from mlrun_like.feature_store.definitions.object_list import ObjectList
from mlrun_like.feature_store.definitions.relations import check_relations
from mlrun_like.feature_store.definitions.staleness import check_ttl, ttl_millis
from mlrun_like.feature_store.definitions.target_spec import (
    DataTarget,
    make_target,
    make_written_target,
)
from mlrun_like.serving.definition.graph import Graph

__all__ = ["ENGINES", "SCHEMA_POLICIES", "FeatureSetSpec", "FeatureSetStatus"]

ENGINES = ("storey", "pandas", "spark")
"""What computes a feature set."""
SCHEMA_POLICIES = ("evolve", "strict", "new-version")
"""What becomes of data whose schema differs; see `schema.decide`."""


class FeatureSetSpec(Fields):
    """What a feature set shall be. Attributes are the arguments of FeatureSet and:

    source: what data was ingested last, as plain data or an object of `sources`;
    targets: what it shall be written to; graph: its steps, the answer is the step `final_step`;
    analysis: names and URIs of charts; function: what ingests it; output_path: where targets go.
    """

    _fields = (
        "owner", "description", "entities", "features", "partition_keys", "timestamp_key",
        "label_column", "relations", "source", "targets", "graph", "function", "analysis",
        "engine", "output_path", "passthrough", "ttl", "schema_policy",
    )  # fmt: skip
    _always = ("entities", "features", "engine")
    _texts = ("owner", "description", "timestamp_key", "label_column", "output_path", "engine")
    _mappings = ("analysis",)

    def __init__(self) -> None:
        self.owner: str | None = None
        self.description: str | None = None
        self.partition_keys: list[str] = []
        self.timestamp_key: str | None = None
        self.label_column: str | None = None
        self.source: Any = None
        self.function: Any = None
        self.analysis: dict[str, str] = {}
        self.output_path: str | None = None
        self.passthrough: bool | None = None
        self.final_step = ""
        self._graph = Graph()
        self._engine = "storey"
        self._ttl: str | float | None = None
        self._schema_policy = "evolve"
        self._relations: dict[str, Entity] = {}
        self._entities = ObjectList(make_entity, "entity")
        self._features = ObjectList(make_feature, "feature")
        self._targets: ObjectList[Any] = ObjectList(make_target, "target")

    @property
    def entities(self) -> ObjectList[Entity]:
        """The columns that are its key, in order."""
        return self._entities

    @entities.setter
    def entities(self, entities: Any) -> None:
        self._entities = ObjectList.from_list(make_entity, entities, "entity")

    @property
    def features(self) -> ObjectList[Feature]:
        """Its columns besides the entities."""
        return self._features

    @features.setter
    def features(self, features: Any) -> None:
        self._features = ObjectList.from_list(make_feature, features, "feature")

    @property
    def targets(self) -> ObjectList[Any]:
        """What it shall be written to: objects of `feature_store.targets`, or DataTargetBase."""
        return self._targets

    @targets.setter
    def targets(self, targets: Any) -> None:
        self._targets = ObjectList.from_list(make_target, targets, "target")

    @property
    def relations(self) -> dict[str, Entity]:
        """Columns of this set that hold the entities of others."""
        return self._relations

    @relations.setter
    def relations(self, relations: Any) -> None:
        self._relations = check_relations(relations, "relations of the feature set")

    @property
    def engine(self) -> str:
        """What computes it: one of ENGINES."""
        return self._engine

    @engine.setter
    def engine(self, engine: str | None) -> None:
        wanted = engine or "storey"
        if wanted not in ENGINES:
            raise InvalidArgumentError(
                f"engine {engine!r:.60} is not known.{nearest(str(engine), ENGINES)}",
                fix=f"engine must be one of {', '.join(ENGINES)}",
            )
        if wanted != self._engine and self._graph.steps:
            raise InvalidArgumentError(
                f"the engine cannot become {wanted!r}: the graph has steps for {self._engine!r}",
                fix=f'FeatureSet(..., engine="{wanted}")',
            )
        self._engine = wanted
        self._set_graph_engine()

    @property
    def graph(self) -> Graph:
        """The steps that make features of raw data."""
        return self._graph

    @graph.setter
    def graph(self, graph: Any) -> None:
        self._graph, final = read_definition_graph(graph, "graph of the feature set")
        self.final_step = final or self.final_step
        self._set_graph_engine()

    def _set_graph_engine(self) -> None:
        self._graph.engine = "async" if self._engine == "storey" else "sync"

    @property
    def ttl(self) -> str | float | None:
        """How long a value holds after its event time: "30d" or seconds; None: forever."""
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: Any) -> None:
        self._ttl = check_ttl(ttl)

    @property
    def ttl_millis(self) -> int | None:
        """The ttl in milliseconds, or None."""
        return ttl_millis(self._ttl)

    @property
    def schema_policy(self) -> str:
        """What becomes of data whose schema differs: one of SCHEMA_POLICIES."""
        return self._schema_policy

    @schema_policy.setter
    def schema_policy(self, policy: str | None) -> None:
        wanted = policy or "evolve"
        if wanted not in SCHEMA_POLICIES:
            raise InvalidArgumentError(
                f"schema_policy {policy!r:.60} is not known."
                f"{nearest(str(policy), SCHEMA_POLICIES)}",
                fix=f"use one of: {', '.join(SCHEMA_POLICIES)}",
            )
        self._schema_policy = wanted

    def require_processing(self) -> bool:
        """Whether data goes through steps."""
        return bool(self._graph.steps)

    def _written(self, name: str) -> Any:
        if name == "graph":
            return graph_document(self._graph, self.final_step)
        if name == "schema_policy" and self._schema_policy == "evolve":
            return None
        return super()._written(name)

    def _read(self, name: str, value: Any, where: str) -> None:
        try:
            super()._read(name, value, where)
        except InvalidArgumentError as exc:
            if isinstance(exc, SpecError):
                raise
            raise SpecError(exc.what, where=where, fix=exc.fix) from exc

    @classmethod
    def from_dict(cls, document: Any, where: str = "") -> FeatureSetSpec:
        """Read what `to_dict` writes; the engine before the graph, whatever their order.

        Raises:
            SpecError: if a part cannot be used.
        """
        if isinstance(document, Mapping) and "engine" in document:
            document = {"engine": document["engine"], **document}
        return super().from_dict(document, where)


class FeatureSetStatus(Fields):
    """What became of a feature set.

    state: `created`, or what the last ingestion said; targets: what was written, by name; stats:
    per column; preview: rows, the first one are the columns' names; run_uri and function_uri: what
    ingested it; schema_versions: schemas of older data, oldest first.
    """

    _fields = (
        "state", "targets", "stats", "preview", "function_uri", "run_uri", "schema_versions",
    )  # fmt: skip
    _always = ("state",)
    _texts = ("state", "function_uri", "run_uri")
    _mappings = ("stats",)

    def __init__(self) -> None:
        self.state: str | None = "created"
        self.stats: dict[str, dict[str, Any]] = {}
        self.preview: list[Any] = []
        self.function_uri: str | None = None
        self.run_uri: str | None = None
        self.schema_versions: list[dict[str, Any]] = []
        self._targets = ObjectList(make_written_target, "target")

    @property
    def targets(self) -> ObjectList[DataTarget]:
        """What was written, by the target's name."""
        return self._targets

    @targets.setter
    def targets(self, targets: Any) -> None:
        self._targets = ObjectList.from_list(make_written_target, targets, "target")

    def update_target(self, target: Any) -> DataTarget:
        """Record that a target was written; replaces what was known of it."""
        return self._targets.update(target)

    def update_last_written_for_target(self, target_path: str, last_written: Any) -> None:
        """Record until which event time the target at a path is written."""
        for target in self._targets:
            if (target.path or "").rstrip("/") == target_path.rstrip("/"):
                target.last_written = plain(last_written)
