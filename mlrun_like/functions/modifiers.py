"""Modifiers for `fn.apply(...)`: mounts and variables, with MLRun's names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.kubernetes.mounts import (
    Modifier,
    PodTask,
    modifier_of_settings,
    mount,
    mount_by_settings,
    mount_pvc,
    mount_s3,
    set_env_variables,
)
from mlrun_like.specs.pod_checks import check_name, plain

__all__ = [
    "PodTask",
    "VolumeMount",
    "auto_mount",
    "mount_by_settings",
    "mount_configmap",
    "mount_hostpath",
    "mount_pvc",
    "mount_s3",
    "mount_secret",
    "set_env_variables",
]


class VolumeMount(NamedTuple):
    """A folder of a volume and where it is in the pod."""

    path: str
    sub_path: str = ""


def mount_secret(
    secret_name: str, mount_path: str, volume_name: str = "secret", items: Any = None
) -> Modifier:
    """Mount a secret: a file for each key.

    Args:
        secret_name: The secret.
        mount_path: Its folder in the pod.
        volume_name: The volume's name in the pod.
        items: Only these keys: `[{"key": ..., "path": ...}]`.
    """
    source = {"secretName": check_name("secret_name", secret_name), "items": plain(items)}
    return mount(volume_name, {"secret": _without_none(source)}, mount_path)


def mount_configmap(
    configmap_name: str, mount_path: str, volume_name: str = "configmap", items: Any = None
) -> Modifier:
    """Mount a config map: a file for each key; arguments as for `mount_secret`."""
    source = {"name": check_name("configmap_name", configmap_name), "items": plain(items)}
    return mount(volume_name, {"configMap": _without_none(source)}, mount_path)


def mount_hostpath(host_path: str, mount_path: str, volume_name: str = "hostpath") -> Modifier:
    """Mount a folder of the node."""
    return mount(volume_name, {"hostPath": {"path": host_path, "type": ""}}, mount_path)


def auto_mount(
    pvc_name: str = "", volume_mount_path: str = "", volume_name: str | None = None
) -> Modifier:
    """The mount that the arguments, else the settings, describe.

    Args:
        pvc_name: A volume claim, with `volume_mount_path`.
        volume_mount_path: Its folder in the pod.
        volume_name: The volume's name in the pod.

    Raises:
        InvalidArgumentError: if neither says what to mount.
    """
    name = volume_name or "shared-persistency"
    if pvc_name and volume_mount_path:
        return mount_pvc(pvc_name, name, volume_mount_path)
    if config.pvc_mount:
        return mount_pvc(volume_name=name)
    found = modifier_of_settings(name)
    if found is None:
        raise InvalidArgumentError(
            "there is nothing to mount",
            fix='auto_mount("claim", "/data"), or MLRUN_PVC_MOUNT=claim:/data',
        )
    return found


def _without_none(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}
