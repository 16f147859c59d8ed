"""The gateway of deployed functions on this machine."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["GATEWAY"]

GATEWAY: tuple[Setting, ...] = (
    Setting(
        "gateway_host",
        str,
        "127.0.0.1",
        "Address that deployed functions answer on; 0.0.0.0: all networks.",
    ),
    Setting("gateway_port", int, 8071, "Port that deployed functions answer on; 0: a free one."),
    Setting(
        "gateway_url",
        str,
        "",
        "Address of the gateway as callers see it, if a proxy stands before it.",
    ),
    Setting("gateway_tls_cert", str, "", "File with the gateway's TLS certificate (PEM)."),
    Setting("gateway_tls_key", str, "", "File with the key of the gateway's certificate (PEM)."),
    Setting(
        "gateway_user",
        str,
        "auto",
        "User that workers run as if the gateway is root; auto: one without rights; root: nobody "
        "else.",
    ),
    Setting(
        "gateway_grace",
        float,
        30.0,
        "Seconds that running requests get when a deployed function or the gateway ends.",
    ),
    Setting(
        "gateway_access_log",
        bool,
        True,
        "Whether the gateway writes a line of JSON about each request to access.log.",
    ),
    Setting(
        "gateway_admin_token",
        str,
        "",
        "Token that lets callers over the network deploy and scale; empty: nobody may.",
    ),
    Setting(
        "gateway_start_timeout",
        float,
        60.0,
        "Seconds that `mlrun-like up` waits until the gateway answers.",
    ),
)
