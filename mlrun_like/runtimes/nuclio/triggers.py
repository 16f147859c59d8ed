"""Triggers as objects, for `fn.add_trigger(name, CronTrigger(interval="10s"))`.

Names and arguments are those of `nuclio.triggers` in nuclio-jupyter where it has the kind.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve
from mlrun_like.runtimes.nuclio.stream_triggers import (
    EventHubTrigger,
    KafkaTrigger,
    KinesisTrigger,
    MqttTrigger,
    NatsTrigger,
    RabbitMQTrigger,
    V3IOStreamTrigger,
)
from mlrun_like.runtimes.nuclio.trigger_base import NuclioTrigger, worker_counts
from mlrun_like.runtimes.nuclio.trigger_checks import check_trigger
from mlrun_like.runtimes.nuclio.trigger_kinds import ALIASES, KINDS

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CronTrigger",
    "EventHubTrigger",
    "HttpTrigger",
    "KafkaTrigger",
    "KinesisTrigger",
    "MqttTrigger",
    "NatsTrigger",
    "NuclioTrigger",
    "RabbitMQTrigger",
    "V3IOStreamTrigger",
    "trigger_of",
]


class HttpTrigger(NuclioTrigger):
    """Requests over HTTP, with an ingress if `host` is given.

    >>> HttpTrigger(workers=2, host="a.org").to_dict()["attributes"]["ingresses"]["0"]
    {'host': 'a.org', 'paths': ['/']}
    """

    kind = "http"

    def __init__(
        self,
        workers: int = 8,
        port: int | None = None,
        host: str | None = None,
        paths: Sequence[str] | None = None,
        canary: float | None = None,
        secret: str | None = None,
        annotations: Mapping[str, Any] | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            {"kind": self.kind, **worker_counts(workers), "attributes": {"ingresses": {}}}
        )
        self._struct["annotations"] = {str(k): str(v) for k, v in (annotations or {}).items()}
        if port:
            self._struct["attributes"]["port"] = int(port)
        if host:
            self.ingress(host, paths, canary, secret=secret)
        elif canary is not None or secret or paths:
            raise InvalidArgumentError(
                "paths, canary and secret belong to an ingress, which needs a host",
                fix='HttpTrigger(host="models.example.org", ...)',
            )
        self._made({}, extra_attributes)

    @property
    def get_port(self) -> int | None:
        """Its port; None: any."""
        found: int | None = self._struct["attributes"].get("port")
        return found

    @property
    def get_ingresses(self) -> dict[str, Any]:
        """Its ingresses, by name."""
        found: dict[str, Any] = self._struct["attributes"]["ingresses"]
        return found

    def ingress(
        self,
        host: str,
        paths: Sequence[str] | None = None,
        canary: float | None = None,
        name: str = "0",
        secret: str | None = None,
    ) -> Self:
        """Add an ingress.

        Args:
            host: Its host name.
            paths: Paths below it that lead here; by default all.
            canary: The share of requests, 0 to 100, that come here instead of to the function
                with the same host.
            name: Its name in the trigger.
            secret: The Kubernetes secret with its TLS certificate.

        Raises:
            InvalidArgumentError: if a value cannot be used.
        """
        if paths is not None and (isinstance(paths, str) or not isinstance(paths, Sequence)):
            raise InvalidArgumentError(
                f"paths must be a list of paths, not {paths!r:.80}", fix='paths=["/x"]'
            )
        made: dict[str, Any] = {"host": host, "paths": list(paths or ["/"])}
        if secret is not None:
            if not isinstance(secret, str) or not secret:
                raise InvalidArgumentError(
                    f"secret must be the name of a Kubernetes secret, not {secret!r:.60}"
                )
            made["secretName"] = secret
        if canary is not None:
            if isinstance(canary, bool) or canary != int(canary) or not 0 <= canary <= 100:
                raise InvalidArgumentError(
                    f"canary must be a whole number from 0 to 100, not {canary!r}"
                )
            notes = self._struct["annotations"]
            notes["nginx.ingress.kubernetes.io/canary"] = "true"
            notes["nginx.ingress.kubernetes.io/canary-weight"] = str(int(canary))
        self._struct["attributes"]["ingresses"][name] = made
        return self


class CronTrigger(NuclioTrigger):
    """An event at given times: `interval` such as `"10s"`, or `schedule`, a cron expression.

    >>> CronTrigger(interval="10s", body="go").to_dict()["attributes"]["event"]["body"]
    'go'
    """

    kind = "cron"

    def __init__(
        self,
        interval: str = "",
        schedule: str = "",
        body: str = "",
        headers: Mapping[str, str] | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"kind": self.kind})
        if bool(interval) == bool(schedule):
            raise InvalidArgumentError(
                "interval or schedule must be specified, one of them",
                fix='CronTrigger(interval="10s") or CronTrigger(schedule="0 9 * * *")',
            )
        event = {"body": body, "headers": dict(headers or {})} if body or headers else None
        self._made(
            {"interval": interval or None, "schedule": schedule or None, "event": event},
            extra_attributes,
        )


def trigger_of(name: str, spec: Any) -> dict[str, Any]:
    """A trigger given as an object or mapping, checked, as plain data with its name.

    Raises:
        InvalidArgumentError: naming every mistake.

    >>> trigger_of("tick", CronTrigger(interval="10s"))
    {'kind': 'cron', 'attributes': {'interval': '10s'}, 'name': 'tick'}
    """
    to_dict = getattr(spec, "to_dict", None)
    made = to_dict() if callable(to_dict) else spec
    if isinstance(made, Mapping):
        made = copy.deepcopy(dict(made))
        kind = made.get("kind")
        made["kind"] = ALIASES.get(kind, kind) if isinstance(kind, str) else kind
        made["name"] = name
        given = made.get("attributes") or {}
        if made["kind"] == "http" and "port" in made and isinstance(given, Mapping):
            made["attributes"] = {**given, "port": made.pop("port")}  # where Nuclio has it
    found = list(check_trigger(name, made))
    if found:
        # what Nuclio has not, the gateway of this package may have: deploying to Nuclio asks again
        kind = made.get("kind") if isinstance(made, Mapping) else None
        if isinstance(kind, str) and kind:
            local = resolve("mlrun_like.gateway.triggers.checks:check_triggers")({name: made})
            found = found if local and kind in KINDS else local
    if found:
        raise InvalidArgumentError(
            "; ".join(item.what for item in found), where=found[0].where, fix=found[0].fix
        )
    result: dict[str, Any] = made
    return result
