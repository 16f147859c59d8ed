"""Modifiers for `fn.apply(...)` that need Iguazio's platform, or do nothing where no cluster is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.runtimes.platforms import v3io_to_vol
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.functions import modifiers
from mlrun_like.functions.modifiers import VolumeMount
from mlrun_like.runs.logger import Logger
from mlrun_like.runtimes.kubernetes.mounts import Modifier

__all__ = [
    "auto_mount",
    "mount_spark_conf",
    "mount_v3io",
    "mount_v3iod",
    "set_env_vars_from_secret",
    "v3io_cred",
]

_told: set[str] = set()
_V3IO = ("V3IO_API", "V3IO_USERNAME", "V3IO_ACCESS_KEY", "V3IO_FRAMESD")


def _tell(name: str, why: str) -> None:
    if name not in _told:
        _told.add(name)
        Logger("info").info(f"{name} changes nothing here: {why}")


def auto_mount(
    pvc_name: str = "", volume_mount_path: str = "", volume_name: str | None = None
) -> Modifier:
    """The mount that the arguments or the settings describe; if neither does, none.

    Args:
        pvc_name: A volume claim, with `volume_mount_path`.
        volume_mount_path: Its folder in the pod.
        volume_name: The volume's name in the pod.
    """
    try:
        return modifiers.auto_mount(pvc_name, volume_mount_path, volume_name)
    except InvalidArgumentError:
        if environment("V3IO_ACCESS_KEY"):
            return mount_v3io(name=volume_name or "v3io")
        _tell("auto_mount", "no volume is configured, and runs on this machine have its files")
        return lambda runtime: runtime


def v3io_cred(api: str = "", user: str = "", access_key: str = "") -> Modifier:
    """Give a function the platform's address and login; what is not known is left out.

    Args:
        api: The address; by default the variable V3IO_API.
        user: The user; by default V3IO_USERNAME.
        access_key: The key; by default V3IO_ACCESS_KEY.
    """

    def change(runtime: Any) -> Any:
        given = dict(zip(_V3IO, (api, user, access_key, ""), strict=True))
        found = {name: value or environment(name) for name, value in given.items()}
        for name, value in found.items():
            if value:
                runtime.set_env(name, value)
        return runtime

    return change


def mount_v3io(
    name: str = "v3io",
    remote: str = "",
    access_key: str = "",
    user: str = "",
    secret: str | None = None,
    volume_mounts: Sequence[VolumeMount] | None = None,
) -> Modifier:
    """Mount folders of the platform; without one, nothing.

    Args:
        name: The volume's name in the pod.
        remote: The folder; `~/` is the user's.
        access_key: The key; by default the variable V3IO_ACCESS_KEY.
        user: The user; by default V3IO_USERNAME.
        secret: A secret of the cluster with the login.
        volume_mounts: Where it is in the pod; by default `/v3io`, and the user's folder at `/User`.

    Raises:
        InvalidArgumentError: if `remote` is given and `volume_mounts` is not.
    """
    mounts = list(volume_mounts or ())
    if remote and not mounts:
        raise InvalidArgumentError("volume_mounts must be specified when remote is given")
    user = user or environment("V3IO_USERNAME") or ""
    if not mounts and not user:
        _tell("mount_v3io", "V3IO_USERNAME names no user; v3io:// can be mapped to a folder")
        return lambda runtime: runtime
    mounts = mounts or [VolumeMount("/v3io", ""), VolumeMount("/User", f"users/{user}")]
    if not all(isinstance(mount, tuple) and len(mount) == 2 for mount in mounts):
        raise InvalidTypeError("mounts should be a list of Mount")

    def change(runtime: Any) -> Any:
        pod = modifiers.PodTask(runtime)
        pod.add_volume(v3io_to_vol(name, remote, access_key, user, secret))
        for path, sub_path in mounts:
            pod.add_volume_mount({"mountPath": path, "name": name, "subPath": sub_path})
        return runtime if secret else v3io_cred("", user, access_key)(runtime)

    return change


def mount_spark_conf() -> Modifier:
    """Mount the configuration of the platform's Spark."""

    def change(runtime: Any) -> Any:
        place = {"mountPath": "/etc/config/spark", "name": "spark-master-config"}
        modifiers.PodTask(runtime).add_volume_mount(place)
        return runtime

    return change


def mount_v3iod(namespace: str, v3io_config_configmap: str) -> Modifier:
    """Mount what the platform's daemon shares with pods.

    Args:
        namespace: The platform's.
        v3io_config_configmap: The config map with its configuration.
    """
    hosts = {
        "shm": ("/dev/shm", f"/var/run/iguazio/dayman-shm/{namespace}"),
        "v3iod-comm": ("/var/run/iguazio/dayman", f"/var/run/iguazio/dayman/{namespace}"),
    }
    config = {"name": v3io_config_configmap, "defaultMode": 420}

    def change(runtime: Any) -> Any:
        pod = modifiers.PodTask(runtime)
        for name, (path, host) in hosts.items():
            pod.add_volume({"name": name, "hostPath": {"path": host, "type": ""}})
            pod.add_volume_mount({"mountPath": path, "name": name})
        pod.add_volume({"name": "daemon-health", "emptyDir": {}})
        pod.add_volume({"name": "v3io-config", "configMap": config})
        health = {"mountPath": "/var/run/iguazio/daemon_health", "name": "daemon-health"}
        pod.add_volume_mount(health)
        pod.add_volume_mount({"mountPath": "/etc/config/v3io", "name": "v3io-config"})
        address = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}}
        runtime.set_env("CURRENT_NODE_IP", value_from=address)
        runtime.set_env("IGZ_DATA_CONFIG_FILE", "/igz/java/conf/v3io.conf")
        return runtime

    return change


def set_env_vars_from_secret(
    secret_name: str | None = None,
    keys: str | Sequence[str] | None = None,
    cleartext_env: str | Mapping[str, str] | None = None,
) -> Modifier:
    """Take variables of the environment from a secret of the cluster.

    Args:
        secret_name: The secret.
        keys: The keys, which are also the variables: a list, or text with `;` between.
        cleartext_env: Further variables, which are no secrets: a mapping, or `A:1;B:2`.

    Raises:
        InvalidArgumentError: if it is not said which keys, or a text has another form.
    """
    names = [name.strip() for name in keys.split(";")] if isinstance(keys, str) else keys or ()
    wanted = [str(name) for name in names if str(name)]
    if isinstance(cleartext_env, str):
        pairs = [part.partition(":") for part in cleartext_env.split(";") if part.strip()]
        if not all(sign for _, sign, _ in pairs):
            raise InvalidArgumentError(f"cleartext_env token missing ':' in {cleartext_env!r}")
        cleartext_env = {name.strip(): value.strip() for name, _, value in pairs}
    plain = dict(cleartext_env or {})
    if wanted and not secret_name:
        raise InvalidArgumentError("set_env_vars_from_secret requires a secret_name with keys")
    if not (wanted or plain):
        raise InvalidArgumentError(
            "set_env_vars_from_secret needs the keys of the secret, or cleartext_env",
            fix='set_env_vars_from_secret("my-secret", keys=["USER", "PASSWORD"])',
        )

    def change(runtime: Any) -> Any:
        for name in wanted:
            runtime.set_env_from_secret(name, secret_name, name)
        for name, value in plain.items():
            runtime.set_env(name, value)
        return runtime

    return change
