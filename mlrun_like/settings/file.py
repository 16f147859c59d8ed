"""The file of settings: `name: value` lines, or MLRun's nested names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import ConfigError, nearest
from mlrun_like.settings.setting import Setting
from mlrun_like.settings.table import PATHS

__all__ = ["read_settings", "read_yaml"]

_NOT_IN_FILE = ("home", "config_file")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: if it cannot be read or is none.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as exc:
        raise ConfigError(
            f"config file cannot be read: {exc}", where=str(path), fix="write 'name: value' lines"
        ) from exc
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError("config file must hold 'name: value' lines", where=str(path))
    return values


def read_settings(path: Path, rows: Mapping[str, Setting], foreign: bool) -> dict[str, Any]:
    """The settings in a file.

    Args:
        path: The file.
        rows: All settings.
        foreign: Whether it was written for MLRun: its names are understood, and those that
            are no settings here are left out.

    Raises:
        ConfigError: if it cannot be read, or names what is no setting.
    """
    values = read_yaml(path)
    if foreign:
        known = {**PATHS, **{_path(alias): row.name for row in rows.values()
                             for alias in row.aliases}}  # fmt: skip
        values = {known.get(name, name): value for name, value in _flat(values)}
        return {name: values[name] for name in values if name in rows and name not in _NOT_IN_FILE}
    for name in values:
        if name not in rows:
            raise ConfigError(
                f"there is no setting {name!r}.{nearest(str(name), rows)}", where=str(path)
            )
        if name in _NOT_IN_FILE:
            raise ConfigError(
                f"setting {name!r} says where the file is, so it cannot be set in it",
                where=str(path),
                fix=f"set MLRUN_LIKE_{name.upper()} in the environment",
            )
    return values


def _path(alias: str) -> str:
    return alias.removeprefix("MLRUN_").lower().replace("__", ".")


def _flat(values: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
