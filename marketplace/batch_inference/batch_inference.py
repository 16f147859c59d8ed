"""Batch inference by its older parameters; the item batch_inference_v2 is the one to use now."""

from __future__ import annotations

from typing import Any

import mlrun_like as ml
from mlrun_like.promotion import inference

__all__ = ["infer"]


def infer(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    model: str,
    dataset: ml.DataItem,
    drop_columns: str | int | list[str] | list[int] | None = None,
    label_columns: str | list[str] | None = None,
    feature_columns: str | list[str] | None = None,
    log_result_set: bool = True,
    result_set_name: str = "prediction",
    batch_id: str | None = None,
    perform_drift_analysis: bool | None = None,
    sample_set: Any = None,
    drift_threshold: float = 0.7,
    possible_drift_threshold: float = 0.5,
    inf_capping: float = 10.0,
    artifacts_tag: str = "",
    **predict_kwargs: Any,
) -> None:
    """Predict every row of a data set.

    Args:
        context: The run.
        model: The model's `store://` URI.
        dataset: The rows: a table, a feature vector, or (as a parameter) a list or dictionary.
        drop_columns: Columns to leave out, by name or number.
        label_columns: Names of the predictions; by default the model's recorded outputs.
        feature_columns: Names of the columns of a list.
        log_result_set: Whether the rows with their predictions are kept.
        result_set_name: Key of that data set.
        batch_id: Of this batch; by default a new one.
        perform_drift_analysis: By default, if the model has statistics of its training set.
        sample_set: Rows to compare with, instead of the training set.
        drift_threshold: From this score on there is drift.
        possible_drift_threshold: From this score on there may be.
        inf_capping: Has no effect: the measures that count towards the score are finite.
        artifacts_tag: Tag of all artifacts.
        predict_kwargs: Arguments of the model's `predict`.

    Raises:
        InvalidArgumentError: if `model` is no model's URI, or columns do not fit.
    """
    del inf_capping
    inference.infer(
        context,
        dataset,
        model,
        drop_columns,
        label_columns,
        feature_columns,
        log_result_set,
        result_set_name,
        batch_id,
        artifacts_tag,
        perform_drift_analysis,
        model_endpoint_drift_threshold=drift_threshold,
        model_endpoint_possible_drift_threshold=possible_drift_threshold,
        model_endpoint_sample_set=sample_set,
        **predict_kwargs,
    )
