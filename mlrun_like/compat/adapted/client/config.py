"""`mlconf`: our settings under MLRun's dotted names, and what else programs keep there.

A name that is one of our settings reads and writes it. Others have the values of MLRun's own
sources: a file named by `MLRUN_CONFIG_FILE`, variables `MLRUN_A__B`, what was set in code.
"""

from __future__ import annotations

import copy
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import cached_property
from typing import IO, Any

import yaml

from mlrun_like.compat.adapted.client.config_names import OURS
from mlrun_like.compat.adapted.client.config_reading import (
    decoded,
    default_config,
    env_file_key,
    env_prefix,
    read_env,
    read_values,
)
from mlrun_like.compat.env_file import DEFAULT, read_user_file
from mlrun_like.compat.known import MLRUN_VERSION
from mlrun_like.configuration import config as settings
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, MissingSymbolError, nearest

__all__ = [
    "Config",
    "config",
    "default_config",
    "default_env_file",
    "env_file_key",
    "env_prefix",
    "forget",
    "is_running_as_api",
    "read_env",
]

default_env_file = DEFAULT


class Config:
    """Nested settings as attributes.

    Args:
        cfg: The values, as nested mappings.
        path: The dotted name of this group.

    >>> config.artifact_path = "/tmp/artifacts"
    >>> settings.artifact_path
    '/tmp/artifacts'
    >>> settings.reload()
    >>> Config({"x": {"y": 1}}).x.y
    1
    """

    def __init__(self, cfg: Mapping[str, Any] | None = None, path: str = "") -> None:
        values = {} if cfg is None else cfg
        object.__setattr__(self, "_cfg", values if path else copy.deepcopy(dict(values)))
        object.__setattr__(self, "_path", path)

    def _full(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = self._full(name)
        if full in OURS:
            value, origin = settings.explain(OURS[full])
            # what a file or variable said when it was read holds until the next reload
            live = origin == "set in code" or origin.isupper() or name not in self._cfg
            return value if live else self._cfg[name]
        if name not in self._cfg:
            raise MissingSymbolError(
                f"mlconf has no {full!r} here.{nearest(name, self._cfg)}",
                fix="mlrun-like config explain   lists the settings that there are",
            )
        value = self._cfg[name]
        return Config(value, full) if isinstance(value, dict) else value

    def __setattr__(self, name: str, value: Any) -> None:
        full = self._full(name)
        if full not in OURS:
            self._cfg[name] = value
            return
        setattr(settings, OURS[full], "" if value is None else value)

    def __dir__(self) -> list[str]:
        return [*self._cfg, *(name for name in vars(type(self)) if not name.startswith("_"))]

    def __deepcopy__(self, memo: dict[int, Any]) -> Config:
        return Config(self.to_dict())

    def __repr__(self) -> str:
        return f"Config({self.to_dict()!r})"

    def __iter__(self) -> Iterator[str]:
        return iter(self._cfg)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or the default where there is none."""
        return getattr(self, name, default)

    def items(self) -> ItemsView[str, Any]:
        """Names and values of this group."""
        return self.to_dict().items()

    def keys(self) -> KeysView[str]:
        """Names of this group."""
        return self.to_dict().keys()

    def values(self) -> ValuesView[Any]:
        """Values of this group."""
        return self.to_dict().values()

    def update(self, cfg: Mapping[str, Any], skip_errors: bool = False) -> None:
        """Set values, group by group.

        Args:
            cfg: Nested mappings.
            skip_errors: Leave out what cannot be a value of its setting.
        """
        for name, value in cfg.items():
            present = self._cfg.get(name)
            try:
                if isinstance(value, Mapping) and isinstance(present, dict):
                    getattr(self, name).update(value, skip_errors)
                else:
                    setattr(self, name, value)
            except InvalidArgumentError:
                if not skip_errors:
                    raise

    def to_dict(self) -> dict[str, Any]:
        """All values, as nested mappings."""
        found = ((name, getattr(self, name)) for name in self._cfg)
        return {name: v.to_dict() if isinstance(v, Config) else v for name, v in found}

    @classmethod
    def from_dict(cls, dict_: Mapping[str, Any]) -> Config:
        """From nested mappings."""
        return cls(dict_)

    def dump_yaml(self, stream: IO[str] | None = None) -> str | None:
        """As YAML: into a stream, else given back."""
        text: str | None = yaml.safe_dump(self.to_dict(), stream, default_flow_style=False)
        return text

    def reload(self, skip_env_file: bool = False) -> None:
        """Forget what was set in code, and read file and environment anew.

        Args:
            skip_env_file: Do not read the user's file of variables; see `compat.env_file`.
        """
        if not skip_env_file:
            read_user_file()
        settings.reload()
        self._cfg.clear()
        self._cfg.update(read_values())

    @property
    def dbpath(self) -> str:
        """The configured store."""
        return str(self.__getattr__("dbpath"))

    @property
    def version(self) -> str:
        """Of MLRun, as old code compares it."""
        return MLRUN_VERSION

    def is_ce_mode(self) -> bool:
        """Whether there is no commercial platform around it: never, here."""
        return True

    def is_nuclio_detected(self) -> bool:
        """Whether a Nuclio is known."""
        return bool(settings.nuclio_dashboard_url)

    def use_nuclio_mock(self, force_mock: bool | None = None) -> bool:
        """Whether deployments run in this process."""
        if force_mock is not None:
            return force_mock
        wanted = str(settings.mock_nuclio_deployment).lower()
        return not self.is_nuclio_detected() if wanted == "auto" else wanted in ("1", "true")

    def get_v3io_access_key(self) -> str | None:
        """The platform's key, if the environment has one."""
        return environment("V3IO_ACCESS_KEY")

    def get_build_args(self) -> dict[str, str]:
        """Arguments of image builds."""
        return {}

    @staticmethod
    def is_running_on_iguazio() -> bool:
        """Whether the commercial platform is around it: never, here."""
        return False

    @staticmethod
    def get_parsed_igz_version() -> None:
        """The platform's version: there is none."""

    @staticmethod
    def resolve_ui_url() -> str:
        """The service's address, if one is configured."""
        address = str(settings.dbpath)
        return address if address.startswith("http") else ""

    def get_default_function_node_selector(self) -> dict[str, str]:
        """The nodes for functions that name none."""
        return dict(decoded(self.default_function_node_selector))

    def get_default_function_pod_labels(self) -> dict[str, str]:
        """Labels of all pods."""
        return dict(decoded(self.default_function_pod_labels))

    def get_preemptible_node_selector(self) -> dict[str, str]:
        """The nodes that may vanish."""
        return dict(decoded(self.preemptible_nodes.node_selector))

    def get_preemptible_tolerations(self) -> list[Any]:
        """What lets pods run on them."""
        return list(decoded(self.preemptible_nodes.tolerations) or [])

    def get_default_function_security_context(self) -> dict[str, Any]:
        """The user and group of pods that name none."""
        return dict(decoded(self.function.spec.security_context.default))

    def get_default_function_pod_resources(self) -> dict[str, dict[str, Any]]:
        """Requests and limits of functions that name none."""
        resources: dict[str, dict[str, Any]] = self.default_function_pod_resources.to_dict()
        return resources


def is_running_as_api() -> bool:
    """Whether this process is MLRun's service: never, here."""
    return False


def forget() -> None:
    """Forget what was set in code."""
    config.reload(skip_env_file=True)


class _Settings(Config):
    """All of them: read when one is first asked for, not when this module is imported."""

    def __init__(self) -> None:
        object.__setattr__(self, "_path", "")

    @cached_property
    def _cfg(self) -> dict[str, Any]:
        return read_values()


config = _Settings()
