"""The ConfigMap with a function and the Deployment that runs it (core/v1, apps/v1)."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.manifests.form import PORT, Service
from mlrun_like.gateway.manifests.hiding import hide_document, hide_options
from mlrun_like.gateway.manifests.scalers import kind_of
from mlrun_like.runtimes.kubernetes.code import (
    FUNCTION,
    config_maps,
    projected_volume,
    split_document,
)
from mlrun_like.runtimes.kubernetes.names import annotations_of, object_name
from mlrun_like.runtimes.kubernetes.pod import Extras, pod_spec, security_of
from mlrun_like.runtimes.kubernetes.rendering import document_text

__all__ = [
    "FOLDER", "HOME", "OPTIONS", "check_image", "deployment", "function_maps", "metadata",
]  # fmt: skip

FOLDER, HOME = "/mlrun-like/function", "/mlrun-like/home"
OPTIONS = "options.json"
CONTAINER = "function"
_GRACE = 30
_LIVE, _READY = "/-/health", "/-/ready"


def metadata(service: Service, name: str = "", **annotations: str) -> dict[str, Any]:
    """Metadata of one of the service's objects."""
    found: dict[str, Any] = {"name": name or service.name, "labels": dict(service.labels)}
    if config.kubernetes_namespace:
        found["namespace"] = config.kubernetes_namespace
    if annotations:
        found["annotations"] = annotations
    return found


def function_maps(service: Service) -> list[dict[str, Any]]:
    """ConfigMaps with the document and the options; their name says what is in them.

    Raises:
        InvalidArgumentError: if the code is too large.
    """
    if service.is_application:
        return []
    shown = hide_document(service.document, service.secrets)
    files = split_document(FUNCTION, document_text(shown))
    told = hide_options(service.options, service.secrets)
    triggers = told.get("triggers") or {}
    # CronJobs are the clocks of a cluster: one in each pod would multiply the events
    kept = {name: row for name, row in triggers.items() if kind_of(row) != "cron"}
    if kept != triggers:
        told["triggers"] = kept
    files[OPTIONS] = (json.dumps(told, sort_keys=True, indent=1) + "\n").encode()
    mark = hashlib.sha256(b"\0".join(files.values())).hexdigest()[:8]
    return config_maps(files, metadata(service, object_name(service.name, mark)))


def deployment(service: Service, maps: list[dict[str, Any]], scaled: bool) -> dict[str, Any]:
    """The Deployment.

    Args:
        service: What is deployed.
        maps: The ConfigMaps that it mounts.
        scaled: Whether something else says how many pods there are.

    Raises:
        InvalidArgumentError: if the function has no image that can be used.
    """
    options = service.options
    pod = pod_spec(service.document, None, _command(service), _arguments(service),
                   _extras(service, maps))  # fmt: skip
    container = pod["containers"][0]
    _secure(service, pod, container)
    _probe(service, container)
    pod["terminationGracePeriodSeconds"] = math.ceil(max(_GRACE, options.request_timeout)) + 15
    # the endpoints of a Service are renewed a moment after a pod begins to end
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    if service.document.spec.service_account == "":
        pod["automountServiceAccountToken"] = False
    if options.max_replicas > 1:
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(service.selector)},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ]
    template = {
        "metadata": {
            "labels": dict(service.labels),
            "annotations": {
                **annotations_of(service.document),
                "kubectl.kubernetes.io/default-container": CONTAINER,
                **({} if service.is_application else _scrape()),
                **_checksum(service),
            },
        },
        "spec": pod,
    }
    spec: dict[str, Any] = {
        **({} if scaled else {"replicas": max(1, options.min_replicas)}),
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": math.ceil(options.start_timeout) + 600,
        "selector": {"matchLabels": dict(service.selector)},
        # a new pod answers before an old one ends
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1,
                                                               "maxUnavailable": 0}},
        "template": template,
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service),
        "spec": spec,
    }


def _command(service: Service) -> list[str]:
    options = service.options
    if not service.is_application:
        return ["python3", "-m", "mlrun_like.gateway.standalone"]
    if options.command:
        return list(options.command)
    return shlex.split(service.document.spec.command)


def _arguments(service: Service) -> list[str]:
    if not service.is_application:
        return [FOLDER, "--port", str(PORT)]
    if service.options.command:
        return []
    return [str(item) for item in service.document.spec.args]


