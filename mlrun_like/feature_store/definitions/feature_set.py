"""FeatureSet: entities, features, and how they come from raw data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions import aggregations as aggregated
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.metadata import Metadata
from mlrun_like.feature_store.definitions.set_data import SetData
from mlrun_like.feature_store.definitions.set_parts import FeatureSetSpec, FeatureSetStatus
from mlrun_like.feature_store.definitions.set_targets import chosen_targets, offline_target
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.plot import Picture

__all__ = ["FeatureSet"]


class FeatureSet(SetData):
    """A set of features of the same entities, and the steps that make them of raw data.

    Args:
        name: Its name.
        description: A text for readers.
        entities: The columns that are its key: names or Entity objects.
        timestamp_key: The column with the time of an event.
        engine: What computes it: `storey` (default), `pandas` or `spark`.
        label_column: The column that models shall predict.
        relations: Columns that hold the entities of other sets: `{"manager_id": "person"}`.
        passthrough: Keep no copy of the data: reading the set offline reads its source.
        ttl: How long a value holds after its event time: `"30d"`, seconds, a timedelta.
        schema_policy: What becomes of data with another schema: `evolve` takes columns that are
            new or wider, `strict` none, `new-version` also starts a version where they clash.
        owner: Who is responsible for it.
        labels: Labels of the set.

    >>> ticks = FeatureSet("ticks", entities=["stock"], timestamp_key="time")
    >>> ticks.add_aggregation("bid", ["avg"], "1h").name
    'Aggregates'
    >>> ticks.uri, list(ticks.spec.features.keys())
    ('store://feature-sets/default/ticks', ['bid_avg_1h'])
    """

    kind = "FeatureSet"
    category = "feature-sets"
    noun = "feature set"
    _spec: FeatureSetSpec
    _status: FeatureSetStatus

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        description: str | None = None,
        entities: Sequence[Entity | str] | None = None,
        timestamp_key: str | None = None,
        engine: str | None = None,
        label_column: str | None = None,
        relations: Mapping[str, Entity | str] | None = None,
        passthrough: bool | None = None,
        *,
        ttl: Any = None,
        schema_policy: str | None = "evolve",
        owner: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._metadata = Metadata(name=name, labels=labels)
        self.check_names()
        self._spec = spec = FeatureSetSpec()
        spec.description = description
        spec.entities = entities
        spec.timestamp_key = timestamp_key
        spec.engine = engine
        spec.label_column = label_column
        spec.relations = relations
        spec.passthrough = passthrough
        spec.ttl = ttl
        spec.schema_policy = schema_policy
        spec.owner = owner
        self._status = FeatureSetStatus()

    @property
    def spec(self) -> FeatureSetSpec:
        """What it shall be."""
        return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec if isinstance(spec, FeatureSetSpec) else self._spec_from(spec, self.noun)

    @property
    def status(self) -> FeatureSetStatus:
        """What became of it."""
        return self._status

    @status.setter
    def status(self, status: Any) -> None:
        given = isinstance(status, FeatureSetStatus)
        self._status = status if given else self._status_from(status, self.noun)

    @classmethod
    def _spec_from(cls, document: Any, where: str) -> FeatureSetSpec:
        return FeatureSetSpec.from_dict(document, where)

    @classmethod
    def _status_from(cls, document: Any, where: str) -> FeatureSetStatus:
        return FeatureSetStatus.from_dict(document, where)

    # columns

    def add_entity(
        self,
        name: str,
        value_type: Any = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Add or replace an entity; arguments as for Entity."""
        self._spec.entities.update(Entity(name, value_type, description, labels))

    def add_feature(self, feature: Feature | str, name: str | None = None) -> None:
        """Add or replace a feature."""
        self._spec.features.update(feature, name)

    def __getitem__(self, name: str) -> Feature:
        return self._spec.features[name]

    def __setitem__(self, name: str, feature: Feature) -> None:
        self._spec.features.update(feature, name)

    # steps

    @property
    def graph(self) -> Graph:
        """The steps that make features of raw data; `graph.to(...)` adds one."""
        return self._spec.graph

    def add_aggregation(  # noqa: PLR0913 - MLRun's signature
        self,
        column: str,
        operations: Sequence[Any],
        windows: str | Sequence[str],
        period: str | None = None,
        name: str | None = None,
        step_name: str | None = None,
        after: str | None = None,
        before: str | None = None,
        state_name: str | None = None,
        emit_policy: Any = None,
    ) -> GraphStep:
        """Aggregate a column over windows of time; returns the step that does it.

        The features are named `<name>_<operation>_<window>`, such as `bid_avg_1h`.

        Args:
            column: The column.
            operations: A list of operations: sum, count, avg, min, max, first, last, stddev, ...;
                or a UserAggregate, which is known by its name from then on in this process.
            windows: `"1h"` or `["1h", "24h"]`: the last hour, the last day.
            period: How finely a window slides, such as `"10m"`; a divisor of each window. None:
                fixed windows, which begin at full hours, days, ...
            name: The first part of the features' names; by default the column.
            step_name: The step that does it; by default `Aggregates`, shared by all.
            after: The step before it; by default the one added last.
            before: The step after it.
            state_name: Older name of step_name.
            emit_policy: When the step passes events on; by default each at once.

        Raises:
            InvalidArgumentError: if the engine is pandas, an argument has a wrong form, or another
                aggregation has the name.
        """
        if state_name is not None:
            warnings.warn(
                "state_name is now called step_name", PendingDeprecationWarning, stacklevel=2
            )
        if self._spec.engine == "pandas":
            raise InvalidArgumentError(
                "the engine 'pandas' has no aggregations over windows",
                where=f"feature set {self.name!r}",
                fix='FeatureSet(..., engine="storey")',
            )
        new = aggregated.aggregation_document(column, operations, windows, period, name)
        wanted = step_name or state_name or aggregated.AGGREGATES_STEP
        step = next((step for step in self.graph.steps if step.name == wanted), None)
        if step is None:
            previous = after or ("$prev" if self.graph.steps and not before else None)
            policy = {} if emit_policy is None else {"emit_policy": _policy(emit_policy)}
            step = self.graph.add_step(
                "storey.AggregateByKey", wanted, after=previous, before=before,
                aggregates=[new], table=".", **policy,
            )  # fmt: skip
        else:
            known = step.class_args.get("aggregates") or []
            step.class_args["aggregates"] = aggregated.merge_aggregation(known, new)
            if emit_policy is not None:
                step.class_args["emit_policy"] = _policy(emit_policy)
        for operation in new["operations"]:
            for window in new["windows"]:
                feature = f"{new['name']}_{operation}_{window}"
                if feature not in self._spec.features:
                    self._spec.features.update(Feature(name=feature))
                self._spec.features[feature].aggregate = True
        return step

    def aggregations(self) -> list[dict[str, Any]]:
        """The aggregations: name, column, operations, windows, period, and the step's name."""
        return aggregated.list_aggregations(self.graph)

    def plot(
        self,
        filename: str | None = None,
        format: str | None = None,
        with_targets: bool = False,
        **options: Any,
    ) -> Picture:
        """A picture of the graph.

        Args:
            filename: Also write it here.
            format: As for `Graph.plot`.
            with_targets: Also draw the targets.
            options: As for `Graph.plot`: source, rankdir.
        """
        graph = Graph.from_dict(self.graph.to_dict()) if self.graph.steps else Graph()
        if with_targets:
            ends = _final_steps(graph, self._spec.final_step)
            for target in self._spec.targets:
                named = target.after_step
                after = [named] if isinstance(named, str) and named else list(named or ends)
                graph.add_step(str, f"{target.name}", after=after, graph_shape="cylinder")
        return graph.plot(filename, format, **options)

    # targets

    def set_targets(
        self,
        targets: Sequence[Any] | None = None,
        with_defaults: bool = True,
        default_final_step: str | None = None,
        default_final_state: str | None = None,
    ) -> None:
        """Choose what the set is written to, besides what was chosen before.

        Args:
            targets: Kinds (`"csv"`, `"nosql"`, ...) or target objects.
            with_defaults: Add the default ones: Parquet files and the online store.
            default_final_step: The step whose results targets get, if the graph branches.
            default_final_state: Older name of default_final_step.

        Raises:
            InvalidArgumentError: if it is no list, a kind is unknown, or two cannot be told apart.
        """
        if default_final_state is not None:
            warnings.warn(
                "default_final_state is now called default_final_step",
                PendingDeprecationWarning,
                stacklevel=2,
            )
        for target in chosen_targets(targets, with_defaults, bool(self._spec.passthrough)):
            self._spec.targets.update(target)
        final = default_final_step or default_final_state
        if final:
            self._spec.final_step = final

    def get_target_path(self, name: str | None = None) -> str | None:
        """Where the offline target is, or the one of a name; None: there is none."""
        target = offline_target(self, name)
        return None if target is None else target.path

    def has_valid_source(self) -> bool:
        """Whether it knows a source to ingest from."""
        source = self._spec.source
        path = source.get("path") if isinstance(source, Mapping) else getattr(source, "path", None)
        return source is not None and path is not None and path != "None"

    @property
    def ttl_millis(self) -> int | None:
        """How long a value holds after its event time, in milliseconds; None: forever."""
        return self._spec.ttl_millis


def _policy(policy: Any) -> Any:
    """An emit policy as data, so that the set can be saved."""
    to_dict = getattr(policy, "to_dict", None)
    return to_dict() if callable(to_dict) else policy


def _final_steps(graph: Graph, final_step: str) -> list[str]:
    """The step that is named, or those after which there is none."""
    if final_step:
        return [final_step]
    before = {name for step in graph.steps for name in step.earlier}
    return [step.name for step in graph.steps if step.name not in before]
