"""Data sets of any form as a frame, and their statistics, as MLRun's monitoring reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.lazy import preview
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.promotion.tables import without

__all__ = ["get_sample_set_statistics", "read_dataset_as_dataframe"]


def get_sample_set_statistics(
    sample_set: Any = None,
    model_artifact_feature_stats: dict[str, Any] | None = None,
    sample_set_columns: list[str] | None = None,
    sample_set_drop_columns: Any = None,
    sample_set_label_columns: Any = None,
) -> dict[str, Any]:
    """Statistics to compare with: of a sample set, else those that were logged with the model.

    Args:
        sample_set: A DataFrame, DataItem, list, dictionary or array.
        model_artifact_feature_stats: The model's `spec.feature_stats`.
        sample_set_columns: Names of the columns of a list or array.
        sample_set_drop_columns: Columns to leave out.
        sample_set_label_columns: The labels.

    Raises:
        InvalidArgumentError: if neither is given, or the sample set is no table.

    >>> get_sample_set_statistics({"x": [1, 2, 3]})["x"]["mean"]
    2.0
    """
    if sample_set is None:
        if not model_artifact_feature_stats:
            raise InvalidArgumentError(
                "Cannot perform drift analysis as there is no sample set to compare to. The model "
                "artifact was not logged with a sample set and `sample_set` was not provided to "
                "the function.",
                fix="log_model(..., training_set=frame), or sample_set=frame",
            )
        return model_artifact_feature_stats
    frame, _ = read_dataset_as_dataframe(
        sample_set, sample_set_columns, sample_set_label_columns, sample_set_drop_columns
    )
    found: dict[str, Any] = preview().statistics(frame)
    return found


def read_dataset_as_dataframe(
    dataset: Any,
    feature_columns: str | list[str] | None = None,
    label_columns: str | list[str] | None = None,
    drop_columns: Any = None,
) -> tuple[pd.DataFrame, list[Any]]:
    """A data set as a frame, and the names of its labels.

    Args:
        dataset: A DataFrame, Series, DataItem, dictionary, list of rows, array or FeatureVector.
        feature_columns: Names of the columns of a list or array.
        label_columns: The labels; of a feature vector by default its own.
        drop_columns: Columns to leave out, by name; of a list or array by number.

    Raises:
        InvalidArgumentError: if it is no table, or the columns do not fit.

    >>> read_dataset_as_dataframe([[1, 2], [3, 4]], ["a", "b"])[0]["b"].tolist()
    [2, 4]
    """
    drop = drop_columns if isinstance(drop_columns, list) else [drop_columns]
    drop = [] if drop_columns is None else drop
    if isinstance(dataset, FeatureVector):
        label_columns = label_columns or dataset.status.label_column or None
        frame = get_offline_features(dataset, drop_columns=drop or None).to_dataframe()
        drop = []
    elif isinstance(dataset, (list, np.ndarray)):
        frame = _nameless(dataset, feature_columns, drop)
    elif isinstance(dataset, DataItem):
        frame = dataset.as_df()
    elif isinstance(dataset, (pd.DataFrame, pd.Series, Mapping)):
        try:
            frame = pd.DataFrame(dataset)
        except ValueError as exc:
            raise InvalidArgumentError(
                f"Could not parse the given dataset of type {type(dataset)} into a pandas "
                f"DataFrame. Received the following error: {exc}"
            ) from exc
    else:
        raise InvalidArgumentError(
            f"Parameter sample_set has an unsupported type: {type(dataset)}",
            fix="a DataFrame, DataItem, dictionary, list of rows or array",
        )
    labels = [] if label_columns is None else label_columns
    return without(frame, drop), [labels] if isinstance(labels, (str, int)) else list(labels)


def _nameless(dataset: Any, names: Any, drop: list[Any]) -> pd.DataFrame:
    if not names:
        raise InvalidArgumentError(
            "Feature columns list must be provided when dataset input as from type list or numpy "
            "array",
            fix='feature_columns=["x", "y"]',
        )
    if not all(isinstance(one, int) for one in drop):
        raise InvalidArgumentError(
            "`drop_columns` must be an integer / list of integers if provided as a list."
        )
    try:
        return pd.DataFrame(dataset, columns=[names] if isinstance(names, str) else list(names))
    except ValueError as exc:
        raise InvalidArgumentError(
            f"the data set is no table of {len(names)} columns: {exc}",
            fix="rows of one length, and a name for each column",
        ) from exc
