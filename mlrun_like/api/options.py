"""What the service is started with, read from the settings once."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

from mlrun_like.configuration import config

__all__ = ["ServiceOptions"]


@dataclass(frozen=True)
class ServiceOptions:
    """How the service runs.

    Args:
        store: Address of the store; empty: the configured one.
        host: Address that it listens on.
        port: Port that it listens on; 0: a free one.
        url: Address as callers see it, if a proxy stands before it.
        workers: Processes that answer.
        auth: `auto`, `required` or `none`.
        insecure: Whether `auth="none"` is taken on other addresses than loopback.
        max_body: Most bytes of a request's body; routes that take files have their own limit.
        streams: Most event streams open at once in one process.
        request_timeout: Seconds after which a request that has no answer is given up.
        grace: Seconds that running requests get when the service stops.
        threads: Requests that one process works on at the same time.
        folder: Where the processes of one service keep what they tell each other.
        tls_cert: File with the certificate; empty: a proxy does TLS.
        tls_key: File with its key.
        background: Whether this process may be the leader, which runs schedules and tasks.
        access_log: Whether a line of JSON is written about each request.
        metrics_open: Whether `/metrics` needs no token over a network.
    """

    store: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    url: str = ""
    workers: int = 1
    auth: str = "auto"
    insecure: bool = False
    max_body: int = 16 << 20
    streams: int = 500
    request_timeout: float = 60.0
    grace: float = 15.0
    threads: int = 40
    folder: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    background: bool = False
    access_log: bool = False
    metrics_open: bool = False

    @classmethod
    def from_settings(cls, **changes: Any) -> ServiceOptions:
        """The options that the settings give, with changes.

        >>> ServiceOptions.from_settings(port=9000).port
        9000
        """
        options = cls(
            store=config.dbpath,
            host=config.service_host,
            port=config.service_port,
            url=config.service_url,
            workers=config.service_workers,
            auth=config.service_auth,
            insecure=config.service_insecure,
            max_body=config.service_max_body,
            streams=config.service_streams,
            request_timeout=config.service_request_timeout,
            threads=config.service_threads,
            tls_cert=config.service_tls_cert,
            tls_key=config.service_tls_key,
            grace=config.service_grace,
            access_log=config.service_access_log,
            metrics_open=config.service_metrics_open,
        )
        return replace(options, **changes)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it.

        >>> ServiceOptions(host="localhost").loopback, ServiceOptions(host="0.0.0.0").loopback
        (True, False)
        """
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
