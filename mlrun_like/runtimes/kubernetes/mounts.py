"""Volumes and variables that are put into a function's pod, by modifiers or by the settings."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import ConfigError, InvalidArgumentError
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.pod_checks import check_name, plain

__all__ = [
    "Modifier",
    "PodTask",
    "modifier_of_settings",
    "mount",
    "mount_by_settings",
    "mount_pvc",
    "mount_s3",
    "set_env_variables",
]

Modifier = Callable[[Any], Any]
"""Changes a pod: gets a PodTask and returns it."""
_AUTO = ("none", "auto", "pvc", "s3", "env")


class PodTask:
    """The pod of a function as modifiers see it (also those written for Kubeflow Pipelines 1).

    Args:
        function: The function; what is not here is asked there.
        document: Instead of the function's own document.
    """

    def __init__(self, function: Any, document: FunctionDoc | None = None) -> None:
        self._function = function
        self._document = document if document is not None else function._doc()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    @property
    def container(self) -> PodTask:
        """The container; its methods are those of the pod."""
        return self

    def add_volume(self, volume: Any) -> PodTask:
        """Add a volume (`V1Volume` or plain data); one of the same name is replaced."""
        row = plain(volume)
        spec = self._document.spec
        spec.volumes = [item for item in spec.volumes if item.get("name") != row["name"]] + [row]
        return self

    def add_volume_mount(self, volume_mount: Any) -> PodTask:
        """Add a mount (`V1VolumeMount` or plain data); one at the same path is replaced."""
        row, spec = plain(volume_mount), self._document.spec
        kept = [item for item in spec.volume_mounts if item.get("mountPath") != row["mountPath"]]
        spec.volume_mounts = [*kept, row]
        return self

    def add_env_variable(self, env_variable: Any) -> PodTask:
        """Add a variable (`V1EnvVar` or plain data); one of the same name is replaced."""
        row, spec = plain(env_variable), self._document.spec
        spec.env = [item for item in spec.env if item.get("name") != row["name"]] + [row]
        return self

    def add_toleration(self, toleration: Any) -> PodTask:
        """Add a toleration."""
        spec = self._document.spec
        spec.tolerations = [*spec.tolerations, plain(toleration)]
        return self

    def add_node_selector_constraint(self, label_name: str, value: str) -> PodTask:
        """Add a label that a node must have."""
        spec = self._document.spec
        spec.node_selector = {**spec.node_selector, label_name: value}
        return self

    def add_pod_label(self, name: str, value: str) -> PodTask:
        """Add a label of the pod."""
        meta = self._document.metadata
        meta.labels = {**meta.labels, name: str(value)}
        return self

    def add_pod_annotation(self, name: str, value: str) -> PodTask:
        """Add an annotation of the pod."""
        meta = self._document.metadata
        meta.annotations = {**meta.annotations, name: str(value)}
        return self


def mount_pvc(
    pvc_name: str | None = None,
    volume_name: str = "pipeline",
    volume_mount_path: str = "/mnt/pipeline",
) -> Modifier:
    """Mount a volume claim.

    Args:
        pvc_name: The claim; None: that of the setting `pvc_mount` (MLRUN_PVC_MOUNT=claim:folder).
        volume_name: The volume's name in the pod.
        volume_mount_path: Its folder in the pod.

    Raises:
        InvalidArgumentError: if no claim is named.
    """
    if not pvc_name and config.pvc_mount:
        pvc_name, volume_mount_path = _pvc_setting()
    if not pvc_name:
        raise InvalidArgumentError(
            "mount_pvc needs the name of a volume claim",
            fix='mount_pvc("claim", volume_mount_path="/data"), or MLRUN_PVC_MOUNT=claim:/data',
        )
    source = {"persistentVolumeClaim": {"claimName": check_name("pvc_name", pvc_name)}}
    return mount(volume_name, source, volume_mount_path)


def mount_s3(
    secret_name: str | None = None,
    aws_access_key: str = "",
    aws_secret_key: str = "",
    endpoint_url: str | None = None,
    prefix: str = "",
    aws_region: str | None = None,
    non_anonymous: bool = False,
) -> Modifier:
    """Give the variables with which S3 is reached.

    Args:
        secret_name: A secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
        aws_access_key: The access key, if there is no secret.
        aws_secret_key: The secret key; it goes into a Secret of the run.
        endpoint_url: Of a store that is not Amazon's.
        prefix: Before the names of the variables.
        aws_region: The region.
        non_anonymous: Whether other credentials (of the node) are used.

    Raises:
        InvalidArgumentError: if a secret and keys are given.
    """
    if secret_name and (aws_access_key or aws_secret_key):
        raise InvalidArgumentError(
            "mount_s3 takes a secret or keys, not both", fix='mount_s3(secret_name="s3")'
        )
    key = aws_access_key or environment("AWS_ACCESS_KEY_ID") or ""
    hidden = aws_secret_key or environment("AWS_SECRET_ACCESS_KEY") or ""
    values = {
        "S3_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": aws_region,
        "S3_NON_ANONYMOUS": "true" if non_anonymous else None,
    }

    def modify(task: Any) -> Any:
        for name, value in values.items():
            if value:
                task.add_env_variable({"name": f"{prefix}{name}", "value": value})
        for name, value in (("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", hidden)):
            row: dict[str, Any] = {"name": f"{prefix}{name}", "value": value}
            if secret_name:
                source = {"name": secret_name, "key": name}
                row = {"name": f"{prefix}{name}", "valueFrom": {"secretKeyRef": source}}
            if secret_name or value:
                task.add_env_variable(row)
        return task

    return modify


def set_env_variables(env_vars_dict: Mapping[str, str] | None = None, **kwargs: str) -> Modifier:
    """Set environment variables, from a mapping and from arguments."""
    values = {**(env_vars_dict or {}), **kwargs}

    def modify(task: Any) -> Any:
        for name, value in values.items():
            task.add_env_variable({"name": name, "value": str(value)})
        return task

    return modify


def mount_by_settings(document: FunctionDoc) -> FunctionDoc:
    """Mount what the settings say into a function that mounts nothing itself.

    The document is changed in place. Nothing happens with `disable_auto_mount`.
    """
    spec = document.spec
    if spec.disable_auto_mount or spec.volumes or spec.volume_mounts:
        return document
    found = modifier_of_settings("shared-persistency")
    if found is not None:
        found(PodTask(None, document))
    return document


def modifier_of_settings(volume_name: str) -> Modifier | None:
    """What the settings say; None: nothing.

    Raises:
        ConfigError: if they cannot be read.
    """
    kind = str(config.auto_mount_type or "auto")
    if kind not in _AUTO:
        raise ConfigError(
            f"setting 'auto_mount_type' cannot be {kind!r}",
            where=config.explain("auto_mount_type")[1],
            fix=f"one of: {', '.join(_AUTO)}",
        )
    params = _params()
    if kind == "s3":
        return mount_s3(**params)
    if kind == "env":
        return set_env_variables(params)
    if kind == "pvc" or (kind == "auto" and (config.pvc_mount or "pvc_name" in params)):
        return mount_pvc(**{"volume_name": volume_name, **params})
    return None


def _params() -> dict[str, Any]:
    text = str(config.auto_mount_params).strip()
    if not text:
        return {}
    try:
        if "=" in text.rstrip("="):
            rows = (row.partition("=") for row in text.split(","))
            return {key.strip(): value.strip() for key, mark, value in rows if mark}
        found = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error) as exc:
        raise _bad_params() from exc
    if not isinstance(found, dict):
        raise _bad_params()
    return found


def _bad_params() -> ConfigError:
    return ConfigError(
        "setting 'auto_mount_params' cannot be read",
        where=config.explain("auto_mount_params")[1],
        fix="pvc_name=claim,volume_mount_path=/data, or the same as JSON in base64",
    )


def _pvc_setting() -> tuple[str, str]:
    name, mark, path = str(config.pvc_mount).partition(":")
    if not name or not mark or not path.startswith("/"):
        raise ConfigError(
            f"setting 'pvc_mount' cannot be {config.pvc_mount!r}",
            where=config.explain("pvc_mount")[1],
            fix="<claim>:<folder in the pod>, such as shared:/data",
        )
    return name, path


def mount(volume_name: str, source: dict[str, Any], path: Any) -> Modifier:
    """A volume and its mount.

    Args:
        volume_name: The volume's name in the pod.
        source: What it is, in the API's form.
        path: Its folder in the pod, or a VolumeMount.

    Raises:
        InvalidArgumentError: if the name or the folder cannot be used.
    """
    inner = getattr(path, "sub_path", "")
    path = getattr(path, "path", path)
    if not isinstance(path, str) or not path.startswith("/") or ":" in path:
        raise InvalidArgumentError(f"mount path {path!r} is no absolute path", fix='"/data"')
    check_name("volume_name", volume_name)

    def modify(task: Any) -> Any:
        task.add_volume({"name": volume_name, **source})
        row = {"name": volume_name, "mountPath": path}
        return task.add_volume_mount({**row, "subPath": inner} if inner else row)

    return modify
