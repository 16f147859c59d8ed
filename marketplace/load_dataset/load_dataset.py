"""Loads one of scikit-learn's small data sets as an artifact."""

from __future__ import annotations

from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.registry import require

__all__ = ["load_dataset"]

_KNOWN = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
_CLASSES = ("breast_cancer", "digits", "iris", "wine")
_LABEL = "labels"


def load_dataset(
    context: ml.MLClientCtx,
    dataset: str,
    name: str = "",
    file_ext: str = "parquet",
    params: dict[str, Any] | None = None,
) -> None:
    """Load a data set that comes with scikit-learn; no network is needed.

    Features keep their names, the value to predict is the column `labels`: a class from 0, or a
    number (diabetes). `linnerud` has three values to predict, which keep their names.

    Args:
        context: The run.
        dataset: breast_cancer, diabetes, digits, iris, linnerud or wine.
        name: The artifact's key; empty: the data set's name.
        file_ext: parquet, csv, tsv, json, jsonl or feather.
        params: Further arguments of scikit-learn's function, such as `{"n_class": 3}` of digits.

    Raises:
        InvalidArgumentError: for an unknown data set, or arguments that it does not take.
        MissingDependencyError: if scikit-learn is not installed.
    """
    chosen = str(dataset).removeprefix("load_").replace("-", "_").lower()
    if chosen not in _KNOWN:
        gone = " scikit-learn removed 'boston' for ethical reasons." if chosen == "boston" else ""
        raise InvalidArgumentError(
            f"there is no data set {dataset!r:.60}.{gone}{nearest(chosen, _KNOWN)}",
            where="load_dataset",
            fix=f"dataset=... one of: {', '.join(_KNOWN)}",
        )
    datasets = require("sklearn.datasets", extra="frameworks", feature="load_dataset")
    options = {**(params or {}), "as_frame": True, "return_X_y": False}
    try:
        bunch = getattr(datasets, f"load_{chosen}")(**options)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"scikit-learn does not load {chosen!r} with {params!r:.200}: {str(exc)[:300]}",
            where="load_dataset",
            fix="check params: they are the arguments of scikit-learn's function",
        ) from exc
    target = bunch.target
    if isinstance(target, pd.Series):
        target = target.to_frame(_LABEL)
    frame = pd.concat([bunch.data, target], axis=1)
    found: dict[str, Any] = {"rows": len(frame), "features": bunch.data.shape[1]}
    label = _LABEL if _LABEL in frame.columns else None
    if chosen in _CLASSES:
        found["classes"] = int(frame[_LABEL].nunique())
    context.logger.info(f"loaded {chosen}", **found)
    context.log_results(found)
    context.log_dataset(
        name or chosen, df=frame, format=file_ext, index=False, label_column=label, stats=True
    )
