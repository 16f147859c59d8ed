"""MLRun's `mlrun.model_monitoring.api`: results of a model that no server has seen, recorded.

What differs from MLRun: the rows go to the store's tables rather than to a feature set, so none is
needed; a DataFrame that is given is never changed; drift thresholds are kept in the endpoint's
`monitor_configuration`; `trigger_monitoring_job` looks at the windows that are due, at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.datasets import get_sample_set_statistics, read_dataset_as_dataframe
from mlrun_like.monitoring.endpoints import records
from mlrun_like.monitoring.endpoints.document import ModelEndpoint, ModelMonitoringMode
from mlrun_like.monitoring.endpoints.newest import with_newest
from mlrun_like.monitoring.offline import write_monitoring_df
from mlrun_like.names import new_uid, parse_function_uri
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx

__all__ = [
    "get_drift_thresholds_if_not_none",
    "get_or_create_model_endpoint",
    "get_sample_set_statistics",
    "log_result",
    "read_dataset_as_dataframe",
    "record_results",
    "trigger_drift_batch_job",
    "write_monitoring_df",
]

DRIFT, POSSIBLE = 0.7, 0.5
_SWITCH = "mlrun_like.compat.switch:installed"
_log = logging.getLogger("mlrun_like.monitoring")


def get_or_create_model_endpoint(  # noqa: PLR0913 - MLRun's signature
    project: str,
    model_endpoint_name: str = "",
    model_path: str = "",
    endpoint_id: str = "",
    function_name: str = "",
    function_tag: str = "latest",
    context: MLClientCtx | None = None,
    sample_set_statistics: dict[str, Any] | None = None,
    monitoring_mode: str = ModelMonitoringMode.enabled,
    db_session: Any = None,
    feature_analysis: bool = False,
) -> ModelEndpoint:
    """A model endpoint; it is made if there is none.

    Args:
        project: The project.
        model_endpoint_name: The endpoint's name.
        model_path: The model's `store://` URI; or its path, then there are no statistics with it.
        endpoint_id: The endpoint's uid; empty: it follows from function and name.
        function_name: The function; empty: that of the context, else `function`.
        function_tag: The function's tag.
        context: The run.
        sample_set_statistics: What a new endpoint is compared with; None: the statistics that
            were logged with the model.
        monitoring_mode: `enabled` or `disabled`, of a new endpoint.
        db_session: Has no effect: the configured store is used.
        feature_analysis: Has no effect: an endpoint has its statistics always.

    Raises:
        InvalidArgumentError: if the endpoint exists with another model, or has no name.
        NotFoundError: if there is no such model.
    """
    del db_session, feature_analysis
    model = _model(model_path, project)
    found = _existing(project, endpoint_id, model_endpoint_name, function_name)
    if found is not None:
        _check(found, model, model_path, sample_set_statistics)
        return with_newest(found) if resolve(_SWITCH)() else found
    if not model_endpoint_name:
        raise InvalidArgumentError(
            f"there is no model endpoint {endpoint_id!r:.80}, and a new one needs a name",
            fix='model_endpoint_name="fraud"',
        )
    values: dict[str, Any] = {
        "spec.model_class": "drift-analysis",
        "spec.monitoring_mode": monitoring_mode,
        "spec.model_uri": model_path,
        "status.feature_stats": sample_set_statistics or {},
    }
    if model is not None:
        outputs = [str(one["name"]) for one in model.spec.outputs if one.get("name")]
        values |= {
            "spec.model_uri": model.uri,
            "spec.feature_names": [str(one["name"]) for one in model.spec.inputs],
            "spec.label_names": outputs,
            "spec.feature_set_uri": model.spec.feature_vector or "",
        }
        stats = sample_set_statistics or model.spec.feature_stats or {}
        values["status.feature_stats"] = dict(stats)
    return records.get_or_create_model_endpoint(
        project,
        model_endpoint_name,
        function_name or _function_of(context) or "function",
        function_tag=function_tag or "latest",
        uid=endpoint_id,
        values=values,
    )


def record_results(  # noqa: PLR0913 - MLRun's signature
    project: str,
    model_path: str,
    model_endpoint_name: str,
    endpoint_id: str = "",
    function_name: str = "",
    context: MLClientCtx | None = None,
    infer_results_df: pd.DataFrame | None = None,
    sample_set_statistics: dict[str, Any] | None = None,
    monitoring_mode: str = ModelMonitoringMode.enabled,
    drift_threshold: float | None = None,
    possible_drift_threshold: float | None = None,
    trigger_monitoring_job: bool = False,
    artifacts_tag: str = "",
    default_batch_image: str = "mlrun/mlrun",
) -> ModelEndpoint:
    """Record predictions that were made elsewhere, so that they are monitored.

    Args:
        project: The project.
        model_path: The model's `store://` URI; or its path, then there are no statistics with it.
        model_endpoint_name: The endpoint's name; it is made if there is none.
        endpoint_id: The endpoint's uid, if it is known.
        function_name: The function of a new endpoint.
        context: The run, for the function's name.
        infer_results_df: Features and predictions; a column `timestamp` has their times.
        sample_set_statistics: What a new endpoint is compared with.
        monitoring_mode: Of a new endpoint.
        drift_threshold: Kept in a new endpoint's `monitor_configuration`.
        possible_drift_threshold: The same.
        trigger_monitoring_job: Look at the windows that are due, at once.
        artifacts_tag: Has no effect, as in MLRun from 1.7 on.
        default_batch_image: The same.

    Raises:
        InvalidArgumentError: if the endpoint exists with another model or other thresholds, or
            none of the model's columns is in the frame.
    """
    del artifacts_tag, default_batch_image
    endpoint = get_or_create_model_endpoint(
        project,
        model_endpoint_name,
        model_path,
        endpoint_id,
        function_name,
        context=context,
        sample_set_statistics=sample_set_statistics,
        monitoring_mode=monitoring_mode,
    )
    uid = endpoint.metadata.uid
    endpoint = _keep_thresholds(endpoint, drift_threshold, possible_drift_threshold)
    if infer_results_df is not None:
        write_monitoring_df(uid, infer_results_df, now(), project=project)
    if trigger_monitoring_job:
        trigger_drift_batch_job(project, model_endpoints_ids=[uid])
    return records.get_model_endpoint(project, uid)


def log_result(
    context: MLClientCtx,
    result_set_name: str,
    result_set: pd.DataFrame,
    artifacts_tag: str,
    batch_id: str | None,
) -> None:
    """Log a result set as a data set, and the batch's id (None: a new one) as a result.

    Args:
        context: The run.
        result_set_name: The data set's key.
        result_set: Features and predictions.
        artifacts_tag: Its tag.
        batch_id: The batch.
    """
    context.log_dataset(result_set_name, df=result_set, db_key=result_set_name, tag=artifacts_tag)
    context.log_result("batch_id", batch_id or new_uid())


def get_drift_thresholds_if_not_none(
    model_endpoint: ModelEndpoint,
    drift_threshold: float | None = None,
    possible_drift_threshold: float | None = None,
) -> tuple[float, float]:
    """Thresholds of drift and of possible drift: as given, else the endpoint's, else 0.7 and 0.5.

    >>> get_drift_thresholds_if_not_none(ModelEndpoint(), 0.9)
    (0.9, 0.5)
    """
    kept = model_endpoint.spec.monitor_configuration
    return (
        drift_threshold or kept.get("drift_detected", DRIFT),
        possible_drift_threshold or kept.get("possible_drift", POSSIBLE),
    )


def trigger_drift_batch_job(
    project: str,
    default_batch_image: str = "mlrun/mlrun",
    model_endpoints_ids: Sequence[str] | None = None,
    batch_intervals_dict: Mapping[str, float] | None = None,
) -> Any:
    """Look at the windows of the project's endpoints that are due; a report of what was done.

    Args:
        project: The project.
        default_batch_image: Has no effect: no image is needed.
        model_endpoints_ids: At least one endpoint; those of the project that are due are done.
        batch_intervals_dict: Has no effect: applications have their own windows.

    Raises:
        NotFoundError: if no endpoint is given.
    """
    del default_batch_image, batch_intervals_dict
    if not model_endpoints_ids:
        raise NotFoundError("No model endpoints provided", fix="model_endpoints_ids=[uid]")
    return controller_pass(project)


def _model(path: str, project: str) -> ModelArtifact | None:
    if not path.startswith("store://"):
        return None  # a path where the model is: nothing is known of its training
    found = get_artifact(path, project=project)
    if not isinstance(found, ModelArtifact):
        raise InvalidArgumentError(f"{path!r:.200} is not a model but a {found.kind or 'file'}")
    return found


def _function_of(context: MLClientCtx | None) -> str:
    if context is None:
        return ""
    uri = str(context.to_dict()["spec"].get("function") or "")
    return parse_function_uri(uri).name if uri else ""


def _existing(project: str, uid: str, name: str, function: str) -> ModelEndpoint | None:
    if uid:
        found = records.list_model_endpoints(project, uids=[uid])
    else:
        found = records.list_model_endpoints(project, name=name, function=function)
    if len(found) > 1:
        raise InvalidArgumentError(
            f"{len(found)} model endpoints are named {name!r:.80}",
            fix=f"endpoint_id= one of: {', '.join(one.metadata.uid for one in found[:10])}",
        )
    return found[0] if found else None


def _check(endpoint: ModelEndpoint, model: ModelArtifact | None, path: str, stats: Any) -> None:
    uri = model.uri if model is not None else path
    if uri and endpoint.spec.model_uri not in ("", uri, path):
        raise InvalidArgumentError(
            f"provided model store path {path} does not match the path that is stored under the "
            f"existing model endpoint record: {endpoint.spec.model_uri}",
            where=f"model endpoint {endpoint.metadata.name!r}",
            fix="another model_endpoint_name for another version",
        )
    if stats and stats != endpoint.status.feature_stats:
        _log.warning(
            "Provided sample set statistics is different from the registered statistics. If new "
            "sample set statistics is to be used, new model endpoint should be created"
        )


def _keep_thresholds(
    endpoint: ModelEndpoint, drift: float | None, possible: float | None
) -> ModelEndpoint:
    kept = dict(endpoint.spec.monitor_configuration)
    for name, value in (("drift_detected", drift), ("possible_drift", possible)):
        if value is None:
            continue
        if kept.setdefault(name, value) != value:
            raise InvalidArgumentError(
                f"Cannot change existing drift threshold. Expected {kept[name]}, got {value}",
                where=f"model endpoint {endpoint.metadata.name!r}, {name}",
                fix="another model_endpoint_name, or patch_model_endpoint",
            )
    if kept == endpoint.spec.monitor_configuration:
        return endpoint
    change = {"spec.monitor_configuration": kept}
    return records.patch_model_endpoint(endpoint.metadata.project, endpoint.metadata.uid, change)
