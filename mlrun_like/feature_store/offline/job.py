"""A join as a run of its own, on any runtime: MLRun's `merge_handler`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.metadata import work_name
from mlrun_like.feature_store.definitions.records import get_feature_vector
from mlrun_like.feature_store.definitions.run_config import RunConfig
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.feature_store.offline.frames import entity_frame
from mlrun_like.feature_store.offline.response import RemoteVectorResponse
from mlrun_like.feature_store.targets.kinds import get_target_driver
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.names import new_uid

__all__ = ["HANDLER", "merge_handler", "run_merge_job"]

HANDLER = """

from mlrun_like.feature_store.offline.job import merge_handler
"""
"""The code of the run."""

_KIND = "process"
_PREFIX = "entity-rows"


def run_merge_job(
    vector: FeatureVector,
    target: Any,
    entity_rows: Any,
    run_config: RunConfig,
    arguments: Mapping[str, Any],
    spark_service: str | None = None,
) -> RemoteVectorResponse:
    """Start the run `<vector>-merger`.

    Args:
        vector: The vector; it is saved.
        target: Where the result goes.
        entity_rows: A frame, which is written beside the target for the run, or the path of a
            Parquet or CSV file of rows.
        run_config: How it runs.
        arguments: Arguments of `get_offline_features` as plain data.
        spark_service: The Spark service, for kind `remote-spark`.

    Raises:
        InvalidArgumentError: if there is no target, the vector has no name, or the run config has
            a handler of its own.
    """
    if target is None or not hasattr(target, "to_dict"):
        raise InvalidArgumentError(
            "target object must be specified",
            where="get_offline_features",
            fix="get_offline_features(..., target=ParquetTarget(), run_config=...)",
        )
    if run_config.handler:
        raise InvalidArgumentError(
            "get_offline_features does not support run_config with a handler",
            where="get_offline_features",
            fix="leave the handler out",
        )
    if not vector.metadata.name:
        raise InvalidArgumentError(
            "a run joins vectors that have a name only",
            where="get_offline_features",
            fix='FeatureVector("my-vector", ...)',
        )
    config = run_config.copy()
    engine = arguments.get("engine")
    kind = config.kind or ("spark" if engine == "spark" else _KIND)
    name = work_name(vector.metadata.name or "", "merger")
    vector.save()
    written = get_target_driver(target, vector)
    if config.function is None:
        config.code = config.code + HANDLER
    function = config.to_function(kind, name=name)
    function.metadata.project = vector.metadata.project
    function.metadata.name = function.metadata.name or name
    if spark_service and hasattr(function, "with_spark_service"):
        function.with_spark_service(spark_service=spark_service)
    parameters = {
        **config.parameters,
        "vector_uri": vector.uri,
        "target": {**written.to_dict(), "path": written.get_target_path(new_uid())},
        **{key: value for key, value in arguments.items() if value not in (None, [], {})},
    }
    inputs = {}
    if entity_rows is not None:
        inputs["entity_rows"] = _kept(entity_rows, str(parameters["target"]["path"]))
    run = function.run(
        name=name,
        handler="merge_handler",
        params=parameters,
        inputs=inputs,
        labels={"job-type": "feature-merge", "feature-vector": str(vector.metadata.name)},
        local=bool(config.local),
        watch=bool(config.watch),
    )
    uid = run.uid() if callable(run.uid) else run.uid
    stored = get_feature_vector(vector.uri)  # the run may have ended, and saved it
    stored.status.run_uri = str(uid)
    stored.save()
    vector.status = stored.status
    return RemoteVectorResponse(
        vector, run, bool(arguments.get("with_indexes")), arguments.get("drop_columns")
    )


def _kept(rows: Any, path: str) -> str:
    """Entity rows where the run finds them."""
    if isinstance(rows, str):
        return rows
    frame: pd.DataFrame = entity_frame(rows)
    place = f"{path.rstrip('/')}.{_PREFIX}-{new_uid()[:12]}.parquet"
    ParquetTarget(path=place).write_dataframe(frame)
    return place


def merge_handler(context: Any, **_: Any) -> None:
    """Join what the run's parameters say, and write it to the target.

    Args:
        context: The run's context: parameters vector_uri, target and those of
            `get_offline_features`; input entity_rows.
    """
    given = dict(context.parameters)
    vector = get_feature_vector(str(given.pop("vector_uri")))
    target = get_target_driver(given.pop("target"), vector)
    known = get_offline_features.__annotations__
    arguments = {key: value for key, value in given.items() if key in known}
    rows = context.inputs.get("entity_rows") if context.inputs else None
    frame = None
    if rows is not None:
        frame = context.get_input("entity_rows").as_df()
    context.logger.info(f"joining feature vector {vector.uri}")
    get_offline_features(vector, frame, target=target, **arguments)
    context.log_result("feature_vector", vector.uri)
    context.log_result("target", vector.status.targets[target.name].to_dict())
