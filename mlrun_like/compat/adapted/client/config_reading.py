"""Where `mlconf` has its values from: a file, variables, texts in base 64."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.compat.adapted.client.config_names import OURS, default_tree
from mlrun_like.configuration import config, environment, environment_copy
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.settings.file import read_yaml

__all__ = ["decoded", "default_config", "env_file_key", "env_prefix", "read_env", "read_values"]

env_prefix = "MLRUN_"
env_file_key = f"{env_prefix}CONFIG_FILE"
default_config = default_tree()
_NOT_READ = ("MLRUN_LIKE_", "MLRUN_K8S_SECRET__")  # ours, and secrets: settings are printed


def read_env(env: Mapping[str, str] | None = None, prefix: str = env_prefix) -> dict[str, Any]:
    """The settings in variables `MLRUN_A__B`, as nested mappings; values are JSON or texts.

    >>> read_env({"MLRUN_HTTPDB__PORT": "8070", "PATH": "/bin"})
    {'httpdb': {'port': 8070}}
    """
    found: dict[str, Any] = {}
    for name, text in (environment_copy() if env is None else env).items():
        if not name.startswith(prefix) or name == env_file_key or name.startswith(_NOT_READ):
            continue
        *groups, last = name.removeprefix(prefix).lower().split("__")
        node = found
        for group in groups:
            node = node.setdefault(group, {})
            if not isinstance(node, dict):
                break
        else:
            node[last] = _value(text)
    return found


def read_values() -> dict[str, Any]:
    """The defaults, and over them the file and the variables."""
    found = copy.deepcopy(default_config)
    file = environment(env_file_key)
    if file and Path(file).expanduser().is_file():
        _merge(found, read_yaml(Path(file).expanduser()))
    _merge(found, read_env())
    for path, name in OURS.items():
        *groups, last = path.split(".")
        node = found
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = getattr(config, name)
    return found


def decoded(text: Any) -> Any:
    """What JSON in base 64, or JSON, says."""
    if not isinstance(text, str):
        return text or {}
    try:
        return json.loads(base64.b64decode(text, validate=True) if text else "{}")
    except ValueError:
        pass
    try:
        return json.loads(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"{text!r:.80} is neither JSON nor that in base 64") from exc


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        present = into.get(name)
        if isinstance(value, Mapping) and isinstance(present, dict):
            _merge(present, value)
        else:
            into[name] = value
