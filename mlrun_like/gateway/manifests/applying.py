"""A service applied to a cluster: server-side apply, pruning, the address.

Protocol: "Server-Side Apply" of the Kubernetes documentation; the field manager is `mlrun-like`.
What others own (replicas by an HPA, status, labels of tools) stays as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import EngineError, NotFoundError
from mlrun_like.gateway.manifests.form import Service, ServiceForm, form_of
from mlrun_like.gateway.manifests.rollout import wait_for
from mlrun_like.gateway.manifests.service import objects_of, prepared
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.kubernetes.names import selector

__all__ = ["address_of", "apply", "delete_service", "deploy_service"]

APPLY = "application/apply-patch+yaml"
MANAGER = "mlrun-like"
_KINDS = (
    ("networking.k8s.io/v1", "Ingress"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("batch/v1", "CronJob"),
    ("http.keda.sh/v1alpha1", "HTTPScaledObject"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
)
"""What a service may consist of, in the order in which it is deleted."""
_ADDED = {
    "keda.sh": "KEDA (https://keda.sh), or scaler='hpa'",
    "http.keda.sh": "KEDA's HTTP add-on, or scaler='hpa', or fn.spec.min_replicas = 1",
    "gateway.networking.k8s.io": "the Gateway API, or leave gateway out for an Ingress",
}

Say = Callable[[str], None]


def deploy_service(
    function: Any,
    given: Mapping[str, Any],
    *,
    watch: bool = True,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Apply a function's objects, wait until its pods answer, delete what it no longer has.

    Args:
        function: A function of kind nuclio, serving or application.
        given: Arguments of ServiceForm.
        watch: Wait until it is ready.
        say: Called with lines of progress.

    Returns:
        Its status: `state`, `address`, `name`, `namespace`, `external_invocation_urls`, ...

    Raises:
        InvalidArgumentError: if there is no image, or a choice cannot be used.
        EngineError: if the cluster refuses an object, or the pods do not become ready; the message
            says why.
    """
    form = form_of(given)
    if not function._doc().spec.image and function._doc().kind != "application":
        _build(function)
    service = prepared(function, form)
    objects = objects_of(service)
    client = Client()
    try:
        return _deployed(client, service, objects, watch, say)
    finally:
        client.close()


def _build(function: Any) -> None:
    """Images are built where the function says how, as for runs."""
    document = function._doc()
    if document.spec.build.image or document.spec.build.auto_build:
        function.build()


def _deployed(
    client: Client, service: Service, objects: list[dict[str, Any]], watch: bool, say: Say
) -> dict[str, Any]:
    if service.secrets:
        apply(client, _secret(service))
    for item in objects:
        apply(client, item)
        say(f"{item['kind']} {item['metadata']['name']}: applied")
    for note in service.notes:
        say(f"note: {note}")
    if watch:
        wait_for(client, service, say)
    for path in _unwanted(client, service, objects):
        client.delete(path, propagation="Background")
        say(f"{path.rpartition('/')[2]}: deleted, it is no longer wanted")
    address = address_of(client, service, objects)
    inside = f"http://{service.name}.{client.namespace}.svc:{service.outside}"
    return {
        "state": "ready" if watch else "deploying",
        "address": address or inside,
        "internal_invocation_urls": [inside],
        "external_invocation_urls": [address] if address else [],
        "kubernetes_name": service.name,
        "kubernetes_namespace": client.namespace,
        "container_image": service.document.spec.image,
    }


