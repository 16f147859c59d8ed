"""Statistics of rows over a reference's bins, and the table of features that drifted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.lazy import preview
from mlrun_like.monitoring.applications.results import ResultStatusApp
from mlrun_like.monitoring.applications.shipped.drift_table import drift_page
from mlrun_like.types import Document

__all__ = ["DriftResultType", "FeaturesDriftTablePlot", "calculate_inputs_statistics"]

DriftResultType: TypeAlias = tuple[ResultStatusApp, float]


def calculate_inputs_statistics(
    sample_set_statistics: Mapping[str, Any], inputs: pd.DataFrame
) -> Document:
    """Statistics of the features that a reference has, their histograms over its bins.

    Args:
        sample_set_statistics: The reference's.
        inputs: The rows.

    >>> reference = {"x": {"hist": [[1, 1], [0, 1, 2]]}}
    >>> calculate_inputs_statistics(reference, pd.DataFrame({"x": [0.5, 0.7], "y": 1}))["x"]["hist"]
    [[2, 0], [0.0, 1.0, 2.0]]
    """
    known = [str(name) for name in inputs.columns if name in sample_set_statistics]
    found: Document = preview().statistics(inputs[known])
    for name in known:
        hist = sample_set_statistics[name].get("hist")
        if hist:
            values = inputs[name].to_numpy(dtype="float64", na_value=np.nan)
            edges = np.asarray(hist[1], dtype="float64")
            counts, _ = np.histogram(values[~np.isnan(values)], bins=edges)
            found[name]["hist"] = [counts.tolist(), edges.tolist()]
    return found


class FeaturesDriftTablePlot:
    """Makes the page `drift_table_plot`: distances, means and histograms of each feature."""

    def produce(
        self,
        sample_set_statistics: Mapping[str, Any],
        inputs_statistics: Mapping[str, Any],
        metrics: Mapping[str, Any],
        drift_results: Mapping[str, DriftResultType],
        features: Iterable[str] | None = None,
    ) -> Artifact:
        """The page, as an artifact to log.

        Args:
            sample_set_statistics: The reference's, by feature.
            inputs_statistics: The rows', by feature.
            metrics: Distances by feature, by name; numbers for all features are passed over.
            drift_results: Status and drift by feature.
            features: Those to show; None: all that have a result.
        """
        wanted = inputs_statistics if features is None else list(features)
        names = [name for name in wanted if name in drift_results]
        columns = list(
            dict.fromkeys(
                key for name in names for key in metrics.get(name, {}) if name in drift_results
            )
        )
        table = [[metrics.get(name, {}).get(key, np.nan) for key in columns] for name in names]
        judged = (
            [float(drift_results[name][1]) for name in names],
            [ResultStatusApp(drift_results[name][0]) for name in names],
        )
        stats = (sample_set_statistics, inputs_statistics)
        page = drift_page("Drift of features", names, table, columns, judged, stats)
        return Artifact("drift_table_plot", body=page, format="html")
