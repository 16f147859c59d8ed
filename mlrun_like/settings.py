"""The table of all settings: name, type, default, help and MLRun's names for them.

`config` reads them; a new setting is a row here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["SECRETS", "SETTINGS", "Setting"]


class Setting(NamedTuple):
    """One row of the table."""

    name: str
    type: type
    default: Any
    help: str
    aliases: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    Setting("home", str, "~/.mlrun-like", "Folder of the store, artifacts, logs and spool."),
    Setting(
        "config_file",
        str,
        "",
        "YAML file with settings; empty: config.yaml in home.",
        ("MLRUN_CONFIG_FILE",),
    ),
    Setting(
        "dbpath",
        str,
        "",
        "Tracking store: a folder, sqlite:///file or postgresql://…; empty: a SQLite file in home.",
        ("MLRUN_DBPATH",),
    ),
    Setting(
        "artifact_path",
        str,
        "",
        "Where artifacts go; may hold {{run.uid}} and "
        "{{run.project}}; empty: artifacts/<project>/<run uid> in home.",
        ("MLRUN_ARTIFACT_PATH",),
    ),
    Setting(
        "default_project",
        str,
        "default",
        "Project of functions and runs that name none.",
        ("MLRUN_DEFAULT_PROJECT",),
    ),
    Setting(
        "log_level",
        str,
        "INFO",
        "Level of the run logger: DEBUG, INFO, WARNING or ERROR.",
        ("MLRUN_LOG_LEVEL",),
    ),
    Setting("default_image", str, "python:3.11-slim", "Image of container kinds that name none."),
    Setting(
        "ignored_notebook_tags",
        str,
        "",
        "Notebook cell tags left out of the code, separated by ';'.",
        ("MLRUN_IGNORED_NOTEBOOK_TAGS",),
    ),
    Setting("flush_interval", float, 0.25, "Seconds between writes of metrics and logs."),
    Setting("store_timeout", float, 60.0, "Seconds to wait for a locked or slow store."),
    Setting("heartbeat_interval", float, 2.0, "Seconds between a run's signs of life."),
    Setting(
        "lost_after",
        float,
        120.0,
        "Seconds without a sign of life after which a run on another machine counts as lost.",
    ),
    Setting("calculate_digest", bool, True, "Record a SHA-256 digest of every artifact."),
    Setting(
        "pack_tuples",
        bool,
        False,
        "Treat a returned tuple as one value.",
        ("MLRUN_PACKAGERS__PACK_TUPLES",),
    ),
    Setting(
        "logging_worker",
        int,
        0,
        "The MPI rank that records outputs.",
        ("MLRUN_PACKAGERS__LOGGING_WORKER",),
    ),
    Setting("preview_rows", int, 20, "Rows in a data set's preview."),
    Setting("preview_columns", int, 100, "Columns in a data set's preview."),
    Setting(
        "warm",
        bool,
        True,
        "Fork process runs from a warm server instead of starting a new interpreter.",
    ),
    Setting("warm_idle", float, 300.0, "Seconds after which an unused warm server ends."),
    Setting(
        "max_body_size",
        int,
        16 * 1024 * 1024,
        "Bytes of one request body that a serving graph accepts.",
    ),
    Setting(
        "mock_nuclio_deployment",
        str,
        "",
        "Serve functions in this process for fn.deploy() and fn.invoke(): 1 or auto; empty: no.",
        ("MLRUN_MOCK_NUCLIO_DEPLOYMENT",),
    ),
    Setting("serving_threads", int, 8, "Threads of a server for steps that block."),
    Setting(
        "serving_timeout",
        float,
        0.0,
        "Seconds a request to a serving graph may take, then it gets 504; 0: no limit.",
    ),
    Setting(
        "serving_io_timeout",
        float,
        60.0,
        "Seconds a client may take to send a request or to read its answer.",
    ),
    Setting(
        "serving_max_in_flight",
        int,
        0,
        "Requests that one serving process works on at the same time; more get 503; 0: no limit.",
    ),
    Setting("serving_workers", int, 1, "Processes of `mlrun-like serve`; 0: one for each core."),
    Setting(
        "serving_grace",
        float,
        10.0,
        "Seconds that running requests get when a serving process ends or is reloaded.",
    ),
    Setting(
        "serving_cors_origins",
        str,
        "",
        "Origins of web pages that may call serving graphs, separated by spaces; *: all.",
    ),
    Setting(
        "serving_access_log",
        str,
        "",
        "File for a line of JSON about each request to a serving graph; -: stderr; empty: none.",
    ),
    Setting("serving_token", str, "", "Token that callers of serving graphs must send."),
    Setting("keep_deleted_days", float, 7.0, "Days before gc removes soft-deleted records."),
    Setting(
        "exec",
        str,
        "",
        "The run to execute, as JSON (set by runtimes for `mlrun-like run --from-env`).",
    ),
    Setting("exec_file", str, "", "File with the run to execute (set by runtimes)."),
    Setting("token", str, "", "Token for a remote service; never printed."),
)

SECRETS = frozenset({"token", "serving_token", "exec"})
