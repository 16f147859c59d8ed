"""`get_offline_features`: MLRun's call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.offline.choosing import check_engine
from mlrun_like.feature_store.offline.frames import entity_frame
from mlrun_like.feature_store.offline.joining import Request, join_vector
from mlrun_like.feature_store.offline.planning import Asked
from mlrun_like.feature_store.offline.response import OfflineVectorResponse, RemoteVectorResponse
from mlrun_like.feature_store.offline.times import instant

__all__ = ["get_offline_features"]

_RECORDS = "mlrun_like.feature_store.definitions.records"
_WHERE = "get_offline_features"


def get_offline_features(  # noqa: PLR0913 - MLRun's signature
    feature_vector: FeatureVector | str,
    entity_rows: Any = None,
    entity_timestamp_column: str | None = None,
    target: Any = None,
    run_config: Any = None,
    drop_columns: Sequence[str] | None = None,
    start_time: str | datetime | None = None,
    end_time: str | datetime | None = None,
    with_indexes: bool = False,
    update_stats: bool = False,
    engine: str | None = None,
    engine_args: Mapping[str, Any] | None = None,
    query: str | None = None,
    order_by: str | Sequence[str] | None = None,
    spark_service: str | None = None,
    timestamp_for_filtering: str | Mapping[str, str] | None = None,
    additional_filters: Sequence[Any] | None = None,
) -> OfflineVectorResponse | RemoteVectorResponse:
    """The features of a vector in bulk: what was known of each entity row at its time.

    Every entity row stays one row, in its order. Its features are those of the newest row that is
    not later; among equal times the one written last; missing if that row is older than the set's
    `ttl`. Times without a zone are UTC. Without a time column it is the newest row of all. Without
    entity rows the rows of the first set take their place; sets without times are then joined by
    equal keys. Aggregates over windows are those at the row's time.

    Args:
        feature_vector: The vector, or its URI or name.
        entity_rows: A frame with the entities, and further columns that stay in the result.
        entity_timestamp_column: The frame's column of times.
        target: A target that the result is also written to; the vector's status says where.
        run_config: A RunConfig: join in a run of its own, on any runtime; needs a target.
        drop_columns: Columns that are left out of the result.
        start_time: Only rows of sets later than it: a time, `"2026-01-31"`, `"now - 1d2h"`.
        end_time: Only rows up to it; by default now, if there is a start_time.
        with_indexes: Keep entities (as the index) and times; else they are left out.
        update_stats: Take the statistics of the result into the vector's status, and save it.
        engine: `local` (default: in memory, by DuckDB what does not fit), `duckdb`, `pandas`,
            `dask` or `spark`; all give the same answer.
        engine_args: memory (bytes) for local and duckdb; threads; dask_client; session (Spark).
        query: A condition that rows must meet, as `DataFrame.query` takes it.
        order_by: Columns to sort by: names in the result or of features in their sets.
        spark_service: The Spark service, for runs of kind `remote-spark`.
        timestamp_for_filtering: The column that start_time and end_time speak of, for all sets or
            by set; by default each set's time.
        additional_filters: `[("column", ">", value)]`; each set is filtered by those about its
            columns.

    Returns:
        The result; with `run_config` a response that waits for the run.

    Raises:
        InvalidArgumentError: if an argument cannot be used or sets cannot be joined.
        InvalidTypeError: if keys of two sides have types that can never be equal.
        NotFoundError: if the vector, one of its sets, or a set's offline data does not exist.
    """
    if entity_rows is None and entity_timestamp_column is not None:
        raise InvalidArgumentError(
            "entity_timestamp_column param can not be specified without entity_rows param",
            where=_WHERE,
            fix="pass entity_rows, or leave the column out",
        )
    if target is not None and not getattr(target, "support_pandas", True):
        raise InvalidArgumentError(
            f"get_offline_features does not support targets of kind {target.kind!r}",
            where=_WHERE,
            fix="use a ParquetTarget or CSVTarget",
        )
    chosen = check_engine(engine)
    vector = _vector(feature_vector)
    if run_config is not None and not run_config.local:
        arguments = {
            "entity_timestamp_column": entity_timestamp_column,
            "drop_columns": _names(drop_columns),
            "with_indexes": with_indexes,
            "query": query,
            "order_by": _names(order_by),
            "start_time": _text(start_time),
            "end_time": _text(end_time),
            "timestamp_for_filtering": timestamp_for_filtering,
            "engine": engine,
            "engine_args": dict(engine_args or {}),
            "additional_filters": [list(one) for one in additional_filters or ()],
            "update_stats": update_stats,
        }
        run = registry.resolve("mlrun_like.feature_store.offline.job:run_merge_job")
        found: RemoteVectorResponse = run(
            vector, target, entity_rows, run_config, arguments, spark_service
        )
        return found
    rows = None if entity_rows is None else entity_frame(entity_rows)
    time = (
        (entity_timestamp_column or vector.spec.timestamp_field or "") if rows is not None else ""
    )
    start = instant(start_time, name="start_time")
    end = instant(end_time, name="end_time")
    if start is not None and end is None:
        end = instant("now", name="end_time")
    asked = Asked(
        rows, time, start, end, timestamp_for_filtering,
        tuple(_filters(additional_filters)), bool(with_indexes or vector.spec.with_indexes),
    )  # fmt: skip
    request = Request(
        asked=asked,
        engine=chosen,
        options=dict(engine_args or {}),
        drop=tuple(_names(drop_columns)),
        query=_both(vector.spec.query, query),
        order=tuple(_names(order_by)),
        target=target,
        stats=update_stats,
    )
    return join_vector(vector, request)


def _vector(given: Any) -> FeatureVector:
    if isinstance(given, FeatureVector):
        return given
    if isinstance(given, str):
        found: FeatureVector = registry.resolve(f"{_RECORDS}:get_feature_vector")(given)
        return found
    raise InvalidTypeError(
        f"{given!r:.80} is no feature vector",
        where=_WHERE,
        fix='pass a FeatureVector or its URI, "store://feature-vectors/<project>/<name>"',
    )


def _names(given: str | Sequence[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _text(given: str | datetime | None) -> str | None:
    return given if given is None or isinstance(given, str) else given.isoformat()


def _filters(given: Sequence[Any] | None) -> list[Any]:
    """Filters as tuples; runs get them as lists, as JSON has no tuples."""
    found: list[Any] = []
    for one in given or ():
        if isinstance(one, list) and one and not isinstance(one[0], str):
            found.append([tuple(part) for part in one])
        else:
            found.append(tuple(one) if isinstance(one, list) else one)
    return found


def _both(first: str | None, second: str | None) -> str:
    given = [one for one in (first, second) if one]
    return " and ".join(f"({one})" for one in given) if len(given) > 1 else "".join(given)
