"""How many pods there are: HPA, KEDA's ScaledObject and HTTPScaledObject, disruption budget.

Forms: autoscaling/v2, policy/v1, keda.sh/v1alpha1, http.keda.sh/v1alpha1 (KEDA's HTTP add-on).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from mlrun_like.gateway.manifests.form import Service
from mlrun_like.gateway.manifests.scalers import Scaler, scalers_of
from mlrun_like.gateway.manifests.workload import metadata

__all__ = ["Scaling", "disruption_budget", "scaling_of"]

_LONGEST_WINDOW = 3600  # seconds; a limit of autoscaling/v2


class Scaling:
    """What scales a service.

    Args:
        objects: HPA, ScaledObject and the like; empty: a fixed number of pods.
        held: Whether requests pass KEDA's interceptor.
        stable_held: Whether those of the stable version do, beside a canary.
    """

    def __init__(
        self, objects: list[dict[str, Any]], held: bool = False, stable_held: bool = False
    ) -> None:
        self.objects, self.held, self.stable_held = objects, held, stable_held


def scaling_of(service: Service) -> Scaling:
    """The objects that scale a service, as its form asks for it."""
    options, form = service.options, service.form
    most = max(options.max_replicas, options.min_replicas, 1)
    if form.scaler == "none" or options.max_replicas == 0:
        return Scaling([])
    scalers, awake = scalers_of(service)
    to_zero = options.min_replicas == 0 and not awake
    if to_zero and form.canary:
        # KEDA's interceptor knows hosts only, and both versions have the same
        service.note("a canary does not sleep: at least one pod of it runs")
        found = scaling_of(_awake(service))
        return Scaling(found.objects, stable_held=form.scaler != "hpa")
    if form.scaler == "keda" or (form.scaler == "auto" and (scalers or to_zero)):
        return _keda(service, scalers, 0 if to_zero else max(1, options.min_replicas), most)
    least = max(1, options.min_replicas)
    if options.min_replicas == 0:
        service.note("an HPA keeps at least one pod; scaler='keda' scales to zero")
    if most == least and form.scaler == "auto":
        return Scaling([])
    return Scaling([_hpa(service, least, most)])


def _awake(service: Service) -> Service:
    options = dataclasses.replace(service.options, min_replicas=1)
    return dataclasses.replace(service, options=options)


def _target(service: Service) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.name}


def _behavior(service: Service) -> dict[str, Any]:
    window = min(_LONGEST_WINDOW, math.ceil(service.options.scale_down_delay))
    grow = [{"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15}]  # fmt: skip
    return {
        "scaleUp": {"stabilizationWindowSeconds": 0, "policies": grow, "selectPolicy": "Max"},
        "scaleDown": {"stabilizationWindowSeconds": window},
    }


def _hpa(service: Service, least: int, most: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": service.form.cpu_target}
    metrics: list[dict[str, Any]] = [
        {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    ]
    for name, value in sorted(service.form.metrics.items()):
        told = {"type": "AverageValue", "averageValue": _quantity(value)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": name}, "target": told}})
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(service),
        "spec": {
            "scaleTargetRef": _target(service),
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": metrics,
            "behavior": _behavior(service),
        },
    }


def _quantity(value: float) -> str:
    """A number as Kubernetes writes it: thousandths where it is not whole."""
    return str(int(value)) if value == int(value) else f"{round(value * 1000)}m"


def _keda(service: Service, scalers: list[Scaler], least: int, most: int) -> Scaling:
    options = service.options
    http = options.min_replicas == 0 or not scalers
    rows: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for number, scaler in enumerate(scalers):
        row: dict[str, Any] = {
            "type": scaler.kind,
            "metadata": dict(sorted(scaler.metadata.items())),
        }
        if scaler.secrets:
            name = f"{service.name}-{number}"
            row["authenticationRef"] = {"name": name}
            objects.append(_authentication(service, name, scaler))
        rows.append(row)
    if scalers:
        if http and least == 0:
            rows.append(_pushed(service))
        cpu = {"type": "cpu", "metricType": "Utilization",
               "metadata": {"value": str(service.form.cpu_target)}}  # fmt: skip
        objects.append(_scaled_object(service, [*rows, cpu], least, most))
    held = http and least == 0
    if held or not scalers:
        objects.append(_http_scaled_object(service, least, most, shared=bool(scalers)))
        service.note(
            f"requests that may wake it go to the Host of its HTTPScaledObject by way of "
            f"keda-add-ons-http-interceptor-proxy.{service.form.keda_namespace}:8080"
        )
    return Scaling(objects, held)


def _scaled_object(
    service: Service, rows: list[dict[str, Any]], least: int, most: int
) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(service),
        "spec": {
            "scaleTargetRef": _target(service),
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "pollingInterval": 5,
            "cooldownPeriod": math.ceil(service.options.idle_timeout),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(service)}},
            "triggers": rows,
        },
    }


def _authentication(service: Service, name: str, scaler: Scaler) -> dict[str, Any]:
    rows = [
        {"parameter": parameter, "name": service.secret, "key": key}
        for parameter, key in sorted(scaler.secrets.items())
    ]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(service, name),
        "spec": {"secretTargetRef": rows},
    }


def _pushed(service: Service) -> dict[str, Any]:
    """Requests that wait in the interceptor, for a ScaledObject that has other triggers too."""
    place = f"keda-add-ons-http-external-scaler.{service.form.keda_namespace}:9090"
    return {
        "type": "external-push",
        "metadata": {"httpScaledObject": service.name, "scalerAddress": place},
    }


def _http_scaled_object(service: Service, least: int, most: int, shared: bool) -> dict[str, Any]:
    options = service.options
    notes = {"httpscaledobject.keda.sh/skip-scaledobject-creation": "true"} if shared else {}
    # what one pod has to do at a time before another one is started
    pending = options.concurrency or 1
    spec: dict[str, Any] = {
        "hosts": list(options.hosts) or [service.stable],
        **({"pathPrefixes": list(options.paths)} if options.paths else {}),
        "scaleTargetRef": {**_target(service), "service": service.name, "port": service.outside},
        "replicas": {"min": least, "max": most},
        "scaledownPeriod": math.ceil(options.idle_timeout),
        "scalingMetric": {"concurrency": {"targetValue": pending}},
    }
    return {
        "apiVersion": "http.keda.sh/v1alpha1",
        "kind": "HTTPScaledObject",
        "metadata": metadata(service, **notes),
        "spec": spec,
    }


def disruption_budget(service: Service) -> list[dict[str, Any]]:
    """Draining a node takes one pod at a time; a single pod may always be moved."""
    if service.options.min_replicas < 2:
        return []
    return [
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata(service),
            "spec": {
                "maxUnavailable": 1,
                "selector": {"matchLabels": dict(service.selector)},
            },
        }
    ]
