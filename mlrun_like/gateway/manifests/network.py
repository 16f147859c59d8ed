"""How requests reach a service: Service, Ingress, HTTPRoute, NetworkPolicy.

Forms: core/v1, networking.k8s.io/v1, and the Gateway API's gateway.networking.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.gateway.manifests.form import Service
from mlrun_like.gateway.manifests.workload import metadata

__all__ = ["network_policy", "routes", "service_object"]

_NGINX = "nginx.ingress.kubernetes.io"


def service_object(service: Service) -> dict[str, Any]:
    """The Service in front of the pods."""
    kind = service.document.spec.service_type
    port: dict[str, Any] = {"name": "http", "port": service.outside, "targetPort": "http",
                            "protocol": "TCP"}  # fmt: skip
    if kind == "NodePort" and 30000 <= service.options.port <= 32767:
        port["nodePort"] = service.options.port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service),
        "spec": {
            **({"type": kind} if kind and kind != "ClusterIP" else {}),
            "selector": dict(service.selector),
            "ports": [port],
        },
    }


def routes(service: Service, held: bool, stable_held: bool = False) -> list[dict[str, Any]]:
    """Where requests from outside come in.

    Args:
        service: What is deployed.
        held: Whether KEDA's interceptor stands before it, and holds requests while there is no pod.
        stable_held: Whether it stands before the stable version of a canary.
    """
    if service.form.gateway:
        return [*_interceptor(service, held), _http_route(service, held, stable_held)]
    if not service.options.hosts and not _trigger(service).get("ingresses"):
        if service.form.canary:
            service.note(
                f"without a gateway or a host nothing splits the traffic: callers choose between "
                f"http://{service.stable} and http://{service.name}"
            )
        if service.options.paths:
            service.note("paths without a host have no Ingress; the Service answers on every path")
        return []
    return [*_interceptor(service, held), *_ingresses(service, held)]


def _trigger(service: Service) -> Mapping[str, Any]:
    """Attributes of the HTTP trigger, with its annotations."""
    for key, value in service.document.spec.config.items():
        if not key.startswith("spec.triggers.") or not isinstance(value, Mapping):
            continue
        if value.get("kind") == "http":
            notes = value.get("annotations") or {}
            return {**(value.get("attributes") or {}), "annotations": notes}
    return {}


def _places(service: Service) -> list[tuple[str, list[str], str]]:
    """Hosts with their paths and the Secret of their certificate."""
    found: list[tuple[str, list[str], str]] = []
    for row in (_trigger(service).get("ingresses") or {}).values():
        host = str(row.get("host") or "")
        found.append((host, list(row.get("paths") or ["/"]), str(row.get("secretName") or "")))
    known = {host for host, _, _ in found}
    paths = list(service.options.paths) or ["/"]
    found += [(host, paths, "") for host in service.options.hosts if host not in known]
    return found or [("", paths, "")]


def _backend(service: Service, held: bool) -> tuple[str, int]:
    return (f"{service.name}-held", 8080) if held else (service.name, service.outside)


def _interceptor(service: Service, held: bool) -> list[dict[str, Any]]:
    """KEDA's interceptor under a name of this namespace: routes cannot name another one."""
    if not held:
        return []
    host = f"keda-add-ons-http-interceptor-proxy.{service.form.keda_namespace}"
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(service, f"{service.name}-held"),
            "spec": {
                "type": "ExternalName",
                "externalName": f"{host}.svc.cluster.local",
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            },
        }
    ]


def _ingresses(service: Service, held: bool) -> list[dict[str, Any]]:
    name, port = _backend(service, held)
    backend = {"service": {"name": name, "port": {"number": port}}}
    rules, hidden = [], []
    for host, paths, secret in _places(service):
        rows = [{"path": path, "pathType": "Prefix", "backend": backend} for path in paths]
        rules.append({**({"host": host} if host else {}), "http": {"paths": rows}})
        if secret:
            hidden.append({"hosts": [host], "secretName": secret})
    spec: dict[str, Any] = {"rules": rules}
    if hidden:
        spec["tls"] = hidden
    if service.form.ingress_class:
        spec["ingressClassName"] = service.form.ingress_class
    if service.options.methods:
        service.note("an Ingress knows no methods: the container refuses others with 405")
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata(service, **_annotations(service)),
            "spec": spec,
        }
    ]


def _annotations(service: Service) -> dict[str, str]:
    options = service.options
    given = _trigger(service).get("annotations") or {}
    notes = {
        f"{_NGINX}/proxy-body-size": str(options.max_body),
        f"{_NGINX}/proxy-read-timeout": f"{options.queue_timeout + options.request_timeout:g}",
        f"{_NGINX}/proxy-request-buffering": "off",
    }
    if service.form.canary:
        notes[f"{_NGINX}/canary"] = "true"
        notes[f"{_NGINX}/canary-weight"] = f"{service.form.canary:g}"
    if service.form.ingress_class not in ("", "nginx"):
        service.note(f"annotations of the Ingress are those of ingress-nginx, and class "
                     f"{service.form.ingress_class!r} may not know them")  # fmt: skip
    return {**notes, **{str(key): str(value) for key, value in given.items()}}


def _http_route(service: Service, held: bool, stable_held: bool) -> dict[str, Any]:
    """The Gateway API's route; a canary writes the stable version's with both in it."""
    namespace, _, name = service.form.gateway.rpartition("/")
    parent = {"name": name, **({"namespace": namespace} if namespace else {})}
    backend, port = _backend(service, held)
    share = service.form.canary
    backends: list[dict[str, Any]] = [{"name": backend, "port": port}]
    if share:
        stable = {"name": service.stable, "port": service.outside}
        if stable_held:
            stable = {"name": f"{service.stable}-held", "port": 8080}
        backends = [
            {**stable, "weight": round((100 - share) * 10)},
            {"name": backend, "port": port, "weight": round(share * 10)},
        ]
    places = _places(service)
    matches: list[dict[str, Any]] = []
    for path in dict.fromkeys(path for _, paths, _ in places for path in paths):
        row: dict[str, Any] = {"path": {"type": "PathPrefix", "value": path}}
        methods = service.options.methods
        matches += [{**row, "method": method} for method in methods] or [row]
    timeout = service.options.queue_timeout + service.options.request_timeout
    rule = {"matches": matches, "backendRefs": backends, "timeouts": {"request": f"{timeout:g}s"}}
    spec: dict[str, Any] = {"parentRefs": [parent], "rules": [rule]}
    if hosts := [host for host, _, _ in places if host]:
        spec["hostnames"] = hosts
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(service, service.stable),
        "spec": spec,
    }


def network_policy(service: Service) -> dict[str, Any]:
    """Only requests come in; what the function itself calls is not limited."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service),
        "spec": {
            "podSelector": {"matchLabels": dict(service.selector)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": service.port, "protocol": "TCP"}]}],
        },
    }
