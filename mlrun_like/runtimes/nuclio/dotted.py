"""Settings by dotted names, such as `spec.triggers.http`; `\\…\\` keeps the dots of a name."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["merge_settings", "parts_of_key", "set_in"]

_TOPS = ("metadata", "spec", "status")


def parts_of_key(key: Any) -> list[str]:
    r"""The names in a dotted key.

    >>> parts_of_key("metadata.labels.\\nuclio.io/x\\")
    ['metadata', 'labels', 'nuclio.io/x']

    Raises:
        InvalidArgumentError: if it is no such key.
    """
    parts, inside = [""], False
    for char in key if isinstance(key, str) else "":
        if char == "\\":
            inside = not inside
        elif char == "." and not inside:
            parts.append("")
        else:
            parts[-1] += char
    if inside or not all(parts) or parts[0] not in _TOPS or len(parts) < 2:
        raise InvalidArgumentError(
            f"{key!r:.80} names no setting of a Nuclio function",
            fix='fn.set_config("spec.eventTimeout", "30s")',
        )
    return parts


def set_in(config: dict[str, Any], parts: list[str], value: Any, append: bool = False) -> None:
    """Set a value in nested mappings, which are made as needed.

    Args:
        config: The outermost mapping.
        parts: Names of the way down.
        value: The value; a copy is kept.
        append: Add to a list that is there instead of replacing it.

    Raises:
        InvalidArgumentError: if something else than a mapping is in the way.
    """
    place = config
    for number, part in enumerate(parts[:-1], 1):
        inner = place.get(part)
        if inner is None:
            inner = place[part] = {}
        if not isinstance(inner, dict):
            raise InvalidArgumentError(
                f"{'.'.join(parts)!r} cannot be set: {'.'.join(parts[:number])!r} is {inner!r:.60}"
            )
        place = inner
    value = copy.deepcopy(value)
    present = place.get(parts[-1])
    if append and isinstance(present, list) and isinstance(value, list):
        place[parts[-1]] = present + [item for item in value if item not in present]
    elif isinstance(present, dict) and isinstance(value, Mapping) and parts[0] == "metadata":
        place[parts[-1]] = {**present, **value}
    else:
        place[parts[-1]] = value


def merge_settings(config: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Apply a function's `spec.config`: dotted keys with their values; lists are added to."""
    for key, value in settings.items():
        set_in(config, parts_of_key(key), value, append=True)
