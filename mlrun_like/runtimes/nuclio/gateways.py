"""API gateways: an address of their own in front of one function, or of two that share requests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.configuration import config as settings
from mlrun_like.errors import EngineError, InvalidArgumentError, nearest
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL
from mlrun_like.runtimes.nuclio.dashboard import Dashboard

__all__ = ["GatewayOptions", "delete_gateway", "gateway_config", "store_gateway"]

_MODES = {"none": "none", "basic": "basicAuth", "basicAuth": "basicAuth", "accessKey": "accessKey",
          "access_key": "accessKey"}  # fmt: skip


class GatewayOptions:
    """How a gateway is reached.

    Args:
        host: Its host name; by default `<name>-<project>.<the dashboard's host>`.
        path: Path below it.
        authentication_mode: `none`, `basic` (a user and password) or `accessKey`.
        authentication_creds: For `basic`: user and password.
        ssl_redirect: Send callers from HTTP to HTTPS.
        gateway_timeout: Seconds that a request may take.
        canary: The share of requests, 0 to 100, for the second of two functions.
        ports: A port of the function's pods to lead to, instead of Nuclio's own.

    Raises:
        InvalidArgumentError: if values cannot be used together.
    """

    def __init__(
        self,
        host: str = "",
        path: str = "/",
        authentication_mode: str = "none",
        authentication_creds: Sequence[str] | None = None,
        ssl_redirect: bool = False,
        gateway_timeout: float | None = None,
        canary: int | None = None,
        ports: int | None = None,
    ) -> None:
        mode = str(authentication_mode or "none")
        if mode not in _MODES:
            raise InvalidArgumentError(
                f"authentication mode {mode!r} is unknown.{nearest(mode, _MODES)}",
                fix="none, basic or accessKey",
            )
        self.mode = _MODES[mode]
        creds = list(authentication_creds or ())
        if self.mode == "basicAuth" and (len(creds) != 2 or not all(creds)):
            raise InvalidArgumentError(
                "basic authentication needs a user and a password",
                fix='authentication_creds=("me", "secret")',
            )
        if canary is not None and (isinstance(canary, bool) or not 0 <= int(canary) <= 100):
            raise InvalidArgumentError(f"canary must be from 0 to 100, not {canary!r}")
        self.host, self.path, self.creds = host, path or "/", creds
        self.ssl_redirect, self.timeout, self.canary = ssl_redirect, gateway_timeout, canary
        self.port = ports


def gateway_config(
    name: str, project: str, functions: Sequence[str], options: GatewayOptions
) -> dict[str, Any]:
    """The configuration of a gateway.

    Args:
        name: Its name.
        project: Its project.
        functions: Names in Nuclio of one function, or of two.
        options: How it is reached.

    Raises:
        InvalidArgumentError: if there are no functions or more than two.

    >>> config = gateway_config("g", "p", ["p-a", "p-b"], GatewayOptions("h.org", canary=20))
    >>> [row["percentage"] for row in config["spec"]["upstreams"]]
    [80, 20]
    """
    if not 1 <= len(functions) <= 2:
        raise InvalidArgumentError(f"a gateway leads to one or two functions, not {len(functions)}")
    shares = [0]
    if len(functions) == 2:
        second = 50 if options.canary is None else int(options.canary)
        shares = [100 - second, second]
    upstreams: list[dict[str, Any]] = []
    for function, share in zip(functions, shares, strict=True):
        row: dict[str, Any] = {
            "kind": "nucliofunction",
            "nucliofunction": {"name": function},
            "percentage": share,
        }
        if options.port:
            row["port"] = options.port
        upstreams.append(row)
    notes = {}
    if options.ssl_redirect:
        notes["nginx.ingress.kubernetes.io/force-ssl-redirect"] = "true"
    if options.timeout:
        for key in ("read", "send", "connect"):
            notes[f"nginx.ingress.kubernetes.io/proxy-{key}-timeout"] = f"{options.timeout:g}"
    spec: dict[str, Any] = {
        "name": name,
        "host": options.host,
        "path": options.path,
        "authenticationMode": options.mode,
        "upstreams": upstreams,
    }
    if options.mode == "basicAuth":
        user, password = options.creds
        spec["authentication"] = {"basicAuth": {"username": user, "password": password}}
    metadata: dict[str, Any] = {"name": name, "labels": {PROJECT_LABEL: project}}
    if notes:
        metadata["annotations"] = notes
    return {"metadata": metadata, "spec": spec}


def store_gateway(dashboard: Dashboard, config: Mapping[str, Any]) -> str:
    """Create or update a gateway and wait until it is ready; gives its URL.

    Raises:
        EngineError: if the dashboard refuses it, or it does not become ready in time.
    """
    body = {**config, "spec": dict(config["spec"]), "metadata": dict(config["metadata"])}
    name = str(body["metadata"]["name"])
    if not body["spec"].get("host"):
        project = body["metadata"]["labels"][PROJECT_LABEL]
        body["spec"]["host"] = f"{name}-{project}.{urlsplit(dashboard.url).hostname}"
    kind = "api-gateway"
    present = dashboard.send("GET", f"api_gateways/{name}", None, kind)
    if present.status == 404:
        reply = dashboard.send("POST", "api_gateways", body, kind)
    else:
        reply = dashboard.send("PUT", f"api_gateways/{name}", body, kind)
    if reply.status >= 300:
        raise EngineError(
            f"API gateway {name!r} is refused: {reply.told()} (status {reply.status})",
            where="Nuclio's dashboard",
            fix="check its host, path and functions",
        )
    until = time.monotonic() + 60
    while True:
        found = dashboard.send("GET", f"api_gateways/{name}", None, kind).json() or {}
        state = str((found.get("status") or {}).get("state") or "")
        if state == "ready":
            break
        if state == "error" or time.monotonic() > until:
            told = (found.get("status") or {}).get("lastError") or f"state {state or 'unknown'}"
            raise EngineError(
                f"API gateway {name!r} is not ready: {told}",
                where="Nuclio",
                fix="check that its host belongs to the cluster's ingress",
            )
        time.sleep(min(0.2, settings.nuclio_poll_interval))
    spec = found.get("spec") or body["spec"]
    secure = "force-ssl-redirect" in str(body["metadata"].get("annotations", ""))
    path = str(spec.get("path") or "/")
    scheme = "https" if secure else "http"
    return f"{scheme}://{spec.get('host', '')}{'' if path == '/' else '/' + path.strip('/')}"


def delete_gateway(dashboard: Dashboard, name: str) -> bool:
    """Delete a gateway; False: there was none."""
    body = {"metadata": {"name": name}}
    return dashboard.send("DELETE", "api_gateways", body, "api-gateway").status < 300
