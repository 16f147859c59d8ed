"""Monitoring of served models."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["MONITORING"]

MONITORING: tuple[Setting, ...] = (
    Setting(
        "monitoring_flush_interval",
        float,
        2.0,
        "Seconds that recorded requests wait in a serving worker before they are written; what a "
        "killed worker loses at most.",
    ),
    Setting(
        "monitoring_poll_interval",
        float,
        5.0,
        "Seconds between two looks at whether an endpoint's monitoring was switched on or off.",
    ),
    Setting(
        "monitoring_queue",
        int,
        20_000,
        "Requests of one endpoint that may wait in a serving worker; further ones are dropped and "
        "counted.",
    ),
    Setting(
        "monitoring_queue_cells",
        int,
        2_000_000,
        "Values (texts: characters) that these requests may have together; further requests are "
        "dropped and counted.",
    ),
    Setting(
        "monitoring_spool_bytes",
        int,
        256 << 20,
        "Bytes of recorded requests that are kept on disk while the store is away; further ones "
        "are dropped and counted.",
    ),
    Setting(
        "monitoring_text_limit",
        int,
        8192,
        "Characters of a recorded text or nested value; the rest is cut off and counted.",
    ),
    Setting(
        "monitoring_columns",
        int,
        1000,
        "Columns that inputs may have; wider rows are recorded as one text.",
    ),
    Setting(
        "monitoring_sketches",
        str,
        "auto",
        "Statistics of each minute beside the recorded requests: always, never, or auto: if not "
        "all requests are recorded.",
    ),
    Setting(
        "monitoring_retention",
        float,
        30.0,
        "Days that recorded requests are kept; `mlrun-like gc` removes older ones; 0: for ever.",
    ),
    Setting(
        "monitoring_base_period",
        float,
        10.0,
        "Minutes of a window of monitoring, unless the project or application says otherwise.",
    ),
    Setting(
        "monitoring_settle",
        float,
        60.0,
        "Seconds after the end of a window until it is looked at: requests on their way still "
        "count.",
    ),
    Setting(
        "monitoring_catch_up",
        float,
        7.0,
        "Days back that windows are made up for after a downtime; older ones are marked as missed.",
    ),
    Setting(
        "monitoring_application_timeout",
        float,
        60.0,
        "Seconds that a monitoring application may take for one window.",
    ),
    Setting(
        "monitoring_application_retries",
        int,
        2,
        "Tries after a failure of a monitoring application, before the window is skipped.",
    ),
    Setting(
        "monitoring_service",
        bool,
        True,
        "Whether `mlrun-like serve` and the gateway start the monitoring service beside them.",
    ),
    Setting(
        "monitoring_service_interval",
        float,
        10.0,
        "Seconds between two looks of the monitoring service at what is due.",
    ),
    Setting(
        "monitoring_results_retention",
        float,
        365.0,
        "Days that results of monitoring are kept; 0: for ever.",
    ),
    Setting(
        "grafana_url",
        str,
        "",
        "Address of the Grafana that `mlrun-like dashboards push` writes to.",
    ),
    Setting(
        "grafana_token",
        str,
        "",
        "Token of a Grafana service account that may edit dashboards.",
    ),
)
