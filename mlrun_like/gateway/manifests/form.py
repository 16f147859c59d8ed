"""What can be chosen about a service in a cluster, and the service that is being written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.gateway.deployment import Options
from mlrun_like.runtimes.kubernetes.names import label_value, object_name
from mlrun_like.specs.function import FunctionDoc

__all__ = ["PORT", "SCALERS", "Service", "ServiceForm", "form_of", "service_of"]

SCALERS = ("auto", "hpa", "keda", "none")
PORT = 8080
"""Where the container listens, if it is not an application with a port of its own."""
_LONGEST = 45  # `-canary` and the CronJob's endings follow, and those have 52 characters


class ServiceForm(NamedTuple):
    """How a function is written for a cluster.

    Args:
        scaler: `hpa` (by CPU and `metrics`), `keda` (by streams and requests, also to zero),
            `none`; `auto`: KEDA for streams and for `min_replicas` 0, else HPA.
        gateway: `name` or `namespace/name` of a Gateway API Gateway: routes are HTTPRoutes instead
            of an Ingress.
        ingress_class: Of the Ingress; empty: the cluster's default. `nginx` gets its annotations.
        canary: Percent of the requests that go to this version, beside the one that is applied
            already; 0: this is the version.
        network_policy: Also write a NetworkPolicy that lets only requests in.
        metrics: Custom metrics of the pods for the HPA: name -> average value.
        cpu_target: Percent of the requested CPU that the HPA aims at.
        keda_namespace: Where KEDA's HTTP add-on is installed.
    """

    scaler: str = "auto"
    gateway: str = ""
    ingress_class: str = ""
    canary: float = 0
    network_policy: bool = False
    metrics: Mapping[str, float] = {}
    cpu_target: int = 80
    keda_namespace: str = "keda"


def form_of(given: Mapping[str, Any]) -> ServiceForm:
    """The form from keyword arguments.

    Raises:
        InvalidArgumentError: if there is no such choice, or its value cannot be used.

    >>> form_of({"canary": 20}).canary
    20
    """
    for name in given:
        if name not in ServiceForm._fields:
            raise InvalidArgumentError(
                f"a manifest has no option {name!r}.{nearest(name, ServiceForm._fields)}",
                fix=f"options: {', '.join(ServiceForm._fields)}",
            )
    form = ServiceForm(**given)
    if form.scaler not in SCALERS:
        raise InvalidArgumentError(
            f"scaler {form.scaler!r} is unknown.{nearest(str(form.scaler), SCALERS)}",
            fix=f"use one of: {', '.join(SCALERS)}",
        )
    for what, value, least in (("canary", form.canary, 0), ("cpu_target", form.cpu_target, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InvalidArgumentError(f"{what} must be percent, not {value!r:.60}")
        if not least <= value <= 100:
            raise InvalidArgumentError(f"{what} must be from {least} to 100 percent, not {value:g}")
    if form.gateway.count("/") > 1:
        raise InvalidArgumentError(
            f"gateway {form.gateway!r:.80} is no name", fix="gateway='namespace/name'"
        )
    return form


@dataclass
class Service:
    """A function on its way to objects.

    Args:
        document: The function, with its image, as it goes into the cluster.
        options: How it runs.
        form: How it is written.
        name: Of its Deployment, Service, ...; a canary has `-canary` behind it.
        stable: The name without that.
        labels: Of all objects.
        selector: Labels that name its pods for ever.
        secrets: Names and values of what goes into its Secret.
        notes: What has no place in the objects, or stands elsewhere.
    """

    document: FunctionDoc
    options: Options
    form: ServiceForm
    name: str
    stable: str
    labels: dict[str, str]
    selector: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_application(self) -> bool:
        """Whether the container runs the application itself."""
        return self.document.kind == "application"

    @property
    def port(self) -> int:
        """Where the container listens."""
        return (self.options.internal_port or 8050) if self.is_application else PORT

    @property
    def outside(self) -> int:
        """The Service's port."""
        return self.options.port or 80

    @property
    def secret(self) -> str:
        """Name of the Secret with the values that must not be read in a manifest."""
        return object_name(self.name, "env")

    def note(self, text: str) -> None:
        """Say something to the reader of the manifest, once."""
        if text not in self.notes:
            self.notes.append(text)


def service_of(document: FunctionDoc, options: Options, form: ServiceForm) -> Service:
    """Names and labels of a service."""
    meta = document.metadata
    project = meta.project or config.default_project
    tag = "" if meta.tag in ("", "latest") else meta.tag
    stable = object_name("-".join(part for part in (project, meta.name, tag) if part),
                         longest=_LONGEST)  # fmt: skip
    name = f"{stable}-canary" if form.canary else stable
    selector = {
        "app.kubernetes.io/name": label_value(stable),
        "mlrun-like/track": "canary" if form.canary else "stable",
    }
    labels = {
        **{key: label_value(value) for key, value in meta.labels.items()},
        **selector,
        "app.kubernetes.io/managed-by": "mlrun-like",
        "mlrun/class": label_value(document.kind),
        "mlrun/function": label_value(meta.name),
        "mlrun/project": label_value(project),
        "mlrun/tag": label_value(meta.tag or "latest"),
    }
    return Service(document, options, form, name, stable, dict(sorted(labels.items())), selector)
