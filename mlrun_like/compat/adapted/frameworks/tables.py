"""Samples, splits and held out rows, as `mlrun.mlutils.data` made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["get_sample", "get_splits", "save_test_set"]

_ALL = -1


def get_sample(
    src: Any, sample: int, label: str, reader: Any = None
) -> tuple[pd.DataFrame, pd.Series[Any], Any]:
    """Features, labels and the features' names, of the rows without gaps.

    Args:
        src: A DataFrame or a DataItem.
        sample: How many rows from the top; -1: all but the last, as MLRun counts; another negative
            number or 0: so many drawn at random.
        label: The column of the labels.
        reader: Has no effect, as in MLRun.

    Raises:
        InvalidArgumentError: if there is no such column.

    >>> x, y, header = get_sample(pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, 0]}), 2, "y")
    >>> len(x), list(y), list(header)
    (2, [0, 1], ['x'])
    """
    del reader
    table = (src if isinstance(src, pd.DataFrame) else src.as_df()).dropna()
    if label not in table:
        raise InvalidArgumentError(
            f"Specified label could not be found: {label}",
            fix=f"one of: {', '.join(map(str, table.columns[:20]))}",
        )
    chosen = table.iloc[:sample] if sample == _ALL or sample > 0 else table.sample(-sample)
    labels = chosen[label]
    features = chosen.drop(columns=[label])
    return features, labels, features.columns.values


def get_splits(
    raw: Any,
    labels: Any,
    n_ways: int = 3,
    test_size: float = 0.15,
    valid_size: float = 0.30,
    label_names: Sequence[str] | int = ("labels",),
    random_state: int = 1,
) -> tuple[tuple[Any, Any], ...]:
    """Pairs of features and labels: for training, (with three) for validation, and for testing.

    Args:
        raw: The features.
        labels: The labels.
        n_ways: 2 or 3.
        test_size: The share of all rows that is held out for testing.
        valid_size: The share of the rest that is for validation.
        label_names: Has no effect, as in MLRun.
        random_state: The seed.

    Raises:
        InvalidArgumentError: if `n_ways` is neither 2 nor 3.
    """
    del label_names
    if n_ways not in (2, 3):
        raise InvalidArgumentError("n_ways must be in the range [2,3]", where=f"n_ways={n_ways!r}")
    split = require(
        "sklearn.model_selection", extra="frameworks", feature="get_splits"
    ).train_test_split
    x, x_test, y, y_test = split(raw, labels, test_size=test_size, random_state=random_state)
    if n_ways == 2:
        return (x, y), (x_test, y_test)
    x, x_valid, y, y_valid = split(x, y, train_size=1 - valid_size, random_state=random_state)
    return (x, y), (x_valid, y_valid), (x_test, y_test)


def save_test_set(
    context: Any,
    data: Mapping[str, Any],
    header: Sequence[str],
    label: str = "labels",
    file_ext: str = "parquet",
    index: bool = False,
    debug: bool = False,
) -> None:
    """Log held out rows: `test_set` of `xtest` and `ytest`, `calibration_set` of `xcal` and `ycal`.

    Args:
        context: The run.
        data: Features and labels by those names; a pair that is not there is left out.
        header: The features' names.
        label: The name of the column of labels.
        file_ext: The form of the file.
        index: Keep the index.
        debug: Has no effect, as in MLRun.
    """
    del debug
    for key, x, y in (("test_set", "xtest", "ytest"), ("calibration_set", "xcal", "ycal")):
        if x in data and y in data:
            frame = pd.DataFrame(getattr(data[x], "values", data[x]), columns=list(header))
            frame[label] = getattr(data[y], "values", data[y])
            context.log_dataset(key, df=frame, format=file_ext, index=index)
