"""The JSONPaths that body mappings have: names, numbers and `*`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.failures.classes import MLRunUnprocessableEntityError
from mlrun_like.errors import InvalidArgumentError

__all__ = ["parsed", "value_at"]

_PART = re.compile(r"\.?([\w-]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]|(\[\*\]|\.\*)")


def parsed(path: str) -> list[tuple[str, ...]]:
    """The parts of a JSONPath: names, numbers and `*`."""
    at = 1 if path.startswith("$") else 0
    parts = []
    while at < len(path):
        found = _PART.match(path, at)
        if found is None:
            raise InvalidArgumentError(f"cannot read {path[at:]!r:.80}")
        parts.append(tuple(group or "" for group in found.groups()))
        at = found.end()
    return parts


def value_at(body: Any, path: str, row: Mapping[str, Any]) -> Any:
    """The value at a path of a body, or None; `row` says where it goes and if it must be there.

    Raises:
        MLRunUnprocessableEntityError: if it must, and is not.
    """
    found, many = [body], False
    for name, number, quoted, star in parsed(path):
        if star:
            many = True
            found = [value for item in found for value in _all_of(item)]
        elif number:
            place = int(number)
            found = [i[place] for i in found if isinstance(i, list) and place < len(i)]
        else:
            key = name or quoted
            found = [item[key] for item in found if isinstance(item, Mapping) and key in item]
    if not found and row["mandatory"]:
        raise MLRunUnprocessableEntityError(
            "Failed to process output body mapping: Mandatory field "
            f"'{row['destination_path']}' not found in body"
        )
    if many and len(found) != 1:
        return found or None
    return found[0] if found else None


def _all_of(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
