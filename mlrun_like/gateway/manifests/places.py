"""Where each option of a deployed function stands in a manifest, or why it has no place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.gateway.manifests.form import Service

__all__ = ["PLACES", "note_options"]

_SERVER = "the container's server, from options.json"

PLACES: Mapping[str, str] = MappingProxyType(
    {
        "min_replicas": "minReplicas of the HPA or ScaledObject, replicas of the HTTPScaledObject",
        "max_replicas": "maxReplicas of the same",
        "concurrency": f"{_SERVER}; HTTPScaledObject's concurrency",
        "queue": _SERVER,
        "queue_timeout": f"{_SERVER}; timeouts of Ingress and HTTPRoute",
        "request_timeout": f"{_SERVER}; timeouts of Ingress and HTTPRoute; the grace period",
        "start_timeout": "startupProbe, progressDeadlineSeconds",
        "idle_timeout": "cooldownPeriod of the ScaledObject, scaledownPeriod of HTTPScaledObject",
        "scale_down_delay": "the HPA's stabilizationWindowSeconds",
        "target_delay": "-a cluster does not measure how long requests wait; give metrics={...} "
        "from the pods' /-/metrics to the HPA",
        "max_requests": _SERVER,
        "memory": "resources.limits.memory",
        "cpu": "resources.limits.cpu",
        "processes": f"{_SERVER}; the kubelet has podPidsLimit too",
        "max_body": f"{_SERVER}; proxy-body-size of the Ingress",
        "auth": f"{_SERVER}; the hashes are in the Secret",
        "rate_limit": f"{_SERVER}; each pod counts for itself",
        "burst": f"{_SERVER}; each pod counts for itself",
        "cors": _SERVER,
        "hosts": "Ingress or HTTPRoute, hosts of the HTTPScaledObject",
        "paths": "Ingress or HTTPRoute",
        "methods": f"{_SERVER}; HTTPRoute",
        "port": "the Service's port",
        "no_http": "-the Service is there for the triggers' events; a NetworkPolicy can close it",
        "triggers": "ScaledObject, CronJob; the container reads the streams",
        "warm_up": f"{_SERVER}: answered before it is ready",
        "smoke": f"{_SERVER}: answered before it is ready, so that a rollout stops if one fails",
        "env": "env of the container; what looks secret is in the Secret",
        "requirements": "-they must be in the image: fn.build() puts them there",
        "python": "-it is the image's",
        "audit": f"{_SERVER}; the records are in the pod's own folder and go with it",
        "command": "command of the container",
        "internal_port": "the container's port",
        "workdir": "workingDir of the container",
    }
)
"""Option -> its place; a text that begins with `-` says why there is none."""

_SERVED = frozenset(
    {"concurrency", "queue", "max_requests", "processes", "auth", "rate_limit", "burst", "cors"}
    | {"methods", "warm_up", "smoke", "audit"}
)


def note_options(service: Service) -> None:
    """Note what the function asks for and the objects cannot say."""
    for name in service.options.to_dict():
        place = PLACES[name]
        if place.startswith("-"):
            service.note(f"option {name}: {place[1:]}")
        elif service.is_application and name in _SERVED:
            service.note(f"option {name}: an application runs without our server before it")
    if service.document.spec.function_refs:
        names = ", ".join(sorted(service.document.spec.function_refs))
        service.note(f"child functions ({names}) have manifests of their own")
