"""infer: a logged model over a data set of any size, with a drift report (MLRun's batch inference).

The data set is read, predicted and written chunk by chunk, so memory does not grow with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.artifacts.artifact import DatasetArtifact, ModelArtifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.lazy import preview
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.decorators import function
from mlrun_like.names import new_uid
from mlrun_like.promotion.drift import DriftMeter, FeatureDrift
from mlrun_like.promotion.drift_page import drift_page
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.promotion.tables import chunks_of, without
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.schedules.triggers import fire_event
from mlrun_like.serving.batch.targets import Target
from mlrun_like.tracking.abilities import ScheduleStore

__all__ = ["batch_inference", "infer"]

_ROWS = 20_000
_HEAD = 100
_RECORDED = 200_000
_API = "mlrun_like.monitoring.api"


def infer(  # noqa: PLR0913 - MLRun's signature
    context: MLClientCtx,
    dataset: Any,
    model_path: str | DataItem,
    drop_columns: str | list[str] | int | list[int] | None = None,
    label_columns: str | list[str] | None = None,
    feature_columns: str | list[str] | None = None,
    log_result_set: bool = True,
    result_set_name: str = "prediction",
    batch_id: str | None = None,
    artifacts_tag: str = "",
    perform_drift_analysis: bool | None = None,
    trigger_monitoring_job: bool = False,
    batch_image_job: str = "",
    endpoint_id: str = "",
    model_endpoint_name: str = "batch-infer",
    model_endpoint_drift_threshold: float = 0.7,
    model_endpoint_possible_drift_threshold: float = 0.5,
    model_endpoint_sample_set: Any = None,
    chunk: int = _ROWS,
    **predict_kwargs: Any,
) -> None:
    """Predict every row of a data set.

    Artifacts: the result set (inputs and predictions, Parquet), and with drift analysis
    `drift_table_plot` (a page), `features_drift_results` (JSON) and `drift_table`. Results:
    `batch_id`, `rows`, `drift_status` (whether the mean score has reached the threshold),
    `drift_metric` (that mean), `drifted_features`. With drift the event `drift` is posted in the
    run's project, for triggers: `Trigger("event", "drift")`. The first 200,000 rows
    are recorded for the model endpoint, too, as if they had been served (results: `endpoint_id`,
    `recorded_rows`).

    Args:
        context: The run.
        dataset: A DataFrame (pandas, Dask, Spark), DataItem, URL, list, dictionary or array.
        model_path: The model's `store://` URI; `:champion` at its end is the one that serves.
        drop_columns: Columns to leave out, by name or number.
        label_columns: Names of the predictions; None: the model's recorded outputs, or
            `predicted_label`, `predicted_label_0`, ...
        feature_columns: Names of the columns of a list or array; None: the model's inputs.
        log_result_set: Whether the result set is kept.
        result_set_name: Its key.
        batch_id: Of this batch; None: a new one.
        artifacts_tag: Tag of all artifacts.
        perform_drift_analysis: None: if the model has statistics of its training set.
        trigger_monitoring_job: Whether monitoring looks at the endpoint's windows that are due.
            The report is made here, at once, in any case.
        batch_image_job: Has no effect, as above.
        endpoint_id: Uid of the endpoint, also a label of the artifacts; empty: it follows from
            the function and the name.
        model_endpoint_name: Its name, also a label of the artifacts.
        model_endpoint_drift_threshold: From this score on, there is drift.
        model_endpoint_possible_drift_threshold: From this score on, there may be.
        model_endpoint_sample_set: Rows to compare with, instead of the training set.
        chunk: Rows in memory at a time.
        predict_kwargs: For the model's `predict`.

    Raises:
        InvalidArgumentError: if `model_path` is no model's URI, columns do not fit, or drift is
            asked for and there is nothing to compare with.
    """
    if chunk < 1:
        raise InvalidArgumentError(f"chunk {chunk!r} must be 1 or more", fix="chunk=20_000")
    model = _model(context, model_path)
    predictor = Predictor(model, store=context.store, kwargs=predict_kwargs)
    del batch_image_job
    stats = _stats(context, model, perform_drift_analysis, model_endpoint_sample_set)
    meter = None if stats is None else DriftMeter(stats)
    names = _listed(label_columns) or (predictor.outputs if label_columns is None else [])
    given = _listed(feature_columns) or predictor.inputs
    endpoint = ""
    if stats is not None:
        endpoint = _endpoint(context, model, model_endpoint_name, endpoint_id, stats)
    work = _Work(predictor, names, drop_columns, meter, context.project, endpoint)
    labels = {"model-endpoint": model_endpoint_name, "endpoint-id": endpoint_id}
    keep = {
        "tag": artifacts_tag,
        "labels": {name: value for name, value in labels.items() if value},
    }
    with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
        path = os.path.join(folder, f"{result_set_name}.parquet")
        target = Target(path) if log_result_set else None
        try:
            for frame in chunks_of(dataset, chunk, given, store=context.store):
                work.predict(frame, target)
            if target is not None and work.rows:
                target.finish()
        finally:
            if target is not None:
                target.drop()
        if target is not None and work.head is not None:
            made = DatasetArtifact(result_set_name, format="parquet")
            preview().describe(made.doc, work.head, stats=False)
            made.spec.length = work.rows
            context.log_artifact(made, local_path=path, db_key=result_set_name, **keep)
    context.log_results({"batch_id": batch_id or new_uid(), "rows": work.rows})
    if meter is not None:
        limits = model_endpoint_drift_threshold, model_endpoint_possible_drift_threshold
        _report(context, model, meter.result(*limits), limits[0], keep)
        context.log_results({"endpoint_id": endpoint, "recorded_rows": work.recorded})
    if trigger_monitoring_job and endpoint:
        done = resolve(f"{_API}:trigger_drift_batch_job")
        done(context.project, model_endpoints_ids=[endpoint])


batch_inference = function(name="batch-inference")(infer)
"""`infer` as a function: `batch_inference.run(params=..., inputs={"dataset": url})`."""


def _model(context: MLClientCtx, given: str | DataItem) -> ModelArtifact:
    uri = given.artifact_url if isinstance(given, DataItem) else given
    if not str(uri).startswith("store://"):
        raise InvalidArgumentError(
            f"model_path {str(uri)!r:.200} is no URI of a logged model",
            fix="store://models/<project>/<key>:champion; log the model with log_model first",
        )
    found = get_artifact(uri, store=context.store, project=context.project)
    if not isinstance(found, ModelArtifact):
        raise InvalidArgumentError(f"{uri!r} is not a model but a {found.kind or 'file'}")
    return found


def _endpoint(
    context: MLClientCtx, model: ModelArtifact, name: str, uid: str, stats: dict[str, Any]
) -> str:
    """The uid of the endpoint that the rows belong to; monitoring is above this layer."""
    made = resolve(f"{_API}:get_or_create_model_endpoint")(
        context.project, name, model.uri, uid, context=context, sample_set_statistics=stats
    )
    return str(made.metadata.uid)


def _stats(
    context: MLClientCtx, model: ModelArtifact, asked: bool | None, sample: Any
) -> dict[str, Any] | None:
    stats = model.spec.feature_stats
    if asked is False:
        return None
    if sample is not None:
        first = pd.concat(list(chunks_of(sample, _ROWS, store=context.store)), ignore_index=True)
        stats = preview().statistics(first)
    if not stats:
        if asked:
            raise InvalidArgumentError(
                f"model {model.key!r} has no statistics of its training set",
                fix="log_model(..., training_set=frame), or model_endpoint_sample_set=...",
            )
        return None
    outputs = {one.get("name") for one in model.spec.outputs}
    return {name: found for name, found in stats.items() if name not in outputs}


def _listed(names: str | Sequence[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


class _Work:
    """Chunks in, predictions out; what is known of the whole is kept, the rows are not."""

    def __init__(
        self,
        predictor: Predictor,
        names: list[str],
        drop: Any,
        meter: DriftMeter | None,
        project: str,
        endpoint: str,
    ) -> None:
        self._predictor, self._names, self._drop, self._meter = predictor, names, drop, meter
        self._project, self._endpoint = project, endpoint
        self.rows = self.recorded = 0
        self.head: pd.DataFrame | None = None

    def predict(self, frame: pd.DataFrame, target: Target | None) -> None:
        """One chunk."""
        frame = without(frame, self._drop)
        said = self._predictor.predict(frame)
        names = self._columns(said, frame)
        shaped = said.reshape(len(frame), -1)
        added = {name: shaped[:, number] for number, name in enumerate(names)}
        result = frame.assign(**added)
        if self._meter is not None:
            self._meter.add(frame)
        if self._endpoint and self.recorded < _RECORDED:
            self.recorded += len(frame)
            write = resolve(f"{_API}:write_monitoring_df")
            write(self._endpoint, result, project=self._project, label_columns=names)
        if self.head is None:
            self.head = result.head(_HEAD)
        self.rows += len(frame)
        if target is not None:
            table = pa.Table.from_pandas(result, preserve_index=False)
            target.write(dict(zip(map(str, table.schema.names), table.columns, strict=True)))

    def _columns(self, said: Any, frame: pd.DataFrame) -> list[str]:
        count = 1 if np.ndim(said) == 1 else int(np.prod(said.shape[1:]))
        names = self._names
        if not names:
            names = [f"predicted_label_{number}" for number in range(count)]
            names = names if count > 1 else ["predicted_label"]
        if len(names) != count:
            raise InvalidArgumentError(
                f"the model gives {count} values for a row, and label_columns has {len(names)} "
                "names",
                fix=f"label_columns= {count} names",
            )
        taken = [name for name in names if name in frame.columns]
        if taken:
            raise InvalidArgumentError(
                f"the data set has columns {taken} already",
                fix=f"drop_columns={taken!r} leaves them out; label_columns= names other ones",
            )
        return names


def _report(
    context: MLClientCtx,
    model: ModelArtifact,
    found: list[FeatureDrift],
    threshold: float,
    keep: dict[str, Any],
) -> None:
    if not found:
        context.logger.warning("no feature of the data set is in the model's statistics")
        return
    score = sum(one.score for one in found) / len(found)
    drifted = [one.feature for one in found if one.score >= threshold]
    measures = ("tvd", "hellinger", "kl", "js", "psi", "score", "status", "rows", "missing")
    table = {one.feature: {name: getattr(one, name) for name in measures} for one in found}
    page = drift_page(f"Drift of {model.spec.db_key or model.key}", found)
    context.log_artifact("drift_table_plot", body=page, format="html", viewer="web-app", **keep)
    context.log_artifact("features_drift_results", body=table, format="json", **keep)
    frame = pd.DataFrame.from_dict(table, orient="index").rename_axis("feature").reset_index()
    context.log_artifact("drift_table", body=frame, format="csv", **keep)
    if score >= threshold:
        _alert(context, model, score, drifted)
    context.log_results(
        {
            "drift_status": bool(score >= threshold),
            "drift_metric": score,
            "drifted_features": drifted,
        }
    )


def _alert(context: MLClientCtx, model: ModelArtifact, score: float, drifted: list[str]) -> None:
    """Post the event of a drift alert to the triggers of the project, as monitoring does."""
    if not isinstance(context.store, ScheduleStore):
        return
    data = {
        "model": model.uri,
        "key": model.spec.db_key or model.key,
        "score": score,
        "features": drifted,
        "run": context.uri,
    }
    told = fire_event(context.store, "drift", data, context.project)
    if told:
        context.logger.info(f"drift: told {', '.join(told)}")
