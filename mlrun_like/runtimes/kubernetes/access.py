"""How the cluster is reached: a kubeconfig, or the service account of the pod we run in.

Order: the setting `kubeconfig` (KUBECONFIG), this pod's service account, `~/.kube/config`. What the
`kubernetes` package understands works: tokens, certificates, exec plug-ins, OIDC.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mlrun_like.configuration import config, environment
from mlrun_like.errors import EngineError
from mlrun_like.registry import require

__all__ = ["SERVICE_ACCOUNT", "Access", "load_access", "no_cluster", "package"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own credentials ("Accessing the Kubernetes API from a Pod")."""
_HOW = "set MLRUN_LIKE_KUBECONFIG to a working kubeconfig, or use fn.run(local=True)"


class Access(NamedTuple):
    """A configuration of the `kubernetes` package, and what it is for.

    Args:
        configuration: `kubernetes.client.Configuration`.
        namespace: Where runs are created.
        origin: Where it came from, for messages.
    """

    configuration: Any
    namespace: str
    origin: str


def package(module: str = "kubernetes") -> Any:
    """The `kubernetes` package, or a module of it."""
    return require(module, extra="kubernetes", feature="a run on Kubernetes")


def no_cluster() -> str:
    """Why no cluster is configured here; empty if one is. Looks at files only."""
    if importlib.util.find_spec("kubernetes") is None:
        return "the package 'kubernetes' is not installed (pip install \"mlrun-like[kubernetes]\")"
    if config.kubeconfig or _in_pod() or _default_file().is_file():
        return ""
    return (
        f"no cluster is configured: there is no kubeconfig ({_default_file()}), and this is no pod"
    )


def load_access() -> Access:
    """Read the configuration anew; tokens in it are current.

    Raises:
        EngineError: if there is none, or it cannot be used.
        MissingDependencyError: if the `kubernetes` package is not installed.
    """
    client, loader = package("kubernetes.client"), package("kubernetes.config")
    configuration = client.Configuration()
    if not config.kubeconfig and _in_pod():
        origin = "this pod's service account"
        incluster = package("kubernetes.config.incluster_config")
        try:
            incluster.InClusterConfigLoader(
                token_filename=str(SERVICE_ACCOUNT / "token"),
                cert_filename=str(SERVICE_ACCOUNT / "ca.crt"),
            ).load_and_set(configuration)
        except loader.ConfigException as exc:
            raise EngineError(f"{origin} cannot be used: {exc}", fix=_HOW) from exc
        return Access(configuration, _namespace(_own_namespace()), origin)
    file = config.kubeconfig or str(_default_file())
    paths = [str(Path(part).expanduser()) for part in file.split(os.pathsep) if part]
    if not any(Path(path).exists() for path in paths):
        raise EngineError(f"the kubeconfig {file!r} does not exist", fix=_HOW)
    file, context = os.pathsep.join(paths), config.kubernetes_context or None
    try:
        loader.load_kube_config(
            config_file=file,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
        contexts, active = loader.list_kube_config_contexts(config_file=file)
    except (
        loader.ConfigException,
        yaml.YAMLError,
        OSError,
        TypeError,
        KeyError,
        ValueError,
    ) as exc:
        raise EngineError(
            f"the kubeconfig cannot be used: {_first_line(exc)}",
            where=file,
            fix=f"{_contexts(loader, file)}kubectl config view shows it; the setting "
            "kubernetes_context chooses a context",
        ) from exc
    chosen = next((row for row in contexts if row["name"] == context), active) or {}
    own = chosen.get("context", {}).get("namespace", "")
    return Access(configuration, _namespace(own), f"context {chosen.get('name')!r} of {file}")


def _contexts(loader: Any, file: str) -> str:
    """The contexts that a kubeconfig has, if it can be read so far."""
    try:
        rows, _ = loader.list_kube_config_contexts(config_file=file)
    except (loader.ConfigException, yaml.YAMLError, OSError, TypeError, KeyError, ValueError):
        return ""
    return f"its contexts are: {', '.join(sorted(row['name'] for row in rows))}; "


def _in_pod() -> bool:
    return bool(environment("KUBERNETES_SERVICE_HOST")) and (SERVICE_ACCOUNT / "token").is_file()


def _default_file() -> Path:
    return Path(environment("HOME") or "~", ".kube", "config").expanduser()


def _own_namespace() -> str:
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _namespace(own: str) -> str:
    return str(config.kubernetes_namespace) or own or "default"


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
