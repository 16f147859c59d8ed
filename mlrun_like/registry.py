"""Named plug-ins: what a string such as `kind="process"` means.

Built-ins are rows of strings and cost nothing until used. Other packages add names through entry
points in the group `mlrun_like.<group>`; one name with two providers is an error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

from mlrun_like.errors import ConflictError, MissingDependencyError, UnknownNameError, nearest

__all__ = ["BUILT_IN", "known", "load", "require", "resolve"]

_STAND_IN = "mlrun_like.compat"
"""The origin of modules that stand for packages which are not installed."""

BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "runtimes": MappingProxyType(
            {
                "local": "mlrun_like.runtimes.local:LocalRuntime",
                "process": "mlrun_like.runtimes.process:ProcessRuntime",
                "container": "mlrun_like.runtimes.container.runtime:ContainerRuntime",
                "job": "mlrun_like.runtimes.kubernetes.runtime:KubernetesRuntime",
                "dask": "mlrun_like.runtimes.dask.runtime:DaskRuntime",
                "spark": "mlrun_like.runtimes.spark.runtime:SparkRuntime",
                "remote-spark": "mlrun_like.runtimes.spark.runtime:SparkRuntime",
                "mpijob": "mlrun_like.runtimes.mpi.runtime:MpiRuntime",
                "mpi": "mlrun_like.runtimes.mpi.runtime:MpiRuntime",
                "horovod": "mlrun_like.runtimes.mpi.runtime:MpiRuntime",
                "nuclio": "mlrun_like.runtimes.nuclio.runtime:NuclioRuntime",
                "remote": "mlrun_like.runtimes.nuclio.runtime:NuclioRuntime",
                "nuclio:mlrun": "mlrun_like.runtimes.nuclio.runtime:NuclioRuntime",
                "nuclio:jobs": "mlrun_like.runtimes.nuclio.runtime:NuclioRuntime",
            }
        ),
        "functions": MappingProxyType(  # kinds whose functions have methods of their own
            {
                "serving": "mlrun_like.serving.function:ServingFunction",
                "nuclio": "mlrun_like.functions.nuclio:NuclioFunction",
                "remote": "mlrun_like.functions.nuclio:NuclioFunction",
                "application": "mlrun_like.functions.application:ApplicationFunction",
                "dask": "mlrun_like.functions.dask:DaskFunction",
                "spark": "mlrun_like.functions.spark:SparkFunction",
                "remote-spark": "mlrun_like.functions.spark:SparkFunction",
                "mpijob": "mlrun_like.functions.mpi:MpiFunction",
                "mpi": "mlrun_like.functions.mpi:MpiFunction",
                "horovod": "mlrun_like.functions.mpi:MpiFunction",
            }
        ),
        "packers": MappingProxyType(  # by the library whose types they handle
            {
                "builtins": "mlrun_like.artifacts.packers_python:PACKERS",
                "numpy": "mlrun_like.artifacts.packers_numpy:PACKERS",
                "pandas": "mlrun_like.artifacts.packers_pandas:PACKERS",
                "pyarrow": "mlrun_like.artifacts.packers_chunks:PACKERS",
                "pyspark": "mlrun_like.artifacts.packers_spark:PACKERS",
                "dask": "mlrun_like.artifacts.packers_dask:PACKERS",
                "matplotlib": "mlrun_like.artifacts.packers_plots:PACKERS",
                "plotly": "mlrun_like.artifacts.packers_plots:PACKERS",
                "sklearn": "mlrun_like.artifacts.packers_models:PACKERS",
                "xgboost": "mlrun_like.artifacts.packers_models:PACKERS",
                "lightgbm": "mlrun_like.artifacts.packers_models:PACKERS",
            }
        ),
        "builders": MappingProxyType(  # what makes images
            {
                "oci": "mlrun_like.images.builder_oci:OciBuilder",
                "podman": "mlrun_like.images.builder_tool:PodmanBuilder",
                "buildah": "mlrun_like.images.builder_tool:BuildahBuilder",
                "docker": "mlrun_like.images.builder_tool:DockerBuilder",
            }
        ),
        "exporters": MappingProxyType(  # of pipelines to other engines
            {
                "kubeflow": "mlrun_like.pipelines.exports.kubeflow.package:export_kubeflow",
                "airflow": "mlrun_like.pipelines.exports.airflow:export",
                "github": "mlrun_like.pipelines.exports.github:export",
                "gitlab": "mlrun_like.pipelines.exports.gitlab:export",
                "argo": "mlrun_like.pipelines.exports.argo:export",
            }
        ),
        "streams": MappingProxyType(  # by the scheme of their URLs
            {
                "memory": "mlrun_like.streams.memory:MemoryStream",
                "dummy": "mlrun_like.streams.dummy:DummyStream",
                "file": "mlrun_like.streams.file:FileStream",
                "redis": "mlrun_like.streams.redis:RedisStream",
                "rediss": "mlrun_like.streams.redis:RedisStream",
                "kafka": "mlrun_like.streams.kafka:KafkaStream",
                "amqp": "mlrun_like.streams.rabbitmq:RabbitStream",
                "amqps": "mlrun_like.streams.rabbitmq:RabbitStream",
                "nats": "mlrun_like.streams.nats:NatsStream",
                "mqtt": "mlrun_like.streams.mqtt:MqttStream",
                "mqtts": "mlrun_like.streams.mqtt:MqttStream",
            }
        ),
        "notifications": MappingProxyType(  # what tells people about runs
            {
                "console": "mlrun_like.notifications.local:send_console",
                "git": "mlrun_like.notifications.chat:send_git",
                "ipython": "mlrun_like.notifications.local:send_ipython",
                "mail": "mlrun_like.notifications.mail:send_mail",
                "msteams": "mlrun_like.notifications.teams:send_teams",
                "slack": "mlrun_like.notifications.chat:send_slack",
                "webhook": "mlrun_like.notifications.chat:send_webhook",
            }
        ),
        "secret_providers": MappingProxyType(  # where secrets of projects are kept
            {
                "file": "mlrun_like.projects.secrets:FileSecrets",
                "env": "mlrun_like.projects.secrets:EnvSecrets",
                "vault": "mlrun_like.projects.vault:VaultSecrets",
                "service": "mlrun_like.api.secrets.provider:ServiceSecrets",
            }
        ),
        "trackers": MappingProxyType(  # other platforms whose records are taken over
            {"mlflow": "mlrun_like.frameworks.mlflow:MLFlowTracker"}
        ),
        "hubs": MappingProxyType(  # function catalogues: hub://[<hub>/]<name>[:<tag>]
            {"default": "mlrun_like.marketplace.resolving:find_function"}
        ),
    }
)
"""Group -> name -> `"module:attribute"`."""


@cache
def _entry_points(group: str) -> Mapping[str, importlib.metadata.EntryPoint]:
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=f"mlrun_like.{group}"):
        other = found[point.name].value if point.name in found else None
        other = BUILT_IN.get(group, {}).get(point.name, other)
        if other is not None and other != point.value:
            raise ConflictError(
                f"two packages provide {_noun(group)} {point.name!r}: {other} and {point.value}",
                where=f"entry point group mlrun_like.{group}",
                fix="uninstall one of them",
            )
        found[point.name] = point
    return found


def _noun(group: str) -> str:
    return "kind" if group == "runtimes" else group[:-1]


def known(group: str) -> list[str]:
    """The names of a group, built-in and installed, sorted."""
    return sorted({*BUILT_IN.get(group, {}), *_entry_points(group)})


def resolve(path: str) -> Any:
    """The object at `"module:attribute"`, imported now (how light modules reach heavy ones)."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load(group: str, name: str) -> Any:
    """The object registered under `name` in `group`, imported on first use.

    Raises:
        UnknownNameError: if there is none; the message lists those that exist.
        ConflictError: if two packages provide one name.
        MissingDependencyError: if the package that provides it is broken.
    """
    row = BUILT_IN.get(group, {}).get(name)
    if row is not None:
        return resolve(row)
    point = _entry_points(group).get(name)
    if point is None:
        names = known(group)
        raise UnknownNameError(
            f"unknown {_noun(group)} {name!r}.{nearest(name, names)}",
            fix=f"use one of: {', '.join(names) or 'none are registered'}",
        )
    try:
        return point.load()
    except (ImportError, AttributeError) as exc:
        owner = point.dist.name if point.dist is not None else point.module
        raise MissingDependencyError(
            f"{_noun(group)} {name!r} cannot be loaded: {exc}",
            where=f"entry point {point.value!r} of package {owner!r}",
            fix=f"reinstall or uninstall {owner}",
        ) from exc


def require(package: str, *, feature: str, extra: str = "") -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Args:
        package: The import name, such as `"s3fs"`.
        feature: What needs it, in the user's words.
        extra: The extra of this distribution that installs it, such as `"s3"`; empty: none does,
            and the package is installed by its own name.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    cause: ModuleNotFoundError | None = None
    name = package.partition(".")[0]
    try:
        module = importlib.import_module(package)
        if getattr(getattr(module, "__spec__", None), "origin", None) != _STAND_IN:
            return module
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] != name:
            raise
        cause = exc
    raise MissingDependencyError(
        f"{feature} needs the package {package!r}, which is not installed",
        fix=f'pip install "mlrun-like[{extra}]"' if extra else f"pip install {name}",
    ) from cause
