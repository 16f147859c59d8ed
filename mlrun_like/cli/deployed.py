"""Deployed functions by what a person types, and what is printed of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.gateway.control.client import GatewayClient

__all__ = ["COLUMNS", "find_deployed", "memory_text", "row_of", "seconds_text", "traffic_text"]

COLUMNS = (
    *("function", "version", "state", "replicas", "busy", "waiting", "p50", "p95", "errors"),
    *("restarts", "memory", "last error"),
)


def find_deployed(client: GatewayClient, text: str) -> str:
    """The key of a deployed function, by `<project>/<name>` or a name that only one has.

    Raises:
        EngineError: if no gateway runs.
        NotFoundError: if it is not deployed.
        InvalidArgumentError: if several projects have one.
    """
    keys = [str(row["key"]) for row in client.deployed()]
    if text in keys:
        return text
    found = [key for key in keys if key.partition("/")[2] == text]
    if len(found) > 1:
        raise InvalidArgumentError(
            f"{len(found)} projects have a function {text!r}", fix=f"give one of {', '.join(found)}"
        )
    if not found:
        names = [*keys, *(key.partition("/")[2] for key in keys)]
        raise NotFoundError(
            f"function {text!r:.100} is not deployed.{nearest(text, names)}", fix="mlrun-like ps"
        )
    return found[0]


def traffic_text(status: Mapping[str, Any]) -> str:
    """Versions with their part of the traffic.

    >>> traffic_text({"traffic": [{"version": 3, "weight": 100.0}]})
    '3'
    >>> traffic_text({"traffic": [{"version": 3, "weight": 90.0}, {"version": 4, "weight": 10.0}]})
    '3 90%, 4 10%'
    """
    shares = status.get("traffic") or []
    if len(shares) == 1 and shares[0].get("weight") == 100:
        text = str(shares[0]["version"])
    else:
        text = ", ".join(
            f"{row['version']} {row['weight']:g}%"
            + (f" {row['header']}" if row.get("header") else "")
            for row in shares
        )
    shadow = status.get("shadow") or {}
    return f"{text} (shadow {shadow['version']})" if shadow.get("version") else text


def seconds_text(seconds: float) -> str:
    """A short time.

    >>> seconds_text(0.00123), seconds_text(0.25), seconds_text(12.3), seconds_text(0)
    ('1.2 ms', '250 ms', '12 s', '-')
    """
    if not seconds:
        return "-"
    if seconds >= 1:
        return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def memory_text(size: float) -> str:
    """Bytes in a short form.

    >>> memory_text(0), memory_text(5 << 20), memory_text(3 << 30)
    ('-', '5 MiB', '3.0 GiB')
    """
    if not size:
        return "-"
    return (
        f"{size / (1 << 30):.1f} GiB"
        if size >= 1 << 30
        else f"{max(1, round(size / (1 << 20)))} MiB"
    )


def row_of(status: Mapping[str, Any]) -> tuple[object, ...]:
    """A function's row in the table of `ps`."""
    pools = [row.get("pool") or {} for row in status.get("versions") or () if row.get("live")]
    ready = sum(int(pool.get("ready") or 0) for pool in pools)
    starting = sum(int(pool.get("starting") or 0) for pool in pools)
    limits = status.get("replicas") or {}
    replicas = f"{ready}" + (f"+{starting}" if starting else "")
    replicas += f" of {limits.get('min', 0)}-{limits.get('max', 0)}"
    memory = sum(
        float(one.get("memory") or 0)
        for pool in pools
        for one in pool.get("replicas") or ()
        if isinstance(one, Mapping)
    )
    errors = int(status.get("errors") or 0)
    requests = int(status.get("requests") or 0)
    share = f"{errors} ({errors / requests:.1%})" if errors and requests else str(errors)
    last = next((str(pool["last_error"]) for pool in pools if pool.get("last_error")), "")
    return (
        status.get("key", ""), traffic_text(status), status.get("state", ""), replicas,
        sum(int(pool.get("in_flight") or 0) for pool in pools),
        sum(int(pool.get("waiting") or 0) for pool in pools),
        seconds_text(float(status.get("p50") or 0)), seconds_text(float(status.get("p95") or 0)),
        share, sum(int(pool.get("restarts") or 0) for pool in pools), memory_text(memory),
        str(status.get("reason") or last).partition("\n")[0],
    )  # fmt: skip