def _extras(service: Service, maps: list[dict[str, Any]]) -> Extras:
    own = {row.get("name") for row in service.document.spec.env}
    env: list[dict[str, Any]] = [
        {"name": name, "value": str(value)}
        for name, value in sorted(service.options.env.items())
        if name not in own
    ]
    env += [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": service.secret, "key": name}}}
        for name in sorted(service.secrets)
        if name not in own
    ]
    for name, value in (("HOME", HOME), ("MLRUN_LIKE_HOME", HOME), ("TMPDIR", "/tmp"),
                        ("PYTHONUNBUFFERED", "1")):  # fmt: skip
        if name not in own:
            env.append({"name": name, "value": value})
    if service.is_application and "PORT" not in own:
        env.append({"name": "PORT", "value": str(service.port)})
    volumes: list[dict[str, Any]] = [
        {"name": "mlrun-like-home", "emptyDir": {}},
        {"name": "mlrun-like-tmp", "emptyDir": {}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "mlrun-like-home", "mountPath": HOME},
        {"name": "mlrun-like-tmp", "mountPath": "/tmp"},
    ]
    if maps:
        volumes.append(projected_volume("mlrun-like-function", maps))
        mounts.append({"name": "mlrun-like-function", "mountPath": FOLDER, "readOnly": True})
    return Extras(
        env=env,
        volumes=volumes,
        mounts=mounts,
        resources=_resources(service),
        container=CONTAINER,
        restart="Always",
        ports=[{"name": "http", "containerPort": service.port, "protocol": "TCP"}],
        secret=service.secret,
    )


def _resources(service: Service) -> Mapping[str, Any]:
    """The function's resources, with the limits of its options where it has none itself."""
    given = service.document.spec.resources
    limits, requests = dict(given.get("limits") or {}), dict(given.get("requests") or {})
    options = service.options
    if options.memory and not limits.get("memory"):
        limits["memory"] = str(options.memory)
    if options.cpu and not limits.get("cpu"):
        limits["cpu"] = f"{options.cpu:g}"
    if not requests.get("cpu") and not limits.get("cpu"):
        requests["cpu"] = "100m"
        service.note("the container requests 100m CPU, because the function says nothing: "
                     'fn.with_requests(cpu="0.5")')  # fmt: skip
    return {"limits": limits, "requests": requests}


def _secure(service: Service, pod: dict[str, Any], container: dict[str, Any]) -> None:
    """What the "restricted" standard asks for, and a root file system that cannot be written."""
    own_pod, own = security_of(service.document)
    told = bool(service.document.spec.security_context)
    if told or not own_pod:  # the function or the settings say it
        return
    container["securityContext"] = {**own, "readOnlyRootFilesystem": True, "runAsNonRoot": True}


def _probe(service: Service, container: dict[str, Any]) -> None:
    """Probes: slow starts are allowed once, later silence is not."""
    tries = max(1, math.ceil(service.options.start_timeout / 2))
    if service.is_application:
        asked: dict[str, Any] = {"tcpSocket": {"port": "http"}}
        live = ready = asked
    else:
        live = {"httpGet": {"path": _LIVE, "port": "http"}}
        ready = {"httpGet": {"path": _READY, "port": "http"}}
    container["startupProbe"] = {**ready, "periodSeconds": 2, "failureThreshold": tries}
    container["readinessProbe"] = {**ready, "periodSeconds": 5, "timeoutSeconds": 3}
    container["livenessProbe"] = {
        **live, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3,
    }  # fmt: skip


def _scrape() -> dict[str, str]:
    return {
        "prometheus.io/path": "/-/metrics",
        "prometheus.io/port": str(PORT),
        "prometheus.io/scrape": "true",
    }


def _checksum(service: Service) -> dict[str, str]:
    """New secret values start new pods; what they are cannot be told from it."""
    if not service.secrets:
        return {}
    text = json.dumps(service.secrets, sort_keys=True)
    salted = hashlib.pbkdf2_hmac("sha256", text.encode(), service.name.encode(), 20_000)
    return {"mlrun-like/secrets": salted.hex()[:12]}


def check_image(service: Service) -> None:
    """Say early that there is no image.

    Raises:
        InvalidArgumentError: if there is none.
    """
    spec = service.document.spec
    if not (spec.image or spec.build.image):
        what = "the application's image" if service.is_application else "an image"
        raise InvalidArgumentError(
            f"function {service.document.metadata.name!r} has no image, and a cluster needs {what}",
            fix='fn.build(target="registry/name:1", push=True) makes one; or fn.spec.image = ...',
        )
