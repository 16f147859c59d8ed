"""The key of Iguazio's platform, which functions need and no record of a function may hold.

MLRun's modifiers write it into variables, volumes and triggers. Where a function is written down,
a reference stands in its place; who reads the function puts the key of the own environment in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["KEY", "with_platform_key", "without_platform_key"]

KEY = "V3IO_ACCESS_KEY"
_REFERENCE = f"${KEY}"
_SECRET = {"secretKeyRef": {"name": "v3io-access-key", "key": "accessKey", "optional": True}}
"""What a pod takes it from, if its cluster has that secret."""
_STREAM = "v3ioStream"


def without_platform_key(function: dict[str, Any]) -> dict[str, Any]:
    """A function's document with references in place of the key.

    >>> function = {"spec": {"env": [{"name": "V3IO_ACCESS_KEY", "value": "abc"}]}}
    >>> without_platform_key(function)["spec"]["env"][0]["valueFrom"]["secretKeyRef"]["name"]
    'v3io-access-key'
    """
    return _changed(function, lambda key: _REFERENCE if key and key != _REFERENCE else key)


def with_platform_key(function: dict[str, Any], key: str) -> dict[str, Any]:
    """A function's document with the key where references are; without a key they stay.

    Variables stay references: a run on this machine has those of this process anyhow.
    """
    return _changed(function, lambda text: key if key and text == _REFERENCE else text)


def _changed(function: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The document itself if nothing in it changes."""
    if all(change(place[name]) == place[name] for place, name in _places(function)):
        return function
    document = copy.deepcopy(function)
    for place, name in _places(document):
        place[name] = change(place[name])
        if name == "value" and place[name] == _REFERENCE:
            del place["value"]
            place["valueFrom"] = copy.deepcopy(_SECRET)
    return document


def _places(function: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where a key may stand: the mapping, and the name in it."""
    spec = _mapping(function.get("spec"))
    for row in _rows(spec.get("env")):
        if row.get("name") == KEY and row.get("value"):
            yield row, "value"
    for volume in _rows(spec.get("volumes")):
        yield from _in(_mapping(_mapping(volume.get("flexVolume")).get("options")), "accessKey")
    for trigger in _mapping(spec.get("config")).values():
        if _mapping(trigger).get("kind") == _STREAM:
            yield from _in(trigger, "password")
    yield from _in(_mapping(_mapping(spec.get("build")).get("builder_env")), KEY)


def _in(place: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], str]]:
    if name in place:
        yield place, name


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
