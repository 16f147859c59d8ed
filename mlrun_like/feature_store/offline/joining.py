"""One join of a vector from the request to the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.resolving import ResolvedVector
from mlrun_like.feature_store.ingestion.infer_options import InferOptions
from mlrun_like.feature_store.ingestion.statistics import get_df_preview, get_df_stats
from mlrun_like.feature_store.offline.choosing import run_engine
from mlrun_like.feature_store.offline.finishing import finished
from mlrun_like.feature_store.offline.planning import Asked, Planned, plan_joins
from mlrun_like.feature_store.offline.response import OfflineVectorResponse
from mlrun_like.feature_store.offline.training import record_reads, record_training_set
from mlrun_like.feature_store.targets.kinds import get_target_driver
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.runs.context_base import utc_now

__all__ = ["Request", "join_vector"]

_TRIES = 3


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Args:
        asked: Rows, times, filters.
        engine: The engine's name.
        options: Arguments of the engine.
        drop: Columns that are left out.
        query: A condition as `DataFrame.query` takes it; empty: none.
        order: Columns to sort by.
        target: Where the result is written; None: nowhere.
        stats: Whether statistics go into the vector's status.
        context: The run that a training set is recorded with; None: the current one, if any.
    """

    asked: Asked
    engine: str = "local"
    options: dict[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    query: str = ""
    order: tuple[str, ...] = ()
    target: Any = None
    stats: bool = False
    context: Any = None


def join_vector(vector: FeatureVector, request: Request) -> OfflineVectorResponse:
    """Join the sets of a vector, finish the table, write and record it.

    Args:
        vector: The vector; its status is brought up to date.
        request: What is asked for.

    Raises:
        InvalidArgumentError: if it has no features, or a target has no path.
    """
    resolved = vector.resolved()
    if not resolved.columns:
        raise InvalidArgumentError(
            "No features in vector. Make sure to infer the schema on all the feature sets first",
            where=f"feature vector {vector.metadata.name!r}",
            fix="ingest or preview the feature sets, or name features",
        )
    sets = {item.name: item.feature_set for item in resolved.sets}
    vector.parse_features(store=sets, update_stats=request.stats)
    planned, found = _joined(resolved, request)
    record_reads(vector, planned, request.context)
    lazy = None if isinstance(found, pd.DataFrame) else found
    if lazy is not None and not planned.windows and not vector.graph.steps:
        table: Any = lazy.finished(planned.names, request, label=resolved.label)
        indexes = _indexes(planned, request)
        if request.target is None and not request.stats:
            return OfflineVectorResponse(vector, table, indexes)
        found = table.to_pandas()
        frame: pd.DataFrame = found
    else:
        frame = found if lazy is None else lazy.to_pandas()
        frame = _finished(vector, planned, frame, request, resolved.label)
    response = OfflineVectorResponse(vector, frame, _indexes(planned, request))
    _note(vector, planned, frame, request)
    response.digest = record_training_set(vector, planned, frame, request)
    return response


def _joined(resolved: ResolvedVector, request: Request) -> tuple[Planned, Any]:
    for last in range(_TRIES):
        try:
            planned = plan_joins(resolved, request.asked)
            return planned, run_engine(request.engine, planned.plan, request.options)
        except FileNotFoundError:
            if last == _TRIES - 1:
                raise  # else an ingestion replaced files that were being read
    raise AssertionError


def _finished(
    vector: FeatureVector, planned: Planned, frame: pd.DataFrame, request: Request, label: str
) -> pd.DataFrame:
    for windows in planned.windows:
        frame = windows.fill(frame)
    names = dict(planned.names)
    if vector.graph.steps:
        frame = _on_demand(vector, planned, frame)
        shown = set(planned.plan.columns.values()) | {
            new for join in planned.plan.joins for new in join.columns.values()
        }
        given = set() if planned.plan.rows is None else set(planned.plan.rows.columns)
        names.update({one: one for one in frame.columns if one not in shown | given | set(names)})
        names = {old: new for old, new in names.items() if old in frame.columns}
    aliases = {column: alias for item in planned.sources for column, alias in item.columns}
    return finished(
        frame, names, drop=request.drop, label=label, query=request.query, order=request.order,
        aliases=aliases,
    )  # fmt: skip


def _on_demand(vector: FeatureVector, planned: Planned, frame: pd.DataFrame) -> pd.DataFrame:
    """The vector's steps, row by row as at a request."""
    twin = FeatureSet(
        str(vector.metadata.name or "vector"), entities=[], timestamp_key=planned.time or None
    )
    twin.spec.graph = vector.graph
    twin.spec.final_step = vector.spec.final_step
    transform = compile_transform(twin)
    try:
        parts = [transform.run(frame).get("", frame.iloc[:0]), transform.finish().get("")]
        parts = [part for part in parts if part is not None and len(part)]
        if not parts:
            return frame.iloc[:0]
        whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return whole
    finally:
        transform.close()


def _indexes(planned: Planned, request: Request) -> list[str]:
    if not request.asked.indexes:
        return []
    return [name for name in planned.indexes if name not in request.drop]


def _note(vector: FeatureVector, planned: Planned, frame: pd.DataFrame, request: Request) -> None:
    """Statistics and targets into the vector's status."""
    status = vector.status
    named = bool(vector.metadata.name)
    if request.asked.indexes and planned.time in frame.columns:
        status.timestamp_key = planned.time
    if request.stats:
        names = [one for one in frame.columns if one in status.features]
        if len(frame):
            status.stats = get_df_stats(frame[names], InferOptions.all_stats())
        status.preview = get_df_preview(frame)
    if request.target is not None:
        _write(vector, frame, request.target, _indexes(planned, request))
    if named and (request.stats or request.target is not None):
        vector.save()


def _write(vector: FeatureVector, frame: pd.DataFrame, given: Any, indexes: Sequence[str]) -> None:
    target = get_target_driver(given, vector)
    if not target.path and not vector.metadata.name:
        raise InvalidArgumentError(
            "target path was not specified",
            where="get_offline_features",
            fix="give the target a path, or the vector a name",
        )
    size = target.write_dataframe(frame, indexes, vector.status.timestamp_key)
    entry = {
        **target.to_dict(),
        "kind": target.kind,
        "name": target.name,
        "path": target.get_target_path(),
        "status": "ready",
        "size": size,
        "rows": len(frame),
        "updated": utc_now(),
    }
    known = [one for one in vector.status.targets if one.name != target.name]
    vector.status.targets = [*known, entry]
