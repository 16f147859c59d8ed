"""A classifier of scikit-learn's kind, by its older parameters; the item auto_trainer does more."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.frameworks.auto_mlrun import AutoMLRun

__all__ = ["train_model"]


def train_model(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    model_pkg_class: str,
    dataset: ml.DataItem,
    label_column: str = "labels",
    encode_cols: dict[str, str] | list[str] | None = None,
    sample: int = -1,
    test_size: float = 0.30,
    train_val_split: float = 0.70,
    test_set_key: str = "test_set",
    model_evaluator: Any = None,
    models_dest: str = "",
    plots_dest: str = "plots",
    file_ext: str = "parquet",
    model_pkg_file: str = "",
    random_state: int = 1,
    **kwargs: Any,
) -> None:
    """Train a classifier, score it with validation rows, and keep a test set that it never saw.

    Args:
        context: The run.
        model_pkg_class: The class, such as `sklearn.ensemble.RandomForestClassifier`.
        dataset: The rows.
        label_column: The label; rows with gaps are left out.
        encode_cols: Columns to replace by one for each value; a mapping also names their prefixes.
        sample: `n`: the first n rows; `-n`: n rows at random; `-1`: all.
        test_size: Share of the rows that is kept as the test set.
        train_val_split: Share of the others that the model learns from.
        test_set_key: Key of the test set.
        model_evaluator: A function `(context, x, y, model)` whose mapping of results is logged.
        models_dest: Has no effect: the store has a place for models.
        plots_dest: The same.
        file_ext: Format of the test set.
        model_pkg_file: Has no effect.
        random_state: Seed of samples and splits.
        kwargs: `CLASS_<argument>` of the class, `FIT_<argument>` of its `fit`.

    Raises:
        InvalidArgumentError: if there is no such class, a column is not there, or the model refuses
            the rows.
    """
    del models_dest, plots_dest, model_pkg_file
    model = _made(model_pkg_class, _part(kwargs, "CLASS_"))
    frame = _sampled(dataset.as_df(), sample, random_state).dropna()
    if label_column not in frame.columns:
        raise InvalidArgumentError(
            f"the dataset has no column {label_column!r}",
            fix=f"label_column= one of: {', '.join(map(str, list(frame.columns)[-20:]))}",
        )
    x, y = frame.drop(columns=[label_column]), frame[label_column]
    if encode_cols:
        prefixes = list(encode_cols.values()) if isinstance(encode_cols, Mapping) else None
        x = pd.get_dummies(x, columns=list(encode_cols), prefix=prefixes, drop_first=True)
    seed = {"random_state": random_state}
    try:
        x_rest, x_test, y_rest, y_test = train_test_split(x, y, test_size=test_size, **seed)
        x_train, x_valid, y_train, y_valid = train_test_split(
            x_rest, y_rest, test_size=1 - train_val_split, **seed
        )
    except ValueError as exc:
        raise InvalidArgumentError(f"{len(x)} whole rows cannot be split: {exc}") from exc
    context.set_label("class", model_pkg_class)
    AutoMLRun.apply_mlrun(
        model=model, model_name="model", context=context, x_test=x_valid, y_test=y_valid,
        sample_set=x_train.assign(**{label_column: y_train}), y_columns=[label_column],
        labels={"class": model_pkg_class},
    )  # fmt: skip
    try:
        model.fit(x_train, y_train, **_part(kwargs, "FIT_"))
    except MLRunLikeError:  # of what is logged there
        raise
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"{model_pkg_class} refused the rows: {exc!s:.500}", fix="encode_cols= for texts"
        ) from exc
    if callable(model_evaluator):
        context.log_results(model_evaluator(context, x_valid, y_valid, model).get("results", {}))
    held = x_test.assign(**{label_column: y_test})
    context.log_dataset(
        test_set_key, df=held, format=file_ext, index=False, labels={"data-type": "held-out"}
    )


def _part(kwargs: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in kwargs.items() if k.startswith(prefix)}


def _sampled(frame: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    if count >= 0:
        return frame.head(count)
    return frame if count == -1 else frame.sample(n=min(-count, len(frame)), random_state=seed)


def _made(path: str, arguments: dict[str, Any]) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module or "builtins"), name)(**arguments)
    except (ImportError, AttributeError, TypeError) as exc:
        raise InvalidArgumentError(
            f"model_pkg_class {path!r} cannot be made: {exc}",
            fix='model_pkg_class="sklearn.linear_model.LogisticRegression"',
        ) from exc
