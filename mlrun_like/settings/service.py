"""The service of a team: where it listens, how many processes, its limits."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["SERVICE"]

SERVICE: tuple[Setting, ...] = (
    Setting("service_host", str, "127.0.0.1", "Address that the service listens on; 0.0.0.0: all."),
    Setting("service_port", int, 8080, "Port that the service listens on; 0: a free one."),
    Setting(
        "service_url",
        str,
        "",
        "Address of the service as callers see it, if a proxy stands before it.",
    ),
    Setting("service_workers", int, 1, "Processes of the service that answer requests."),
    Setting("service_max_body", int, 16 << 20, "Most bytes of a request to the service."),
    Setting(
        "service_streams", int, 500, "Most live streams that one process of the service holds."
    ),
    Setting(
        "service_request_timeout",
        float,
        60.0,
        "Seconds after which the service gives a request up that has no answer.",
    ),
    Setting(
        "service_threads",
        int,
        40,
        "Requests that one process of the service works on at the same time.",
    ),
    Setting(
        "service_grace",
        float,
        15.0,
        "Seconds that running requests get when the service stops.",
    ),
    Setting("service_tls_cert", str, "", "File with the service's TLS certificate (PEM)."),
    Setting("service_tls_key", str, "", "File with the key of the service's certificate (PEM)."),
    Setting(
        "service_background",
        bool,
        True,
        "Whether this host may do the service's background work: schedules, monitoring, cleaning.",
    ),
    Setting(
        "service_backup_target",
        str,
        "",
        "Folder or URL that the service copies its store to; empty: it makes no copies.",
    ),
    Setting("service_backup_hours", float, 24.0, "Hours between two copies of the store."),
    Setting("service_backup_keep", int, 7, "Copies of the store that are kept; 0: all."),
    Setting(
        "service_start_timeout",
        float,
        120.0,
        "Seconds that `mlrun-like service start` waits until the service answers.",
    ),
    Setting(
        "service_metrics_open",
        bool,
        False,
        "Whether /metrics answers everybody who reaches the service; else a token with the scope "
        "metrics is needed over a network.",
    ),
    Setting(
        "service_access_log",
        bool,
        True,
        "Whether the service writes a line of JSON about each request to its log.",
    ),
)
