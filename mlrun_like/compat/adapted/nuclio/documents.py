"""`nuclio.config`: the configuration of a function of Nuclio, as a mapping that is changed.

These work on Nuclio's own document. Lines are read by what reads `%nuclio` commands of notebooks.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.packaging.magics import MagicConfig
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL
from mlrun_like.runtimes.nuclio.dotted import set_in

__all__ = [
    "MetaKeys",
    "code2config",
    "create_or_update_env_var",
    "extend_config",
    "fill_config",
    "get_in",
    "get_lang_ext",
    "load_config",
    "load_config_data",
    "new_config",
    "set_commands",
    "set_env",
    "set_env_dict",
    "set_external_source_env_dict",
    "set_handler",
    "source_of",
    "update_in",
]

_KEY = re.compile(r"\\([^\\]+)\\|([^.\\]+)")
_RUNTIMES = {
    ".py": "python",
    ".go": "golang",
    ".js": "nodejs",
    ".java": "java",
    ".sh": "shell",
}


class MetaKeys:
    """Names of labels and annotations."""

    project = PROJECT_LABEL
    tag = "nuclio.io/tag"
    extra_files = "nuclio.io/extra_files"
    generated_by = "nuclio.io/generated_by"


def new_config() -> dict[str, Any]:
    """The configuration that others start with."""
    return {
        "apiVersion": "nuclio.io/v1",
        "kind": "Function",
        "metadata": {"name": "notebook", "labels": {}, "annotations": {}},
        "spec": {
            "runtime": "python",
            "handler": None,
            "env": [],
            "volumes": [],
            "build": {"commands": [], "noBaseImagesPull": True},
        },
    }


def get_in(obj: Any, keys: str | Sequence[str]) -> Any:
    """A value in nested mappings by its dotted name; None: there is none.

    >>> get_in({"a": {"b": 1}}, "a.b")
    1
    """
    for key in keys.split(".") if isinstance(keys, str) else keys:
        if not isinstance(obj, Mapping) or key not in obj:
            return None
        obj = obj[key]
    return obj


def update_in(
    obj: dict[str, Any], key: str | Sequence[str], value: Any, append: bool = False
) -> None:
    r"""Set a value in nested mappings by its dotted name; `\\…\\` keeps the dots of a name.

    Args:
        obj: The outermost mapping.
        key: The name, or its parts.
        value: The value; a copy is kept.
        append: Add it to the list that is there.

    Raises:
        InvalidArgumentError: if something else than a mapping is in the way.

    >>> config = {}
    >>> update_in(config, "spec.build.commands", "ls", append=True)
    >>> config
    {'spec': {'build': {'commands': ['ls']}}}
    """
    parts = [a or b for a, b in _KEY.findall(key)] if isinstance(key, str) else list(key)
    if not parts:
        raise InvalidArgumentError(f"{key!r} names nothing", fix="update_in(config, 'a.b', 1)")
    if append:
        value = [*(get_in(obj, parts) or ()), *(value if isinstance(value, list) else [value])]
    set_in(obj, parts, value)


def set_commands(config: dict[str, Any], commands: Iterable[str]) -> None:
    """Add commands of the build."""
    _tell(config, "cmd", commands)


def set_env(config: dict[str, Any], env: Iterable[str]) -> None:
    """Set variables by `NAME=value` lines; `%v3io` is the login to v3io.

    Raises:
        NotebookError: if a line is none, which is a ValueError.
    """
    _tell(config, "env", env)


def set_env_dict(config: dict[str, Any], env: Mapping[str, Any] | None = None) -> None:
    """Set variables by a mapping."""
    for name, value in (env or {}).items():
        create_or_update_env_var(config, name, value=str(value))


def set_external_source_env_dict(
    config: dict[str, Any], external_source_env: Mapping[str, Any] | None = None
) -> None:
    """Set variables whose values are in secrets or config maps."""
    for name, source in (external_source_env or {}).items():
        create_or_update_env_var(config, name, value_from=source)


def create_or_update_env_var(
    config: dict[str, Any], key: str, value: Any = None, value_from: Any = None
) -> None:
    """Set one variable.

    Args:
        config: The configuration.
        key: Its name.
        value: Its value.
        value_from: Where its value is, as pods have it.

    Raises:
        InvalidArgumentError: if it gets neither.
    """
    if value is None and value_from is None:
        raise InvalidArgumentError(f"either value or value_from required for env var: {key}")
    item = {"name": key, **({"valueFrom": value_from} if value is None else {"value": value})}
    rows = config.setdefault("spec", {}).setdefault("env", [])
    for number, row in enumerate(rows):
        if row.get("name") == key:
            rows[number] = item
            return
    rows.append(item)


def fill_config(
    config: dict[str, Any],
    extra_config: Mapping[str, Any] | None = None,
    env: Mapping[str, Any] | None = None,
    cmd: Iterable[str] | None = None,
    mount: Any = None,
    external_source_env: Mapping[str, Any] | None = None,
) -> None:
    """Add settings by dotted names, variables, commands and a `Volume`."""
    for name, value in (extra_config or {}).items():
        update_in(config, name, value, isinstance(get_in(config, name), list))
    set_env_dict(config, env)
    set_external_source_env_dict(config, external_source_env)
    set_commands(config, cmd or ())
    if mount:
        mount.render(config)


def extend_config(
    config: dict[str, Any], spec: Any, tag: str = "", source: str = ""
) -> dict[str, Any]:
    """Add a `ConfigSpec`, a tag, and what the function was made from."""
    if spec:
        spec.merge(config)
    metadata = config.setdefault("metadata", {})
    if tag:
        metadata.setdefault("labels", {})[MetaKeys.tag] = tag
    if source:
        notes = metadata.setdefault("annotations", {})
        notes[MetaKeys.generated_by] = f"function generated from {source}"
    return config


def set_handler(config: dict[str, Any], module: str, handler: str, ext: str) -> None:
    """Say what answers: `module:handler`."""
    module = (module or "handler") + (ext if ext == ".sh" else "")
    update_in(config, "spec.handler", f"{module}:{handler or 'handler'}")


def code2config(
    code: str | bytes, ext: str = ".py", kind: str | None = None
) -> tuple[dict[str, Any], str]:
    """Code as a configuration that holds it, and as text.

    Args:
        code: The code.
        ext: What its file would end with: the language.
        kind: `mlrun`, `serving_v2`: requests are answered by runs or a graph, not by its handler.

    Raises:
        InvalidArgumentError: if Nuclio has no such language.
    """
    if ext not in _RUNTIMES:
        known = ", ".join(_RUNTIMES)
        raise InvalidArgumentError(f"unsupported extension {ext}", fix=f"one of {known}")
    config = new_config()
    config["spec"]["runtime"] = _RUNTIMES[ext]
    text = code.decode() if isinstance(code, bytes) else code
    if kind:
        text += (
            "\nfrom mlrun.runtimes import nuclio_init_hook\n\n\n"
            "def init_context(context):\n"
            f"    nuclio_init_hook(context, globals(), {kind!r})\n\n\n"
            "def handler(context, event):\n"
            "    return context.mlrun_handler(context, event)\n"
        )
    config["spec"]["build"]["functionSourceCode"] = base64.b64encode(text.encode()).decode()
    return config, text


def get_lang_ext(config: Mapping[str, Any]) -> str:
    """What files of the function's language end with.

    Raises:
        InvalidArgumentError: if its runtime is unknown.
    """
    runtime = str(get_in(config, "spec.runtime") or "")
    for ext, name in _RUNTIMES.items():
        if runtime == name or (name == "python" and runtime.startswith("python")):
            return ext
    raise InvalidArgumentError(f"unsupported runtime {runtime!r}", where="spec.runtime")


def load_config(config_file: str) -> tuple[str | None, dict[str, Any]]:
    """Code and configuration of a `function.yaml`, which may be a URL."""
    return load_config_data(get_dataitem(config_file).get(encoding="utf-8"))


def load_config_data(config_data: str | bytes) -> tuple[str | None, dict[str, Any]]:
    """Code and configuration of such a text.

    Raises:
        InvalidArgumentError: if it is no configuration of a function.
    """
    try:
        config = yaml.safe_load(config_data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidArgumentError(f"the configuration is not YAML: {exc}") from exc
    if not isinstance(config, dict) or not isinstance(config.get("spec"), dict):
        raise InvalidArgumentError("this is no configuration of a function: it has no spec")
    return source_of(config) or None, config


def source_of(config: Mapping[str, Any]) -> str:
    """The code that a configuration holds; empty: none.

    Raises:
        InvalidArgumentError: if it is not base64 of a text.
    """
    try:
        encoded = get_in(config, "spec.build.functionSourceCode") or ""
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"the code cannot be read: {exc}", where="spec.build.functionSourceCode"
        ) from exc


def _tell(config: dict[str, Any], command: str, lines: Iterable[str]) -> None:
    config.setdefault("spec", {}).setdefault("env", [])
    magics = MagicConfig()
    magics.data = config
    magics.apply(command, "", list(lines), f"%nuclio {command}")
