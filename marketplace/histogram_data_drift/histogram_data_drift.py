"""MLRun's default data drift application, as a module to register, subclass or change."""

from __future__ import annotations

from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    DataDriftClassifier,
    InvalidMetricValueError,
    InvalidThresholdValueError,
    ValueClassifier,
)
from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    HistogramDataDriftApplication as _Shipped,
)

__all__ = [
    "DataDriftClassifier",
    "HistogramDataDriftApplication",
    "InvalidMetricValueError",
    "InvalidThresholdValueError",
    "ValueClassifier",
]


class HistogramDataDriftApplication(_Shipped):
    """Data drift of numeric features against training.

    Gives the metrics `hellinger_mean`, `kld_mean`, `tvd_mean` and the result `general_drift`: the
    mean of the Hellinger and the total variance distance. Without training statistics it logs a
    warning and gives nothing.

    Args:
        value_classifier: Decides the status; None: the two thresholds do.
        produce_json_artifact: Log `features_drift_results`, the drift of each feature.
        produce_plotly_artifact: Log `drift_table_plot`, a page with numbers and histograms.
        potential: From here on drift is possible.
        detected: From here on it is detected.

    Raises:
        InvalidThresholdValueError: unless 0 < potential < detected < 1.
    """

    def __init__(
        self,
        value_classifier: ValueClassifier | None = None,
        produce_json_artifact: bool = False,
        produce_plotly_artifact: bool = False,
        potential: float = 0.5,
        detected: float = 0.7,
    ) -> None:
        classifier = value_classifier or DataDriftClassifier(potential, detected)
        super().__init__(classifier, produce_json_artifact, produce_plotly_artifact)
