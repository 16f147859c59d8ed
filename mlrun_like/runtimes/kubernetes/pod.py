"""The pod of a function: one template for jobs, cron jobs, and what other engines start in pods.

Forms as in the Kubernetes API reference, core/v1 PodTemplateSpec. What is empty is left out, and
the same function always gives the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.reference import ImageName
from mlrun_like.runtimes.kubernetes.names import annotations_of, labels_of, object_name
from mlrun_like.runtimes.kubernetes.placing import place, placing_of
from mlrun_like.runtimes.kubernetes.variables import environment_of
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.pod_checks import SECURITY_OF_CONTAINERS, SECURITY_OF_PODS
from mlrun_like.specs.run import RunDoc

__all__ = [
    "CONTAINER",
    "Extras",
    "by_key",
    "container_spec",
    "env_secret_name",
    "image_of",
    "pod_spec",
    "pod_template",
    "resources_of",
    "security_of",
]

CONTAINER = "base"
"""MLRun's name of the container that executes the function."""
_USER = 1000


class Extras(NamedTuple):
    """What an engine adds to the function's own pod, in the API's forms.

    Args:
        env: Further variables; they win over the function's.
        volumes: Further volumes.
        mounts: Further volume mounts.
        resources: Instead of the function's resources; None: those.
        container: Name of the container.
        restart: The pod's restartPolicy; empty: the key is left out.
        ports: The container's ports.
        secret: Name of the Secret that holds the function's secret variables; empty:
            `env_secret_name(document)`.
    """

    env: Sequence[Mapping[str, Any]] = ()
    volumes: Sequence[Mapping[str, Any]] = ()
    mounts: Sequence[Mapping[str, Any]] = ()
    resources: Mapping[str, Any] | None = None
    container: str = CONTAINER
    restart: str = "Never"
    ports: Sequence[Mapping[str, Any]] = ()
    secret: str = ""


def pod_spec(
    document: FunctionDoc,
    run: RunDoc | None,
    command: Sequence[str],
    args: Sequence[str] = (),
    extras: Extras = Extras(),  # noqa: B008 - it cannot change
) -> dict[str, Any]:
    """The spec of a pod that runs a command as a function asks for it.

    Args:
        document: The function: image, resources, variables, volumes, nodes, rights.
        run: The run; None: a template that serves every run.
        command: The container's command; empty: the image's own.
        args: Its arguments.
        extras: What the engine adds.

    Raises:
        InvalidArgumentError: if the function's image has no usable name.
        ConfigError: if a setting about nodes cannot be read.
    """
    del run  # nothing in the spec depends on it: its labels are in the template's metadata
    spec = document.spec
    pod_security, _ = security_of(document)
    account = spec.service_account or config.default_service_account
    pull = spec.image_pull_secret or config.default_image_pull_secret
    parts = {
        "containers": [container_spec(document, command, args, extras)],
        "volumes": by_key([*spec.volumes, *extras.volumes], "name"),
        "restartPolicy": extras.restart,
        "serviceAccountName": account,
        "imagePullSecrets": [{"name": pull}] if pull else [],
        "securityContext": pod_security,
        **place(placing_of(document)),
    }
    return {key: value for key, value in parts.items() if value}


def container_spec(
    document: FunctionDoc,
    command: Sequence[str],
    args: Sequence[str] = (),
    extras: Extras = Extras(),  # noqa: B008
) -> dict[str, Any]:
    """The container of that pod; see `pod_spec`."""
    spec = document.spec
    own = environment_of(document, extras.secret or env_secret_name(document))
    resources = spec.resources if extras.resources is None else extras.resources
    _, security = security_of(document)
    parts = {
        "name": extras.container,
        "image": image_of(document),
        "imagePullPolicy": spec.image_pull_policy,
        "command": [str(item) for item in command],
        "args": [str(item) for item in args],
        "workingDir": spec.workdir if spec.workdir.startswith("/") else "",
        "env": by_key([*own, *extras.env], "name"),
        "resources": resources_of(resources),
        "volumeMounts": by_key([*spec.volume_mounts, *extras.mounts], "mountPath"),
        "ports": [dict(row) for row in extras.ports],
        "securityContext": security,
    }
    return {key: value for key, value in parts.items() if value}


def pod_template(
    document: FunctionDoc,
    run: RunDoc | None,
    command: Sequence[str],
    args: Sequence[str] = (),
    extras: Extras = Extras(),  # noqa: B008
) -> dict[str, Any]:
    """A pod template: labels, annotations and the spec; see `pod_spec`."""
    metadata = {"labels": labels_of(document, run), "annotations": annotations_of(document)}
    return {
        "metadata": {key: value for key, value in metadata.items() if value},
        "spec": pod_spec(document, run, command, args, extras),
    }


def image_of(document: FunctionDoc) -> str:
    """The function's image as a cluster needs it: `.name` becomes a name in our registry.

    Raises:
        InvalidArgumentError: if there is none, or its name is malformed.
    """
    image = document.spec.image or document.spec.build.image or config.default_image
    if not image:
        raise InvalidArgumentError(
            f"function {document.metadata.name!r} has no image",
            fix="fn.deploy() or `mlrun-like build` makes one; then fn.spec.image = "
            '"registry/name:tag", or --image',
        )
    parsed = ImageName.parse(image)
    return str(parsed) if image.startswith(".") else image.strip()


def env_secret_name(document: FunctionDoc) -> str:
    """The Secret that a manifest without a run takes the function's secret variables from."""
    return object_name(document.metadata.name, "env")


def resources_of(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Requests and limits with quantities as texts, empty ones left out.

    >>> resources_of({"limits": {"cpu": 0.5, "memory": None, "nvidia.com/gpu": 1}})
    {'limits': {'cpu': '0.5', 'nvidia.com/gpu': '1'}}
    """
    found = {}
    for kind in ("limits", "requests"):
        rows = {
            str(name): str(value)
            for name, value in (resources.get(kind) or {}).items()
            if value not in (None, "")
        }
        if rows:
            found[kind] = rows
    return found


def security_of(document: FunctionDoc) -> tuple[dict[str, Any], dict[str, Any]]:
    """The security context of the pod and that of its container.

    A function that says nothing gets what the "restricted" pod security standard asks for (setting
    `pod_security`): user 1000, no privileges. MLRun's one context is split between the two.
    """
    given = document.spec.security_context
    if given:
        pod = {key: value for key, value in given.items() if key in SECURITY_OF_PODS}
        container = {key: given[key] for key in given if key in SECURITY_OF_CONTAINERS}
        return pod, container
    if config.pod_security != "restricted":
        return {}, {}
    pod = {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return pod, {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def by_key(rows: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Each key once: a later row replaces an earlier one and takes its place."""
    return list({str(row.get(key)): dict(row) for row in rows}.values())
