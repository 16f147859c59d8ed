"""Serving graphs."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["SERVING"]

SERVING: tuple[Setting, ...] = (
    Setting(
        "max_body_size",
        int,
        16 * 1024 * 1024,
        "Bytes of one request body that a serving graph accepts.",
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
)
