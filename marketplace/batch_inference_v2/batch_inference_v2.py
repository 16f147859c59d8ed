"""Batch inference: a logged model predicts a data set of any size, and looks for drift.

The data set is read, predicted and written chunk by chunk.
"""

from __future__ import annotations

from typing import Any

import mlrun_like as ml
from mlrun_like.promotion import inference

__all__ = ["infer"]


def infer(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    dataset: ml.DataItem,
    model_path: str,
    drop_columns: str | int | list[str] | list[int] | None = None,
    label_columns: str | list[str] | None = None,
    feature_columns: str | list[str] | None = None,
    log_result_set: bool = True,
    result_set_name: str = "prediction",
    batch_id: str | None = None,
    artifacts_tag: str = "",
    perform_drift_analysis: bool | None = None,
    endpoint_id: str = "",
    model_endpoint_name: str = "batch-infer",
    model_endpoint_sample_set: Any = None,
    trigger_monitoring_job: bool | None = None,
    batch_image_job: str | None = None,
    model_endpoint_drift_threshold: float | None = None,
    model_endpoint_possible_drift_threshold: float | None = None,
    chunk: int = 20_000,
    **predict_kwargs: Any,
) -> None:
    """Predict every row of a data set.

    Args:
        context: The run.
        dataset: The rows: a table, a feature vector, or (as a parameter) a list or dictionary.
        model_path: The model's `store://` URI.
        drop_columns: Columns to leave out, by name or number.
        label_columns: Names of the predictions; by default the model's recorded outputs, or
            `predicted_label`, `predicted_label_0`, ...
        feature_columns: Names of the columns of a list.
        log_result_set: Whether the rows with their predictions are kept.
        result_set_name: Key of that data set.
        batch_id: Of this batch; by default a new one.
        artifacts_tag: Tag of all artifacts.
        perform_drift_analysis: By default, if the model has statistics of its training set.
        endpoint_id: Uid of the model endpoint that the rows are recorded for.
        model_endpoint_name: Its name; it is made if there is none.
        model_endpoint_sample_set: Rows to compare with, instead of the training set.
        trigger_monitoring_job: Whether monitoring looks at the endpoint's windows at once.
        batch_image_job: Has no effect: no image is needed.
        model_endpoint_drift_threshold: From this score on there is drift; 0.7.
        model_endpoint_possible_drift_threshold: From this score on there may be; 0.5.
        chunk: Rows in memory at a time.
        predict_kwargs: Arguments of the model's `predict`.

    Raises:
        InvalidArgumentError: if `model_path` is no model's URI, columns do not fit, or drift is
            asked for and there is nothing to compare with.
    """
    del batch_image_job
    drift, possible = model_endpoint_drift_threshold, model_endpoint_possible_drift_threshold
    inference.infer(
        context,
        dataset,
        model_path,
        drop_columns,
        label_columns,
        feature_columns,
        log_result_set,
        result_set_name,
        batch_id,
        artifacts_tag,
        perform_drift_analysis,
        bool(trigger_monitoring_job),
        endpoint_id=endpoint_id,
        model_endpoint_name=model_endpoint_name,
        model_endpoint_drift_threshold=0.7 if drift is None else drift,
        model_endpoint_possible_drift_threshold=0.5 if possible is None else possible,
        model_endpoint_sample_set=model_endpoint_sample_set,
        chunk=chunk,
        **predict_kwargs,
    )