def apply(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create an object or change it to what it shall be; fields of others stay.

    Raises:
        EngineError: if the cluster refuses it, or does not know its kind.
    """
    meta = body["metadata"]
    namespace = meta.get("namespace") or client.namespace
    path = path_of(body["apiVersion"], body["kind"], namespace, meta["name"])
    query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
    try:
        return client.request("PATCH", path, query=query, body=body, content_type=APPLY)
    except NotFoundError as exc:
        added = _ADDED.get(body["apiVersion"].partition("/")[0])
        if added is None:
            raise
        raise EngineError(
            f"the cluster knows no {body['kind']} ({body['apiVersion']})",
            where=client.where,
            fix=f"install {added}",
        ) from exc
    except EngineError as exc:
        # a selector and the content of an immutable ConfigMap stay for ever
        if status_of(exc) != 422 or "immutable" not in exc.what:
            raise
        raise EngineError(
            f"{body['kind']} {meta['name']!r} was made by something else: {exc.what}",
            where=client.where,
            fix="fn.delete() first, or give the function another name",
        ) from exc


def _secret(service: Service) -> dict[str, Any]:
    data = {
        name: base64.b64encode(value.encode()).decode()
        for name, value in sorted(service.secrets.items())
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": service.secret, "labels": dict(service.labels)},
        "type": "Opaque",
        "data": data,
    }


def _unwanted(client: Client, service: Service, objects: list[dict[str, Any]]) -> list[str]:
    """Paths of objects of this service that its manifest no longer has."""
    wanted = {(item["kind"], item["metadata"]["name"]) for item in objects}
    if service.secrets:
        wanted.add(("Secret", service.secret))
    kept = _mounted(client, service)
    chosen = [dict(service.selector)]
    if not service.form.canary:  # the version that is all now needs no canary beside it
        chosen.append({**service.selector, "mlrun-like/track": "canary"})
    found = []
    for version, kind in _KINDS:
        for labels in chosen:
            for item in _listed(client, version, kind, labels):
                name = item["metadata"]["name"]
                if (kind, name) in wanted or (kind == "ConfigMap" and name in kept):
                    continue
                found.append(path_of(version, kind, client.namespace, name))
    return found


def _mounted(client: Client, service: Service) -> set[str]:
    """ConfigMaps of former versions that `kubectl rollout undo` would need."""
    found = set()
    for item in _listed(client, "apps/v1", "ReplicaSet", service.selector):
        for volume in item["spec"]["template"]["spec"].get("volumes") or ():
            for source in volume.get("projected", {}).get("sources") or ():
                found.add(str(source.get("configMap", {}).get("name") or ""))
    return found


def _listed(
    client: Client, version: str, kind: str, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    path = path_of(version, kind, client.namespace)
    own = {**labels, "app.kubernetes.io/managed-by": "mlrun-like"}
    try:
        found = client.get(path, labelSelector=selector(own))
    except NotFoundError:
        return []  # a kind that this cluster does not have
    except EngineError as exc:
        if status_of(exc) == 403 and version not in ("v1", "apps/v1"):
            return []  # what we may not see we have not made
        raise
    return list(found.get("items") or ())


def address_of(client: Client, service: Service, objects: list[dict[str, Any]]) -> str:
    """Where requests from outside the cluster go; empty: nowhere."""
    for item in objects:
        spec = item.get("spec", {})
        if item["kind"] == "HTTPRoute" and spec.get("hostnames"):
            path = spec["rules"][0]["matches"][0]["path"]["value"]
            return f"http://{spec['hostnames'][0]}{path.rstrip('/')}"
        if item["kind"] == "Ingress":
            rule = spec["rules"][0]
            scheme = "https" if spec.get("tls") else "http"
            path = rule["http"]["paths"][0]["path"].rstrip("/")
            if rule.get("host"):
                return f"{scheme}://{rule['host']}{path}"
    if service.document.spec.service_type != "LoadBalancer":
        return ""
    path = path_of("v1", "Service", client.namespace, service.name)
    rows = client.get(path).get("status", {}).get("loadBalancer", {}).get("ingress") or []
    place = next((row.get("hostname") or row.get("ip") for row in rows), "")
    return f"http://{place}:{service.outside}" if place else ""


def delete_service(function: Any) -> bool:
    """Delete all that a function has in the cluster, its canary too; False: it had nothing."""
    service = prepared(function, ServiceForm())
    client = Client()
    found = False
    try:
        for version, kind in _KINDS:
            for track in ("stable", "canary"):
                labels = {**service.selector, "mlrun-like/track": track}
                for item in _listed(client, version, kind, labels):
                    path = path_of(version, kind, client.namespace, item["metadata"]["name"])
                    found = client.delete(path, propagation="Background") or found
    finally:
        client.close()
    return found
