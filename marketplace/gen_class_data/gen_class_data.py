"""Generates data for classification."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["gen_class_data"]


def gen_class_data(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    n_samples: int,
    m_features: int,
    k_classes: int,
    header: Sequence[str] | None = None,
    label_column: str = "labels",
    weight: float | Sequence[float] = 0.5,
    random_state: int = 1,
    key: str = "classifier-data",
    file_ext: str = "parquet",
    sk_params: dict[str, Any] | None = None,
) -> None:
    """Generate classes of points around the corners of a cube, as a data set.

    Args:
        context: The run.
        n_samples: Rows.
        m_features: Columns besides the label.
        k_classes: Classes, numbered from 0.
        header: Names of the features; none: `feat_0`, `feat_1`, ...
        label_column: Name of the column with the class.
        weight: Share of class 0, the other classes share the rest equally; or a share for each.
        random_state: The same number gives the same data.
        key: The artifact's key.
        file_ext: parquet, csv, tsv, json, jsonl or feather.
        sk_params: Further arguments of scikit-learn's `make_classification`, such as
            `{"class_sep": 2, "flip_y": 0.1}`.

    Raises:
        InvalidArgumentError: if the numbers do not fit together.
        MissingDependencyError: if scikit-learn is not installed.
    """
    for name, value, least in (
        ("n_samples", n_samples, 1), ("m_features", m_features, 1), ("k_classes", k_classes, 2)
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidArgumentError(
                f"{name} is {value!r:.40}, not a whole number from {least}", where="gen_class_data"
            )
    names = _names(header, m_features, label_column)
    options = {**_informative(m_features, k_classes, sk_params or {}), **(sk_params or {})}
    make = require("sklearn.datasets", extra="frameworks", feature="gen_class_data")
    context.logger.info("generating", rows=n_samples, features=m_features, classes=k_classes)
    try:
        features, labels = make.make_classification(
            n_samples=n_samples,
            n_features=m_features,
            n_classes=k_classes,
            weights=_weights(weight, k_classes),
            random_state=random_state,
            **options,
        )
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"scikit-learn makes no such data: {str(exc)[:300]}",
            where="gen_class_data",
            fix="sk_params are arguments of sklearn.datasets.make_classification",
        ) from exc
    frame = pd.DataFrame(features, columns=names)
    frame[label_column] = labels
    shares = frame[label_column].value_counts(normalize=True).sort_index()
    context.log_results({"rows": n_samples, "features": m_features, "classes": k_classes})
    context.log_result("class_shares", {str(one): round(s, 6) for one, s in shares.items()})
    context.log_dataset(key, df=frame, format=file_ext, index=False, label_column=label_column)


def _names(header: Sequence[str] | None, count: int, label: str) -> list[str]:
    names = [f"feat_{number}" for number in range(count)] if not header else list(header)
    if len(names) != count:
        raise InvalidArgumentError(
            f"header has {len(names)} names for {count} features", where="gen_class_data"
        )
    if len({*names, label}) <= count:
        raise InvalidArgumentError(
            f"two columns would have the same name: {', '.join([*map(str, names), label])[:200]}",
            where="gen_class_data",
            fix="the names of header and label_column must differ",
        )
    return names


def _weights(weight: float | Sequence[float], classes: int) -> list[float]:
    if isinstance(weight, Sequence):
        shares = [float(one) for one in weight]
        if len(shares) == classes and min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6:
            return shares
    elif 0 < weight < 1:
        return [float(weight), *[(1 - weight) / (classes - 1)] * (classes - 1)]
    raise InvalidArgumentError(
        f"weight is {weight!r:.80}",
        where="gen_class_data",
        fix=f"a share between 0 and 1 of class 0, or {classes} shares whose sum is 1",
    )


def _informative(features: int, classes: int, given: dict[str, Any]) -> dict[str, int]:
    """What scikit-learn's defaults have to be changed to so that so many classes have room."""
    clusters = int(given.get("n_clusters_per_class", 2))
    if features < math.ceil(math.log2(classes * clusters)):
        clusters = 1
    informative = max(2, math.ceil(math.log2(classes * clusters)))
    informative = min(informative, features)
    redundant = min(2, features - informative)
    return {
        "n_clusters_per_class": clusters,
        "n_informative": informative,
        "n_redundant": redundant,
    }
