"""Secret values of a service: taken out of its objects, and named in their place.

A value that is taken out stands in the objects as `${NAME}`; the container has a variable of that
name from the service's Secret, and puts it back when it starts.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import ConfigError
from mlrun_like.gateway.deployment import Options
from mlrun_like.runtimes.kubernetes.variables import looks_secret
from mlrun_like.specs.function import FunctionDoc

__all__ = ["AUTH", "hide_document", "hide_options", "shown_options"]

AUTH = "GATEWAY_AUTH"
"""Variable with the callers and the hashes of what they must send, as JSON."""
_NAMED = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_SECRET_KEYS = ("password", "accesskey", "secretaccesskey", "sharedaccesskeyvalue", "token",
                "accesscertificate", "credentials")  # fmt: skip


def hide_options(options: Options, found: dict[str, str]) -> dict[str, Any]:
    """The options as plain data without secret values.

    Args:
        options: The options.
        found: Takes the names and values.
    """
    data = copy.deepcopy(options.to_dict())
    for name, trigger in sorted((data.get("triggers") or {}).items()):
        data["triggers"][name] = _hidden(trigger, f"TRIGGER_{name}", found)
    auth = data.pop("auth", None)
    if auth:
        found[AUTH] = json.dumps(auth, sort_keys=True)
        data["auth"] = {"from": f"${{{AUTH}}}"}
    data.pop("env", None)  # the container has them
    return data


def hide_document(document: FunctionDoc, found: dict[str, str]) -> FunctionDoc:
    """The document without secret values of triggers, and without credentials of its build."""
    copied = document.model_copy(deep=True)
    spec = copied.spec
    spec.build.builder_env, spec.build.secret = {}, ""
    config = {}
    for key, value in spec.config.items():
        if key.startswith("spec.triggers."):
            name = key.removeprefix("spec.triggers.").partition(".")[0]
            config[key] = _hidden(value, f"TRIGGER_{name}", found)
        else:
            config[key] = _hidden(value, re.sub(r"\W", "_", key.removeprefix("spec.")), found)
    spec.config = config
    spec.base_spec = _hidden(spec.base_spec, "BASE", found)
    return copied


def _hidden(value: Any, name: str, found: dict[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _hidden(item, f"{name}_{key}", found) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(item, f"{name}_{number}", found) for number, item in enumerate(value)]
    if not isinstance(value, str) or not value or _NAMED.fullmatch(value):
        return value
    last = name.rpartition("_")[2]
    if last.lower() in _SECRET_KEYS or looks_secret(last, value):
        chosen = re.sub(r"[^A-Za-z0-9]+", "_", name.replace("_attributes", "")).upper()
        found[chosen] = value
        return f"${{{chosen}}}"
    return value


def shown_options(data: Mapping[str, Any], environ: Mapping[str, str]) -> Options:
    """The options with secret values put back.

    Args:
        data: What `hide_options` gave.
        environ: The variables.

    Raises:
        ConfigError: if a variable is not there.
    """
    shown = _shown(dict(data), environ)
    auth = (shown.get("auth") or {}).get("from")
    if auth:
        try:
            shown["auth"] = json.loads(auth)
        except ValueError as exc:
            raise ConfigError(
                f"variable {AUTH} is not JSON", where="the service's Secret", fix="deploy it again"
            ) from exc
    return Options.from_dict(shown)


def _shown(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _shown(item, environ) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(item, environ) for item in value]
    if isinstance(value, str) and (named := _NAMED.fullmatch(value)):
        if named[1] not in environ:
            raise ConfigError(
                f"variable {named[1]} is not set, which holds a secret value",
                where="the container's environment",
                fix="create the Secret that the manifest names, with this key",
            )
        return environ[named[1]]
    return value
