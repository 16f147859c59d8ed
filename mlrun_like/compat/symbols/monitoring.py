"""Rows of `mlrun.model_monitoring` and `mlrun.alerts`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.monitoring"
_APPLICATIONS = f"{_OURS}.applications"
_OLD = "mlrun_like.compat.adapted.monitoring"
_HISTOGRAM = f"{_APPLICATIONS}.shipped.histogram_data_drift"
_SERVICE = Missing(
    "the streams, tables and jobs of MLRun's monitoring on a cluster",
    "monitoring runs without them: project.enable_model_monitoring(), mlrun-like monitor service",
)
_DATABASE = Missing(
    "reading and writing MLRun's time series databases",
    "mlrun_like.monitoring has read_events, read_stats and list_model_endpoints",
)
_EVIDENTLY = {
    "SUPPORTED_EVIDENTLY_VERSION": f"{_OLD}.evidently:SUPPORTED_EVIDENTLY_VERSION",
    "_HAS_EVIDENTLY": f"{_OLD}.evidently:HAS_EVIDENTLY",
}

ROWS: Rows = {
    "mlrun.alerts": {},
    "mlrun.alerts.alert": {"AlertConfig": f"{_OURS}.alerts.definition:AlertConfig"},
    "mlrun.model_monitoring": {
        "ModelEndpoint": f"{_OURS}.endpoints.document:ModelEndpoint",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.api": {
        "get_or_create_model_endpoint": f"{_OURS}.api:get_or_create_model_endpoint",
        "record_results": f"{_OURS}.api:record_results",
        "log_result": f"{_OURS}.api:log_result",
        "get_drift_thresholds_if_not_none": f"{_OURS}.api:get_drift_thresholds_if_not_none",
        "trigger_drift_batch_job": f"{_OURS}.api:trigger_drift_batch_job",
        "write_monitoring_df": f"{_OURS}.api:write_monitoring_df",
        "get_sample_set_statistics": f"{_OURS}.datasets:get_sample_set_statistics",
        "read_dataset_as_dataframe": f"{_OURS}.datasets:read_dataset_as_dataframe",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.applications": {
        "ModelMonitoringApplicationBaseV2": f"{_APPLICATIONS}.base:ModelMonitoringApplicationBase",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.applications._application_steps": {"*": _SERVICE},
    "mlrun.model_monitoring.applications.base": {
        "ModelMonitoringApplicationBase": f"{_APPLICATIONS}.base:ModelMonitoringApplicationBase",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.applications.context": {
        "MonitoringApplicationContext": f"{_APPLICATIONS}.context:MonitoringApplicationContext",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.applications.evidently": {
        **_EVIDENTLY,
        "*": Missing("refusing other versions of Evidently", "any from 0.7 on is taken"),
    },
    "mlrun.model_monitoring.applications.evidently.base": {
        "EvidentlyModelMonitoringApplicationBase": (
            f"{_APPLICATIONS}.shipped.evidently:EvidentlyModelMonitoringApplicationBase"
        ),
        **_EVIDENTLY,
        "*": Missing("refusing other versions of Evidently", "any from 0.7 on is taken"),
    },
    "mlrun.model_monitoring.applications.histogram_data_drift": {
        "DataDriftClassifier": f"{_HISTOGRAM}:DataDriftClassifier",
        "HistogramDataDriftApplication": f"{_HISTOGRAM}:HistogramDataDriftApplication",
        "InvalidMetricValueError": f"{_HISTOGRAM}:InvalidMetricValueError",
        "InvalidThresholdValueError": f"{_HISTOGRAM}:InvalidThresholdValueError",
        "ValueClassifier": f"{_HISTOGRAM}:ValueClassifier",
        "*": Missing(
            "the name of the application and of its result",
            '"histogram-data-drift" and "general_drift"',
        ),
    },
    "mlrun.model_monitoring.applications.results": {
        "ModelMonitoringApplicationMetric": (
            f"{_APPLICATIONS}.results:ModelMonitoringApplicationMetric"
        ),
        "ModelMonitoringApplicationResult": (
            f"{_APPLICATIONS}.results:ModelMonitoringApplicationResult"
        ),
        "_ModelMonitoringApplicationStats": (
            f"{_APPLICATIONS}.results:ModelMonitoringApplicationStats"
        ),
    },
    "mlrun.model_monitoring.features_drift_table": {
        "DriftResultType": f"{_OLD}.drift:DriftResultType",
        "FeaturesDriftTablePlot": f"{_OLD}.drift:FeaturesDriftTablePlot",
    },
    "mlrun.model_monitoring.helpers": {
        "calculate_inputs_statistics": f"{_OLD}.drift:calculate_inputs_statistics",
        "*": _SERVICE,
    },
    "mlrun.model_monitoring.metrics": {},
    "mlrun.model_monitoring.metrics.histogram_distance": {
        name: f"{_APPLICATIONS}.distances:{name}"
        for name in (
            *("HellingerDistance", "HistogramDistanceMetric", "KullbackLeiblerDivergence"),
            "TotalVarianceDistance",
        )
    },
    **{
        f"mlrun.model_monitoring.{module}": {
            **dict.fromkeys(("handler", "init_context"), _SERVICE),
            "*": _SERVICE,
        }
        for module in ("controller", "model_monitoring_batch", "stream_processing", "writer")
    },
    **{
        f"mlrun.model_monitoring.db{module}": {"*": _DATABASE}
        for module in (
            *("", "._schedules", "._stats", ".tsdb", ".tsdb.base", ".tsdb.helpers"),
            *(".tsdb.preaggregate", ".tsdb.stream_graph_steps", ".tsdb.v3io"),
            *(".tsdb.v3io.stream_graph_steps", ".tsdb.v3io.v3io_connector"),
            *(
                f".tsdb.timescaledb.{name}"
                for name in (
                    *("timescaledb_connection", "timescaledb_connector", "timescaledb_operations"),
                    *("timescaledb_schema", "timescaledb_stream", "writer_graph_steps"),
                    "timescaledb_stream_graph_steps",
                    "queries.timescaledb_metrics_queries",
                    "queries.timescaledb_predictions_queries",
                    "queries.timescaledb_results_queries",
                    "utils.timescaledb_dataframe_processor",
                    "utils.timescaledb_query_builder",
                )
            ),
        )
    },
}
