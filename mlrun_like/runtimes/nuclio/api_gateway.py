"""API gateways: one address for a function, or for two that share the requests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import EngineError, InvalidArgumentError, PreconditionError
from mlrun_like.registry import resolve
from mlrun_like.runtimes.nuclio.api_gateway_auth import authenticator_of
from mlrun_like.runtimes.nuclio.api_gateway_calls import GatewayAnswer, check_options, send
from mlrun_like.runtimes.nuclio.api_gateway_fields import APIGatewayFields
from mlrun_like.runtimes.nuclio.api_gateway_spec import (
    APIGatewayMetadata,
    APIGatewaySpec,
    APIGatewayStatus,
)
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL

__all__ = ["APIGateway"]

_KEEPING = "mlrun_like.gateway.entrances.keeping:"


class APIGateway(APIGatewayFields):
    """An API gateway; `project.store_api_gateway` makes it work.

    On this machine it stands in the gateway that `fn.deploy()` uses, else in Nuclio.

    Args:
        metadata: Its name and annotations.
        spec: Where it leads to, and who may call.
        status: How it does.

    >>> gateway = APIGateway(
    ...     APIGatewayMetadata("front"),
    ...     APIGatewaySpec(["old", "new"], project="shop", canary=[90, 10]),
    ... )
    >>> gateway.with_basic_auth("anna", "secret")
    >>> [row["nucliofunction"]["name"] for row in gateway.to_nuclio()["spec"]["upstreams"]]
    ['shop/old', 'shop/new']
    """

    def sync(self) -> None:
        """Take what is stored under its name.

        Raises:
            NotFoundError: if there is none.
        """
        found = self.from_scheme(resolve(f"{_KEEPING}records")().get_api_gateway(
            self.name, self.project
        ))  # fmt: skip
        own, self.spec, self.status = self.spec, found.spec, found.status
        if own.authentication.authentication_mode == self.spec.authentication.authentication_mode:
            self.spec.authentication = own.authentication  # it may know the password

    def is_ready(self) -> bool:
        """Whether it answers; asks for its state if it did not."""
        if self.status.state != "ready":
            self.sync()
        return self.status.state == "ready"

    def wait_for_readiness(self, max_wait_time: float = 90) -> bool:
        """Wait until it answers.

        Args:
            max_wait_time: Seconds.

        Raises:
            EngineError: if it does not in that time.
        """
        end = time.monotonic() + max_wait_time
        while not self.is_ready():
            if time.monotonic() >= end:
                raise EngineError(
                    f"API gateway {self.name!r} is not ready: {self.status.state or 'unknown'}",
                    where=f"waited {max_wait_time:g} seconds",
                    fix=f"deploy its functions: {', '.join(self.spec.functions)}",
                )
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))
        return True

    def invoke(
        self,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        credentials: Sequence[str] | None = None,
        path: str | None = None,
        body: str | bytes | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> GatewayAnswer:
        """Send it one request.

        Args:
            method: HTTP method.
            headers: Headers.
            credentials: User and password, if it wants them.
            path: Below its own.
            body: The content; a mapping is sent as JSON.
            kwargs: `timeout` (seconds), `verify`, `params`, `json`, `data`.

        Raises:
            InvalidArgumentError: if it is not stored, or credentials are wanted.
            PreconditionError: if it is not ready.
            EngineError: if it cannot be reached.
        """
        check_options(kwargs)
        if not self.invoke_url:
            self.sync()
        if not self.invoke_url:
            raise InvalidArgumentError(
                "Invocation url is not set. Set up gateway's `invoke_url` attribute.",
                fix="gateway = project.store_api_gateway(gateway)",
            )
        if not self.is_ready():
            raise PreconditionError(
                f"API gateway is not ready. Current state: {self.status.state}",
                where=f"{self.project}/{self.name}",
                fix="deploy its functions",
            )
        sent = dict(headers or {})
        authorization = self.spec.authentication.header(credentials)
        if authorization:
            sent.setdefault("Authorization", authorization)
        url = f"{self.invoke_url}/{path.lstrip('/')}" if path else self.invoke_url
        return send(method, url, sent, body, kwargs)

    # As data -----------------------------------------------------------------------------------

    def to_dict(self, **ignored: Any) -> dict[str, Any]:
        """As plain data, without secrets."""
        return {
            "metadata": self.metadata.to_dict(),
            "spec": self.spec.to_dict(),
            "status": self.status.to_dict(),
        }

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> APIGateway:
        """What `to_dict` gave."""
        return cls(struct["metadata"], struct["spec"], struct.get("status"))

    def to_nuclio(self) -> dict[str, Any]:
        """As Nuclio has it; functions by their URIs."""
        upstreams = [
            {"kind": "nucliofunction", "nucliofunction": {"name": name}, "percentage": 0}
            for name in self.spec.functions
        ]
        if self.spec.canary:  # Nuclio wants the share of one of them only
            chosen = 0 if self.spec.canary[0] else 1
            upstreams[chosen]["percentage"] = self.spec.canary[chosen]
        for row, port in zip(upstreams, self.spec.ports or (), strict=False):
            row["port"] = port
        labels = {**self.metadata.labels, PROJECT_LABEL: self.project}
        spec: dict[str, Any] = {
            "name": self.name,
            "description": self.spec.description,
            "host": self.spec.host or "",
            "path": self.spec.path,
            "authenticationMode": self.authentication.authentication_mode,
            "upstreams": upstreams,
        }
        if secrets := self.authentication.to_nuclio():
            spec["authentication"] = secrets
        return {
            "metadata": {
                "name": self.name,
                "labels": labels,
                "annotations": dict(self.metadata.annotations),
            },
            "spec": spec,
            "status": {"state": self.status.state},
        }

    def to_scheme(self) -> Any:
        """`to_nuclio` as the record that MLRun's client sends."""
        scheme = resolve("mlrun_like.compat.adapted.common.schemas:APIGateway")
        return scheme(**self.to_nuclio())

    @classmethod
    def from_scheme(cls, api_gateway: Any) -> APIGateway:
        """What `to_nuclio` or `to_scheme` gave, or Nuclio."""
        found = api_gateway if isinstance(api_gateway, Mapping) else api_gateway.dict()
        meta, spec = found["metadata"], found["spec"]
        status = found.get("status") or {}
        functions = [str(row["nucliofunction"].get("name")) for row in spec.get("upstreams") or ()]
        shares = [int(row.get("percentage") or 0) for row in spec.get("upstreams") or ()]
        canary = None
        if len(shares) == 2:
            first = shares[0] or 100 - shares[1]
            canary = [first, 100 - first] if any(shares) else None
        labels = dict(meta.get("labels") or {})
        return cls(
            APIGatewayMetadata(spec["name"], None, labels, meta.get("annotations")),
            APIGatewaySpec(
                functions,
                labels.get(PROJECT_LABEL),
                spec.get("description") or "",
                spec.get("host") or None,
                spec.get("path") or "/",
                authenticator_of(str(spec.get("authenticationMode") or "none")),
                canary,
            ),
            APIGatewayStatus(status.get("state"), str(status.get("address") or "")),
        )
